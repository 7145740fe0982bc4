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
  readonly state: string;
  readonly bootId: string;
  readonly version: string;
  readonly replicaCount: number;
  readonly leaderCount: number;
}

export interface ReplicaView {
  readonly nodeId: number;
  readonly replicaId: number;
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
}

export interface ProblemView {
  readonly reason: string;
  readonly message: string;
  readonly nodeId: number;
  readonly groupId?: number | undefined;
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
}
