/**
 * The rows of the catalog: what the system group knows of the cluster, its nodes and its groups.
 *
 * A row that people or programs change carries a revision: a change names the one that it saw, and
 * is refused if another came in between.
 */
import type { IdRanges } from '../lib/id-ranges.ts';
import type { NodeId } from '../sys/network.ts';

export interface ClusterRecord {
  readonly clusterId: string;
  readonly shardCount: number;
  /** Copies of each shard that are wanted. */
  readonly replicationFactor: number;
  readonly createdAtMs: number;
  /** The next ids to give out; ids are never reused. */
  readonly nextNodeId: number;
  readonly nextTableId: number;
}

export type NodeState = 'joining' | 'active' | 'draining' | 'drained' | 'dead' | 'removed';

export interface NodeRecord {
  readonly nodeId: NodeId;
  /** host:port of its peer, client and operations doors. */
  readonly address: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
  readonly zone?: string | undefined;
  readonly state: NodeState;
  /** The store that it was born or joined with: no other may speak for it. */
  readonly storeId?: string | undefined;
  /** Its store failed, and why: that store is never let in again (design §4). */
  readonly quarantined?: string | undefined;
  readonly revision: number;
}

export interface ReplicaRecord {
  readonly replicaId: number;
  readonly nodeId: NodeId;
}

/**
 * The replicas of a group by the ids given out. Who is a member is said by the group's own
 * configuration alone.
 */
export interface GroupRecord {
  readonly groupId: number;
  /** Given out and not proven gone: members, and such that are to become or were members. */
  readonly replicas: readonly ReplicaRecord[];
  /**
   * Ids that are gone for good: a leader confirmed, after their removal was asked for, an applied
   * configuration without them (protocols.md P16). Whoever holds one deletes it.
   */
  readonly removed: IdRanges;
  readonly nextReplicaId: number;
  /** Who should lead, for balance (`leader-home.ts`). */
  readonly preferredLeader: NodeId;
  readonly revision: number;
}

/** A row as it was written, by an earlier release too. */
export function readNode(value: unknown): NodeRecord {
  const row = value as NodeRecord & Partial<Pick<NodeRecord, 'revision'>>;
  return { ...row, revision: row.revision ?? 0 };
}

export function readGroup(value: unknown): GroupRecord {
  const row = value as GroupRecord & Partial<Pick<GroupRecord, 'revision' | 'removed'>>;
  return { ...row, removed: row.removed ?? [], revision: row.revision ?? 0 };
}
