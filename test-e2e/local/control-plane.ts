/**
 * The control plane as command lines: etcd, API server, controller manager, scheduler. Pure: the
 * local cluster runs them in the background on fixed ports, the middle tier as children on free
 * ones, so both test against the same server with the same settings.
 */
import { join } from 'node:path';
import type { ClusterPki } from './certificates.ts';
import type { Credentials } from './credentials.ts';
import { componentUsers } from './credentials.ts';

export interface ControlPlaneSettings {
  readonly programs: Readonly<Record<string, string>>;
  readonly dataFolder: string;
  readonly pki: ClusterPki;
  readonly credentials: Credentials;
  /** Where the API server listens. */
  readonly apiAddress: string;
  readonly apiPort: number;
  readonly etcdClientPort: number;
  readonly etcdPeerPort: number;
  readonly controllerManagerPort: number;
  readonly schedulerPort: number;
  readonly serviceRange: string;
  readonly times: ClusterTimes;
}

/** Kubernetes' own patience, shortened so that the loss of a node can be tested within a minute. */
export interface ClusterTimes {
  /** A node that says nothing for this long is NotReady. Above the hiccups of a busy machine. */
  readonly nodeGraceSeconds: number;
  /** Pods on a node that is NotReady or unreachable are evicted after this. */
  readonly tolerationSeconds: number;
}

export const defaultTimes: ClusterTimes = { nodeGraceSeconds: 20, tolerationSeconds: 30 };

export interface ProgramLine {
  readonly program: string;
  readonly args: readonly string[];
}

function programOf(settings: ControlPlaneSettings, name: string): string {
  const path = settings.programs[name];
  if (path === undefined) {
    throw new Error(`Cannot start ${name}: the program was not built`);
  }
  return path;
}

export function etcdLine(settings: ControlPlaneSettings): ProgramLine {
  const client = `http://127.0.0.1:${settings.etcdClientPort}`;
  const peer = `http://127.0.0.1:${settings.etcdPeerPort}`;
  return {
    program: programOf(settings, 'etcd'),
    args: [
      '--name=e2e',
      `--data-dir=${join(settings.dataFolder, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=e2e=${peer}`,
      // A cluster that a test makes and removes has nothing to lose in a power cut.
      '--unsafe-no-fsync',
      '--log-level=warn',
    ],
  };
}

export function apiServerLine(settings: ControlPlaneSettings): ProgramLine {
  const { pki, credentials, times } = settings;
  return {
    program: programOf(settings, 'kube-apiserver'),
    args: [
      `--etcd-servers=http://127.0.0.1:${settings.etcdClientPort}`,
      `--bind-address=${settings.apiAddress}`,
      `--advertise-address=${settings.apiAddress}`,
      `--secure-port=${settings.apiPort}`,
      `--tls-cert-file=${pki.serverCert}`,
      `--tls-private-key-file=${pki.serverKey}`,
      `--token-auth-file=${credentials.tokenFile}`,
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
      `--service-account-key-file=${pki.serviceAccountPublicKey}`,
      `--service-account-signing-key-file=${pki.serviceAccountKey}`,
      `--service-cluster-ip-range=${settings.serviceRange}`,
      // Without it exec and logs look for a node by its name.
      '--kubelet-preferred-address-types=InternalIP',
      `--kubelet-client-certificate=${pki.kubeletClientCert}`,
      `--kubelet-client-key=${pki.kubeletClientKey}`,
      `--default-not-ready-toleration-seconds=${times.tolerationSeconds}`,
      `--default-unreachable-toleration-seconds=${times.tolerationSeconds}`,
    ],
  };
}

export function controllerManagerLine(settings: ControlPlaneSettings): ProgramLine {
  const { pki, credentials, times } = settings;
  const kubeconfig = credentials.kubeconfig(componentUsers.controllerManager);
  return {
    program: programOf(settings, 'kube-controller-manager'),
    args: [
      ...authentication(kubeconfig),
      `--secure-port=${settings.controllerManagerPort}`,
      `--service-cluster-ip-range=${settings.serviceRange}`,
      `--service-account-private-key-file=${pki.serviceAccountKey}`,
      `--root-ca-file=${pki.ca}`,
      '--use-service-account-credentials=true',
      '--node-monitor-period=2s',
      `--node-monitor-grace-period=${times.nodeGraceSeconds}s`,
    ],
  };
}

export function schedulerLine(settings: ControlPlaneSettings): ProgramLine {
  const kubeconfig = settings.credentials.kubeconfig(componentUsers.scheduler);
  return {
    program: programOf(settings, 'kube-scheduler'),
    args: [...authentication(kubeconfig), `--secure-port=${settings.schedulerPort}`],
  };
}

/** How a component knows itself to the API server, and asks it about who knocks. */
function authentication(kubeconfig: string): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    '--bind-address=127.0.0.1',
    '--leader-elect=false',
  ];
}
