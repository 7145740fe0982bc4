// Who votes in the system group after each kind of change. Method: tables by hand, and one property
// against a count of all zones.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import { applyMoves } from './applied-moves.ts';
import type { ClusterView, ViewGroup } from './cluster-view.ts';
import { describeMove } from './move.ts';
import type { CarriedMove, Move } from './move.ts';
import { planShards } from './planner.ts';
import {
  anyNodes,
  clusterOf,
  flatNodes,
  slowFewestPairs,
  votersOf,
  withNode,
  withState,
  withSystemGroup,
  zoneName,
  zonedNodes,
} from './test-cluster.ts';
import type { TestNode } from './test-cluster.ts';

function clusterWith(nodes: readonly TestNode[], voters: readonly number[]): ClusterView {
  return withSystemGroup(clusterOf({ nodes, shards: 1 }), voters);
}

function systemOf(view: ClusterView): ViewGroup {
  return must(view.groups.find(({ groupId }) => groupId === 0));
}

/** Moves of the system group as text, and what comes of them. */
function planSystem(view: ClusterView): { moves: string[]; after: ClusterView } {
  const moves = planShards({ view }).moves.filter(({ groupId }) => groupId === 0);
  return { moves: moves.map(describeMove), after: applyMoves(view, moves) };
}

describe('SystemPlanner', () => {
  test('every node that comes is a learner, and voters grow 1, 3, 5', () => {
    let view = clusterWith(flatNodes(1), [1]);
    const seen: string[][] = [];
    for (let nodeId = 2; nodeId <= 6; nodeId++) {
      const { moves, after } = planSystem(withNode(view, { nodeId }));
      seen.push(moves.map((text) => text.replace('group 0 ', '')));
      view = after;
    }
    expect(seen).toEqual([
      ['addLearner +n2 (Upreplicate)'],
      ['addLearner +n3 (Upreplicate)', 'promote n2+n3 (Upreplicate)'],
      ['addLearner +n4 (Upreplicate)'],
      ['addLearner +n5 (Upreplicate)', 'promote n4+n5 (Upreplicate)'],
      ['addLearner +n6 (Upreplicate)'],
    ]);
    expect(votersOf(systemOf(view)).sort()).toEqual([1, 2, 3, 4, 5]);
  });

  test('a voter that drains or dies is replaced by a learner and stays one itself', () => {
    for (const [state, reason] of [
      ['draining', 'Drain'],
      ['dead', 'Repair'],
    ] as const) {
      const view = withState(clusterWith(flatNodes(6), [1, 2, 3, 4, 5]), 2, state);
      const { moves, after } = planSystem(view);
      expect(moves).toEqual([`group 0 promote n2 -> n6 (${reason})`]);
      expect(systemOf(after).replicas).toHaveLength(6);
    }
  });

  test('a removed node is a member no longer', () => {
    const view = withState(clusterWith(flatNodes(6), [1, 2, 3, 4, 5]), 2, 'removed');
    expect(planSystem(view).moves).toEqual([
      'group 0 promote n2 -> n6 (Repair)',
      'group 0 remove n2 (Extra)',
    ]);
  });

  test('a death alone takes no vote away', () => {
    const view = withState(clusterWith(flatNodes(5), [1, 2, 3, 4, 5]), 2, 'dead');
    const { moves, refusals } = planShards({ view });
    expect(moves.filter(({ groupId }) => groupId === 0)).toEqual([]);
    const [refusal] = refusals.filter(({ reason }) => reason === 'NoEligibleNode');
    expect(refusal?.message).toBe(
      'Cannot replace node 2 as voter of the system group: ' +
        '5 voters are wanted, and no other node can be one',
    );
  });

  test('a drain of five nodes to four leaves three voters, in one change', () => {
    const view = withState(clusterWith(flatNodes(5), [1, 2, 3, 4, 5]), 5, 'draining');
    const { moves, after } = planSystem(view);
    expect(moves).toEqual(['group 0 promote n4+n5 (Drain)']);
    expect(votersOf(systemOf(after))).toEqual([1, 2, 3]);
  });

  test('voters never become fewer than the copies of a shard', () => {
    const view = withState(clusterWith(flatNodes(3), [1, 2, 3]), 3, 'removed');
    expect(planSystem(view).moves).toEqual([]);
  });

  test('a leader that must not lead hands over, and another is preferred if it is to go', () => {
    const born = clusterWith(flatNodes(4), [1, 2, 3]);
    expect(planSystem(withState(born, 1, 'draining')).moves).toEqual([
      'group 0 prefer n1 -> n2 (Drain)',
      'group 0 transfer n1 -> n2 (Drain)',
      'group 0 promote n1 -> n4 (Drain)',
    ]);
    expect(planSystem(withState(born, 1, 'maintenance')).moves).toEqual([
      'group 0 transfer n1 -> n2 (Evict)',
    ]);
  });

  test('no other change of voters is planned while one is under way', () => {
    const view = withState(clusterWith(flatNodes(5), [1, 2, 3]), 1, 'draining');
    const [first] = planShards({ view }).moves.filter(({ kind }) => kind === 'promote');
    const begun = { ...must(first), isBegun: true };
    const promotes = (of: ClusterView, carried: readonly CarriedMove[] = []): Move[] =>
      planShards({ view: of, carried }).moves.filter(({ kind }) => kind === 'promote');
    const dead = withState(view, 2, 'dead');
    expect(promotes(dead)).toHaveLength(2);
    expect(promotes(dead, [begun]).map(describeMove)).toEqual([describeMove(begun)]);
    expect(planShards({ view: dead, carried: [begun] }).placements[0]?.voters).toEqual(
      [2, 3, must(begun.to[0])].sort(),
    );
    const settled = applyMoves(dead, [begun]);
    expect(promotes(settled).map(({ from }) => from)).toEqual([[2]]);
    const after = votersOf(systemOf(applyMoves(settled, promotes(settled))));
    expect([...after].sort()).toEqual([3, 4, 5]);
  });

  test('a change that is under way and cannot be any more makes room for another', () => {
    const view = withState(clusterWith(flatNodes(5), [1, 2, 3]), 1, 'draining');
    const [first] = planShards({ view }).moves.filter(({ kind }) => kind === 'promote');
    const begun = { ...must(first), isBegun: true };
    const lost = withState(view, must(begun.to[0]), 'dead');
    const { moves } = planShards({ view: lost, carried: [begun] });
    const froms = moves.filter(({ kind }) => kind === 'promote').map(({ from, to }) => [from, to]);
    expect(froms).toEqual([[[1], [4, 5].filter((nodeId) => !begun.to.includes(nodeId))]]);
  });

  test('a change that nobody is at work on gives way to a better one', () => {
    const view = withState(clusterWith(flatNodes(5), [1, 2, 3]), 1, 'draining');
    const [first] = planShards({ view }).moves.filter(({ kind }) => kind === 'promote');
    const carried = must(first);
    const changed = withState(view, must(carried.to[0]), 'maintenance');
    const { moves } = planShards({ view: changed, carried: [carried] });
    expect(moves.map(({ id }) => id)).not.toContain(carried.id);
  });

  test('a group without a majority is left alone and named', () => {
    const born = clusterWith(flatNodes(4), [1, 2, 3]);
    const view = withState(withState(born, 1, 'dead'), 2, 'dead');
    const { moves, refusals } = planShards({ view });
    expect(moves.filter(({ groupId }) => groupId === 0)).toEqual([]);
    expect(refusals.find(({ groups }) => groups.includes(0))).toMatchObject({
      reason: 'LeaderlessShards',
      facts: { voters: 3 },
    });
  });

  test('nodes that may not vote stay learners, and who has caught up comes first', () => {
    const born = clusterWith(flatNodes(5), [1]);
    const nodes = born.nodes.map((node) => ({ ...node, systemVoter: node.nodeId !== 2 }));
    const groups = born.groups.map((group) => ({
      ...group,
      replicas: group.replicas.map((replica) =>
        replica.nodeId === 4 ? { ...replica, caughtUp: false } : replica,
      ),
    }));
    const { moves } = planSystem({ ...born, nodes, groups });
    expect(moves).toEqual(['group 0 promote n3+n5 (Upreplicate)']);
  });

  test('voters move into a zone that has none', () => {
    const view = withNode(clusterWith(zonedNodes('aabb'), [1, 2, 3]), { nodeId: 5, zone: 'c' });
    const { after } = planSystem(view);
    const zones = votersOf(systemOf(after)).map((id) => [...'aabbc'][id - 1]);
    expect(zones.sort().join('')).toBe('aabbc');
    const three = withNode(clusterWith(zonedNodes('aab'), [1, 2, 3]), { nodeId: 4, zone: 'c' });
    expect(planSystem(three).moves).toEqual([
      'group 0 addLearner +n4 (Upreplicate)',
      'group 0 promote n2 -> n4 (ZoneSpread)',
    ]);
  });

  test('from any voters it comes to rest at the best spread', () => {
    fc.assert(
      fc.property(anyNodes(8), fc.nat(4), (nodes, extra) => {
        const count = Math.min(1 + 2 * Math.floor(extra / 2), nodes.length);
        fc.pre(count % 2 === 1);
        const ids = nodes.map(({ nodeId }) => nodeId);
        const { after } = planSystem(clusterWith(nodes, ids.slice(0, count)));
        expect(planSystem(after).moves).toEqual([]);
        const voters = votersOf(systemOf(after));
        const zones = [...new Set(nodes.map(zoneName))];
        const inZone = (zone: string, of: readonly number[]): number =>
          nodes.filter((node) => zoneName(node) === zone && of.includes(node.nodeId)).length;
        const capacities = zones.map((zone) => inZone(zone, ids));
        const counts = zones.map((zone) => inZone(zone, voters));
        const pairs = counts.reduce((sum, each) => sum + (each * (each - 1)) / 2, 0);
        expect(pairs).toBe(slowFewestPairs(capacities, voters.length));
        expect(voters).toHaveLength(
          Math.min(5, nodes.length % 2 === 0 ? nodes.length - 1 : nodes.length),
        );
      }),
    );
  });
});
