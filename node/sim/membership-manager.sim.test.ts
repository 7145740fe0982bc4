/**
 * Goal: a cluster grows, shrinks and heals by itself, whatever the moment, and loses nothing.
 * Method: simulated clusters that their manager runs; what is true is asked of the groups, not of
 * the plan.
 */
import { describe, expect, test } from '@jest/globals';
import { ManagedCluster } from './managed-cluster.ts';
import { Acked, compaction, testMs } from './testing-scenarios.ts';

describe('growth', () => {
  test(
    'another node takes the place of the only one: seed 50',
    async () => {
      const cluster = new ManagedCluster({ seed: 50, nodes: 1, shards: 2, compaction });
      await cluster.sim.start();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 10, 200);
      const joined = await cluster.grow();
      await cluster.setState(1, 'draining');
      await cluster.untilState(1, 'drained');
      await cluster.remove(1);
      await cluster.settle();
      expect(cluster.groupIds.map((groupId) => cluster.held(groupId)?.voters)).toEqual(
        cluster.groupIds.map(() => [joined]),
      );
      await acked.check(cluster.sim, joined);
    },
    testMs,
  );

  test(
    'a node that joins gets its share, no more, and every acknowledged value',
    async () => {
      const cluster = new ManagedCluster({ seed: 51, nodes: 3, shards: 8, compaction });
      await cluster.sim.start();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 40, 200);
      const joined = await cluster.grow();
      await cluster.settle();
      expect(cluster.copiesOn(joined)).toBe(6);
      for (const groupId of cluster.shardIds) {
        expect(cluster.held(groupId)?.voters).toHaveLength(3);
      }
      expect(cluster.catalog.plan).toMatchObject({ movesDone: cluster.catalog.plan.movesTotal });
      await acked.check(cluster.sim, joined);
      expect(cluster.sim.failures).toEqual([]);
    },
    testMs,
  );

  test(
    'one node becomes three and five: copies and system voters rise by themselves, and back to three',
    async () => {
      const cluster = new ManagedCluster({ seed: 52, nodes: 1, shards: 4, compaction });
      await cluster.sim.start();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 20, 200);
      await cluster.grow();
      await cluster.settle();
      // Two nodes are no better than one: a majority of two is both.
      expect(cluster.shardIds.map((groupId) => cluster.held(groupId)?.voters.length)).toEqual(
        cluster.shardIds.map(() => 1),
      );
      await cluster.grow();
      await cluster.settle();
      for (const groupId of cluster.groupIds) {
        expect(cluster.held(groupId)?.voters).toEqual([1, 2, 3]);
      }
      await acked.fill(cluster.sim, 3, 20, 300);
      await cluster.grow();
      await cluster.grow();
      await cluster.settle();
      expect(cluster.held(0)?.voters).toEqual([1, 2, 3, 4, 5]);
      const copies = cluster.sim.nodeIds.map((nodeId) => cluster.copiesOn(nodeId));
      expect(copies.reduce((sum, each) => sum + each, 0)).toBe(12);
      expect(Math.max(...copies) - Math.min(...copies)).toBeLessThanOrEqual(1);
      for (const leaving of [1, 2]) {
        await cluster.setState(leaving, 'draining');
        await cluster.untilState(leaving, 'drained');
        await cluster.remove(leaving);
        await cluster.settle();
        expect(cluster.copiesOn(leaving)).toBe(0);
      }
      expect(cluster.held(0)).toMatchObject({ voters: [3, 4, 5], learners: [] });
      for (const groupId of cluster.shardIds) {
        expect(cluster.held(groupId)?.voters).toEqual([3, 4, 5]);
      }
      await acked.check(cluster.sim, 4);
      expect(cluster.catalog.cluster.effectiveFactor).toBe(3);
      expect(cluster.sim.failures).toEqual([]);
    },
    testMs,
  );
});

describe('loss', () => {
  test(
    'a node that is gone for longer than the grace period is replaced, and active when it is back',
    async () => {
      const cluster = new ManagedCluster({ seed: 53, nodes: 4, shards: 8, compaction });
      await cluster.sim.start();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 40, 200);
      await cluster.tell({
        op: 'updateSettings',
        fence: { controlEpoch: 0, expectedRevision: 0 },
        settings: { deadNodeGraceMs: 20_000 },
        allowLowerReplication: false,
      });
      const held = cluster.copiesOn(4);
      expect(held).toBeGreaterThan(0);
      cluster.sim.crash(4, true);
      await cluster.sim.scheduler.runFor(15_000);
      expect(cluster.stateOf(4)).toBe('active');
      await cluster.untilState(4, 'dead');
      await cluster.settle();
      expect(cluster.copiesOn(4)).toBe(0);
      for (const groupId of cluster.shardIds) {
        expect(cluster.held(groupId)?.voters).toEqual([1, 2, 3]);
      }
      await acked.fill(cluster.sim, 2, 40, 200);
      await cluster.sim.boot(4);
      await cluster.untilState(4, 'active');
      await cluster.settle();
      // Its old copies are gone, what it gets in the course of balance is new.
      expect(cluster.copiesOn(4)).toBeGreaterThan(0);
      for (const group of cluster.sim.core(4)?.host.groups.values() ?? []) {
        const { removed } = cluster.catalog.groups.get(group.groupId) ?? { removed: [] };
        expect(
          removed.some(([first, last]) => first <= group.replicaId && group.replicaId <= last),
        ).toBe(false);
      }
      await acked.check(cluster.sim, 4);
      expect(cluster.sim.failures).toEqual([]);
    },
    testMs,
  );

  test(
    'P17: three nodes with three copies have nowhere to go: nothing shrinks, and it is said',
    async () => {
      const cluster = new ManagedCluster({ seed: 54, nodes: 3, shards: 4, compaction });
      await cluster.sim.start();
      const settings = { deadNodeGraceMs: 5_000 };
      const fence = { controlEpoch: 0, expectedRevision: 0 };
      await cluster.tell({ op: 'updateSettings', fence, settings, allowLowerReplication: false });
      cluster.sim.crash(3, false);
      await cluster.untilState(3, 'dead');
      await cluster.sim.scheduler.runFor(30_000);
      for (const groupId of cluster.groupIds) {
        expect(cluster.held(groupId)?.voters).toEqual([1, 2, 3]);
      }
      const reasons = cluster.manager?.manager.refusals.map((refusal) => refusal.reason);
      expect(reasons).toContain('NothingToMoveTo');
      await expect(cluster.remove(3)).rejects.toMatchObject({ facts: { reason: 'HoldsReplicas' } });
      const joined = await cluster.grow();
      await cluster.settle();
      for (const groupId of cluster.groupIds) {
        expect(cluster.held(groupId)?.voters).toEqual([1, 2, joined]);
      }
      await cluster.remove(3);
      await cluster.settle();
      expect(cluster.stateOf(3)).toBe('removed');
    },
    testMs,
  );
});

describe('drain', () => {
  test(
    'one that is called off midway leaves the node as it was before, with nothing begun left over',
    async () => {
      const cluster = new ManagedCluster({ seed: 55, nodes: 4, shards: 16, compaction });
      await cluster.sim.start();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 40, 200);
      await cluster.setState(2, 'draining');
      await cluster.until('it is halfway', () => cluster.copiesOn(2) <= 6);
      await cluster.setState(2, 'active');
      await cluster.settle();
      expect(cluster.stateOf(2)).toBe('active');
      expect(cluster.copiesOn(2)).toBeGreaterThanOrEqual(10);
      await acked.check(cluster.sim, 2);
      expect(cluster.sim.failures).toEqual([]);
    },
    testMs,
  );
});
