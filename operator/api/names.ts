/**
 * Names that the operator gives and finds things by: labels, annotations, objects, ports. They are
 * in clusters that exist, so none is ever changed; selectors are the smallest that do (an old
 * pod must still be found, whatever the template says by then).
 */

export const operatorName = 'dynakv-operator';
/** Who owns which fields, for server-side apply. */
export const fieldManagers = {
  objects: 'dynakv-operator',
  status: 'dynakv-operator-status',
} as const;

export const labels = {
  /** Name of the cluster: with `component` the selector of its pods. */
  cluster: 'dynakv.dev/cluster',
  /** `node` on pods and claims of nodes. */
  component: 'dynakv.dev/component',
  /** Uid of the DynamoCluster: tells a namesake from a cluster of before. */
  clusterUid: 'dynakv.dev/cluster-uid',
  /** On claims: what the database on the volume calls itself. */
  clusterId: 'dynakv.dev/cluster-id',
  /** On claims: the node whose data is on the volume; set before that node is active (O1). */
  nodeId: 'dynakv.dev/node-id',
  /** On claims: the node on the volume was removed, so the volume serves no other (O2). */
  retiredNodeId: 'dynakv.dev/retired-node-id',
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

export const annotations = {
  /** On pod templates and pods: hash of the template, the operator's own revision (O4). */
  templateHash: 'dynakv.dev/template-hash',
  /** On pod templates: which renderer made it (O18). */
  renderer: 'dynakv.dev/renderer',
  /** On pod templates: hash of what it was made from, renderer apart (O18). */
  templateInputs: 'dynakv.dev/template-inputs',
  /** On pod templates: `spec.update.restartedAt`. */
  restartedAt: 'dynakv.dev/restarted-at',
  /** On the StatefulSet, while its template is on trial: the last one that worked, as JSON (O4). */
  lastGoodTemplate: 'dynakv.dev/last-good-template',
  /** On the StatefulSet: hash of the template that was tried last and failed. */
  failedTemplate: 'dynakv.dev/failed-template',
  /** On a leaf Secret: SHA-256 of the certificate of its authority (O23). */
  issuerFingerprint: 'dynakv.dev/issuer-fingerprint',
} as const;

export const nodeComponent = 'node';
export const nodeContainer = 'dynakv';
export const dataVolume = 'data';

export const ports = { client: 8_000, peers: 7_000, operations: 9_100 } as const;

/** Objects of a cluster, by its name. */
export function objectNames(cluster: string): {
  readonly statefulSet: string;
  /** Headless: a DNS name for each pod, ready or not. */
  readonly peersService: string;
  readonly clientService: string;
  readonly podDisruptionBudget: string;
  readonly networkPolicy: string;
  readonly serviceAccount: string;
  readonly podMonitor: string;
  /** Authorities that are trusted: `ca.crt`. Mounted by pods. */
  readonly caBundleSecret: string;
  /** The authority's own certificate and key. Mounted by nobody. */
  readonly caKeySecret: string;
  /** The nodes' certificate towards each other, and the operator's towards them. */
  readonly peerTlsSecret: string;
  readonly operatorTlsSecret: string;
  readonly clientTlsSecret: string;
} {
  return {
    statefulSet: cluster,
    peersService: `${cluster}-peers`,
    clientService: `${cluster}-client`,
    podDisruptionBudget: cluster,
    networkPolicy: cluster,
    serviceAccount: cluster,
    podMonitor: cluster,
    caBundleSecret: `${cluster}-ca`,
    caKeySecret: `${cluster}-ca-key`,
    peerTlsSecret: `${cluster}-peer-tls`,
    operatorTlsSecret: `${cluster}-operator-tls`,
    clientTlsSecret: `${cluster}-client-tls`,
  };
}

export function podName(cluster: string, ordinal: number): string {
  return `${cluster}-${ordinal}`;
}

export function claimName(cluster: string, ordinal: number): string {
  return `${dataVolume}-${cluster}-${ordinal}`;
}

/** The ordinal in the name of a pod or a claim of the cluster; undefined if it is another's. */
export function ordinalOf(cluster: string, name: string): number | undefined {
  const prefixes = [`${dataVolume}-${cluster}-`, `${cluster}-`];
  const tail = prefixes
    .filter((prefix) => name.startsWith(prefix))
    .map((prefix) => name.slice(prefix.length))
    .find((rest) => /^(0|[1-9]\d{0,5})$/.test(rest));
  return tail === undefined ? undefined : Number(tail);
}

/** The smallest selector of a cluster's pods; never changed, as a StatefulSet's cannot be. */
export function selectorLabels(cluster: string): Readonly<Record<string, string>> {
  return { [labels.cluster]: cluster, [labels.component]: nodeComponent };
}

/**
 * The host by which a pod is reached inside the Kubernetes cluster. Without the cluster's domain,
 * which search lists complete and which nobody has to tell.
 */
export function podHost(cluster: string, namespace: string, ordinal: number): string {
  return `${podName(cluster, ordinal)}.${objectNames(cluster).peersService}.${namespace}.svc`;
}
