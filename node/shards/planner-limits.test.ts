// What the planner must not do: move what has no majority, fall below the factor, overfill a disk,
// balance before repairs. Method: by hand where the numbers are said, random where a bound is kept.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import type { ClusterView, ViewReplica } from './cluster-view.ts';
import { makeMove } from './move.ts';
import { planShards } from './planner.ts';
import type { Plan } from './planner.ts';
import {
  anyNodes,
  clusterOf,
  copiesOf,
  flatNodes,
  votersOf,
  withNode,
  withState,
  zonedNodes,
} from './test-cluster.ts';

function messageOf(plan: Plan, reason: string): string | undefined {
  return plan.refusals.find((refusal) => refusal.reason === reason)?.message;
}

function withReplicas(view: ClusterView, replicas: readonly ViewReplica[]): ClusterView {
  return { ...view, groups: view.groups.map((group) => ({ ...group, replicas })) };
}

describe('majorities', () => {
  test('a shard with a healthy majority is repaired, one without is named and left alone', () => {
    fc.assert(
      fc.property(anyNodes(8), fc.nat(), fc.nat(), (nodes, first, second) => {
        fc.pre(nodes.length >= 5);
        const [a, b] = [first, second].map((at) => must(nodes[at % nodes.length]).nodeId);
        const born = clusterOf({ nodes, shards: 16 });
        const view = withState(withState(born, must(a), 'dead'), must(b), 'removed');
        const plan = planShards({ view });
        const gone = [a, b];
        for (const group of view.groups) {
          const lost = votersOf(group).filter((nodeId) => gone.includes(nodeId));
          const wanted = must(plan.placements.find(({ groupId }) => groupId === group.groupId));
          const copies = plan.moves.filter(
            ({ groupId, kind }) => groupId === group.groupId && kind !== 'prefer',
          );
          if (lost.length > 1) {
            expect(copies).toEqual([]);
            expect(wanted.voters).toEqual(votersOf(group).sort((x, y) => x - y));
          } else {
            expect(wanted.voters.filter((nodeId) => gone.includes(nodeId))).toEqual([]);
          }
        }
        const named = plan.refusals.find(({ reason }) => reason === 'LeaderlessShards');
        const leaderless = view.groups.filter(
          (group) => votersOf(group).filter((nodeId) => gone.includes(nodeId)).length > 1,
        );
        expect(named?.facts['shards'] ?? 0).toBe(leaderless.length);
      }),
    );
  });

  test('both halves of a joint configuration need one', () => {
    const born = clusterOf({ nodes: flatNodes(6), shards: 1 });
    const joint = withReplicas(born, [
      { nodeId: 1, role: 'voter' },
      { nodeId: 2, role: 'outgoing' },
      { nodeId: 3, role: 'outgoing' },
      { nodeId: 4, role: 'incoming' },
      { nodeId: 5, role: 'incoming' },
    ]);
    expect(messageOf(planShards({ view: joint }), 'LeaderlessShards')).toBeUndefined();
    for (const halves of [
      [2, 3],
      [4, 5],
    ]) {
      const view = halves.reduce((each, nodeId) => withState(each, nodeId, 'dead'), joint);
      const plan = planShards({ view });
      expect(messageOf(plan, 'LeaderlessShards')).toBe(
        'Cannot move 1 shard that lost a majority of the copies (group 1): ' +
          `bring back nodes ${halves.join(', ')}`,
      );
    }
  });

  test('those next to losing theirs are repaired first', () => {
    const born = clusterOf({ nodes: flatNodes(8), shards: 2, replicationFactor: 5 });
    const replicas = [
      [1, 2, 3, 4, 5],
      [1, 2, 3, 6, 7],
    ].map((nodeIds) => nodeIds.map((nodeId): ViewReplica => ({ nodeId, role: 'voter' })));
    const groups = born.groups.map((group, g) => ({ ...group, replicas: must(replicas[g]) }));
    const view = withState(withState({ ...born, groups }, 3, 'dead'), 7, 'dead');
    const swaps = planShards({ view }).moves.filter(({ kind }) => kind === 'swap');
    expect(swaps.map(({ groupId }) => groupId)).toEqual([2, 2, 1]);
  });
});

describe('the factor', () => {
  test('does not fall when nodes go (protocols.md P17)', () => {
    const born = clusterOf({ nodes: flatNodes(3), shards: 4 });
    const view = withState(born, 3, 'removed');
    const plan = planShards({ view });
    expect(plan.effectiveFactor).toBe(3);
    expect(plan.moves.filter(({ kind }) => kind !== 'prefer')).toEqual([]);
    expect(plan.placements.map(({ voters }) => voters)).toEqual(born.groups.map(() => [1, 2, 3]));
    expect(messageOf(plan, 'NothingToMoveTo')).toBe(
      'Cannot complete 4 shards with as few as 2 of 3 copies (groups 1, 2, 3, 4): ' +
        '3 copies need 3 nodes, and 2 can take any',
    );
  });

  test('never gives a group an even number of voters', () => {
    const born = clusterOf({ nodes: flatNodes(5), shards: 4, replicationFactor: 5 });
    // The rise from three to five was begun when a node was lost.
    const groups = born.groups.map((group, g) =>
      g === 0 ? group : { ...group, replicas: group.replicas.filter(({ nodeId }) => nodeId < 4) },
    );
    const view = withState({ ...born, groups, effectiveFactor: 3 }, 5, 'dead');
    const plan = planShards({ view });
    expect(plan.effectiveFactor).toBe(5);
    expect(plan.moves.filter(({ kind }) => kind === 'add')).toEqual([]);
  });

  test('extra voters are removed from the fullest nodes', () => {
    const born = clusterOf({ nodes: flatNodes(4), shards: 4 });
    const replicas: ViewReplica[] = [1, 2, 3, 4].map((nodeId) => ({ nodeId, role: 'voter' }));
    const { moves } = planShards({ view: withReplicas(born, replicas) });
    const removed = moves.filter(({ kind, reason }) => kind === 'remove' && reason === 'Extra');
    expect(removed.map(({ from }) => from.join()).sort()).toEqual(['1', '2', '3', '4']);
    expect(copiesOf(moves)).toBe(0);
  });

  test('of extra voters, those that do not answer are removed first', () => {
    const born = clusterOf({ nodes: flatNodes(4), shards: 4 });
    const replicas: ViewReplica[] = [1, 2, 3, 4].map((nodeId) => ({ nodeId, role: 'voter' }));
    const nodes = born.nodes.map((node) => ({ ...node, live: node.nodeId !== 2 }));
    const { moves } = planShards({ view: { ...withReplicas(born, replicas), nodes } });
    const removed = moves.filter(({ kind }) => kind === 'remove');
    expect(removed.map(({ from }) => from)).toEqual([[2], [2], [2], [2]]);
  });

  test('learners that no move wants are removed', () => {
    const born = clusterOf({ nodes: flatNodes(4), shards: 4 });
    const groups = born.groups.map((group) => {
      const nodeId = must([1, 2, 3, 4].find((id) => !votersOf(group).includes(id)));
      const replicas: ViewReplica[] = [...group.replicas, { nodeId, role: 'learner' }];
      return { ...group, replicas };
    });
    const { moves } = planShards({ view: { ...born, groups } });
    expect(moves.map(({ kind, reason }) => `${kind} ${reason}`)).toEqual(
      groups.map(() => 'remove Extra'),
    );
  });

  test('a learner that is there is taken before any other node', () => {
    const born = clusterOf({ nodes: flatNodes(5), shards: 1 });
    const voters: ViewReplica[] = [1, 2, 3].map((nodeId) => ({ nodeId, role: 'voter' }));
    const learner: ViewReplica = { nodeId: 5, role: 'learner', caughtUp: true };
    const view = withState(withReplicas(born, [...voters, learner]), 3, 'dead');
    const [move] = planShards({ view }).moves.filter(({ kind }) => kind === 'swap');
    expect(move).toMatchObject({ from: [3], to: [5], bytes: 0 });
  });
});

describe('the spread over zones', () => {
  test('is kept by repairs also while other nodes are unsettled', () => {
    const nodes = zonedNodes('aabbccdd');
    const born = clusterOf({ nodes, shards: 24, replicationFactor: 5 });
    // The new node in zone a is empty, and would be taken first if only load counted.
    const grown = withNode(born, { nodeId: 9, zone: 'a' });
    const view = withState(withState(grown, 1, 'maintenance'), 7, 'dead');
    const { placements } = planShards({ view });
    for (const { voters } of placements) {
      const zones = new Set(voters.map((nodeId) => nodes[nodeId - 1]?.zone ?? 'a'));
      expect([...zones].sort().join('')).toBe('abcd');
    }
  });
});

describe('disks', () => {
  test('no node is promised more bytes than it has room for', () => {
    const cluster = fc.record({
      nodes: anyNodes(8),
      room: fc.array(fc.integer({ min: 0, max: 12_000 }), { minLength: 9, maxLength: 9 }),
      bytes: fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 16, maxLength: 16 }),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(cluster, ({ nodes, room, bytes, gone }) => {
        const born = clusterOf({ nodes, shards: 16, bytesOf: (shardId) => must(bytes[shardId]) });
        const grown = withNode(born, { nodeId: 99 });
        const limits = { freeBytesMin: 500 };
        const limited = grown.nodes.map((node, i) => ({ ...node, freeBytes: must(room[i]) }));
        const mayGo = gone && nodes.length > born.effectiveFactor;
        const view = { ...grown, limits, nodes: limited };
        const plan = planShards({ view: mayGo ? withState(view, 1, 'draining') : view });
        const promised = new Map<number, number>();
        for (const move of plan.moves.filter(({ groupId }) => groupId > 0)) {
          for (const nodeId of move.to) {
            const before = promised.get(nodeId) ?? 0;
            promised.set(nodeId, before + move.bytes / move.to.length);
          }
        }
        for (const { nodeId, freeBytes = 0 } of view.nodes) {
          const most = Math.max(0, freeBytes - limits.freeBytesMin);
          expect(promised.get(nodeId) ?? 0).toBeLessThanOrEqual(most);
        }
      }),
    );
  });

  test('what does not fit is said with the bytes', () => {
    const born = clusterOf({ nodes: flatNodes(4), shards: 8, bytesOf: () => 700 });
    const nodes = born.nodes.map((node) => ({ ...node, freeBytes: 1_500 }));
    const view = withState({ ...born, nodes, limits: { freeBytesMin: 1_000 } }, 2, 'draining');
    const plan = planShards({ view });
    expect(plan.moves.filter(({ kind }) => kind === 'swap')).toEqual([]);
    expect(messageOf(plan, 'InsufficientFreeSpace')).toBe(
      'Cannot place copies of 6 shards (groups 1, 3, 4, 6, 7, 8): they take 4200 bytes, ' +
        'and no node that could take one has more than 500 left',
    );
  });
});

describe('balance', () => {
  const skewed = withNode(clusterOf({ nodes: flatNodes(4), shards: 16 }), { nodeId: 5 });

  test('waits for nodes that are not active', () => {
    for (const change of [{ state: 'maintenance' as const }, { live: false }]) {
      const nodes = skewed.nodes.map((node) => (node.nodeId === 2 ? { ...node, ...change } : node));
      const plan = planShards({ view: { ...skewed, nodes } });
      expect(plan.moves.filter(({ kind }) => kind === 'swap')).toEqual([]);
      expect(messageOf(plan, 'BalanceWaits')).toBe(
        'Cannot balance 5 nodes yet: node 2 must be active and steady first',
      );
    }
  });

  test('says which shards are spread better once nodes are settled', () => {
    const nodes = zonedNodes('aabbcc');
    const born = clusterOf({ nodes, shards: 12 });
    const crowded = born.groups.map((group) =>
      group.groupId === 1 || group.groupId === 2
        ? { ...group, replicas: group.replicas.map((each, k) => ({ ...each, nodeId: k + 1 })) }
        : group,
    );
    const view = { ...born, groups: crowded };
    expect(copiesOf(planShards({ view }).moves)).toBeGreaterThan(1);
    const unsteady = born.nodes.map((node) =>
      node.nodeId === 5 ? { ...node, steady: false } : node,
    );
    const plan = planShards({ view: { ...view, nodes: unsteady } });
    expect(copiesOf(plan.moves)).toBe(0);
    expect(messageOf(plan, 'BalanceWaits')).toBe(
      'Cannot spread 2 shards better yet: node 5 must be active and steady first',
    );
  });

  test('waits for repairs that cannot be made yet, and follows those that can', () => {
    const twoDead = withState(withState(skewed, 1, 'dead'), 2, 'dead');
    const stuck = planShards({ view: twoDead });
    expect(messageOf(stuck, 'BalanceWaits')).toContain('shards must be repaired first');
    expect(stuck.moves.filter(({ reason }) => reason === 'Balance')).toEqual([]);
    const wider = withNode(skewed, { nodeId: 6 });
    const oneDead = planShards({ view: withState(wider, 1, 'dead') });
    const reasons = oneDead.moves.map(({ reason }) => reason);
    expect(reasons.lastIndexOf('Repair')).toBeLessThan(reasons.indexOf('Balance'));
  });

  test('is left out when it is not wanted, and moves of people are carried on', () => {
    const limits = { mayBalance: false };
    const view = { ...skewed, limits };
    expect(planShards({ view })).toMatchObject({ moves: [], refusals: [] });
    const from = must(votersOf(must(view.groups[0]))[0]);
    const manual = makeMove({
      ...{ groupId: 1, kind: 'swap', from: [from], to: [5], bytes: 1_000, reason: 'Manual' },
    });
    const [move, ...others] = planShards({ view, carried: [manual] }).moves;
    expect(others).toEqual([]);
    expect(move).toMatchObject({ id: manual.id, reason: 'Manual' });
    const drained = planShards({ view: withState(view, 2, 'draining') }).moves;
    expect(copiesOf(drained)).toBe(12);
  });

  test('lets groups of nearly the same size go by hash, not the smallest of all', () => {
    const bytesOf = (shardId: number): number => 10_000 + (shardId % 7) * 50;
    const view = withNode(clusterOf({ nodes: flatNodes(3), shards: 64, bytesOf }), { nodeId: 4 });
    const mean = view.groups.reduce((sum, { bytes = 0 }) => sum + bytes, 0) / 64;
    const { moves } = planShards({ view });
    const moved = moves.reduce((sum, { bytes }) => sum + bytes, 0) / moves.length;
    expect(moved).toBeGreaterThan(mean * 0.998);
    // Of sizes that really differ, the smaller ones go.
    const wide = withNode(
      clusterOf({ nodes: flatNodes(3), shards: 64, bytesOf: (s) => (s % 2 === 0 ? 1_000 : 9_000) }),
      { nodeId: 4 },
    );
    const small = planShards({ view: wide }).moves.filter(({ bytes }) => bytes === 1_000);
    expect(small).toHaveLength(32);
  });
});
