/**
 * Every refusal of the system group and of moves by hand: its stable name, and a sentence that says
 * the numbers. Those of the planner are in `shards/`, those of a group's leader in `host/`, the
 * fences in `fence.test.ts`. Method: one row a refusal, each brought about on paper.
 */
import { describe, expect, test } from '@jest/globals';
import { isDynakvError } from '../lib/errors.ts';
import type { ClusterView } from '../shards/cluster-view.ts';
import { makeMove } from '../shards/move.ts';
import { checkHandTransfer, handMove } from './hand-moves.ts';
import { checkMaintenance } from './maintenance-check.ts';
import { CatalogBench } from './testing-catalog.ts';
import type { SystemCommand } from './system-commands.ts';

const seen = (expectedRevision: number): { controlEpoch: number; expectedRevision: number } => ({
  ...{ controlEpoch: 0, expectedRevision },
});
const place = { clientAddress: 'c', opsAddress: 'o', featureVersionMax: 1 };
const node4 = { nodeId: 4, fence: seen(1) };
const toState = (state: 'active' | 'draining'): SystemCommand => ({
  ...{ op: 'setNodeState', state, owner: 'p' },
  ...node4,
});
const swapOf = (groupId: number, from: number, to: number) =>
  makeMove({ groupId, kind: 'swap', from: [from], to: [to], bytes: 0, reason: 'Manual' });
const update = (change: object, more: object = {}): SystemCommand => ({
  ...{ op: 'updateSettings', fence: seen(0), settings: change, allowLowerReplication: false },
  ...more,
});

interface Row {
  readonly reason: string;
  readonly says: string | RegExp;
  readonly command: SystemCommand;
  /** Brings the catalog there. */
  given?(bench: CatalogBench): void;
}

const rows: readonly Row[] = [
  {
    reason: 'UnknownNode',
    says: 'Cannot find node 9',
    command: { op: 'removeNode', nodeId: 9, fence: seen(1) },
  },
  {
    reason: 'WrongState',
    says: 'Cannot activate node 4: it is removed',
    given: (bench) => bench.setNode(4, { state: 'removed' }),
    command: toState('active'),
  },
  {
    reason: 'WrongState',
    says: 'Cannot drain node 4: it is removed',
    given: (bench) => bench.setNode(4, { state: 'removed' }),
    command: toState('draining'),
  },
  {
    reason: 'NodeDown',
    says: 'Cannot activate node 4: it does not answer',
    given: (bench) => {
      bench.setNode(4, { state: 'joining' });
      bench.silent.add(4);
    },
    command: toState('active'),
  },
  {
    reason: 'ZonesUnknown',
    says: 'Cannot activate node 4: its zone is unknown, and 2 of the other 3 nodes have one',
    given: (bench) => {
      bench.setNode(4, { state: 'joining' });
      bench.setNode(1, { zone: 'a' });
      bench.setNode(2, { zone: 'b' });
    },
    command: toState('active'),
  },
  {
    reason: 'NotDrained',
    says: 'Cannot remove node 4: it is active; drain it first',
    command: { op: 'removeNode', ...node4 },
  },
  {
    reason: 'HoldsReplicas',
    says: /^Cannot remove node 4: \d shards have a copy on it \(groups [12, ]+\); they are/,
    given: (bench) => bench.setNode(4, { state: 'dead' }),
    command: { op: 'removeNode', ...node4 },
  },
  {
    reason: 'InvalidDuration',
    says: 'Cannot set maintenance of node 4: 3600001 ms is not 0 … 3600000',
    command: { op: 'maintenance', durationMs: 3_600_001, ...node4 },
  },
  {
    reason: 'WrongState',
    says: 'Cannot set maintenance of node 4: it is dead',
    given: (bench) => bench.setNode(4, { state: 'dead' }),
    command: { op: 'maintenance', durationMs: 1_000, ...node4 },
  },
  {
    reason: 'WrongState',
    says: 'Cannot evict the leaders of node 4: it is removed',
    given: (bench) => bench.setNode(4, { state: 'removed' }),
    command: { op: 'evictLeaders', evict: true, ...node4 },
  },
  {
    reason: 'AddressInUse',
    says: 'Cannot join at n4:7000: node 4 answers there',
    command: { op: 'join', storeId: 'x', address: 'n4:7000', ...place },
  },
  {
    reason: 'Removed',
    says: 'Cannot join: this store was node 4, which was removed',
    given: (bench) => bench.setNode(4, { state: 'removed' }),
    command: { op: 'join', storeId: 's4', address: 'n9:7000', ...place },
  },
  {
    reason: 'FeatureVersionTooOld',
    says: /^Cannot join: the cluster uses feature version 2, this program knows up to 1:/,
    given: (bench) => bench.setCluster({ featureVersion: 2 }),
    command: { op: 'join', storeId: 'x', address: 'n9:7000', ...place },
  },
  {
    reason: 'FeatureVersionUnknown',
    says: 'Cannot raise the feature version to 3: node 4 knows up to 2',
    given: (bench) => {
      for (const nodeId of [1, 2, 3, 4]) {
        bench.setNode(nodeId, { featureVersionMax: nodeId === 4 ? 2 : 3 });
      }
    },
    command: { op: 'raiseFeatureVersion', version: 3 },
  },
  {
    reason: 'InvalidSettings',
    says: '"concurrentMovesMax" must be 1 … 64: 65',
    command: update({ concurrentMovesMax: 65 }),
  },
  {
    reason: 'InvalidSettings',
    says: '"replicationFactor" must be one of 1, 3, 5, 7: 4',
    command: update({}, { replicationFactor: 4 }),
  },
  {
    reason: 'WouldLowerReplication',
    says: 'Cannot lower the copies of each shard from 3 to 1: it must be allowed explicitly',
    command: update({}, { replicationFactor: 1 }),
  },
  {
    reason: 'OtherOperationInProgress',
    says: 'Cannot move a copy of group 1: move 1:swap:1>4 of it is planned',
    given: (bench) => {
      bench.run({ op: 'addMove', fence: seen(0), move: swapOf(1, 1, 4) });
    },
    command: { op: 'addMove', fence: seen(1), move: swapOf(1, 2, 4) },
  },
  {
    reason: 'UnknownMove',
    says: 'Cannot find move 1:swap:1>4: it was dropped, or is done',
    command: { op: 'beginMove', moveId: '1:swap:1>4' },
  },
  {
    reason: 'ReplicaLeftBehind',
    says: /^Cannot begin move 1:swap:1>2: node 2 still has replica \d$/,
    given: (bench) => {
      // Node 2 has, or is given, a replica of the group that no move stands for.
      const expectedRevision = bench.catalog.groups.get(1)?.revision ?? 0;
      bench.run({ op: 'giveReplica', groupId: 1, nodeId: 2, expectedRevision });
      bench.run({ op: 'addMove', fence: seen(0), move: swapOf(1, 1, 2) });
    },
    command: { op: 'beginMove', moveId: '1:swap:1>2' },
  },
  {
    reason: 'NoEligibleNode',
    says: 'Cannot begin move 1:swap:1>4: node 4 is draining',
    given: (bench) => {
      bench.run({ op: 'addMove', fence: seen(0), move: swapOf(1, 1, 4) });
      bench.setNode(4, { state: 'draining' });
    },
    command: { op: 'beginMove', moveId: '1:swap:1>4' },
  },
  {
    reason: 'UnknownReplica',
    says: 'Cannot find replica 77 of group 1',
    command: { op: 'forgetReplica', groupId: 1, replicaId: 77 },
  },
  {
    reason: 'UnknownReplica',
    says: 'Cannot lead group 1 from node 9: no copy',
    command: { op: 'preferLeader', groupId: 1, nodeId: 9, fence: seen(0) },
  },
  {
    reason: 'UnknownGroup',
    says: 'Cannot find group 99',
    command: { op: 'forgetReplica', groupId: 99, replicaId: 1 },
  },
  {
    reason: 'OtherManager',
    says: 'Cannot run it: it was decided in term 2, this is term 3',
    command: { op: 'nodeDead', nodeId: 4, asTerm: 2 },
  },
];

describe('the system group refuses', () => {
  test.each(rows.map((row) => [`${row.command.op}: ${row.reason}`, row] as const))(
    '%s',
    (_name, { reason, says, command, given }) => {
      const bench = new CatalogBench();
      given?.(bench);
      const before = JSON.stringify([...bench.catalog.nodes, ...bench.catalog.groups]);
      const [found, message] = bench.refusal(command);
      expect([found, message]).toEqual([
        reason,
        typeof says === 'string' ? says : expect.stringMatching(says),
      ]);
      expect(JSON.stringify([...bench.catalog.nodes, ...bench.catalog.groups])).toBe(before);
    },
  );
});

/** Five nodes in zones a, a, b, c, c; group 1 on 1, 3 and 4. */
function viewWith(change: Partial<ClusterView['groups'][number]> = {}): ClusterView {
  const zones = ['a', 'a', 'b', 'c', 'c'];
  return {
    nodes: zones.map((zone, i) => ({ nodeId: i + 1, zone, state: 'active' })),
    groups: [
      {
        groupId: 1,
        replicas: [1, 3, 4].map((nodeId) => ({ nodeId, role: 'voter' })),
        ...{ leader: 1, preferredLeader: 1, bytes: 5_000 },
        ...change,
      },
    ],
    ...{ replicationFactor: 3, effectiveFactor: 3 },
  };
}

function withNode(nodeId: number, change: Partial<ClusterView['nodes'][number]>): ClusterView {
  const view = viewWith();
  const nodes = view.nodes.map((node) => (node.nodeId === nodeId ? { ...node, ...change } : node));
  return { ...view, nodes };
}

function said(work: () => unknown): readonly [unknown, string] {
  try {
    return ['not refused', JSON.stringify(work())];
  } catch (error) {
    return isDynakvError(error) ? [error.facts['reason'], error.message] : ['?', String(error)];
  }
}

const spare = 2 ** 30;

describe('a move by hand is refused', () => {
  test.each<[string, RegExp, ClusterView, number, number, number]>([
    ['UnknownGroup', /group 0: it is no shard/, viewWith(), 0, 1, 2],
    ['UnknownGroup', /Cannot find group 9/, viewWith(), 9, 1, 2],
    ['NoSuchCopy', /from node 2 to node 5: node 2 has none/, viewWith(), 1, 2, 5],
    ['NoSuchCopy', /from node 1 to node 3: node 3 has one/, viewWith(), 1, 1, 3],
    ['NoEligibleNode', /to node 7: it is unknown/, viewWith(), 1, 1, 7],
    ['NoEligibleNode', /to node 2: it is draining/, withNode(2, { state: 'draining' }), 1, 1, 2],
    ['NoEligibleNode', /to node 2: it is silent/, withNode(2, { live: false }), 1, 1, 2],
    ['LeaderlessShards', /none of its 3 copies leads it/, viewWith({ leader: undefined }), 1, 1, 2],
    [
      'ZoneSpreadWouldBreak',
      /1 pairs of its 3 copies would share a zone, now 0/,
      viewWith(),
      1,
      3,
      2,
    ],
    [
      'InsufficientFreeSpace',
      /it takes 5000 bytes, and 4999 are left above the reserve/,
      withNode(2, { freeBytes: spare + 4_999 }),
      ...([1, 1, 2] as const),
    ],
  ])('%s: %s', (reason, says, view, groupId, from, to) => {
    const [found, message] = said(() => handMove(view, { groupId, from, to }));
    expect([found, message]).toEqual([reason, expect.stringMatching(says)]);
  });

  test('or is a swap that takes the preference along', () => {
    const move = handMove(viewWith(), { groupId: 1, from: 1, to: 2 });
    expect(move).toMatchObject({ kind: 'swap', reason: 'Manual', bytes: 5_000, prefer: 2 });
  });

  test.each<[string, RegExp, ClusterView, number]>([
    ['NoSuchCopy', /from node 2: it has no vote there/, viewWith(), 2],
    ['NoEligibleNode', /from node 3: it is maintenance/, withNode(3, { state: 'maintenance' }), 3],
    ['NoEligibleNode', /from node 3: it is silent/, withNode(3, { live: false }), 3],
  ])('of a leadership, %s: %s', (reason, says, view, to) => {
    const [found, message] = said(() => {
      checkHandTransfer(view, 1, to);
    });
    expect([found, message]).toEqual([reason, expect.stringMatching(says)]);
  });
});

describe('maintenance is refused (O12)', () => {
  test('while another node is away, and where a majority would be missing', () => {
    const bench = new CatalogBench(5);
    const check = (view: ClusterView) =>
      said(() => {
        checkMaintenance(bench.catalog, view, 1);
      });
    expect(check(withNode(3, { live: false }))).toEqual([
      'QuorumAtRisk',
      'Cannot set maintenance of node 1: without it group 1 has 1 of 3 voters that answer',
    ]);
    expect(check(viewWith())[0]).toBe('not refused');
    bench.setNode(2, { maintenanceUntilMs: 9 });
    expect(check(viewWith())).toEqual([
      'OtherOperationInProgress',
      'Cannot set maintenance of node 1: node 2 is in maintenance',
    ]);
  });
});
