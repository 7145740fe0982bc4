/**
 * What a user may ask of a cluster: the `spec` of a DynamoCluster. The CRD's schema and
 * `operator/docs/api.md` are generated from these comments (`make crds`), so a comment here is what
 * `kubectl explain` shows. Tags: `@default` (JSON), `@minimum`, `@maximum`, `@pattern`,
 * `@maxLength`, `@maxItems`, `@maxProperties`, `@set` (no value twice), `@immutable`, and
 * `@rule CEL => sentence`.
 *
 * Every field works. Every field that a rule reads has a default (rule O10), and a default never
 * changes within a version; so a spec as the API server hands it out has all fields without `?`.
 */
import type { Toleration } from './kube-object.ts';

/** What is wanted. */
export interface ClusterSpec {
  /**
   * How many nodes the cluster has. Raising it adds nodes, and shards move to them; lowering
   * it moves the shards away first, one node at a time, highest ordinal first.
   * @default 3
   * @minimum 1
   * @maximum 1000
   */
  readonly replicas: number;
  /**
   * Version of the database, which is the tag of its image. Changing it rolls the nodes one at
   * a time. Without it a new cluster gets the version that the operator brings, and an old one
   * keeps the version it runs.
   * @maxLength 128
   * @pattern ^[A-Za-z0-9_][A-Za-z0-9._-]*$
   */
  readonly version?: string;
  /**
   * Where the image comes from.
   * @default {}
   */
  readonly image: ImageSpec;
  /**
   * How many shards the data is cut into. Fixed at creation.
   * @default 64
   * @minimum 1
   * @maximum 4096
   * @rule self in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096] => spec.shards must
   * be a power of two
   * @immutable
   */
  readonly shards: number;
  /**
   * Copies of each shard that are wanted. A cluster with fewer nodes keeps fewer copies until
   * nodes arrive. It may be raised, never lowered.
   * @default 3
   * @minimum 1
   * @maximum 7
   * @rule self in [1, 3, 5, 7] => spec.replicationFactor must be 1, 3, 5 or 7, as an even
   * number of copies survives no more losses than one copy less
   * @rule self >= oldSelf => spec.replicationFactor cannot be lowered
   */
  readonly replicationFactor: number;
  /**
   * How nodes are spread over the failure zones of the Kubernetes cluster.
   * @default {}
   */
  readonly topology: TopologySpec;
  /**
   * The volume of each node.
   * @default {}
   */
  readonly storage: StorageSpec;
  /**
   * CPU and memory of each node.
   * @default {}
   */
  readonly resources: ResourcesSpec;
  /**
   * Options of the node program by name without dashes in front, as in `election-ticks: "20"`.
   * A change rolls the nodes one at a time.
   * @default {}
   * @maxProperties 32
   * @valueMaxLength 64
   * @optionNames
   */
  readonly config: Readonly<Record<string, string>>;
  /**
   * When shards move, and how fast.
   * @default {}
   */
  readonly rebalance: RebalanceSpec;
  /**
   * How nodes leave.
   * @default {}
   */
  readonly scaleDown: ScaleDownSpec;
  /**
   * How changes of version, configuration and resources reach the nodes.
   * @default {}
   */
  readonly update: UpdateSpec;
  /**
   * TLS of the client port. Nodes and operator always speak mutual TLS among themselves.
   * @default {}
   */
  readonly tls: TlsSpec;
  /**
   * The Service that clients use.
   * @default {}
   */
  readonly service: ServiceSpec;
  /**
   * What else is set on the pods.
   * @default {}
   */
  readonly pod: PodSpec;
  /**
   * Guards against voluntary evictions of too many nodes at once.
   * @default {}
   */
  readonly podDisruptionBudget: PodDisruptionBudgetSpec;
  /**
   * Who may open connections to the nodes, where the cluster's network enforces it.
   * @default {}
   */
  readonly networkPolicy: NetworkPolicySpec;
  /**
   * How Prometheus finds the nodes.
   * @default {}
   */
  readonly monitoring: MonitoringSpec;
  /**
   * The operator changes nothing while this is true; it goes on to observe and to report.
   * @default false
   */
  readonly paused: boolean;
  /**
   * The API server refuses to delete the cluster while this is true, except with its whole
   * namespace.
   * @default false
   */
  readonly deletionProtection: boolean;
}

export interface ImageSpec {
  /**
   * Image without tag or digest.
   * @default "dynakv/dynakv"
   * @maxLength 255
   * @pattern ^[a-z0-9]([a-zA-Z0-9._:/-]*[a-zA-Z0-9])?$
   */
  readonly repository: string;
  /**
   * Tag to use in place of `spec.version`.
   * @maxLength 128
   * @pattern ^[A-Za-z0-9_][A-Za-z0-9._-]*$
   */
  readonly tag?: string;
  /**
   * Digest to pin the image to; it wins over the tag.
   * @maxLength 71
   * @pattern ^sha256:[a-f0-9]{64}$
   */
  readonly digest?: string;
  /**
   * When nodes of Kubernetes fetch the image.
   * @default "IfNotPresent"
   */
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /**
   * Names of Secrets of this namespace with which the image is fetched.
   * @default []
   * @maxItems 8
   * @itemMaxLength 253
   * @set
   */
  readonly pullSecrets: readonly string[];
}

export interface TopologySpec {
  /**
   * Label of Kubernetes nodes whose value names the failure zone. Copies of a shard are spread
   * over zones. Fixed at creation.
   * @default "topology.kubernetes.io/zone"
   * @maxLength 316
   * @immutable
   */
  readonly zoneKey: string;
  /**
   * What happens to a pod that the zones have no even place for: it runs anyway, or waits.
   * @default "ScheduleAnyway"
   */
  readonly whenUnsatisfiable: 'ScheduleAnyway' | 'DoNotSchedule';
  /**
   * Whether two nodes of the cluster may share a machine when there is no other place.
   * @default "Preferred"
   */
  readonly antiAffinity: 'Preferred' | 'Required';
}

/**
 * @rule has(self.storageClassName) == has(oldSelf.storageClassName) &&
 * (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName) =>
 * spec.storage.storageClassName cannot be changed
 */
export interface StorageSpec {
  /**
   * Size of each node's volume. Fixed at creation.
   * @default "10Gi"
   * @quantity 64Mi
   * @immutable
   */
  readonly size: string;
  /**
   * Storage class of the volumes; without one the cluster's default class. Fixed at creation.
   * @maxLength 253
   * @minLength 1
   */
  readonly storageClassName?: string;
  /**
   * What becomes of volumes that are not used any more.
   * @default {}
   */
  readonly retention: RetentionSpec;
}

export interface RetentionSpec {
  /**
   * The volume of a node that was drained and removed.
   * @default "Retain"
   */
  readonly whenScaled: 'Retain' | 'Delete';
  /**
   * All volumes, when the cluster is deleted.
   * @default "Retain"
   */
  readonly whenDeleted: 'Retain' | 'Delete';
}

/**
 * @rule !has(self.limits.memory) || !isQuantity(self.limits.memory) ||
 * !isQuantity(self.requests.memory) ||
 * quantity(self.limits.memory).compareTo(quantity(self.requests.memory)) == 0 =>
 * spec.resources.limits.memory must equal resources.requests.memory, as a node that is promised
 * less than it may use is killed when the machine is short: {self.limits.memory}, the request is
 * {self.requests.memory}
 * @rule !has(self.limits.cpu) || !isQuantity(self.limits.cpu) || !isQuantity(self.requests.cpu)
 * || quantity(self.limits.cpu).compareTo(quantity(self.requests.cpu)) >= 0 =>
 * spec.resources.limits.cpu must be at least resources.requests.cpu:
 * {self.limits.cpu} is less than {self.requests.cpu}
 */
export interface ResourcesSpec {
  /**
   * What is set aside for each node.
   * @default {}
   */
  readonly requests: ResourceRequests;
  /**
   * What each node may use at most.
   * @default {}
   */
  readonly limits: ResourceLimits;
}

export interface ResourceRequests {
  /**
   * A node uses one core, and a little more for its disk.
   * @default "500m"
   * @quantity 1m
   */
  readonly cpu: string;
  /**
   * Also the limit. Caches are sized from it unless `config` names their sizes.
   * @default "1Gi"
   * @quantity 256Mi
   */
  readonly memory: string;
}

export interface ResourceLimits {
  /**
   * Without it a node may use what the machine has to spare.
   * @quantity 1m
   */
  readonly cpu?: string;
  /**
   * Equal to the request if given.
   * @quantity 256Mi
   */
  readonly memory?: string;
}

export interface RebalanceSpec {
  /**
   * `Auto`: shards move after every change of nodes. `Manual`: only repairs and drains, the
   * rest is shown in `status.plan`. `Paused`: nothing new starts.
   * @default "Auto"
   */
  readonly mode: 'Auto' | 'Manual' | 'Paused';
  /**
   * Shards that move at a time, in the whole cluster. Without it the database's own setting stays.
   * @minimum 1
   * @maximum 64
   */
  readonly maxConcurrentMoves?: number;
  /**
   * What one node sends of copies, in bytes a second. Without it the database's own setting stays.
   * @quantity 64Ki 16Gi
   */
  readonly maxBytesPerSecond?: string;
  /**
   * How long a node may be silent before its copies are made anew elsewhere. Without it the
   * database's own setting stays.
   * @minimum 2
   * @maximum 2592000
   */
  readonly deadNodeGraceSeconds?: number;
}

export interface ScaleDownSpec {
  /**
   * How long `spec.replicas` must have stayed lower before the first node is drained.
   * @default 5
   * @minimum 0
   * @maximum 86400
   */
  readonly stabilizationSeconds: number;
  /**
   * A drain without progress for so long is reported as stalled. It goes on.
   * @default 600
   * @minimum 10
   * @maximum 86400
   */
  readonly stallSeconds: number;
}

export interface UpdateSpec {
  /**
   * `Auto`: changes roll by themselves. `OnRequest`: they wait, named in the condition
   * `RequiresUpdate`, until this is `Auto` again.
   * @default "Auto"
   */
  readonly mode: 'Auto' | 'OnRequest';
  /**
   * How long a new pod must have been Ready before the next one is replaced.
   * @default 0
   * @minimum 0
   * @maximum 3600
   */
  readonly minReadySeconds: number;
  /**
   * How long a node's leaders may take to move before its pod is replaced all the same.
   * @default 30
   * @minimum 0
   * @maximum 3600
   */
  readonly leaderTransferSeconds: number;
  /**
   * A new pod that is not Ready after so long stops the roll.
   * @default 300
   * @minimum 10
   * @maximum 86400
   */
  readonly progressDeadlineSeconds: number;
  /**
   * Gates of a roll that are not asked, by name. Each that is named here is a risk that is taken.
   * @default []
   * @maxItems 8
   * @set
   */
  readonly skipPredicates: readonly UpdatePredicate[];
  /**
   * A time; changing it replaces all pods, one at a time.
   * @format date-time
   * @maxLength 64
   */
  readonly restartedAt?: string;
}

/** The gates of a roll that may be left out one by one (`status.operations[].blockedBy`). */
export type UpdatePredicate =
  | 'MaxUnavailable'
  | 'QuorumSafe'
  | 'NoUnderReplicated'
  | 'OneZoneAtATime'
  | 'LeadersReturned'
  | 'MinReadySeconds';

export interface TlsSpec {
  /**
   * The client port.
   * @default {}
   */
  readonly client: ClientTlsSpec;
}

/**
 * @rule self.mode != 'Secret' || has(self.secretName) => spec.tls.client.secretName is required with
 * mode Secret
 * @rule self.mode == 'Secret' || !has(self.secretName) => spec.tls.client.secretName is for mode
 * Secret alone
 */
export interface ClientTlsSpec {
  /**
   * `Disabled`: plain HTTP. `Managed`: a certificate of the operator's own authority, which
   * clients find as `ca.crt` in the Secret `<cluster>-ca`. `Secret`: a certificate of yours.
   * @default "Disabled"
   */
  readonly mode: 'Disabled' | 'Managed' | 'Secret';
  /**
   * A Secret of this namespace with `tls.crt` and `tls.key`.
   * @minLength 1
   * @maxLength 253
   */
  readonly secretName?: string;
  /**
   * Names that clients use beside those of the Service, for `Managed`.
   * @default []
   * @maxItems 16
   * @itemMaxLength 253
   * @set
   */
  readonly dnsNames: readonly string[];
}

export interface ServiceSpec {
  /**
   * How the Service is reached.
   * @default "ClusterIP"
   */
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
  /**
   * Port of the Service.
   * @default 8000
   * @minimum 1
   * @maximum 65535
   */
  readonly port: number;
  /**
   * Annotations of the Service, for load balancers.
   * @default {}
   * @maxProperties 32
   * @valueMaxLength 1024
   */
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * What may be set on pods. Nothing that weakens them: no volumes of the machine, no other account,
 * no other security context.
 */
export interface PodSpec {
  /**
   * More labels; those of the operator stay.
   * @default {}
   * @maxProperties 32
   * @valueMaxLength 63
   * @rule self.all(key, !key.startsWith('dynakv.dev/') &&
   * !key.startsWith('app.kubernetes.io/')) => spec.pod.labels cannot set labels of dynakv.dev/ or
   * app.kubernetes.io/: the operator finds its pods by them
   */
  readonly labels: Readonly<Record<string, string>>;
  /**
   * More annotations.
   * @default {}
   * @maxProperties 32
   * @valueMaxLength 1024
   * @rule self.all(key, !key.startsWith('dynakv.dev/')) => spec.pod.annotations cannot set
   * annotations of dynakv.dev/: they are the operator's
   */
  readonly annotations: Readonly<Record<string, string>>;
  /**
   * Labels that a machine must have.
   * @default {}
   * @maxProperties 32
   * @valueMaxLength 63
   */
  readonly nodeSelector: Readonly<Record<string, string>>;
  /**
   * Taints of machines that do not matter.
   * @default []
   * @maxItems 16
   */
  readonly tolerations: readonly Toleration[];
  /**
   * Priority class of the pods.
   * @minLength 1
   * @maxLength 253
   */
  readonly priorityClassName?: string;
  /**
   * How long a pod may take to hand over its leaders and to close.
   * @default 60
   * @minimum 30
   * @maximum 3600
   */
  readonly terminationGracePeriodSeconds: number;
}

export interface PodDisruptionBudgetSpec {
  /**
   * Whether there is one; a cluster of one node never has one.
   * @default true
   */
  readonly enabled: boolean;
}

export interface NetworkPolicySpec {
  /**
   * Whether there is one. Peers and the operator always reach the nodes.
   * @default true
   */
  readonly enabled: boolean;
  /**
   * Who may use the client port; none named: everybody.
   * @default []
   * @maxItems 16
   */
  readonly clientsFrom: readonly PeerSelector[];
}

/**
 * @rule has(self.namespaceLabels) || has(self.podLabels) => spec.networkPolicy.clientsFrom needs
 * namespaceLabels, podLabels or both in each entry
 */
export interface PeerSelector {
  /**
   * Labels of the namespaces; without it this namespace alone.
   * @maxProperties 16
   * @valueMaxLength 63
   */
  readonly namespaceLabels?: Readonly<Record<string, string>>;
  /**
   * Labels of the pods; without it all pods of those namespaces.
   * @maxProperties 16
   * @valueMaxLength 63
   */
  readonly podLabels?: Readonly<Record<string, string>>;
}

export interface MonitoringSpec {
  /**
   * A PodMonitor for prometheus-operator.
   * @default {}
   */
  readonly podMonitor: PodMonitorSpec;
}

export interface PodMonitorSpec {
  /**
   * Whether there is one; prometheus-operator's CRDs must be installed.
   * @default false
   */
  readonly enabled: boolean;
  /**
   * Time between two scrapes, seconds.
   * @default 30
   * @minimum 5
   * @maximum 600
   */
  readonly intervalSeconds: number;
  /**
   * Labels by which a Prometheus chooses its monitors.
   * @default {}
   * @maxProperties 16
   * @valueMaxLength 63
   */
  readonly labels: Readonly<Record<string, string>>;
}
