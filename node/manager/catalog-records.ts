/**
 * The rows of the catalog: what the system group knows of the cluster, its nodes and its groups,
 * and of how shards are to move (`plan-records.ts`).
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
  /** Copies that each shard is to have by now: it rises by itself, and never falls so (P17). */
  readonly effectiveFactor: number;
  readonly createdAtMs: number;
  /** The next ids to give out; ids are never reused. */
  readonly nextNodeId: number;
  readonly nextTableId: number;
  /** Formats and commands beyond it are not used (`lib/feature-version.ts`). Never falls. */
  readonly featureVersion: number;
}

export type NodeState = 'joining' | 'active' | 'draining' | 'drained' | 'dead' | 'removed';

/** Who asked for a drain, and how it goes. */
export interface DrainRecord {
  /** Only the owner's tool calls it off by itself (operator-rules.md O13). */
  readonly owner: string;
  readonly startedAtMs: number;
  /** When something left the node last. */
  readonly lastProgressAtMs: number;
}

export interface NodeRecord {
  readonly nodeId: NodeId;
  /** host:port of its peer, client and operations doors. */
  readonly address: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
  readonly zone?: string | undefined;
  readonly state: NodeState;
  /** Relative share of the load; default 1. */
  readonly weight?: number | undefined;
  readonly drain?: DrainRecord | undefined;
  /** It leads nothing until this is called off. */
  readonly evictingLeaders?: true | undefined;
  /**
   * Until then it may be away without being taken for dead, ms since 1970 by the leader's clock.
   */
  readonly maintenanceUntilMs?: number | undefined;
  /** The node that joined in its place, with a new disk (operator-rules.md O7). */
  readonly replacedBy?: NodeId | undefined;
  /** The store that it was born or joined with: no other may speak for it. */
  readonly storeId?: string | undefined;
  /** The highest feature version that it said it knows. */
  readonly featureVersionMax?: number | undefined;
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

/** True if the node may be given leaderships: it is whole, and nobody asked to spare it. */
export function mayLead(node: NodeRecord | undefined): boolean {
  return (
    node?.state === 'active' &&
    node.evictingLeaders !== true &&
    node.maintenanceUntilMs === undefined &&
    node.quarantined === undefined
  );
}

/** Rows as they were written, by an earlier release too. */
export function readCluster(value: unknown): ClusterRecord {
  const row = value as ClusterRecord &
    Partial<Pick<ClusterRecord, 'featureVersion' | 'effectiveFactor'>>;
  const { featureVersion = 1, effectiveFactor = 1 } = row;
  return { ...row, featureVersion, effectiveFactor };
}

export function readNode(value: unknown): NodeRecord {
  const row = value as NodeRecord & Partial<Pick<NodeRecord, 'revision'>>;
  return { ...row, revision: row.revision ?? 0 };
}

export function readGroup(value: unknown): GroupRecord {
  const row = value as GroupRecord & Partial<Pick<GroupRecord, 'revision' | 'removed'>>;
  return { ...row, removed: row.removed ?? [], revision: row.revision ?? 0 };
}
