// Every reason against a drain, with its numbers, and none where there is none.
import { describe, expect, test } from '@jest/globals';
import { checkDrain } from './drain-check.ts';
import {
  clusterOf,
  copiesOf,
  flatNodes,
  withState,
  withSystemGroup,
  zonedNodes,
} from './test-cluster.ts';

function reasons(...args: Parameters<typeof checkDrain>): string[] {
  return checkDrain(...args).refusals.map(({ reason, message }) => `${reason}: ${message}`);
}

const four = withSystemGroup(clusterOf({ nodes: flatNodes(4), shards: 16 }), [1, 2, 3]);

describe('checkDrain', () => {
  test('a drain that can be is not refused, and shown', () => {
    const { refusals, plan } = checkDrain({ view: four, nodeIds: [2] });
    expect(refusals).toEqual([]);
    expect(copiesOf(plan?.moves ?? [])).toBe(12);
  });

  test('too few nodes would be left', () => {
    expect(reasons({ view: four, nodeIds: [1, 2] })).toEqual([
      'BelowReplicationFactor: Cannot drain node 2: 3 copies need 3 nodes, and 2 would be left',
    ]);
  });

  test('copies are missing already', () => {
    const view = withState(four, 4, 'dead');
    expect(reasons({ view, nodeIds: [1] })).toEqual([
      'UnderReplicatedShards: Cannot drain node 1 yet: 12 shards (groups 1, 2, 3, 5, 7, 8, 10, 11 ' +
        'and 4 more) have fewer than 3 live copies',
      'BelowReplicationFactor: Cannot drain node 1: 3 copies need 3 nodes, and 2 would be left',
    ]);
  });

  test('the spread over zones would break, unless that is accepted', () => {
    const view = clusterOf({ nodes: zonedNodes('aabbc'), shards: 8 });
    expect(reasons({ view, nodeIds: [5] })).toEqual([
      'ZoneSpreadWouldBreak: Cannot drain node 5: each shard would lie in 2 zones, now 3, ' +
        'with 2 of its copies in one',
    ]);
    expect(reasons({ view, nodeIds: [5], mayLoseSpread: true })).toEqual([]);
    expect(reasons({ view, nodeIds: [1] })).toEqual([]);
  });

  test('there is no room for the copies', () => {
    const nodes = four.nodes.map((node) => ({ ...node, freeBytes: 2_000 }));
    const view = { ...four, nodes, limits: { freeBytesMin: 0 } };
    const [first] = reasons({ view, nodeIds: [2] });
    expect(first).toMatch(/^InsufficientFreeSpace: Cannot place copies of 6 shards/);
  });

  test('a dead node is drained where its copies can go, whatever is missing without it', () => {
    expect(reasons({ view: withState(four, 3, 'dead'), nodeIds: [3] })).toEqual([]);
    const three = clusterOf({ nodes: flatNodes(3), shards: 8 });
    expect(reasons({ view: withState(three, 3, 'dead'), nodeIds: [3] })).toEqual([
      'BelowReplicationFactor: Cannot drain node 3: 3 copies need 3 nodes, and 2 would be left',
    ]);
  });

  test('there is no such node, or nothing of it to drain', () => {
    const view = withState(four, 3, 'removed');
    expect(reasons({ view, nodeIds: [3, 9] })).toEqual([
      'UnknownNode: Cannot drain node 3: it is removed',
      'UnknownNode: Cannot drain node 9: there is no such node',
    ]);
    expect(checkDrain({ view, nodeIds: [9] }).plan).toBeUndefined();
  });
});
