/**
 * What people and controllers ask of a cluster: every refusal has its name and its numbers, every
 * change names what it saw, and what is promised comes true. Method: simulated clusters, asked as a
 * node passes admin calls on.
 */
import { describe, expect, test } from '@jest/globals';
import { isDynakvError } from '../lib/errors.ts';
import type { NodeId } from '../sys/network.ts';
import { ManagedCluster } from '../sim/managed-cluster.ts';
import type { SimClusterOptions } from '../sim/cluster.ts';
import { Acked, compaction, testMs } from '../sim/testing-scenarios.ts';
import type { DrainReply, PlanReply, RebalanceReply, SettingsReply } from './admin-requests.ts';

async function started(options: Partial<SimClusterOptions> = {}): Promise<ManagedCluster> {
  const cluster = new ManagedCluster({ seed: 101, nodes: 4, shards: 8, compaction, ...options });
  await cluster.sim.start();
  return cluster;
}

/** The reason of a refusal and its message; else what was answered. */
async function refusalOf(work: Promise<unknown>): Promise<readonly [unknown, string]> {
  try {
    return ['not refused', JSON.stringify(await work)];
  } catch (error) {
    return isDynakvError(error) ? [error.facts['reason'], error.message] : ['?', String(error)];
  }
}

const drain = (nodeId: NodeId) =>
  ({ op: 'setNodeState', nodeId, state: 'draining', owner: 'test' }) as const;

describe('fencing', () => {
  test(
    'an older control epoch and an older revision are refused, whoever comes later',
    async () => {
      const cluster = await started();
      const first = await cluster.tell({ op: 'acquireControl', holder: 'operator/a' });
      expect(first).toEqual({ controlEpoch: 1 });
      await cluster.change({ op: 'evictLeaders', nodeId: 1, evict: true }, { controlEpoch: 1 });
      const second = await cluster.tell({ op: 'acquireControl', holder: 'operator/b' });
      expect(second).toEqual({ controlEpoch: 2 });
      const evict = { op: 'evictLeaders', nodeId: 1, evict: false } as const;
      const [reason, message] = await refusalOf(cluster.change(evict, { controlEpoch: 1 }));
      expect(reason).toBe('ControlConflict');
      expect(message).toMatch(/under control epoch 1: epoch 2 is held by "operator\/b"/);
      const stale = await refusalOf(cluster.change(evict, { expectedRevision: 1 }));
      expect(stale[0]).toBe('RevisionConflict');
      expect(stale[1]).toMatch(/as of revision 1: it is at 2 by now/);
      // A person's tool names no epoch.
      expect(await cluster.change(evict)).toEqual({ revision: 3, changed: true });
      expect(await cluster.change(evict)).toEqual({ revision: 3, changed: false });
    },
    testMs,
  );
});

describe('drains', () => {
  test(
    'of a node that cannot leave are refused with the reason and the numbers',
    async () => {
      const cluster = await started({ nodes: 3 });
      const [reason, message] = await refusalOf(cluster.change(drain(2)));
      expect(reason).toBe('BelowReplicationFactor');
      expect(message).toMatch(/3 copies/);
      expect(cluster.stateOf(2)).toBe('active');
      const plan = await cluster.admin<PlanReply>({
        ...{ verb: 'plan', add: [], drain: [2], zones: [] },
      });
      expect(plan.refusals.map((each) => each.reason)).toContain('BelowReplicationFactor');
      expect(await refusalOf(cluster.change({ op: 'removeNode', nodeId: 2 }))).toMatchObject([
        'NotDrained',
        expect.stringMatching(/drain it first/),
      ]);
      expect((await refusalOf(cluster.change(drain(9))))[0]).toBe('UnknownNode');
    },
    testMs,
  );

  test(
    'are refused while a shard has too few copies, and where zones would be given up',
    async () => {
      const zoneOf = (nodeId: NodeId): string => (nodeId <= 2 ? 'a' : nodeId === 3 ? 'b' : 'c');
      const cluster = await started({ zoneOf });
      const [reason, message] = await refusalOf(cluster.change(drain(3)));
      expect(reason).toBe('ZoneSpreadWouldBreak');
      expect(message).toMatch(/2 zones, now 3/);
      cluster.sim.crash(4, false);
      await cluster.sim.scheduler.runFor(3_000);
      expect((await refusalOf(cluster.change(drain(1))))[0]).toBe('UnderReplicatedShards');
    },
    testMs,
  );

  test(
    'say how far they are and whose they are, until the node is removed',
    async () => {
      const cluster = await started();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 20, 100);
      await cluster.change(drain(4));
      const early = await cluster.admin<DrainReply>({ verb: 'drain', nodeId: 4 });
      expect(early).toMatchObject({ state: 'draining', drain: { owner: 'test' } });
      expect(early.shardsRemaining).toBeGreaterThan(0);
      await cluster.untilState(4, 'drained');
      const late = await cluster.admin<DrainReply>({ verb: 'drain', nodeId: 4 });
      expect(late).toMatchObject({ state: 'drained', shardsRemaining: 0, leadersRemaining: 0 });
      expect(late.drain?.lastProgressAtMs).toBeGreaterThan(late.drain?.startedAtMs ?? 0);
      await cluster.change({ op: 'removeNode', nodeId: 4 });
      const back = { ...drain(4), state: 'active' } as const;
      expect((await refusalOf(cluster.change(back)))[0]).toBe('WrongState');
    },
    testMs,
  );
});

describe('the plan', () => {
  test(
    'shows what a new node would get, and changes nothing',
    async () => {
      const cluster = await started({ nodes: 3 });
      const plan = await cluster.admin<PlanReply>({
        ...{ verb: 'plan', add: [{}], drain: [], zones: [] },
      });
      const copies = plan.moves.filter((move) => move.kind === 'swap');
      expect(copies).toHaveLength(6);
      expect(plan).toMatchObject({ refusals: [], movesTotal: plan.moves.length });
      await cluster.sim.scheduler.runFor(10_000);
      expect([cluster.catalog.moves.size, cluster.catalog.plan.planId]).toEqual([0, 0]);
    },
    testMs,
  );

  test(
    'is paused, goes on, and is called off without leaving anything behind',
    async () => {
      const cluster = await started({ shards: 16 });
      await cluster.change({ op: 'pausePlan' });
      const joined = await cluster.grow();
      await cluster.sim.scheduler.runFor(10_000);
      expect(cluster.copiesOn(joined)).toBe(0);
      expect(
        await cluster.admin<RebalanceReply>({ verb: 'rebalance', movesMax: 10 }),
      ).toMatchObject({ state: 'paused' });
      await cluster.change({ op: 'startPlan' });
      await cluster.until('it goes on', () => cluster.copiesOn(joined) >= 2);
      await cluster.change({ op: 'cancelPlan' });
      await cluster.until('it is called off', () => !cluster.catalog.plan.cancelling);
      await cluster.settle();
      const kept = cluster.copiesOn(joined);
      expect(kept).toBeLessThan(9);
      await cluster.sim.scheduler.runFor(20_000);
      expect(cluster.copiesOn(joined)).toBe(kept);
      await cluster.change({ op: 'startPlan' });
      await cluster.settle();
      expect(cluster.copiesOn(joined)).toBeGreaterThanOrEqual(9);
      expect(cluster.catalog.plan).toMatchObject({ started: false, paused: false });
    },
    testMs,
  );

  test(
    'waits for a person in Manual mode, but not with what keeps data safe',
    async () => {
      const cluster = await started();
      const settings = { rebalanceMode: 'Manual', deadNodeGraceMs: 5_000 } as const;
      const command = { op: 'updateSettings', settings, allowLowerReplication: false } as const;
      expect(await cluster.change(command)).toEqual({ revision: 1, changed: true });
      const joined = await cluster.grow();
      await cluster.sim.scheduler.runFor(15_000);
      expect(cluster.copiesOn(joined)).toBe(0);
      cluster.sim.crash(4, false);
      await cluster.untilState(4, 'dead');
      await cluster.settle();
      expect(cluster.copiesOn(4)).toBe(0);
      expect(cluster.copiesOn(joined)).toBeGreaterThan(0);
      expect(cluster.shardIds.every((id) => cluster.held(id)?.voters.length === 3)).toBe(true);
    },
    testMs,
  );

  test(
    'moves one copy and one leadership by hand, and refuses what makes no sense',
    async () => {
      const cluster = await started();
      const held = cluster.held(1);
      const [from = 0] = held?.voters ?? [];
      const to = cluster.sim.nodeIds.find((nodeId) => !held?.voters.includes(nodeId)) ?? 0;
      const fence = { controlEpoch: 0, expectedRevision: 0 };
      const move = (groupId: number, source: NodeId, target: NodeId) =>
        cluster.admin({
          ...{ verb: 'moveReplica', groupId, from: source, to: target },
          fence: { ...fence, expectedRevision: cluster.catalog.plan.revision },
        });
      expect((await refusalOf(move(1, to, from)))[0]).toBe('NoSuchCopy');
      expect((await refusalOf(move(0, from, to)))[0]).toBe('UnknownGroup');
      expect((await refusalOf(move(1, from, 77)))[0]).toBe('NoEligibleNode');
      await cluster.change({
        op: 'updateSettings',
        settings: { rebalanceMode: 'Manual' },
        allowLowerReplication: false,
      });
      expect(await move(1, from, to)).toMatchObject({ changed: true });
      await cluster.until('it has moved', () => cluster.held(1)?.voters.includes(to) === true);
      await cluster.settle();
      expect(cluster.held(1)?.voters).not.toContain(from);
      const transfer = cluster.admin({
        ...{ verb: 'transferLeader', groupId: 1, to },
        fence: { ...fence, expectedRevision: cluster.catalog.plan.revision },
      });
      expect(await transfer).toMatchObject({ changed: true });
      await cluster.sim.scheduler.runFor(10_000);
      expect(cluster.held(1)?.leader).toBe(to);
    },
    testMs,
  );
});

describe('nodes', () => {
  test(
    'O12: maintenance is for one node at a time, and only if every group keeps its majority',
    async () => {
      const cluster = await started();
      const maintain = (nodeId: NodeId, durationMs = 60_000) =>
        cluster.change({ op: 'maintenance', nodeId, durationMs });
      expect((await refusalOf(maintain(1, 7_200_000)))[0]).toBe('InvalidDuration');
      await maintain(1);
      expect((await refusalOf(maintain(2)))[0]).toBe('OtherOperationInProgress');
      await maintain(1, 0);
      cluster.sim.crash(3, false);
      await cluster.sim.scheduler.runFor(3_000);
      const [reason, message] = await refusalOf(maintain(2));
      expect(reason).toBe('QuorumAtRisk');
      expect(message).toMatch(/group \d+ has 1 of 3 voters/);
    },
    testMs,
  );

  test(
    'a node in maintenance is not taken for dead before its time is over',
    async () => {
      const cluster = await started();
      const settings = { deadNodeGraceMs: 3_000 };
      await cluster.change({ op: 'updateSettings', settings, allowLowerReplication: false });
      await cluster.change({ op: 'maintenance', nodeId: 4, durationMs: 30_000 });
      cluster.sim.crash(4, false);
      await cluster.sim.scheduler.runFor(20_000);
      expect(cluster.stateOf(4)).toBe('active');
      await cluster.untilState(4, 'dead', 30_000);
    },
    testMs,
  );

  test(
    'leaderships leave an evicted node, stay away, and come back when it is called off',
    async () => {
      const cluster = await started();
      const led = (nodeId: NodeId): number =>
        cluster.groupIds.filter((groupId) => cluster.held(groupId)?.leader === nodeId).length;
      expect(led(1)).toBeGreaterThan(0);
      await cluster.change({ op: 'evictLeaders', nodeId: 1, evict: true });
      await cluster.until('it leads nothing', () => led(1) === 0);
      for (let look = 0; look < 20; look++) {
        await cluster.sim.scheduler.runFor(1_000);
        expect(led(1)).toBe(0);
      }
      await cluster.change({ op: 'evictLeaders', nodeId: 1, evict: false });
      await cluster.until('it leads again', () => led(1) > 0);
    },
    testMs,
  );

  test(
    'O19: a node without a zone is not activated among nodes that have one',
    async () => {
      const zoneOf = (nodeId: NodeId): string | undefined =>
        nodeId > 4 ? undefined : `z${nodeId}`;
      const cluster = await started({ zoneOf });
      const nodeId = await cluster.sim.addNode(1);
      await cluster.until('it has the catalog', () => {
        return cluster.sim.core(nodeId)?.catalog.isLoaded === true;
      });
      const activate = { op: 'setNodeState', nodeId, state: 'active', owner: 'test' } as const;
      const [reason, message] = await refusalOf(cluster.change(activate));
      expect(reason).toBe('ZonesUnknown');
      expect(message).toMatch(/4 of the other 4 nodes have one/);
    },
    testMs,
  );
});

describe('settings', () => {
  test(
    'are bounded; replication falls only when that is allowed explicitly, and then it does (P17)',
    async () => {
      const cluster = await started({ shards: 2 });
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 10, 100);
      const update = (settings: object, replicationFactor = 3, allowLowerReplication = false) =>
        cluster.change({
          ...{ op: 'updateSettings', settings, replicationFactor, allowLowerReplication },
        });
      expect((await refusalOf(update({ concurrentMovesMax: 0 })))[1]).toMatch(/must be 1 … 64: 0/);
      expect((await refusalOf(update({ deadNodeGraceMs: 1 })))[0]).toBe('InvalidSettings');
      expect((await refusalOf(update({}, 2)))[0]).toBe('InvalidSettings');
      expect((await refusalOf(update({}, 1)))[0]).toBe('WouldLowerReplication');
      expect(await update({ concurrentMovesMax: 4 })).toEqual({ revision: 1, changed: true });
      expect(await update({ concurrentMovesMax: 4 })).toEqual({ revision: 1, changed: false });
      await update({}, 1, true);
      const reply = await cluster.admin<SettingsReply>({ verb: 'settings' });
      expect(reply).toMatchObject({ replicationFactor: 1, settings: { concurrentMovesMax: 4 } });
      await cluster.settle();
      expect(cluster.shardIds.map((id) => cluster.held(id)?.voters.length)).toEqual([1, 1]);
      await update({}, 3);
      await cluster.settle();
      expect(cluster.shardIds.map((id) => cluster.held(id)?.voters.length)).toEqual([3, 3]);
      await acked.check(cluster.sim, 2);
    },
    testMs,
  );

  test(
    'the feature version rises when every node knows it, and an older program is kept out',
    async () => {
      const known = new Map<NodeId, number>([
        [1, 2],
        [2, 2],
        [3, 1],
      ]);
      const featureVersionMax = (nodeId: NodeId): number => known.get(nodeId) ?? 2;
      const cluster = await started({ nodes: 3, featureVersionMax });
      await cluster.sim.scheduler.runFor(10_000);
      expect(cluster.catalog.cluster.featureVersion).toBe(1);
      known.set(3, 2);
      cluster.sim.crash(3, false);
      await cluster.sim.boot(3);
      await cluster.until('it has risen', () => cluster.catalog.cluster.featureVersion === 2);
      // An older program starts before it has heard of the rise, and after.
      cluster.sim.crash(3, true);
      known.set(3, 1);
      await cluster.sim.boot(3).catch(() => cluster.sim.outdated.add(3));
      await cluster.until('it knows', () => cluster.sim.outdated.has(3), 10_000);
      cluster.sim.crash(3, false);
      known.set(3, 2);
      await cluster.sim.boot(3);
      await cluster.sim.scheduler.runFor(5_000);
      cluster.sim.crash(3, false);
      known.set(3, 1);
      await expect(cluster.sim.boot(3)).rejects.toMatchObject({ code: 'NewerFormat' });
    },
    testMs,
  );
});
