/**
 * The birth of a cluster: one plan, given to every member, from which each derives the same first
 * rows and configurations of its replicas (design §5). Pure. It happens once per cluster; a node
 * that was born never takes another plan.
 *
 * Invariant: same plan, same bytes on every node: all replicas of a group start from equal state
 * at (index 1, term 1).
 */
import { DynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import { uuidOf } from '../lib/uuid.ts';
import type { RowWrite } from '../items/batch.ts';
import { encodeSchemaRow, schemaRowKey } from '../items/schema-row.ts';
import type { TableRecord } from '../items/table.ts';
import type { ConfState } from '../raft/messages.ts';
import { hashKey } from '../shards/hash.ts';
import { effectiveReplication, placeInitial } from '../shards/placement.ts';
import { isShardCount, shardCountMax } from '../shards/shard-map.ts';
import { shardGroupIds } from '../shards/groups.ts';
import { firstSystemVoters } from '../shards/system-voters.ts';
import type { NodeId } from '../sys/network.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { ClusterRecord, GroupRecord, NodeRecord, ReplicaRecord } from './catalog-records.ts';

const nodeIdMax = 0xffff_ffff;
/** The state that all replicas start from. */
export const birthPoint = { index: 1, term: 1 } as const;

export interface BootstrapMember {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
  readonly zone?: string | undefined;
  /** The store that the member reserved: the plan is for no other. */
  readonly storeId?: string | undefined;
}

export interface BootstrapPlan {
  readonly clusterId: string;
  readonly members: readonly BootstrapMember[];
  readonly shardCount: number;
  /** The target; the effective number is the largest odd one ≤ min(target, members). */
  readonly replicationFactor: number;
  /** Given by whoever asks for the cluster, so that all members derive the same rows. */
  readonly createdAtMs: number;
  /** The feature version to begin with; default 1. */
  readonly featureVersion?: number | undefined;
}

export interface BornGroup {
  readonly groupId: number;
  readonly replicas: readonly ReplicaRecord[];
  readonly confState: ConfState;
  readonly rows: readonly RowWrite[];
  /** Who should campaign first. */
  readonly preferredLeader: NodeId;
}

/** Everything wrong with a plan, a sentence each. */
export function planProblems(plan: BootstrapPlan): string[] {
  const problems: string[] = [];
  const ids = new Set(plan.members.map((member) => member.nodeId));
  if (plan.members.length === 0) {
    problems.push('"members" must name at least one node');
  }
  if (ids.size !== plan.members.length) {
    problems.push('"members" names a node id twice');
  }
  if (new Set(plan.members.map((member) => member.address)).size !== plan.members.length) {
    problems.push('"members" names an address twice');
  }
  for (const { nodeId, address } of plan.members) {
    if (!Number.isInteger(nodeId) || nodeId < 1 || nodeId > nodeIdMax) {
      problems.push(`"members" must have node ids of 1 … ${nodeIdMax}: ${nodeId}`);
    }
    if (address === '') {
      problems.push(`"members" must name an address of node ${nodeId}`);
    }
  }
  const { shardCount } = plan;
  if (!isShardCount(shardCount)) {
    problems.push(`"shardCount" must be a power of two of 1 … ${shardCountMax}: ${shardCount}`);
  }
  if (!Number.isSafeInteger(plan.createdAtMs) || plan.createdAtMs <= 0) {
    problems.push(`"createdAtMs" must be a time in ms since 1970: ${plan.createdAtMs}`);
  }
  if (![1, 3, 5, 7].includes(plan.replicationFactor)) {
    problems.push(`"replicationFactor" must be 1, 3, 5 or 7: ${plan.replicationFactor}`);
  }
  if (plan.clusterId === '') {
    problems.push('"clusterId" must not be empty');
  }
  return problems;
}

function kvTable(plan: BootstrapPlan): TableRecord {
  return {
    name: 'kv',
    tableId: 1,
    uuid: uuidOf(new Prng(hashKey(Buffer.from(plan.clusterId, 'utf8'))).bytes(16)),
    schemaVersion: 1,
    status: 'ACTIVE',
    createdAtMs: plan.createdAtMs,
    partitionKey: { name: 'id', type: 'S' },
    billingMode: 'PAY_PER_REQUEST',
    deletionProtection: false,
  };
}

function confStateOf(
  voters: readonly ReplicaRecord[],
  learners: readonly ReplicaRecord[],
): ConfState {
  return {
    voters: voters.map((replica) => replica.replicaId),
    learners: learners.map((replica) => replica.replicaId),
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
}

function systemRows(plan: BootstrapPlan, groups: readonly GroupRecord[]): RowWrite[] {
  const cluster: ClusterRecord = {
    clusterId: plan.clusterId,
    shardCount: plan.shardCount,
    replicationFactor: plan.replicationFactor,
    effectiveFactor: effectiveReplication(plan.replicationFactor, plan.members.length),
    createdAtMs: plan.createdAtMs,
    nextNodeId: Math.max(...plan.members.map((member) => member.nodeId)) + 1,
    nextTableId: 2,
    featureVersion: plan.featureVersion ?? 1,
  };
  const rows = [
    catalogRow(catalogKeys.cluster, cluster),
    catalogRow(catalogKeys.table('kv'), kvTable(plan)),
  ];
  for (const member of plan.members) {
    const node: NodeRecord = { ...member, state: 'active', revision: 1 };
    rows.push(catalogRow(catalogKeys.node(member.nodeId), node));
  }
  for (const group of groups) {
    rows.push(catalogRow(catalogKeys.group(group.groupId), group));
  }
  return rows;
}

/** All groups of the new cluster, group 0 (the system group) first. */
export function bornGroups(plan: BootstrapPlan): BornGroup[] {
  const problems = planProblems(plan);
  if (problems.length > 0) {
    throw new DynakvError('ConfigInvalid', `Cannot create the cluster: ${problems.join('; ')}`);
  }
  const members = [...plan.members].sort((a, b) => a.nodeId - b.nodeId);
  const everyone = members.map((member, i) => ({ replicaId: i + 1, nodeId: member.nodeId }));
  const votes = new Set(firstSystemVoters(members));
  const placed = placeInitial({
    nodes: members,
    shards: Array.from({ length: plan.shardCount }, (_, shardId) => shardId),
    replicationFactor: effectiveReplication(plan.replicationFactor, members.length),
  });
  const schema = encodeSchemaRow({ tableId: 1, version: 1, state: 'live' });
  const shards = shardGroupIds(plan.shardCount).map((groupId, shardId): BornGroup => {
    const place = placed[shardId];
    if (place === undefined) {
      throw new DynakvError('ConfigInvalid', `Cannot place shard ${shardId}`);
    }
    return {
      groupId,
      replicas: place.replicas,
      confState: confStateOf(place.replicas, []),
      rows: [{ key: schemaRowKey(1), value: schema }],
      preferredLeader: place.preferredLeader,
    };
  });
  const voters = everyone.filter(({ nodeId }) => votes.has(nodeId));
  const learners = everyone.filter(({ nodeId }) => !votes.has(nodeId));
  const firstNode = voters[0]?.nodeId ?? 0;
  const records = [{ groupId: 0, replicas: everyone, preferredLeader: firstNode }, ...shards].map(
    ({ groupId, replicas, preferredLeader }): GroupRecord => ({
      groupId,
      replicas,
      preferredLeader,
      removed: [],
      revision: 1,
      nextReplicaId: Math.max(...replicas.map((replica) => replica.replicaId)) + 1,
    }),
  );
  const system: BornGroup = {
    groupId: 0,
    replicas: everyone,
    confState: confStateOf(voters, learners),
    rows: systemRows(plan, records),
    preferredLeader: firstNode,
  };
  return [system, ...shards];
}
