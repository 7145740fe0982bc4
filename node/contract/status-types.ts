/**
 * What the status of a cluster looks like to programs: the shapes of `proto/admin.proto` without
 * the generated code's own fields.
 */

export interface MemberView {
  readonly nodeId: number;
  readonly address: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
  readonly zone: string;
}

export interface NodeView {
  readonly member?: MemberView | undefined;
  /** As the catalog has it. */
  readonly state: string;
  readonly bootId: string;
  readonly version: string;
  readonly replicaCount: number;
  readonly leaderCount: number;
  /** What a change of the node must name. */
  readonly revision: number;
  /** It answered the node that was asked. */
  readonly answers: boolean;
  readonly storeId: string;
  readonly evictingLeaders: boolean;
  /** ms since 1970; 0: no maintenance. */
  readonly maintenanceUntilMs: number;
  /** ms since 1970; 0: it is not silent, or nobody who manages could be asked. */
  readonly silentSinceMs: number;
  /** 0: unknown. */
  readonly usedBytes: number;
  readonly freeBytes: number;
  readonly featureVersionMax: number;
  /** Why its store failed; empty: it did not. */
  readonly quarantined: string;
  /** Empty: nobody asked for its drain. */
  readonly drainOwner: string;
  /** All replicas that it held when it started have been open and caught up since. */
  readonly ready: boolean;
}

export interface ReplicaView {
  readonly nodeId: number;
  readonly replicaId: number;
  /** `voter`, `learner`, `incoming`, `outgoing`, `none`. */
  readonly role: string;
  readonly appliedIndex: number;
  readonly lag: number;
  readonly known: boolean;
}

export interface GroupView {
  readonly groupId: number;
  /** 0: none is known. */
  readonly leaderNodeId: number;
  readonly term: number;
  readonly commitIndex: number;
  readonly asleep: boolean;
  readonly replicas: readonly ReplicaView[];
  readonly configurationIndex: number;
  /** Between two configurations. */
  readonly joint: boolean;
  /** Range of hashes, `hashTo` exclusive; both 0 for the system group. */
  readonly hashFrom: number;
  readonly hashTo: number;
  /** About; 0: unknown. */
  readonly bytes: number;
}

export interface ProblemView {
  readonly reason: string;
  readonly message: string;
  readonly nodeId: number;
  readonly groupId?: number | undefined;
}

export interface RefusalView {
  readonly reason: string;
  readonly message: string;
  readonly nodeId: number;
  readonly groupIds: readonly number[];
}

export interface RebalanceView {
  readonly mode: string;
  readonly state: string;
  readonly planId: string;
  readonly revision: number;
  readonly startedAtMs: number;
  readonly lastProgressAtMs: number;
  readonly movesTotal: number;
  readonly movesDone: number;
  readonly movesRunning: number;
  readonly movesFailed: number;
  readonly bytesTotal: number;
  readonly bytesDone: number;
  /** Bytes a second. */
  readonly rate: number;
  readonly etaSeconds: number;
  readonly blockedBy: readonly RefusalView[];
  readonly underReplicatedShards: number;
  readonly leaderlessShards: number;
}

export interface StatusView {
  readonly clusterId: string;
  readonly nodeId: number;
  readonly ready: boolean;
  readonly shardCount: number;
  readonly replicationFactor: number;
  readonly nodes: readonly NodeView[];
  readonly groups: readonly GroupView[];
  readonly problems: readonly ProblemView[];
  readonly featureVersion: number;
  /** Copies that each shard is to have by now. */
  readonly effectiveReplicationFactor: number;
  /** 0: none is known. */
  readonly systemLeaderNodeId: number;
  readonly controlEpoch: number;
  readonly controlHolder: string;
  /** Absent: the node that manages could not be asked. */
  readonly rebalance?: RebalanceView | undefined;
}
