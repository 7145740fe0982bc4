// What a plan costs, worked out by hand.
import { describe, expect, test } from '@jest/globals';
import { estimatePlan } from './plan-estimate.ts';
import { planShards } from './planner.ts';
import { clusterOf, flatNodes, withNode, withState } from './test-cluster.ts';

const born = clusterOf({ nodes: flatNodes(3), shards: 64, bytesOf: () => 1_000_000 });

describe('estimatePlan', () => {
  test('a node that joins receives its share and no more, at its own rate', () => {
    const view = withNode(born, { nodeId: 4 });
    const { moves } = planShards({ view });
    const rates = { bytesPerSecond: 1_000_000, copyMs: 0, copiesAtOnce: 100 };
    expect(estimatePlan(view, moves, rates)).toEqual({
      ...{ moves: 48, copies: 48, bytes: 48_000_000, bytesMin: 48_000_000 },
      ...{ durationMs: 48_000, busiest: { nodeId: 4, bytes: 48_000_000 } },
      byReason: { Balance: { moves: 48, bytes: 48_000_000 } },
    });
    const slower = estimatePlan(view, moves, { ...rates, copyMs: 500 });
    expect(slower.durationMs).toBe(48_000 + 48 * 500);
  });

  test('copies at once bound the whole when no single node does', () => {
    const view = withState(
      clusterOf({ nodes: flatNodes(12), shards: 64, bytesOf: () => 1_000 }),
      3,
      'dead',
    );
    const { moves } = planShards({ view });
    const { copies, bytes, bytesMin, durationMs } = estimatePlan(view, moves, {
      ...{ bytesPerSecond: 1_000, copiesAtOnce: 1, copyMs: 0 },
    });
    expect([copies, bytes, bytesMin, durationMs]).toEqual([16, 16_000, 16_000, 16_000]);
  });

  test('of sizes that differ it says what is saved against mean copies', () => {
    const bytesOf = (shardId: number): number => (shardId % 2 === 0 ? 1_000 : 9_000);
    const view = withNode(clusterOf({ nodes: flatNodes(3), shards: 64, bytesOf }), { nodeId: 4 });
    const { bytes, bytesMin } = estimatePlan(view, planShards({ view }).moves);
    expect(bytesMin).toBe(48 * 5_000);
    expect(bytes).toBe(32 * 1_000 + 16 * 9_000);
  });

  test('an empty plan costs nothing', () => {
    expect(estimatePlan(born, [])).toEqual({
      ...{ moves: 0, copies: 0, bytes: 0, bytesMin: 0, durationMs: 0 },
      ...{ busiest: undefined, byReason: {} },
    });
  });
});
