/**
 * Goal: what the host promises when a part fails at a bad moment: snapshots cut short, disks that
 * fail or fill up, groups asleep whose leader dies, clocks that lie, processes that stand still.
 * Method: one named scenario each, with a whole simulated cluster; every acknowledged value must be
 * there in the end, and where clients run, their history must be linearizable.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { LogFields, Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import { groupOfHash } from '../shards/groups.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { SimCluster } from './cluster.ts';
import { History } from './history.ts';
import { RegisterClients, kvPut, kvTarget } from './register-clients.ts';

const testMs = 120_000;
/** Small enough that a few dozen writes leave a crashed follower behind the log. */
const compaction = { keepBytes: 1_024, catchUpBytesMax: 4_096 };

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

function core(cluster: SimCluster, nodeId: NodeId): NodeCore {
  return must(cluster.core(nodeId), `Node ${nodeId} runs`);
}

/** The error code, or `ok`. */
async function tryPut(
  cluster: SimCluster,
  nodeId: NodeId,
  id: string,
  json: string,
  limitMs = 5_000,
): Promise<string> {
  const call = { deadlineMs: cluster.scheduler.nowMs + limitMs, requestId: 'test' };
  try {
    await cluster.settle(core(cluster, nodeId).router.execute(kvPut(id, json), call));
    return 'ok';
  } catch (error) {
    return isDynakvError(error) ? error.code : String(error);
  }
}

async function get(
  cluster: SimCluster,
  nodeId: NodeId,
  id: string,
  consistent = true,
): Promise<string | undefined> {
  const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
  const command = { ...kvTarget(id), kind: 'get', consistent } as const;
  const reply = await cluster.settle(core(cluster, nodeId).router.execute(command, call));
  return reply.kind === 'got' && reply.found !== undefined
    ? (JSON.parse(reply.found.item.toString()) as { json: { S: string } }).json.S
    : undefined;
}

/** What was acknowledged, by id. */
class Acked {
  readonly values = new Map<string, string>();
  #round = 0;

  /** Puts `count` values of `bytes` each and demands that all are acknowledged. */
  async fill(cluster: SimCluster, nodeId: NodeId, count: number, bytes: number): Promise<void> {
    this.#round += 1;
    for (let i = 0; i < count; i++) {
      const id = `k${i}`;
      const value = `"${this.#round}-${'x'.repeat(bytes)}"`;
      expect(await tryPut(cluster, nodeId, id, value)).toBe('ok');
      this.values.set(id, value);
    }
  }

  async check(cluster: SimCluster, nodeId: NodeId, consistent = true): Promise<void> {
    for (const [id, value] of this.values) {
      expect(await get(cluster, nodeId, id, consistent)).toBe(value);
    }
  }
}

/** True once every replica of `nodeId` has applied all that its leader committed. */
function caughtUp(cluster: SimCluster, nodeId: NodeId): boolean {
  const node = cluster.core(nodeId);
  if (node === undefined || !node.groupsReady) {
    return false;
  }
  return [...node.host.groups.values()].every((group) => {
    const leader = cluster.core(group.leaderNode ?? 0)?.host.groups.get(group.groupId);
    return leader !== undefined && group.replica.applied.index === leader.commitIndex;
  });
}

async function settleCaughtUp(cluster: SimCluster, nodeId: NodeId): Promise<void> {
  expect(await cluster.scheduler.runUntil(() => caughtUp(cluster, nodeId), 30_000)).toBe(true);
}

/** Node 3 falls behind what the others' logs still hold. */
async function leaveBehind(cluster: SimCluster, acked: Acked): Promise<void> {
  const lastOf3 = [...core(cluster, 3).host.groups.values()].map(
    (group) => [group.groupId, group.lastIndex] as const,
  );
  cluster.crash(3, false);
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
  expect(await cluster.scheduler.runUntil(compacted, 10_000)).toBe(true);
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
      await settleCaughtUp(cluster, 3);
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
        core(cluster, 1).drainer.pin(group, {}, 1);
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

/** Every replica of every living node sleeps. */
function allAsleep(cluster: SimCluster): boolean {
  return cluster.nodeIds.every((nodeId) =>
    [...(cluster.core(nodeId)?.host.groups.values() ?? [])].every((group) => group.asleep),
  );
}

async function lull(cluster: SimCluster): Promise<void> {
  expect(await cluster.scheduler.runUntil(() => allAsleep(cluster), 40_000)).toBe(true);
}

/** Node that leads the shard of a key, as node `seenFrom` believes. */
function leaderOf(cluster: SimCluster, id: string, shards: number, seenFrom: NodeId): NodeId {
  const group = core(cluster, seenFrom).host.groups.get(groupOfHash(kvTarget(id).hash, shards));
  return must(group?.leaderNode, 'A sleeping group has a leader');
}

/** Puts until it works; the time it took, ms. */
async function msUntilPut(cluster: SimCluster, nodeId: NodeId, id: string): Promise<number> {
  const startMs = cluster.scheduler.nowMs;
  // A request that reached the lost leader ends as unknown: this one may be repeated.
  for (let attempt = 0; attempt < 20; attempt++) {
    if ((await tryPut(cluster, nodeId, id, '"woken"', 1_000)) === 'ok') {
      break;
    }
  }
  return cluster.scheduler.nowMs - startMs;
}

describe('sleeping groups (P15)', () => {
  test(
    'an idle cluster falls asleep, a write wakes it at once, and it sleeps again',
    async () => {
      const cluster = new SimCluster({ seed: 51, nodes: 3, shards: 4 });
      await cluster.start();
      await lull(cluster);
      const terms = [...core(cluster, 1).host.groups.values()].map((group) => group.term);
      expect(await msUntilPut(cluster, 2, 'a')).toBeLessThan(200);
      await lull(cluster);
      await cluster.scheduler.runFor(5_000);
      expect(allAsleep(cluster)).toBe(true);
      expect([...core(cluster, 1).host.groups.values()].map((group) => group.term)).toEqual(terms);
      expect(await get(cluster, 3, 'a')).toBe('"woken"');
    },
    testMs,
  );

  test.each([true, false])(
    'the leader of a sleeping group dies (power cut: %s): writes work again soon',
    async (power) => {
      const cluster = new SimCluster({ seed: 52, nodes: 3, shards: 2 });
      await cluster.start();
      await lull(cluster);
      const victim = leaderOf(cluster, 'a', 2, 1);
      const other = victim === 1 ? 2 : 1;
      cluster.crash(victim, power);
      expect(await msUntilPut(cluster, other, 'a')).toBeLessThan(1_500);
      await cluster.boot(victim);
      await settleCaughtUp(cluster, victim);
      await lull(cluster);
    },
    testMs,
  );

  test(
    'it restarts so fast that nobody misses a beat: its groups find a leader all the same',
    async () => {
      const cluster = new SimCluster({ seed: 53, nodes: 3, shards: 2 });
      await cluster.start();
      await lull(cluster);
      const victim = leaderOf(cluster, 'a', 2, 1);
      cluster.crash(victim, true);
      await cluster.boot(victim);
      expect(await msUntilPut(cluster, victim, 'a')).toBeLessThan(3_000);
      await lull(cluster);
    },
    testMs,
  );

  test.each([
    ['from the leader', true],
    ['to the leader', false],
  ])(
    'a one-way cut %s does not leave a sleeping group stuck',
    async (_name, fromLeader) => {
      const cluster = new SimCluster({ seed: 54, nodes: 3, shards: 2 });
      await cluster.start();
      await lull(cluster);
      const leader = leaderOf(cluster, 'a', 2, 1);
      const [follower, third] = cluster.nodeIds.filter((nodeId) => nodeId !== leader);
      if (fromLeader) {
        cluster.network.cutOneWay(leader, must(follower));
      } else {
        cluster.network.cutOneWay(must(follower), leader);
      }
      await cluster.scheduler.runFor(4_000);
      expect(await msUntilPut(cluster, must(third), 'a')).toBeLessThan(3_000);
      cluster.network.heal();
      for (const nodeId of cluster.nodeIds) {
        await settleCaughtUp(cluster, nodeId);
        expect(await get(cluster, nodeId, 'a')).toBe('"woken"');
      }
      await lull(cluster);
    },
    testMs,
  );

  test(
    'a sleeping leader cut off from all: the others elect one, it learns of it',
    async () => {
      const cluster = new SimCluster({ seed: 55, nodes: 3, shards: 2 });
      await cluster.start();
      await lull(cluster);
      const leader = leaderOf(cluster, 'a', 2, 1);
      const others = cluster.nodeIds.filter((nodeId) => nodeId !== leader);
      cluster.network.partition([leader], others);
      expect(await msUntilPut(cluster, must(others[0]), 'a')).toBeLessThan(4_000);
      cluster.network.heal();
      expect(await get(cluster, leader, 'a')).toBe('"woken"');
      await lull(cluster);
    },
    testMs,
  );
});

describe('time', () => {
  test(
    'wall clocks that lie and jump change no answer',
    async () => {
      const cluster = new SimCluster({ seed: 61, nodes: 3, shards: 2 });
      await cluster.start();
      const history = new History();
      const random = new Prng(61);
      const clients = new RegisterClients(cluster, history, random, ['a', 'b']);
      clients.start(4);
      const yearMs = 365 * 24 * 3_600_000;
      for (const skews of [
        [yearMs, -3_600_000, 0],
        [-yearMs, yearMs, 5],
        [0, 0, -yearMs],
      ]) {
        skews.forEach((skewMs, i) => {
          cluster.time(i + 1).setWallSkew(skewMs);
        });
        await cluster.scheduler.runFor(700);
      }
      clients.stop();
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(clients.done).toBeGreaterThan(50);
      expect(cluster.failures).toEqual([]);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    testMs,
  );

  test(
    'a leader that stands still for seconds and goes on serves no stale read',
    async () => {
      const cluster = new SimCluster({ seed: 62, nodes: 3, shards: 1 });
      await cluster.start();
      const history = new History();
      const clients = new RegisterClients(cluster, history, new Prng(62), ['a', 'b']);
      clients.start(6);
      for (let round = 0; round < 2; round++) {
        await cluster.scheduler.runFor(500);
        const leader = leaderOf(cluster, 'a', 1, 1);
        cluster.time(leader).pause();
        await cluster.scheduler.runFor(4_000);
        cluster.time(leader).resume();
      }
      await cluster.scheduler.runFor(1_000);
      clients.stop();
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(cluster.failures).toEqual([]);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    testMs,
  );
});

/** One fault drawn from the seed, and its end. */
async function misfortune(cluster: SimCluster, random: Prng): Promise<void> {
  const { scheduler, network, nodeIds } = cluster;
  const victim = random.pick(nodeIds);
  const others = nodeIds.filter((nodeId) => nodeId !== victim);
  switch (random.below(5)) {
    case 0:
      cluster.crash(victim, random.chance(0.5));
      await scheduler.runFor(random.below(5_000));
      await cluster.boot(victim);
      return;
    case 1: {
      const power = random.chance(0.7);
      for (const nodeId of nodeIds) {
        cluster.crash(nodeId, power);
      }
      for (const nodeId of nodeIds) {
        await cluster.boot(nodeId);
      }
      return;
    }
    case 2:
      cluster.time(victim).pause();
      await scheduler.runFor(random.below(5_000));
      cluster.time(victim).resume();
      return;
    case 3:
      network.cutOneWay(victim, random.pick(others));
      break;
    default:
      network.partition([victim], others);
  }
  await scheduler.runFor(random.below(4_000));
  network.heal();
}

describe('faults of all kinds, small logs', () => {
  test.each([71, 72, 73])(
    'seed %i: linearizable, and in the end all is at rest',
    async (seed) => {
      const nodes = seed % 2 === 0 ? 5 : 3;
      const cluster = new SimCluster({ seed, nodes, shards: 2, compaction });
      const random = new Prng(seed ^ 0x77);
      await cluster.start();
      const calm = cluster.network.options;
      cluster.network.options = {
        ...calm,
        dropChance: 0.02,
        reorderChance: 0.05,
        snapshotBreakChance: 0.2,
        cutDetectMs: 1_000,
      };
      const history = new History();
      const clients = new RegisterClients(cluster, history, random, ['a', 'b', 'c', 'd']);
      clients.start(5);
      for (let round = 0; round < 6; round++) {
        await cluster.scheduler.runFor(300 + random.below(1_500));
        await misfortune(cluster, random);
      }
      clients.stop();
      cluster.network.options = calm;
      expect(await cluster.ready()).toBe(true);
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(cluster.failures).toEqual([]);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
      // Nothing is left behind: every group sleeps on one state, every admitted write was released.
      await lull(cluster);
      for (const nodeId of cluster.nodeIds) {
        await settleCaughtUp(cluster, nodeId);
        expect(core(cluster, nodeId).admission.writes).toBe(0);
      }
    },
    testMs,
  );
});
