/**
 * One node of the local cluster: a containerd and a kubelet of its own on this host, each with its
 * own folders, address, pod range and cgroup. The configuration texts are pure.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { timeouts } from '../lib/timeouts.ts';
import type { NodeAddress } from './addresses.ts';
import { dnsAddress, kubeletPort } from './addresses.ts';
import { startComponent, waitForComponent } from './components.ts';
import type { Component } from './journal.ts';
import { cgroupName, containerdSocket, nodeDataFolder, nodeRunFolder } from './places.ts';

export interface NodeSettings {
  readonly node: NodeAddress;
  readonly kubelet: string;
  readonly kubeconfig: string;
  readonly caFile: string;
  readonly logFolder: string;
}

/** Every kubelet listens here for plugins of devices, whatever its folder is. */
const deviceSocket = '/var/lib/kubelet/device-plugins/kubelet.sock';

export const pauseImage = 'localhost/pause:1';

/** Name of a node's component in the journal. */
export const containerdName = (node: string): string => `containerd-${node}`;
export const kubeletName = (node: string): string => `kubelet-${node}`;

/** Writes the node's files; the components are then ready to be started, containerd first. */
export function prepareNode(settings: NodeSettings): {
  readonly containerd: Component;
  readonly kubelet: Component;
} {
  const { node, logFolder } = settings;
  const [run, data] = [nodeRunFolder(node.name), nodeDataFolder(node.name)];
  const cniFolder = join(run, 'cni');
  mkdirSync(cniFolder, { recursive: true });
  mkdirSync(data, { recursive: true });
  writeFileSync(join(cniFolder, '10-pods.conflist'), cniText(settings));
  const containerdFile = join(run, 'containerd.toml');
  writeFileSync(containerdFile, containerdText(node.name, cniFolder));
  const kubeletFile = join(run, 'kubelet.json');
  writeFileSync(kubeletFile, kubeletText(settings));
  return {
    containerd: {
      name: containerdName(node.name),
      program: 'containerd',
      args: ['--config', containerdFile],
      logFile: join(logFolder, `containerd-${node.name}.log`),
    },
    kubelet: {
      name: kubeletName(node.name),
      program: settings.kubelet,
      args: [
        `--config=${kubeletFile}`,
        `--kubeconfig=${settings.kubeconfig}`,
        `--hostname-override=${node.name}`,
        `--node-ip=${node.address}`,
        `--root-dir=${join(data, 'kubelet')}`,
        `--node-labels=topology.kubernetes.io/zone=${node.zone}`,
      ],
      logFile: join(logFolder, `kubelet-${node.name}.log`),
    },
  };
}

/**
 * Starts a kubelet and waits until it has its socket for plugins: it removes the one that is there
 * and listens, and of two that do so at once one ends.
 */
export async function startKubelet(kubelet: Component): Promise<void> {
  const count = (): number => countSockets(readFileSync('/proc/net/unix', 'utf8'), deviceSocket);
  const before = count();
  startComponent(kubelet);
  await waitForComponent(kubelet.name, timeouts.component, () => Promise.resolve(count() > before));
}

/** Sockets of this path in `/proc/net/unix`, also those whose file was removed since. */
export function countSockets(text: string, path: string): number {
  return text.split('\n').filter((line) => line.endsWith(` ${path}`)).length;
}

function containerdText(node: string, cniFolder: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const lines = [
    'version = 2',
    `root = "${join(nodeDataFolder(node), 'containerd')}"`,
    `state = "${join(nodeRunFolder(node), 'containerd')}"`,
    '[grpc]',
    `  address = "${containerdSocket(node)}"`,
    `[${cri}]`,
    `  sandbox_image = "${pauseImage}"`,
    // What cannot be had inside a virtual machine or a container, and is no part of a test.
    '  restrict_oom_score_adj = true',
    '  disable_apparmor = true',
    '  stream_server_address = "127.0.0.1"',
    '  stream_server_port = "0"',
    `  [${cri}.containerd.runtimes.runc]`,
    '    runtime_type = "io.containerd.runc.v2"',
    `    [${cri}.containerd.runtimes.runc.options]`,
    '      SystemdCgroup = false',
    `  [${cri}.cni]`,
    '    bin_dir = "/usr/lib/cni"',
    `    conf_dir = "${cniFolder}"`,
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * A pair of devices and a route for each pod (`ptp`), no bridge: pods of one node then reach each
 * other through this host's routing too, where kube-proxy's rules are, with or without br_netfilter.
 */
function cniText({ node }: NodeSettings): string {
  const config = {
    cniVersion: '0.4.0',
    name: `dynakv-${node.name}`,
    plugins: [
      {
        type: 'ptp',
        ipMasq: true,
        ipam: {
          type: 'host-local',
          dataDir: join(nodeRunFolder(node.name), 'ipam'),
          ranges: [[{ subnet: node.podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function kubeletText({ node, caFile }: NodeSettings): string {
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: node.address,
    port: kubeletPort,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
    healthzPort: node.healthPort,
    // Only the API server's certificate opens the kubelet's own API, and then everything.
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: caFile },
    },
    authorization: { mode: 'AlwaysAllow' },
    containerRuntimeEndpoint: `unix://${containerdSocket(node.name)}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroupName}/${node.name}`,
    cgroupsPerQOS: true,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    protectKernelDefaults: false,
    clusterDNS: [dnsAddress],
    clusterDomain: 'cluster.local',
    // Three kubelets see the same disk and memory: only a host in real trouble evicts.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageMinimumGCAge: '24h',
    // Secrets and ConfigMaps reach pods within seconds: certificate rotation is tested.
    syncFrequency: '5s',
    configMapAndSecretChangeDetectionStrategy: 'Watch',
    nodeStatusUpdateFrequency: '4s',
    nodeLeaseDurationSeconds: 20,
    volumePluginDir: join(nodeDataFolder(node.name), 'volume-plugins'),
    podLogsDir: join(nodeDataFolder(node.name), 'pod-logs'),
    shutdownGracePeriod: '0s',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
