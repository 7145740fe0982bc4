/**
 * The pod of a node. All of its configuration is in the template, as environment: a ConfigMap
 * would reach pods that come back by themselves before the roll may (decision 0060). It fits the
 * `restricted` pod security standard, and a user can set nothing that weakens it (O20).
 */
import type {
  V1Container,
  V1EnvVar,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Probe,
} from '@kubernetes/client-node';
import type { ObjectMeta, Wire } from '../api/kube-object.ts';
import {
  annotations,
  dataVolume,
  nodeContainer,
  objectNames,
  ports,
  selectorLabels,
} from '../api/names.ts';
import { optionVariable } from '../api/node-options.ts';
import { parseQuantity } from '../api/quantity.ts';
import type { BuildContext } from './build-context.ts';
import { nodeLabels } from './build-context.ts';
import { divideMemory } from './node-memory.ts';

/** Which rules made a template. It goes up when a template of the same spec would differ (O18). */
export const rendererVersion = '1';

const dataPath = '/var/lib/dynakv';
const tlsPath = '/etc/dynakv';
const userId = 10_001;

/** From SIGTERM on a node serves for so long, as endpoints learn late of its going (O24). */
const stopDelayMs = 5_000;
/** A node that is starting answers /livez as soon as its ports are bound. */
const startupProbe = { periodSeconds: 1, timeoutSeconds: 10, failureThreshold: 120 };
/** Nothing but a process that does not answer at all for a minute is helped by a restart. */
const livenessProbe = { periodSeconds: 10, timeoutSeconds: 10, failureThreshold: 6 };
const readinessProbe = { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 3 };

interface Mount {
  readonly name: string;
  readonly secret: string;
  readonly path: string;
}

/** Secrets as folders: a `subPath` would never see a renewed certificate (O23). */
function tlsMounts({ cluster }: BuildContext): readonly Mount[] {
  const names = objectNames(cluster.metadata.name);
  const { mode, secretName = '' } = cluster.spec.tls.client;
  const peers: Mount[] = [
    { name: 'ca', secret: names.caBundleSecret, path: `${tlsPath}/ca` },
    { name: 'peer-tls', secret: names.peerTlsSecret, path: `${tlsPath}/peer` },
  ];
  if (mode === 'Disabled') {
    return peers;
  }
  const secret = mode === 'Secret' ? secretName : names.clientTlsSecret;
  return [...peers, { name: 'client-tls', secret, path: `${tlsPath}/client` }];
}

/** Name of an option of the node → value; what the user set wins where the user may. */
function nodeOptions({ cluster }: BuildContext): Readonly<Record<string, string>> {
  const { metadata, spec } = cluster;
  const { peersService } = objectNames(metadata.name);
  const memory = divideMemory(parseQuantity(spec.resources.requests.memory));
  const hasClientTls = spec.tls.client.mode !== 'Disabled';
  return {
    'log-format': 'json',
    'stop-delay-ms': String(stopDelayMs),
    ...memory.options,
    ...spec.config,
    data: dataPath,
    'client-listen': `[::]:${ports.client}`,
    'peer-listen': `[::]:${ports.peers}`,
    'ops-listen': `[::]:${ports.operations}`,
    'ops-plain': 'true',
    'peer-advertise': `$(POD_NAME).${peersService}.${metadata.namespace}.svc:${ports.peers}`,
    'peer-tls-ca': `${tlsPath}/ca/ca.crt`,
    'peer-tls-cert': `${tlsPath}/peer/tls.crt`,
    'peer-tls-key': `${tlsPath}/peer/tls.key`,
    ...(hasClientTls
      ? {
          'client-tls-cert': `${tlsPath}/client/tls.crt`,
          'client-tls-key': `${tlsPath}/client/tls.key`,
        }
      : // Plain HTTP for clients was asked for; peers have TLS all the same.
        { insecure: 'true' }),
  };
}

function environment(context: BuildContext): readonly Wire<V1EnvVar>[] {
  const { spec } = context.cluster;
  const memory = divideMemory(parseQuantity(spec.resources.requests.memory));
  const field = (name: string, fieldPath: string): Wire<V1EnvVar> => ({
    name,
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
  });
  return [
    field('POD_NAME', 'metadata.name'),
    { name: 'NODE_OPTIONS', value: `--max-old-space-size=${memory.heapMebibytes}` },
    ...Object.entries(nodeOptions(context))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => ({ name: optionVariable(name), value })),
  ];
}

function container(context: BuildContext): Wire<V1Container> {
  const { image, resources } = context.cluster.spec;
  const { requests, limits } = resources;
  const probe = (path: string): Wire<V1Probe> => ({
    httpGet: { path, port: 'ops', scheme: 'HTTP' },
  });
  return {
    name: nodeContainer,
    image: context.image,
    imagePullPolicy: image.pullPolicy,
    args: ['node'],
    env: environment(context),
    ports: [
      { name: 'client', containerPort: ports.client, protocol: 'TCP' },
      { name: 'peers', containerPort: ports.peers, protocol: 'TCP' },
      { name: 'ops', containerPort: ports.operations, protocol: 'TCP' },
    ],
    resources: {
      requests: { ...requests },
      limits: {
        ...(limits.cpu === undefined ? {} : { cpu: limits.cpu }),
        memory: requests.memory,
      },
    },
    startupProbe: { ...probe('/livez'), ...startupProbe },
    livenessProbe: { ...probe('/livez'), ...livenessProbe },
    readinessProbe: { ...probe('/readyz'), ...readinessProbe },
    // A node that cannot start says why in one line, and that is what the status shows.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: dataVolume, mountPath: dataPath },
      ...tlsMounts(context).map(({ name, path }) => ({ name, mountPath: path, readOnly: true })),
    ],
  };
}

/** Over zones evenly, over machines as asked. */
function placement({ cluster }: BuildContext): Partial<Wire<V1PodSpec>> {
  const { topology, pod } = cluster.spec;
  const labelSelector = { matchLabels: selectorLabels(cluster.metadata.name) };
  const apart = { labelSelector, topologyKey: 'kubernetes.io/hostname' };
  return {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: topology.zoneKey,
        whenUnsatisfiable: topology.whenUnsatisfiable,
        // A zone whose machines are all tainted is no place to count on (O26).
        nodeTaintsPolicy: 'Honor',
        labelSelector,
      },
    ],
    affinity: {
      podAntiAffinity:
        topology.antiAffinity === 'Required'
          ? { requiredDuringSchedulingIgnoredDuringExecution: [apart] }
          : {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 100, podAffinityTerm: apart },
              ],
            },
    },
    ...(Object.keys(pod.nodeSelector).length === 0 ? {} : { nodeSelector: pod.nodeSelector }),
    ...(pod.tolerations.length === 0 ? {} : { tolerations: pod.tolerations }),
    ...(pod.priorityClassName === undefined ? {} : { priorityClassName: pod.priorityClassName }),
  };
}

/**
 * All that a template is made from, apart from the rules that make it. As long as it is the same,
 * another renderer is no reason to replace pods (O18).
 */
export function templateInputs({ cluster, image }: BuildContext): unknown {
  const { metadata, spec } = cluster;
  const { config, resources, topology, pod, tls, update } = spec;
  return {
    ...{ name: metadata.name, namespace: metadata.namespace, image },
    ...{ config, resources, topology, pod, restartedAt: update.restartedAt },
    clientTls: { mode: tls.client.mode, secretName: tls.client.secretName },
    ...{ pullPolicy: spec.image.pullPolicy, pullSecrets: spec.image.pullSecrets },
  };
}

/** The template without the hash of itself. */
export function buildPodTemplate(context: BuildContext): Wire<V1PodTemplateSpec> & {
  readonly metadata: Pick<ObjectMeta, 'labels' | 'annotations'>;
} {
  const { metadata, spec } = context.cluster;
  const { restartedAt } = spec.update;
  const { pullSecrets } = spec.image;
  return {
    metadata: {
      labels: { ...spec.pod.labels, ...nodeLabels(context) },
      annotations: {
        ...spec.pod.annotations,
        [annotations.renderer]: rendererVersion,
        [annotations.templateInputs]: context.hash(templateInputs(context)).slice(0, 16),
        ...(restartedAt === undefined ? {} : { [annotations.restartedAt]: restartedAt }),
      },
    },
    spec: {
      serviceAccountName: objectNames(metadata.name).serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: spec.pod.terminationGracePeriodSeconds,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: userId,
        runAsGroup: userId,
        fsGroup: userId,
        // Looking at every file of a large volume would take the start minutes.
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(pullSecrets.length === 0
        ? {}
        : { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
      ...placement(context),
      containers: [container(context)],
      volumes: tlsMounts(context).map(({ name, secret }) => ({
        name,
        secret: { secretName: secret, defaultMode: 0o440 },
      })),
    },
  };
}
