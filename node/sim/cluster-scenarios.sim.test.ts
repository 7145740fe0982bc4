/**
 * Goal: what the host promises when a part fails at a bad moment: snapshots cut short, disks that
 * fail or fill up. Method: one named scenario each, with a whole simulated cluster; every
 * acknowledged value must be there in the end.
 */
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import type { LogFields, Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import { groupOfHash } from '../shards/groups.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { SimCluster } from './cluster.ts';
import { History } from './history.ts';
import { RegisterClients, kvTarget } from './register-clients.ts';
import {
  Acked,
  compaction,
  core,
  leaderOf,
  caughtUp,
  settleCaughtUp,
  testMs,
  tryPut,
} from './testing-scenarios.ts';

/** Messages of all nodes, to know when something begins. */
class Journal implements Logger {
  readonly lines: string[] = [];
  child(): Logger {
    return this;
  }
  debug(): void {
    // Not looked at.
  }
  info(message: string, _fields?: LogFields): void {
    this.lines.push(message);
  }
  warn(message: string): void {
    this.lines.push(message);
  }
  error(message: string): void {
    this.lines.push(message);
  }
  count(message: string): number {
    return this.lines.filter((line) => line === message).length;
  }
}

/** Node 3 falls behind what the others' logs still hold. */
async function leaveBehind(cluster: SimCluster, acked: Acked): Promise<void> {
  const lastOf3 = [...core(cluster, 3).host.groups.values()].map(
    (group) => [group.groupId, group.lastIndex] as const,
  );
  cluster.crash(3, false);
  // What is under way to a node that has just died has no known outcome.
  const ledByOthers = (): boolean =>
    [...core(cluster, 1).host.groups.values()].every(({ leaderNode = 3 }) => leaderNode !== 3);
  expect(await cluster.scheduler.runUntil(ledByOthers, 10_000)).toBe(true);
  await acked.fill(cluster, 1, 24, 400);
  const compacted = (): boolean =>
    lastOf3.some(
      ([groupId, last]) =>
        groupId !== 0 &&
        [1, 2].every((nodeId) => {
          const group = core(cluster, nodeId).host.groups.get(groupId);
          return (group?.storage.compactedIndex ?? 0) > last;
        }),
    );
  // A snapshot cut short before holds the log for its receiver until that is given up.
  expect(await cluster.scheduler.runUntil(compacted, 120_000)).toBe(true);
}

describe('snapshots', () => {
  test(
    'a follower behind the log gets a snapshot, serves, and keeps it through a power cut',
    async () => {
      const cluster = new SimCluster({ seed: 31, nodes: 3, shards: 2, compaction });
      const acked = new Acked();
      await cluster.start();
      await leaveBehind(cluster, acked);
      await cluster.boot(3);
      await settleCaughtUp(cluster, 3);
      expect(core(cluster, 3).snapshotter.installed).toBeGreaterThan(0);
      await acked.check(cluster, 3, false);
      for (const nodeId of cluster.nodeIds) {
        cluster.crash(nodeId, true);
      }
      for (const nodeId of cluster.nodeIds) {
        await cluster.boot(nodeId);
      }
      await settleCaughtUp(cluster, 3);
      await acked.check(cluster, 3);
      await acked.check(cluster, 3, false);
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );

  const moments: readonly (readonly [string, number])[] = [
    ['Snapshot: sending', 0],
    ['Snapshot: sending', 1],
    ['Snapshot: sending', 2],
    ['Snapshot: sending', 3],
    ['Snapshot: sending', 5],
    ['Snapshot: installed', 0],
    ['Snapshot: installed', 1],
    ['Snapshot: installed', 3],
  ];

  test.each(['receiver', 'sender'])(
    'cut short by a power cut of the %s at any moment, it is had later',
    async (victim) => {
      const journal = new Journal();
      const cluster = new SimCluster({
        seed: victim === 'receiver' ? 32 : 33,
        nodes: 3,
        shards: 1,
        compaction,
        logger: journal,
      });
      const acked = new Acked();
      await cluster.start();
      for (const [message, delayMs] of moments) {
        await leaveBehind(cluster, acked);
        const before = journal.count(message);
        await cluster.boot(3);
        const begun = (): boolean => journal.count(message) > before;
        expect(await cluster.scheduler.runUntil(begun, 10_000)).toBe(true);
        await cluster.scheduler.runFor(delayMs);
        const leader = core(cluster, 3).host.groups.get(1)?.leaderNode ?? 1;
        const crashed = victim === 'receiver' ? 3 : leader;
        cluster.crash(crashed, true);
        await cluster.scheduler.runFor(200);
        await cluster.boot(crashed);
        await settleCaughtUp(cluster, 3);
        await acked.check(cluster, 3);
        await acked.check(cluster, 3, false);
      }
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );

  test(
    'streams that break off again and again end in an installed state',
    async () => {
      const cluster = new SimCluster({ seed: 34, nodes: 3, shards: 2, compaction });
      const acked = new Acked();
      await cluster.start();
      await leaveBehind(cluster, acked);
      cluster.network.options = { ...cluster.network.options, snapshotBreakChance: 0.7 };
      await cluster.boot(3);
      // Two streams in three break off, and attempts lie up to five seconds apart.
      expect(await cluster.scheduler.runUntil(() => caughtUp(cluster, 3), 120_000)).toBe(true);
      await acked.check(cluster, 3, false);
      // Generations that were given up are gone.
      const { generations } = core(cluster, 3).parts;
      const clean = (): boolean => generations.unreferenced().length === 0;
      expect(await cluster.scheduler.runUntil(clean, 5_000)).toBe(true);
    },
    testMs,
  );
});

describe('disks', () => {
  test(
    'EIO on fsync: the node stops for good, the others go on, nothing is lost',
    async () => {
      const cluster = new SimCluster({ seed: 41, nodes: 3, shards: 2 });
      await cluster.start();
      const history = new History();
      const clients = new RegisterClients(cluster, history, new Prng(41), ['a', 'b', 'c']);
      clients.start(4);
      await cluster.scheduler.runFor(500);
      cluster.disk(2).failNext('EIO', ({ kind }) => kind === 'datasync');
      const failed = (): boolean => cluster.failures.length > 0;
      expect(await cluster.scheduler.runUntil(failed, 5_000)).toBe(true);
      expect(cluster.failures.map(({ nodeId }) => nodeId)).toEqual([2]);
      expect(core(cluster, 2).host.failure).toBeDefined();
      await cluster.scheduler.runFor(500);
      for (const peer of [1, 3]) {
        expect([...core(cluster, peer).quarantinedPeers.keys()]).toEqual([2]);
        const noted = (): boolean =>
          core(cluster, peer).catalog.nodes.get(2)?.quarantined?.includes('EIO') === true;
        expect(await cluster.scheduler.runUntil(noted, 10_000)).toBe(true);
      }
      cluster.crash(2, false);
      const before = clients.done;
      await cluster.scheduler.runFor(3_000);
      expect(clients.done).toBeGreaterThan(before + 20);
      await expect(cluster.boot(2)).rejects.toMatchObject({ code: 'Quarantined' });
      clients.stop();
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    testMs,
  );

  test(
    'a failed node that still lives refuses at once: its callers find the next leader',
    async () => {
      const cluster = new SimCluster({ seed: 45, nodes: 3, shards: 2 });
      const acked = new Acked();
      await cluster.start();
      await acked.fill(cluster, 1, 4, 10);
      const failing = leaderOf(cluster, 'k0', 2, 1);
      const gateway = failing === 1 ? 2 : 1;
      core(cluster, failing).host.fail(new Error('the store failed'));
      const startMs = cluster.scheduler.nowMs;
      expect(await tryPut(cluster, gateway, 'k0', '"next"')).toBe('ok');
      expect(cluster.scheduler.nowMs - startMs).toBeLessThan(4_000);
    },
    testMs,
  );

  test(
    'a store that is closed under what is under way has not failed',
    async () => {
      const cluster = new SimCluster({ seed: 46, nodes: 1, shards: 1 });
      const acked = new Acked();
      await cluster.start();
      await acked.fill(cluster, 1, 4, 10);
      const { host } = core(cluster, 1);
      cluster.disk(1).failNext('EIO', ({ kind }) => kind === 'datasync');
      const late = tryPut(cluster, 1, 'k0', '"late"', 1_000);
      host.close();
      host.fail(new Error('closed'));
      expect(await late).not.toBe('ok');
      expect([host.failure, cluster.failures]).toEqual([undefined, []]);
    },
    testMs,
  );

  test(
    'an engine that fails stops its node, the others go on',
    async () => {
      const cluster = new SimCluster({ seed: 42, nodes: 3, shards: 2 });
      const acked = new Acked();
      await cluster.start();
      await acked.fill(cluster, 1, 5, 10);
      cluster.engine(2).failNextSync();
      const failed = (): boolean => cluster.failures.length > 0;
      await acked.fill(cluster, 1, 5, 10);
      expect(await cluster.scheduler.runUntil(failed, 5_000)).toBe(true);
      expect(cluster.failures.map(({ nodeId }) => nodeId)).toEqual([2]);
      await cluster.scheduler.runFor(3_000);
      await acked.fill(cluster, 1, 5, 10);
      await acked.check(cluster, 3);
    },
    testMs,
  );

  test(
    'ENOSPC: refusals by name on the full node, service again when there is room',
    async () => {
      const cluster = new SimCluster({ seed: 43, nodes: 3, shards: 4 });
      const acked = new Acked();
      await cluster.start();
      await acked.fill(cluster, 1, 8, 10);
      cluster.disk(2).capacityBytes = 0;
      // More than a segment, so that node 2 needs room for the next.
      const codes = new Set<string>();
      for (let i = 0; i < 100; i++) {
        const id = `k${i % 8}`;
        const value = `"${i}-${'y'.repeat(5_000)}"`;
        const code = await tryPut(cluster, 1, id, value, 500);
        codes.add(code);
        if (code === 'ok') {
          acked.values.set(id, value);
        } else if (code === 'OutcomeUnknown') {
          acked.values.delete(id);
        }
      }
      expect(codes).toContain('ok');
      expect(codes).toContain('NoSpace');
      expect(cluster.failures).toEqual([]);
      // Nobody writes for a while: the room must be noticed all the same.
      await cluster.scheduler.runFor(3_000);
      cluster.disk(2).capacityBytes = Infinity;
      await cluster.scheduler.runFor(3_000);
      const led = new Set<NodeId | undefined>();
      for (let i = 0; i < 8; i++) {
        const group = core(cluster, 1).host.groups.get(groupOfHash(kvTarget(`k${i}`).hash, 4));
        led.add(group?.leaderNode);
      }
      expect(led).toContain(2);
      await acked.fill(cluster, 1, 8, 10);
      await settleCaughtUp(cluster, 2);
      await acked.check(cluster, 2, false);
    },
    testMs,
  );

  test(
    'ENOSPC ahead of need on a node alone: new room is noticed though nothing is written',
    async () => {
      const cluster = new SimCluster({ seed: 44, nodes: 1, shards: 1 });
      const acked = new Acked();
      await cluster.start();
      cluster.disk(1).capacityBytes = 0;
      // A log that compaction may not cut (a snapshot is being sent) has no segment to recycle.
      for (const group of core(cluster, 1).host.groups.values()) {
        core(cluster, 1).drainer.pin(group, {}, 1, { bytesMax: Infinity });
      }
      let refusedMs = 0;
      for (let i = 0; i < 1_000 && refusedMs < 8_000; i++) {
        const code = await tryPut(cluster, 1, 'a', `"${'z'.repeat(5_000)}"`);
        expect(['ok', 'NoSpace']).toContain(code);
        refusedMs = code === 'ok' ? 0 : refusedMs + 1_000;
        await cluster.scheduler.runFor(code === 'ok' ? 0 : 1_000);
      }
      expect(refusedMs).toBe(8_000);
      cluster.disk(1).capacityBytes = Infinity;
      await cluster.scheduler.runFor(2_500);
      await acked.fill(cluster, 1, 3, 10);
      await acked.check(cluster, 1);
    },
    testMs,
  );
});
