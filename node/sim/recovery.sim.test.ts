/**
 * P19: what `recover --unsafe` does to histories. Goal: the cluster serves again from what is left,
 * under new replica ids and another incarnation; lost nodes that return change nothing; cut short
 * anywhere it ends the same. Method: simulated clusters, majorities lost for good, the disks
 * recovered offline.
 */
import { describe, expect, test } from '@jest/globals';
import { seedOf } from '../cli/recover.ts';
import { must } from '../lib/assert.ts';
import { planRecovery } from '../manager/recovery-plan.ts';
import type { DiskReport, RecoveryPlan } from '../manager/recovery-plan.ts';
import { inspectDisk, recoverDisk } from '../manager/recovery-store.ts';
import { groupOfHash } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { ManagedCluster } from './managed-cluster.ts';
import { kvPut, kvTarget } from './register-clients.ts';
import { Acked, compaction, core, get, testMs, tryPut } from './testing-scenarios.ts';

/** All nodes end; what the disks of `left` hold. */
async function inspectAll(
  cluster: ManagedCluster,
  left: readonly NodeId[],
): Promise<readonly DiskReport[]> {
  const { sim } = cluster;
  for (const nodeId of sim.nodeIds.filter((each) => sim.core(each) !== undefined)) {
    sim.crash(nodeId, false);
  }
  const reports: DiskReport[] = [];
  for (const nodeId of left) {
    const identity = { clusterId: sim.plan.clusterId, nodeId };
    reports.push(await sim.offline(nodeId, (stores) => inspectDisk(identity, stores)));
  }
  return reports;
}

async function carryOut(cluster: ManagedCluster, plan: RecoveryPlan): Promise<void> {
  for (const nodeId of plan.survivors) {
    await cluster.sim.offline(nodeId, (stores) => recoverDisk(plan, nodeId, stores));
    const seed = seedOf(plan, nodeId);
    if (seed !== undefined) {
      cluster.sim.reseed(nodeId, seed);
    }
  }
}

/** The version that a put of a key gets. */
async function versionOf(cluster: ManagedCluster, nodeId: NodeId, id: string): Promise<string> {
  const call = { deadlineMs: cluster.sim.scheduler.nowMs + 10_000, requestId: 'r' };
  const { router } = core(cluster.sim, nodeId);
  const reply = await cluster.sim.settle(router.execute(kvPut(id, '"v"'), call));
  return reply.kind === 'written' ? (reply.version ?? '') : '';
}

/** The incarnation in a version. */
function partOf(version: string): number {
  return Number(version.split('-')[0]);
}

describe('recover', () => {
  test(
    'one of three goes on alone with all that it has, and becomes three again',
    async () => {
      const cluster = new ManagedCluster({ seed: 71, nodes: 3, shards: 4, compaction });
      const { sim } = cluster;
      await sim.start();
      const acked = new Acked();
      await acked.fill(sim, 1, 24, 200);
      await sim.scheduler.runFor(3_000);
      const before = await versionOf(cluster, 1, 'x');
      await sim.scheduler.runFor(3_000);
      const reports = await inspectAll(cluster, [2]);
      const plan = planRecovery({ reports, lost: [1, 3], createEmpty: false });
      expect(plan).toMatchObject({ survivors: [2], lost: [1, 3], kept: [] });
      expect(plan.groups.map((group) => group.groupId)).toEqual([0, 1, 2, 3, 4]);
      await carryOut(cluster, plan);
      await sim.boot(2);
      expect(await sim.scheduler.runUntil(() => core(sim, 2).groupsReady, 20_000)).toBe(true);
      await acked.check(sim, 2);
      // No version is given out twice: the incarnation is its high part.
      const after = await versionOf(cluster, 2, 'x');
      expect([partOf(before), partOf(after)]).toEqual([1, 2]);
      expect(cluster.stateOf(1)).toBe('removed');
      for (const groupId of cluster.groupIds) {
        expect(cluster.held(groupId)?.voters).toEqual([2]);
      }
      const joined = [await cluster.grow(2), await cluster.grow(2)];
      await cluster.settle();
      for (const groupId of cluster.shardIds) {
        expect(cluster.held(groupId)?.voters).toEqual([2, ...joined]);
      }
      await acked.check(sim, must(joined[1]));
      expect(sim.failures).toEqual([]);
    },
    testMs,
  );

  test(
    'of two that are left the furthest copy of each shard goes on; what is whole stays as it is',
    async () => {
      const cluster = new ManagedCluster({ seed: 72, nodes: 5, shards: 16, compaction });
      const { sim } = cluster;
      await sim.start();
      const acked = new Acked();
      await acked.fill(sim, 1, 40, 200);
      await sim.scheduler.runFor(3_000);
      // Node 4 misses the last writes of some shards: where node 5 has a copy, it has them.
      const before = new Map(acked.values);
      sim.crash(4, false);
      await sim.scheduler.runFor(5_000);
      await acked.fill(sim, 1, 40, 200);
      await sim.scheduler.runFor(2_000);
      const reports = await inspectAll(cluster, [4, 5]);
      const withoutSome = (): RecoveryPlan =>
        planRecovery({ reports, lost: [1, 2], createEmpty: true });
      expect(withoutSome).toThrow(/Say of every node whether it is lost: n3 are neither/);
      const strict = (): RecoveryPlan =>
        planRecovery({ reports, lost: [1, 2, 3], createEmpty: false });
      expect(strict).toThrow(/has no copy on any of the disks/);
      const plan = planRecovery({ reports, lost: [1, 2, 3], createEmpty: true });
      const empty = plan.groups.filter((group) => group.fromReplicaId === 0);
      expect(plan.kept.length).toBeGreaterThan(0);
      expect(empty.length).toBeGreaterThan(0);
      // The same reports in another order give the same plan, on any machine.
      const again = planRecovery({
        ...{ reports: reports.toReversed(), lost: [3, 2, 1], createEmpty: true },
      });
      expect(again).toEqual(plan);
      await carryOut(cluster, plan);
      await sim.boot(4);
      await sim.boot(5);
      await cluster.until('every group is led', () =>
        cluster.groupIds.every((groupId) => cluster.held(groupId) !== undefined),
      );
      const seen = { kept: 0, furthest: 0, behind: 0, empty: 0 };
      for (const [id, value] of acked.values) {
        const found = await get(sim, 5, id);
        const groupId = groupOfHash(kvTarget(id).hash, cluster.catalog.shardCount);
        const from = plan.groups.find((group) => group.groupId === groupId);
        if (from?.fromReplicaId === 0) {
          expect(found).toBeUndefined();
          seen.empty += 1;
        } else if (from?.nodeId === 4) {
          expect([before.get(id), value]).toContain(found);
          seen.behind += 1;
        } else {
          expect(found).toBe(value);
          seen[from === undefined ? 'kept' : 'furthest'] += 1;
        }
        expect(await tryPut(sim, 4, id, '"again"')).toBe('ok');
      }
      expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
      expect(sim.failures).toEqual([]);
    },
    testMs,
  );

  test(
    'lost nodes that return are strangers: nothing that they hold comes back',
    async () => {
      const cluster = new ManagedCluster({ seed: 73, nodes: 3, shards: 2, compaction });
      const { sim } = cluster;
      await sim.start();
      const acked = new Acked();
      await acked.fill(sim, 1, 10, 100);
      await sim.scheduler.runFor(2_000);
      const reports = await inspectAll(cluster, [3]);
      await carryOut(cluster, planRecovery({ reports, lost: [1, 2], createEmpty: false }));
      await sim.boot(3);
      expect(await sim.scheduler.runUntil(() => core(sim, 3).groupsReady, 20_000)).toBe(true);
      await acked.fill(sim, 3, 10, 100);
      // Both are back, with a majority of what once was: they elect among themselves, for nobody.
      await sim.boot(1);
      await sim.boot(2);
      await sim.scheduler.runFor(20_000);
      await acked.check(sim, 3);
      expect(cluster.stateOf(1)).toBe('removed');
      for (const groupId of cluster.groupIds) {
        const group = must(core(sim, 3).host.groups.get(groupId));
        expect([group.isLeader, group.replica.confState.voters]).toEqual([true, [group.replicaId]]);
      }
    },
    testMs,
  );

  test(
    'cut short by a power cut at any moment it is carried out again, and ends the same',
    async () => {
      for (let steps = 1; steps < 60; steps += 3) {
        const cluster = new ManagedCluster({ seed: 74, nodes: 3, shards: 2, compaction });
        const { sim } = cluster;
        await sim.start();
        const acked = new Acked();
        await acked.fill(sim, 1, 6, 100);
        const reports = await inspectAll(cluster, [2, 3]);
        const needless = (): RecoveryPlan =>
          planRecovery({ reports, lost: [1], createEmpty: false });
        expect(needless).toThrow(/Every group keeps a majority/);
        const alone = planRecovery({
          reports: [must(reports[0])],
          lost: [1, 3],
          createEmpty: false,
        });
        const dark = sim.disk(2).powerCutAfter(steps);
        const work = sim.offline(2, (stores) =>
          Promise.race([recoverDisk(alone, 2, stores), dark]),
        );
        await work.catch(() => undefined);
        sim.crash(2, true);
        await carryOut(cluster, alone);
        await sim.boot(2);
        expect(await sim.scheduler.runUntil(() => core(sim, 2).groupsReady, 20_000)).toBe(true);
        await acked.check(sim, 2);
      }
    },
    testMs,
  );
});
