/**
 * What the planner is told: nodes, groups as they are, and the factor that is wanted. Plain data,
 * made afresh from observation each time (level-triggered); nothing here remembers.
 *
 * The truth about a group's members is its own Raft configuration (protocols.md P16): `replicas`
 * comes from there, not from the catalog. The order of nodes, groups and replicas never matters.
 */
import { gibibyte } from '../lib/units.ts';
import type { NodeId } from '../sys/network.ts';

/**
 * - `joining`: known, not ready: learns the catalog, holds nothing yet;
 * - `active`: holds, receives and leads;
 * - `evictingLeaders`, `maintenance`: for a while it keeps what it holds, leads nothing and gets
 *   nothing; nothing is moved away from it, and balance waits;
 * - `draining`: everything on it is to go elsewhere;
 * - `drained`: held nothing when it was last looked at;
 * - `dead`: gone for longer than the grace period, or its store is quarantined: what it held is
 *   replaced. It is `active` again when it returns;
 * - `removed`: its id will never come back.
 */
export type MemberState =
  | 'joining'
  | 'active'
  | 'evictingLeaders'
  | 'maintenance'
  | 'draining'
  | 'drained'
  | 'dead'
  | 'removed';

export interface ViewNode {
  readonly nodeId: NodeId;
  /** Nodes of one zone fail together; nodes without a zone stand each alone. */
  readonly zone?: string | undefined;
  /** Share of the load, relative to the other nodes; above 0. Default 1. */
  readonly weight?: number | undefined;
  readonly state: MemberState;
  /**
   * False while it does not answer, within its grace period: it counts for no quorum, and nothing
   * is moved to it or away from it yet. Default true; without meaning if dead or removed.
   */
  readonly live?: boolean | undefined;
  /**
   * False while it has answered again for a short time only, and may be gone in the next moment:
   * it counts for quorums and keeps what it holds and leads, but gets nothing. Default true.
   */
  readonly steady?: boolean | undefined;
  /** Bytes free on its disk. Unknown = no limit. */
  readonly freeBytes?: number | undefined;
  /** Bytes that its replicas take; only told to people. */
  readonly usedBytes?: number | undefined;
  /** May vote in the system group. Default true. */
  readonly systemVoter?: boolean | undefined;
}

/**
 * `voter`: in both halves of the configuration, or there is one half only. While a joint change
 * is under way, `incoming` votes in the new half only, `outgoing` in the old half only.
 */
export type ReplicaRole = 'voter' | 'learner' | 'incoming' | 'outgoing';

export interface ViewReplica {
  readonly nodeId: NodeId;
  readonly role: ReplicaRole;
  /** A learner that has what its leader has. Default false; without meaning for voters. */
  readonly caughtUp?: boolean | undefined;
  /**
   * It may have forgotten a vote or an ack: it counts for nothing and is replaced under a new
   * replica id, on another node (P11). Default false.
   */
  readonly failed?: boolean | undefined;
}

export interface ViewGroup {
  /** 0 is the system group (`groups.ts`). */
  readonly groupId: number;
  readonly replicas: readonly ViewReplica[];
  /** The node that leads it now, if anyone does. */
  readonly leader?: NodeId | undefined;
  /** The node that should lead, as the catalog says. */
  readonly preferredLeader?: NodeId | undefined;
  /** What one copy takes and a snapshot carries, in bytes. Default 0: unknown. */
  readonly bytes?: number | undefined;
}

export interface ViewLimits {
  /** Bytes that stay free on a node that receives copies. Default `freeBytesMinDefault`. */
  readonly freeBytesMin?: number | undefined;
  /** Loads and leaders may be evened out; repairs, drains, the spread always are. Default true. */
  readonly mayBalance?: boolean | undefined;
}

export interface ClusterView {
  readonly nodes: readonly ViewNode[];
  readonly groups: readonly ViewGroup[];
  /** Copies of each shard that are wanted, if there are nodes for them: 1, 3, 5 or 7. */
  readonly replicationFactor: number;
  /** `effectiveFactor` of the last plan, as stored; the planner only raises it (P17). */
  readonly effectiveFactor: number;
  readonly limits?: ViewLimits | undefined;
}

/** Room for the log, for compaction and for the writes of an hour or so. */
export const freeBytesMinDefault = gibibyte;
