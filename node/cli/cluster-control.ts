/**
 * What the command line asks of a node's admin port, as the launcher and the tables need it. The
 * shapes are those of `contract/proto/admin.proto`; `main.ts` passes a connector that speaks gRPC,
 * tests pass fakes.
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

export interface IdentityView {
  /** `empty`, `member`, `quarantined`. */
  readonly state: string;
  readonly clusterId: string;
  readonly nodeId: number;
}

export interface InitPlan {
  readonly clusterId: string;
  readonly members: readonly MemberView[];
  readonly shardCount: number;
  readonly replicationFactor: number;
  /** Fixed by the first attempt, so that a repeated one is the same plan. */
  readonly createdAtMs: number;
}

export interface ClusterControl {
  identify(): Promise<IdentityView>;
  /** Repeating it with the same plan changes nothing. */
  init(plan: InitPlan): Promise<void>;
  status(): Promise<StatusView>;
  close(): void;
}

/** PEM files of an admin client, for a cluster whose peers port speaks TLS. */
export interface ControlTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Opens a channel to the admin port at `host:port`. */
export type ConnectControl = (endpoint: string, tls?: ControlTls) => ClusterControl;
