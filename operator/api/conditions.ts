/**
 * The conditions of a DynamoCluster and the reasons they may give: names that people, alerts and
 * `kubectl wait` rely on, so none changes its meaning. Each condition names the generation it was
 * judged at; one that could not be judged is Unknown, never left at what it was.
 */

export interface Condition {
  /**
   * Name of the condition.
   * @maxLength 64
   */
  readonly type: string;
  /** `Unknown`: it could not be judged. */
  readonly status: 'True' | 'False' | 'Unknown';
  /**
   * Why, CamelCase, stable.
   * @minLength 1
   * @maxLength 64
   */
  readonly reason: string;
  /**
   * Why, as a sentence.
   * @maxLength 2048
   */
  readonly message: string;
  /** The generation of the spec that it was judged at. */
  readonly observedGeneration: number;
  /**
   * When the status changed last.
   * @format date-time
   */
  readonly lastTransitionTime: string;
}

export const conditionTypes = {
  /** Available, not progressing and not degraded at this generation: what to wait for. */
  ready: 'Ready',
  /** Every shard has a leader: all data can be read and written. */
  available: 'Available',
  /** Something is under way towards what the spec says. */
  progressing: 'Progressing',
  /** Something is wrong that needs time or a person. */
  degraded: 'Degraded',
  /** No shard is one loss away from being without a majority, as far as copies are meant to be. */
  quorumHealthy: 'QuorumHealthy',
  /** Shards move. */
  rebalancing: 'Rebalancing',
  /** Fewer nodes are wanted, and something forbids it. */
  scaleDownBlocked: 'ScaleDownBlocked',
  /** More nodes are wanted, and something forbids it. */
  scaleUpBlocked: 'ScaleUpBlocked',
  /** Pods are outdated, and something forbids to replace them. */
  updateBlocked: 'UpdateBlocked',
  /** Pods would be rendered otherwise now; nothing happens until it is asked for. */
  requiresUpdate: 'RequiresUpdate',
  /** All certificates are valid for long enough. */
  certificatesValid: 'CertificatesValid',
  /** `spec.paused`. */
  paused: 'Paused',
} as const;

export type ConditionType = (typeof conditionTypes)[keyof typeof conditionTypes];

/** Reason → what it means, for `operator/docs/api.md`. */
export const reasons = {
  AsExpected: 'nothing to say',
  // Creation and adoption.
  Creating: 'objects are made and the first nodes start',
  WaitingForPods: 'pods are not there or not Ready yet',
  BootstrapAmbiguous:
    'some volumes hold a cluster and others are empty or hold another: a person must say which',
  AdoptionConflict: 'the data on the volumes was made for other fixed fields than the spec has',
  NameCollision: 'an object with a name of this cluster is not of this cluster',
  KindMissing: 'the spec asks for an object whose CRD is not installed',
  ZonesUnknown: 'a node is on a machine without the zone label, so it is not made active',
  // Health.
  NoDatabaseYet: 'there is no cluster yet',
  OperatorCannotReachNodes: 'no node answers the operator; this says nothing about clients',
  ShardsWithoutLeader: 'some shards can be neither written nor strongly read',
  ShardsUnderReplicated: 'some shards have fewer copies than wanted',
  NodeDown: 'a node of the database is silent or its pod is not Ready',
  NodeQuarantined: 'the store of a node failed; it serves nothing any more',
  PodsFailing: 'a pod crashes, or its image cannot be had',
  PodsUnschedulable: 'no machine takes a pod',
  DrainStalled: 'a drain has made no progress for spec.scaleDown.stallSeconds',
  ControlConflict: 'another controller has taken control of the database',
  ReconcileFailed: 'the API server or the database refused a step of the operator',
  // Operations.
  ScalingUp: 'nodes are added',
  ScalingDown: 'nodes are drained and removed',
  Rolling: 'pods are replaced one at a time',
  Repairing: 'a pod is brought back',
  Rebalancing: 'shards move',
  WaitingToScaleDown: 'spec.replicas has not been lower for spec.scaleDown.stabilizationSeconds',
  ExternalScale: 'somebody else has scaled the StatefulSet; it was set back',
  ReplicasContested: 'several managers change spec.replicas',
  RetiredVolume: 'a volume of a removed node stands where a new node would start',
  BelowReplicationFactor: 'fewer nodes than copies of each shard',
  UnderReplicatedShards: 'shards with too few copies must be repaired first',
  LeaderlessShards: 'shards without a leader must come back first',
  InsufficientFreeSpace: 'the remaining nodes have no room',
  ZoneSpreadWouldBreak: 'the remaining nodes cannot keep copies in as many zones',
  OtherOperationInProgress: 'another operation must end first',
  RebalancePaused: 'spec.rebalance.mode is Paused',
  DeadlineExceeded: 'a new pod was not Ready within spec.update.progressDeadlineSeconds',
  PredicateFailed: 'a gate of the roll is closed; status.operations says which',
  UpdateOnRequest: 'spec.update.mode is OnRequest',
  RendererChanged: 'a newer operator would render the pods otherwise',
  // Certificates.
  CertificateExpiring: 'a certificate ends soon',
  CertificateExpired: 'a certificate has ended',
  CertificateMissing: 'a Secret with certificates is not there yet',
  // Pause and deletion.
  Paused: 'spec.paused is true',
  NotPaused: 'spec.paused is false',
  Deleting: 'the cluster is being deleted',
} as const;

export type Reason = keyof typeof reasons;
