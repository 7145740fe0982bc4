// The numbers and the grid that people are shown, of clusters small enough to count by hand.
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { placementGrid, summarizePlacement } from './placement-summary.ts';
import { clusterOf, flatNodes, withState, withSystemGroup, zonedNodes } from './test-cluster.ts';

describe('summarizePlacement', () => {
  test('counts by node and by zone', () => {
    const view = clusterOf({ nodes: zonedNodes('aaabc'), shards: 30 });
    const summary = summarizePlacement(view);
    expect(summary).toMatchObject({
      ...{ shards: 30, copies: 3, bestSpread: 30 },
      ...{ underReplicated: 0, overReplicated: 0, leaderless: 0 },
      leadersMaxOverMean: 1,
    });
    expect(summary.loadMaxOverMean).toBeCloseTo(30 / 18);
    expect(summary.zones).toEqual([
      { zone: 'a', nodes: 3, voters: 30, leaders: 18 },
      { zone: 'b', nodes: 1, voters: 30, leaders: 6 },
      { zone: 'c', nodes: 1, voters: 30, leaders: 6 },
    ]);
    expect(summary.nodes[3]).toMatchObject({
      ...{ nodeId: 4, zone: 'b', state: 'active', weight: 1 },
      ...{ voters: 30, learners: 0, leaders: 6, preferred: 6, bytes: 30_000 },
    });
    expect(must(summary.nodes[0]).share).toBeCloseTo(10);
  });

  test('names what is short, extra and lost', () => {
    const born = clusterOf({ nodes: flatNodes(5), shards: 10 });
    const view = withState(withState(born, 1, 'dead'), 2, 'dead');
    const both = born.groups.filter(
      ({ replicas }) => replicas.filter(({ nodeId }) => nodeId < 3).length === 2,
    );
    const none = born.groups.filter(({ replicas }) => replicas.every(({ nodeId }) => nodeId > 2));
    expect(summarizePlacement(view)).toMatchObject({
      ...{ leaderless: both.length, underReplicated: 10 - none.length },
      quorumAtRisk: 10 - none.length - both.length,
    });
    const groups = born.groups.map((group) => ({
      ...group,
      replicas: [1, 2, 3, 4].map((nodeId) => ({ nodeId, role: 'voter' as const })),
    }));
    expect(summarizePlacement({ ...born, groups }).overReplicated).toBe(10);
  });

  test('learners and copies on their way out are told apart', () => {
    const born = clusterOf({ nodes: flatNodes(4), shards: 1 });
    const group = {
      ...must(born.groups[0]),
      leader: 1,
      replicas: [
        { nodeId: 1, role: 'voter' as const },
        { nodeId: 2, role: 'outgoing' as const },
        { nodeId: 3, role: 'incoming' as const },
        { nodeId: 4, role: 'learner' as const },
      ],
    };
    const view = { ...born, groups: [group] };
    const counts = summarizePlacement(view).nodes.map(({ voters, learners }) => [voters, learners]);
    expect(counts).toEqual([
      [1, 0],
      [0, 0],
      [1, 0],
      [0, 1],
    ]);
    expect(must(placementGrid(view).rows[0]).cells).toEqual([
      ...['leader', 'outgoing', 'voter', 'learner'],
    ]);
  });
});

describe('placementGrid', () => {
  test('has a row a group, the system group first, and a column a node that is or holds anything', () => {
    const born = withSystemGroup(clusterOf({ nodes: flatNodes(4), shards: 2 }), [1, 2, 3]);
    const view = withState(born, 4, 'removed');
    const { nodeIds, rows } = placementGrid({ ...view, groups: [...view.groups].reverse() });
    expect(nodeIds).toEqual([1, 2, 3, 4]);
    expect(rows.map(({ groupId }) => groupId)).toEqual([0, 1, 2]);
    expect(must(rows[0]).cells).toEqual(['leader', 'voter', 'voter', 'learner']);
    const groups = view.groups.map((group) => ({
      ...group,
      replicas: group.replicas.filter(({ nodeId }) => nodeId !== 4),
    }));
    expect(placementGrid({ ...view, groups }).nodeIds).toEqual([1, 2, 3]);
  });
});
