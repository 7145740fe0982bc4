/**
 * What the command line asks of a node's admin port, as the launcher and the tables need it. The
 * shapes are those of `contract/proto/admin.proto`; `main.ts` passes a connector that speaks gRPC,
 * tests pass fakes.
 */

import type { ClusterCalls } from '../contract/cluster-calls.ts';
import type { MemberView } from '../contract/status-types.ts';

export type {
  GroupView,
  MemberView,
  NodeView,
  ProblemView,
  ReplicaView,
  StatusView,
} from '../contract/status-types.ts';

export interface IdentityView {
  /** `empty`, `reserved`, `member`, `removed`, `quarantined`. */
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

export interface JoinWish {
  /** Peers ports of members. */
  readonly addresses: readonly string[];
  readonly clusterId: string;
  /** Its `nodeId` is 0. */
  readonly member: MemberView;
}

export interface ClusterControl extends ClusterCalls {
  identify(): Promise<IdentityView>;
  /** Repeating it with the same plan changes nothing. */
  init(plan: InitPlan): Promise<void>;
  /** Asked of an empty node; repeating it gives the same id. */
  joinCluster(wish: JoinWish): Promise<{ readonly nodeId: number }>;
}

/** PEM files of an admin client, for a cluster whose peers port speaks TLS. */
export interface ControlTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Opens a channel to the admin port at `host:port`. */
export type ConnectControl = (endpoint: string, tls?: ControlTls) => ClusterControl;
