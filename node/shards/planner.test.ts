// Goal: the promises of issue and design, one by one. Method: clusters of any shape from the first
// placement, one change, the plan made, its moves applied, and the result counted out.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import { applyMoves } from './applied-moves.ts';
import type { ClusterView } from './cluster-view.ts';
import { describeMove, movePriorities } from './move.ts';
import { planShards } from './planner.ts';
import * as fixture from './test-cluster.ts';
import {
  anyNodes,
  clusterOf,
  copiesOf,
  flatNodes,
  leadersOf,
  loadsOf,
  placementProblems,
  withNode,
  withState,
  zonedNodes,
} from './test-cluster.ts';

const shardCount = fc.constantFrom(1, 4, 16, 64);
const factor = fc.constantFrom(1, 3, 5);
const anyCluster = fc
  .record({ nodes: anyNodes(9), shards: shardCount, replicationFactor: factor })
  .map(clusterOf);
const flatCluster = fc
  .record({ nodes: fc.integer({ min: 1, max: 12 }).map(flatNodes), shards: shardCount })
  .map(clusterOf);

/** Plans and applies; planning again must find nothing to do. */
function settle(view: ClusterView): ClusterView {
  const plan = planShards({ view });
  const after = { ...applyMoves(view, plan.moves), effectiveFactor: plan.effectiveFactor };
  expect(planShards({ view: after }).moves.map(describeMove)).toEqual([]);
  return after;
}

function withoutNode(view: ClusterView, nodeId: number): ClusterView {
  return { ...view, nodes: view.nodes.filter((node) => node.nodeId !== nodeId) };
}

/** The node that is `pick` parts of 1,000 down the list. */
function nodeAt(view: ClusterView, pick: number): number {
  return must(view.nodes[Math.floor((pick / 1_000) * view.nodes.length)]).nodeId;
}

const pick = fc.nat(999);

describe('planShards', () => {
  test('leaves the first placement as it is', () => {
    fc.assert(
      fc.property(anyCluster, (view) => {
        const { moves, refusals } = planShards({ view });
        expect([moves.map(describeMove), refusals]).toEqual([[], []]);
        expect(placementProblems(view)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test('does not depend on any order in the view', () => {
    fc.assert(
      fc.property(anyCluster, pick, (cluster, at) => {
        const view = withNode(withState(cluster, nodeAt(cluster, at), 'draining'), { nodeId: 99 });
        const turned = {
          ...view,
          nodes: [...view.nodes].reverse(),
          groups: [...view.groups]
            .reverse()
            .map((group) => ({ ...group, replicas: [...group.replicas].reverse() })),
        };
        expect(planShards({ view: turned })).toEqual(planShards({ view }));
      }),
    );
  });

  test('says the same as its moves do', () => {
    fc.assert(
      fc.property(anyCluster, pick, (cluster, at) => {
        const view = withNode(withState(cluster, nodeAt(cluster, at), 'draining'), { nodeId: 99 });
        const { moves, placements } = planShards({ view });
        const after = new Map(
          applyMoves(view, moves).groups.map((group) => [group.groupId, group]),
        );
        for (const { groupId, voters, preferredLeader } of placements) {
          const group = must(after.get(groupId));
          expect(fixture.votersOf(group).sort((a, b) => a - b)).toEqual(voters);
          expect(group.preferredLeader).toBe(preferredLeader);
        }
        expect(placements.map(({ groupId }) => groupId)).toEqual(
          view.groups.map(({ groupId }) => groupId),
        );
      }),
    );
  });

  test('gives every move an id of its own, in order of priority, as plain JSON', () => {
    fc.assert(
      fc.property(anyCluster, pick, (cluster, at) => {
        const view = withNode(withState(cluster, nodeAt(cluster, at), 'draining'), { nodeId: 99 });
        const { moves } = planShards({ view });
        expect(new Set(moves.map(({ id }) => id)).size).toBe(moves.length);
        expect(JSON.parse(JSON.stringify(moves))).toEqual(moves);
        const priorities = moves.map(({ priority }) => priority);
        expect([...priorities].sort((a, b) => a - b)).toEqual(priorities);
        expect(moves.every((move) => move.priority === movePriorities[move.reason])).toBe(true);
      }),
    );
  });
});

describe('a node that joins', () => {
  test('gets its share and no more is moved, without zones', () => {
    fc.assert(
      fc.property(flatCluster, (view) => {
        const before = view.nodes.length;
        fc.pre(before >= 3);
        const grown = withNode(view, { nodeId: 50 });
        const { moves } = planShards({ view: grown });
        const replicas = view.groups.length * 3;
        expect(copiesOf(moves)).toBeLessThanOrEqual(Math.ceil(replicas / (before + 1)) + 3);
        expect(moves.every(({ kind, to }) => kind !== 'swap' || to[0] === 50)).toBe(true);
        const after = settle(grown);
        const mean = replicas / (before + 1);
        for (const load of loadsOf(after).values()) {
          expect(load).toBeGreaterThanOrEqual(0.9 * mean - 1);
          expect(load).toBeLessThanOrEqual(1.1 * mean + 1);
        }
      }),
    );
  });

  test('moves what the zones and its share make necessary, with zones and weights', () => {
    fc.assert(
      fc.property(anyCluster, anyNodes(1), (view, [node]) => {
        const grown = withNode(view, { ...must(node), nodeId: 50 });
        const { moves, effectiveFactor } = planShards({ view: grown });
        fc.pre(effectiveFactor === view.effectiveFactor);
        const after = settle(grown);
        expect(placementProblems(after)).toEqual([]);
        const forSpread = moves.filter(({ reason }) => reason === 'ZoneSpread').length;
        const got = must(loadsOf(after).get(50));
        expect(copiesOf(moves) - forSpread).toBeLessThanOrEqual(got + effectiveFactor);
      }),
      { numRuns: 100 },
    );
  });

  test('makes the factor rise 1, 3, 5 with the nodes, two copies at a time', () => {
    let view = clusterOf({ nodes: flatNodes(1), shards: 8, replicationFactor: 5 });
    const seen: unknown[] = [];
    for (let nodeId = 2; nodeId <= 6; nodeId++) {
      view = withNode(view, { nodeId });
      const { effectiveFactor, moves } = planShards({ view });
      const reasons = [...new Set(moves.filter(({ kind }) => kind === 'add').map((m) => m.reason))];
      const sizes = [...new Set(moves.map(({ kind, to }) => (kind === 'add' ? to.length : 0)))];
      seen.push([nodeId, effectiveFactor, reasons, sizes.filter((size) => size > 0)]);
      view = settle(view);
      expect(placementProblems(view)).toEqual([]);
    }
    expect(seen).toEqual([
      [2, 1, [], []],
      [3, 3, ['Upreplicate'], [2]],
      [4, 3, [], []],
      [5, 5, ['Upreplicate'], [2]],
      [6, 5, [], []],
    ]);
  });
});

describe('a node that goes', () => {
  const states = fc.constantFrom('draining' as const, 'dead' as const, 'removed' as const);
  const evenZones = fc.constantFrom('abcabc', 'abcabcabc', 'aaabbbccc', 'abcdabcd');
  const evenCluster = fc
    .record({ nodes: evenZones.map(zonedNodes), shards: shardCount })
    .map(clusterOf);

  test.each([
    ['without zones', flatCluster],
    ['with even zones', evenCluster],
  ])('moves only its own copies, %s', (_, clusters) => {
    fc.assert(
      fc.property(clusters, pick, states, (view, at, state) => {
        fc.pre(view.nodes.length > 3);
        const nodeId = nodeAt(view, at);
        const own = view.groups.filter((group) => fixture.votersOf(group).includes(nodeId));
        const shrunk = withState(view, nodeId, state);
        const copied = planShards({ view: shrunk }).moves.filter(({ bytes }) => bytes > 0);
        expect(copied.map(({ groupId }) => groupId)).toEqual(own.map(({ groupId }) => groupId));
        expect(copied.every(({ from }) => from.join() === `${nodeId}`)).toBe(true);
        const after = settle(shrunk);
        expect(loadsOf(after).get(nodeId)).toBe(0);
        expect(placementProblems(withoutNode(after, nodeId))).toEqual([]);
      }),
    );
  });

  test('moves more only to keep loads in bounds, with any zones and weights', () => {
    fc.assert(
      fc.property(anyCluster, pick, (view, at) => {
        fc.pre(view.nodes.length > view.effectiveFactor);
        const nodeId = nodeAt(view, at);
        const shrunk = withState(view, nodeId, 'draining');
        const { moves } = planShards({ view: shrunk });
        const after = settle(shrunk);
        expect(placementProblems(withoutNode(after, nodeId))).toEqual([]);
        const others = moves.filter(({ bytes, reason }) => bytes > 0 && reason !== 'Drain');
        const repaired = applyMoves(
          shrunk,
          moves.filter((move) => !others.includes(move)),
        );
        const problems = placementProblems(withoutNode(repaired, nodeId));
        expect(others.length > 0).toBe(problems.length > 0);
      }),
      { numRuns: 100 },
    );
  });

  test('leaves no preference and no leadership on a node that drains', () => {
    fc.assert(
      fc.property(anyCluster, pick, (view, at) => {
        fc.pre(view.nodes.length > view.effectiveFactor);
        const nodeId = nodeAt(view, at);
        const after = settle(withState(view, nodeId, 'draining'));
        expect(leadersOf(after).get(nodeId)).toBe(0);
        expect(after.groups.every(({ leader }) => leader !== nodeId)).toBe(true);
      }),
    );
  });
});

describe('leaders', () => {
  test('are spread by weight, and over zones as the nodes are', () => {
    fc.assert(
      fc.property(anyCluster, anyNodes(1), (view, [node]) => {
        const after = settle(withNode(view, { ...must(node), nodeId: 50 }));
        const weights = after.nodes.map(({ weight = 1 }) => weight);
        const total = weights.reduce((a, b) => a + b, 0);
        const loads = loadsOf(after);
        const counts = leadersOf(after);
        const byZone = new Map<string, { count: number; share: number; nodes: number }>();
        for (const { nodeId, zone, weight = 1 } of after.nodes) {
          const share = (after.groups.length * weight) / total;
          const count = must(counts.get(nodeId));
          // A node cannot lead what it does not hold, and then the others lead more.
          fc.pre(share <= must(loads.get(nodeId)));
          expect(count).toBeLessThanOrEqual(1.1 * share + weight);
          expect(count).toBeGreaterThanOrEqual(0.9 * share - 1);
          const name = fixture.zoneName({ nodeId, zone });
          const before = byZone.get(name) ?? { count: 0, share: 0, nodes: 0 };
          byZone.set(name, {
            count: before.count + count,
            share: before.share + share,
            nodes: before.nodes + weight,
          });
        }
        for (const { count, share, nodes } of byZone.values()) {
          expect(Math.abs(count - share)).toBeLessThanOrEqual(0.1 * share + nodes);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('move from a node that leads far more than its share, to where they are at home', () => {
    const born = clusterOf({ nodes: flatNodes(3), shards: 30 });
    const view = { ...born, groups: born.groups.map((group) => ({ ...group, leader: 1 })) };
    const { moves } = planShards({ view });
    expect(moves).toHaveLength(20);
    for (const { kind, reason, from, to, groupId } of moves) {
      expect([kind, reason, from]).toEqual(['transfer', 'LeaderBalance', [1]]);
      expect(view.groups[groupId - 1]?.preferredLeader).toBe(to[0]);
    }
    settle(view);
  });

  test('leave a node in maintenance, which stays the preferred one and keeps its copies', () => {
    const born = clusterOf({ nodes: flatNodes(4), shards: 16 });
    for (const state of ['maintenance', 'evictingLeaders'] as const) {
      const { moves } = planShards({ view: withState(born, 2, state) });
      const led = born.groups.filter(({ leader }) => leader === 2);
      expect(moves.map(({ groupId }) => groupId)).toEqual(led.map(({ groupId }) => groupId));
      expect(moves.every(({ kind, reason }) => kind === 'transfer' && reason === 'Evict')).toBe(
        true,
      );
    }
  });
});
