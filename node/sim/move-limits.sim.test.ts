/**
 * Goal: what bounds movement holds at every moment: one snapshot into a node and one out of it, so
 * many copies into a zone, the byte rate, repair before balance; and a cluster at rest stays at
 * rest, also while a node comes and goes. Method: simulated clusters looked at every few
 * milliseconds while everything moves; what counts is what is there, not what was planned.
 */
import { describe, expect, test } from '@jest/globals';
import { kibibyte } from '../lib/units.ts';
import type { NodeId } from '../sys/network.ts';
import { ManagedCluster } from './managed-cluster.ts';
import { Acked, testMs } from './testing-scenarios.ts';

const compaction = { keepBytes: 1_024, catchUpBytesMax: 4_096 };

async function started(
  seed: number,
  zoneOf?: (nodeId: NodeId) => string,
  valueBytes = 4_000,
): Promise<ManagedCluster> {
  const zones = zoneOf === undefined ? {} : { zoneOf };
  const cluster = new ManagedCluster({ seed, nodes: 3, shards: 16, compaction, ...zones });
  // Copies take long enough to be seen side by side.
  cluster.sim.network.options = { ...cluster.sim.network.options, delayMaxMs: 30 };
  await cluster.sim.start();
  await new Acked().fill(cluster.sim, 1, 48, valueBytes);
  return cluster;
}

/** Learners of shards, by the word of each group's leader: copies under way. */
function learners(cluster: ManagedCluster): NodeId[] {
  return cluster.shardIds.flatMap((groupId) => cluster.held(groupId)?.learners ?? []);
}

/** Snapshots that leave a node or come in, beyond those that wait for their turn. */
function streams(cluster: ManagedCluster, nodeId: NodeId, direction: 'in' | 'out'): number {
  const progress = cluster.sim.core(nodeId)?.snapshotter.progress() ?? [];
  return progress.filter(
    (one) => one.direction === direction && (one.state === 'sending' || one.state === 'receiving'),
  ).length;
}

/** Looks until the plan is done; what `look` says each time. */
async function watchPlan(cluster: ManagedCluster, look: () => void): Promise<void> {
  for (let looks = 0; looks < 100_000 && !cluster.isSettled(); looks++) {
    look();
    await cluster.sim.scheduler.runFor(10);
  }
  expect(cluster.isSettled()).toBe(true);
}

describe('limits of movement', () => {
  test(
    'one snapshot into a node and one out of it, and so many copies into a zone',
    async () => {
      const zoneOf = (nodeId: NodeId): string => (nodeId <= 3 ? `z${nodeId}` : 'new');
      // Large enough that two copies are under way at a time, whatever the order of the moves.
      const cluster = await started(610, zoneOf, 60_000);
      await cluster.change({ op: 'pausePlan' });
      for (let i = 0; i < 3; i++) {
        await cluster.grow();
      }
      await cluster.change({ op: 'startPlan' });
      await cluster.until('it moves', () => learners(cluster).length > 0);
      const most = { into: 0, outOf: 0, zone: 0 };
      const zoneNodes = new Set([4, 5, 6]);
      await watchPlan(cluster, () => {
        for (const nodeId of cluster.sim.nodeIds) {
          most.into = Math.max(most.into, streams(cluster, nodeId, 'in'));
          most.outOf = Math.max(most.outOf, streams(cluster, nodeId, 'out'));
        }
        const into = [...zoneNodes].map((nodeId) => streams(cluster, nodeId, 'in'));
        most.zone = Math.max(
          most.zone,
          into.reduce((sum, each) => sum + each, 0),
        );
      });
      // Three newcomers could take one each; two at a time is the limit of a zone.
      expect(most).toEqual({ into: 1, outOf: 1, zone: 2 });
      for (const nodeId of zoneNodes) {
        expect(cluster.copiesOn(nodeId)).toBeGreaterThan(0);
      }
    },
    testMs,
  );

  test(
    'the bytes a second of the settings, by what nodes have sent',
    async () => {
      const cluster = await started(611, undefined, 10_000);
      const limit = 64 * kibibyte;
      const settings = { snapshotBytesPerSecond: limit };
      await cluster.change({ op: 'updateSettings', settings, allowLowerReplication: false });
      const sent = (): number =>
        cluster.sim.nodeIds.reduce(
          (sum, id) => sum + (cluster.sim.core(id)?.snapshotter.counts.bytesSent ?? 0),
          0,
        );
      await cluster.grow();
      await cluster.until('something was sent', () => sent() > 0);
      const [bytes, startMs] = [sent(), cluster.sim.scheduler.nowMs];
      await cluster.settle();
      const seconds = (cluster.sim.scheduler.nowMs - startMs) / 1_000;
      // One newcomer takes what comes at the limit; a second's worth may go at once.
      expect(sent() - bytes).toBeGreaterThan(2 * limit);
      expect((sent() - bytes) / limit).toBeLessThan(seconds + 1);
    },
    testMs,
  );

  test(
    'repair before balance: while copies are missing, no copy begins for balance alone',
    async () => {
      const cluster = await started(612);
      const settings = { deadNodeGraceMs: 3_000 };
      await cluster.change({ op: 'updateSettings', settings, allowLowerReplication: false });
      await cluster.grow();
      await cluster.settle();
      await cluster.change({ op: 'pausePlan' });
      await cluster.grow();
      await cluster.grow();
      cluster.sim.crash(3, true);
      await cluster.untilState(3, 'dead');
      const isMaimed = (): boolean =>
        cluster.shardIds.some((id) => cluster.held(id)?.voters.includes(3) === true);
      expect(isMaimed()).toBe(true);
      // The plan for the system group's own members has come to rest: nothing else changes it.
      await cluster.until('nothing moves', () => cluster.catalog.moves.size === 0);
      await cluster.sim.scheduler.runFor(6_000);
      await cluster.change({ op: 'startPlan' });
      const begun = new Map<string, boolean>();
      await cluster.until('it is planned', () => cluster.catalog.moves.size > 0);
      await watchPlan(cluster, () => {
        for (const { id, reason, startedAtMs } of cluster.catalog.moves.values()) {
          if (reason === 'Balance' && startedAtMs > 0 && !begun.has(id)) {
            begun.set(id, isMaimed());
          }
        }
      });
      expect(begun.size).toBeGreaterThan(0);
      expect([...begun.values()]).not.toContain(true);
      expect(isMaimed()).toBe(false);
    },
    testMs,
  );

  test(
    'at rest nothing moves, also not while a node comes and goes within its grace period',
    async () => {
      const cluster = await started(613);
      await cluster.grow();
      await cluster.settle();
      const placed = (): string =>
        JSON.stringify(cluster.shardIds.map((id) => cluster.catalog.groups.get(id)?.nextReplicaId));
      const before = placed();
      for (let round = 0; round < 6; round++) {
        cluster.sim.crash(4, false);
        await cluster.sim.scheduler.runFor(4_000);
        await cluster.sim.boot(4);
        await cluster.sim.scheduler.runFor(3_000);
      }
      await cluster.settle();
      // A copy that begins takes an id.
      expect(placed()).toBe(before);
    },
    testMs,
  );
});
