/** A cluster of four nodes in two zones that shards move in, as the verbs' tests see it. */
import type { ClusterCalls, MovementView, MoveView, PlanView } from '../contract/cluster-calls.ts';
import type { GroupView, NodeView, RebalanceView, StatusView } from '../contract/status-types.ts';

export const nowMs = 1_000_000;

function node(nodeId: number, change: Partial<NodeView> = {}): NodeView {
  return {
    member: {
      nodeId,
      address: `127.0.0.1:${7_000 + nodeId - 1}`,
      clientAddress: `127.0.0.1:${8_000 + nodeId - 1}`,
      opsAddress: '',
      zone: nodeId % 2 === 1 ? 'a' : 'b',
    },
    ...{ state: 'active', bootId: 'b', version: '0.1.0', replicaCount: 3, leaderCount: 1 },
    ...{ revision: nodeId, answers: true, storeId: 's', ready: true, evictingLeaders: false },
    ...{ maintenanceUntilMs: 0, silentSinceMs: 0, usedBytes: 3e9, freeBytes: 40e9 },
    ...{ featureVersionMax: 1, quarantined: '', drainOwner: '' },
    ...change,
  };
}

/** `roles`: node ids with a letter each, the leader's a capital: `1L 2v 4l`. */
function group(groupId: number, roles: string, change: Partial<GroupView> = {}): GroupView {
  const names = { L: 'voter', v: 'voter', l: 'learner', i: 'incoming', o: 'outgoing' } as const;
  const parts = roles.split(' ').map((part) => [Number(part.slice(0, -1)), part.at(-1)] as const);
  return {
    ...{ groupId, term: 4, commitIndex: 40, asleep: groupId === 0, configurationIndex: 0 },
    leaderNodeId: parts.find(([, letter]) => letter === 'L')?.[0] ?? 0,
    joint: roles.includes('i'),
    ...{ hashFrom: 0, hashTo: 0, bytes: 0 },
    replicas: parts.map(([nodeId, letter]) => ({
      ...{ nodeId, replicaId: nodeId, appliedIndex: 40, lag: letter === 'l' ? 15 : 0 },
      role: names[letter as keyof typeof names],
      known: nodeId !== 3,
    })),
    ...change,
  };
}

export const rebalance: RebalanceView = {
  ...{ mode: 'Auto', state: 'running', planId: '7', revision: 5, startedAtMs: nowMs - 34_000 },
  ...{ lastProgressAtMs: nowMs - 1_200, movesTotal: 24, movesDone: 9, movesRunning: 2 },
  ...{ movesFailed: 1, bytesTotal: 2_400e6, bytesDone: 900e6, rate: 41e6, etaSeconds: 36.6 },
  blockedBy: [
    {
      ...{ reason: 'InsufficientFreeSpace', nodeId: 2, groupIds: [3] },
      message: 'Shard 3 (84 MB) has no place: 1 node may take it, and none has 357 MB free',
    },
  ],
  ...{ underReplicatedShards: 1, leaderlessShards: 0 },
};

function move(moveId: string, change: Partial<MoveView>): MoveView {
  return {
    ...{ moveId, groupId: 1, reason: 'Balance', kind: 'swap', fromNodeIds: [1], toNodeIds: [4] },
    ...{ bytes: 85e6, state: 'waiting', bytesDone: 0, blockedBy: '', startedAtMs: 0 },
    ...change,
  };
}

export const movement: MovementView = {
  status: rebalance,
  moves: [
    move('1', { state: 'copying', bytesDone: 12e6, startedAtMs: nowMs - 3_000 }),
    move('2', { groupId: 2, state: 'swapping', startedAtMs: nowMs - 64_000, fromNodeIds: [2] }),
    move('3', { groupId: 3, reason: 'Repair', kind: 'add', blockedBy: 'SnapshotsIn' }),
    ...Array.from({ length: 12 }, (_none, index) => move(`w${index}`, { groupId: 4 + index })),
  ],
};

export const idleMovement: MovementView = {
  status: {
    ...rebalance,
    ...{ state: 'idle', movesDone: 24, movesRunning: 0, movesFailed: 0, blockedBy: [] },
    underReplicatedShards: 0,
  },
  moves: [],
};

export const plan: PlanView = {
  moves: [
    move('1', { toNodeIds: [0xf000_0000] }),
    move('2', { groupId: 2, fromNodeIds: [2], toNodeIds: [0xf000_0000], bytes: 90e6 }),
    move('3', { groupId: 1, kind: 'prefer', reason: 'LeaderBalance', bytes: 0 }),
  ],
  movesTotal: 1_203,
  refusals: [],
  ...{ bytes: 175e6, bytesMin: 170e6, seconds: 5.3, leaderTransfers: 1 },
};

export const status: StatusView = {
  ...{ clusterId: 'c1', nodeId: 1, ready: true, shardCount: 4, replicationFactor: 3 },
  nodes: [
    node(1),
    node(2),
    node(3, { answers: false }),
    node(4, { state: 'joining', leaderCount: 0 }),
    node(5, { state: 'removed', answers: false }),
  ],
  groups: [
    group(0, '1L 2v 3v 4l'),
    group(1, '1L 2v 3v', { hashTo: 2 ** 30, bytes: 84e6 }),
    group(2, '1v 2L 3v 4l', { hashFrom: 2 ** 30, hashTo: 2 ** 31, bytes: 85e6 }),
    group(3, '1v 2L 3o 4i', { hashFrom: 2 ** 31, hashTo: 3 * 2 ** 30, bytes: 1.2e9 }),
    group(4, '1v 3v 2v', { hashFrom: 3 * 2 ** 30, hashTo: 2 ** 32 }),
  ],
  ...{ featureVersion: 1, effectiveReplicationFactor: 3, systemLeaderNodeId: 1 },
  ...{ controlEpoch: 0, controlHolder: '', rebalance },
  problems: [
    { reason: 'NodeDown', message: 'Node 3 does not answer', nodeId: 3 },
    { reason: 'GroupWithoutLeader', message: 'Group 4 has no leader', nodeId: 0, groupId: 4 },
  ],
};

const refuse = async (): Promise<never> => await Promise.reject(new Error('not asked here'));

/** Calls that refuse whatever a test does not give. */
export function testCalls(given: Partial<ClusterCalls>): ClusterCalls {
  return {
    ...{ status: refuse, plan: refuse, movement: refuse, settings: refuse, updateSettings: refuse },
    ...{ startRebalance: refuse, pauseRebalance: refuse, cancelRebalance: refuse },
    ...{ setNodeState: refuse, drainProgress: refuse, removeNode: refuse, moveReplica: refuse },
    ...{ transferLeader: refuse, close: () => undefined },
    ...given,
  };
}
