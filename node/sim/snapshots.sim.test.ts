/**
 * Goal: a follower that the log no longer reaches gets the whole state, whatever breaks, crashes or
 * fills up on the way; it is the old replica or the new one and never half; a break costs what was
 * under way, not what had arrived; writes meanwhile start no loop. Method: whole simulated
 * clusters with tiny logs and states of a dozen chunks; breaks at every chunk, power cuts at every
 * durable step. The seed stands in the code of each test.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { mebibyte } from '../lib/units.ts';
import { Prng } from '../lib/prng.ts';
import type { Group } from '../host/group.ts';
import type { SnapshotCounts } from '../host/snapshotter.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import type { NodeId } from '../sys/network.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { SimCluster } from './cluster.ts';
import { History } from './history.ts';
import { ManagerHands } from './manager-hands.ts';
import { RegisterClients, kvTarget } from './register-clients.ts';
import {
  Acked,
  compaction,
  core,
  get,
  settleCaughtUp,
  testMs,
  tryPut,
} from './testing-scenarios.ts';

const keys = 12;
/** More than a chunk takes, so that every row has one of its own. */
const valueBytes = 70_000;

interface Behind {
  readonly cluster: SimCluster;
  readonly acked: Acked;
}

function shard(cluster: SimCluster, nodeId: NodeId): Group {
  return must(core(cluster, nodeId).host.groups.get(1));
}

/** Node 3 holds round 1 and is down; the others hold round 2 and no log back to it. */
async function leaveBehind(seed: number): Promise<Behind> {
  const cluster = new SimCluster({ seed, nodes: 3, shards: 1, compaction });
  const acked = new Acked();
  await cluster.start();
  await acked.fill(cluster, 1, keys, valueBytes);
  await settleCaughtUp(cluster, 3);
  // What node 3 has applied is in its engine, and durable there.
  await cluster.scheduler.runFor(3_000);
  const last = shard(cluster, 3).lastIndex;
  cluster.crash(3, false);
  await acked.fill(cluster, 1, keys, valueBytes);
  const compacted = (): boolean =>
    [1, 2].every((nodeId) => shard(cluster, nodeId).storage.compactedIndex > last);
  expect(await cluster.scheduler.runUntil(compacted, 10_000)).toBe(true);
  return { cluster, acked };
}

/** What the snapshotters of the running nodes counted, together. */
function counts(cluster: SimCluster): SnapshotCounts {
  const sum = new Map<string, number>();
  for (const nodeId of cluster.nodeIds) {
    for (const [name, value] of Object.entries(cluster.core(nodeId)?.snapshotter.counts ?? {})) {
      sum.set(name, (sum.get(name) ?? 0) + Number(value));
    }
  }
  return Object.fromEntries(sum) as unknown as SnapshotCounts;
}

/** Nothing of a snapshot is left behind on a node. */
async function expectClean(cluster: SimCluster, nodeId: NodeId): Promise<void> {
  const { generations } = core(cluster, nodeId).parts;
  const clean = (): boolean =>
    generations.unreferenced().length === 0 && generations.stagings.list().length === 0;
  expect(await cluster.scheduler.runUntil(clean, 5_000)).toBe(true);
}

/** Node 3 has everything, and nothing else is left. */
async function expectWhole({ cluster, acked }: Behind): Promise<void> {
  await settleCaughtUp(cluster, 3);
  await acked.check(cluster, 3, false);
  await acked.check(cluster, 3);
  await expectClean(cluster, 3);
  expect(cluster.failures).toEqual([]);
}

describe('snapshots that break off', () => {
  test(
    'at every chunk: the next stream goes on from there, nothing starts over',
    async () => {
      // Without a break first: how many chunks there are.
      let chunks = 0;
      for (let at = 0; at <= chunks; at++) {
        const behind = await leaveBehind(100 + at);
        const { cluster } = behind;
        let broken = 0;
        cluster.network.options = {
          ...cluster.network.options,
          snapshotFault: (chunk) => {
            chunks = at === 0 ? chunk : chunks;
            const breaks = broken === 0 && chunk === at;
            broken += breaks ? 1 : 0;
            return breaks ? 'break' : undefined;
          },
        };
        await cluster.boot(3);
        await expectWhole(behind);
        const { resumed, startedOver, sendsFailed } = counts(cluster);
        // The first chunk that breaks leaves nothing to go on from.
        const expected = { broken: at > 0 ? 1 : 0, resumed: at > 1 ? 1 : 0, startedOver: 0 };
        expect({ broken, resumed, startedOver }).toEqual(expected);
        expect(sendsFailed).toBe(broken);
      }
      expect(chunks).toBeGreaterThan(keys);
    },
    testMs,
  );

  test(
    'again and again, under writes: it still comes to an end',
    async () => {
      const { cluster, acked } = await leaveBehind(7);
      cluster.network.options = { ...cluster.network.options, snapshotBreakChance: 0.3 };
      await cluster.boot(3);
      const caught = (): boolean => counts(cluster).installed > 0;
      for (let i = 0; i < 400 && !caught(); i++) {
        const id = `k${i % keys}`;
        const value = `"w${i}-${'y'.repeat(2_000)}"`;
        expect(await tryPut(cluster, 1, id, value)).toBe('ok');
        acked.values.set(id, value);
        await cluster.scheduler.runFor(20);
      }
      expect(caught()).toBe(true);
      cluster.network.options = { ...cluster.network.options, snapshotBreakChance: 0 };
      await expectWhole({ cluster, acked });
      expect(counts(cluster).resumed).toBeGreaterThan(0);
    },
    testMs,
  );

  test(
    'a damaged chunk is refused by name and the snapshot starts over',
    async () => {
      const behind = await leaveBehind(8);
      const { cluster } = behind;
      let damaged = 0;
      cluster.network.options = {
        ...cluster.network.options,
        snapshotFault: (chunk) => {
          damaged += chunk === 5 ? 1 : 0;
          return chunk === 5 && damaged === 1 ? 'damage' : undefined;
        },
      };
      await cluster.boot(3);
      const refused = (): boolean =>
        [1, 2].some((nodeId) =>
          core(cluster, nodeId)
            .snapshotter.progress()
            .some(({ blockedBy }) => blockedBy === 'ChunkDamaged'),
        );
      expect(await cluster.scheduler.runUntil(refused, 10_000)).toBe(true);
      expect(core(cluster, 3).parts.generations.stagings.list()).toEqual([]);
      await expectWhole(behind);
      expect([damaged, counts(cluster).resumed]).toEqual([2, 0]);
    },
    testMs,
  );
});

describe('snapshots under writes', () => {
  test(
    'the shard is written over and over while it is copied: one stream is enough',
    async () => {
      const { cluster, acked } = await leaveBehind(9);
      // Slow enough for a dozen legs, each with more changes than a log may keep.
      for (const nodeId of [1, 2]) {
        const { snapshotter } = core(cluster, nodeId);
        snapshotter.policy = { ...snapshotter.policy, bytesPerSecond: () => 20_000 };
      }
      await cluster.boot(3);
      let rounds = 0;
      while (counts(cluster).installed === 0 && rounds < 2_000) {
        const id = `k${rounds % (2 * keys)}`;
        const value = `"w${rounds}-${'z'.repeat(3_000)}"`;
        expect(await tryPut(cluster, 1, id, value)).toBe('ok');
        acked.values.set(id, value);
        rounds += 1;
        await cluster.scheduler.runFor(10);
      }
      expect(rounds).toBeGreaterThan(200);
      await expectWhole({ cluster, acked });
      const { installed, startedOver, sent, sendsFailed } = counts(cluster);
      expect({ installed, startedOver, sent, sendsFailed }).toEqual({
        ...{ installed: 1, startedOver: 0, sent: 1, sendsFailed: 0 },
      });
    },
    testMs,
  );

  test(
    'rows deleted on the way do not live again',
    async () => {
      const { cluster, acked } = await leaveBehind(10);
      for (const nodeId of [1, 2]) {
        const { snapshotter } = core(cluster, nodeId);
        snapshotter.policy = { ...snapshotter.policy, bytesPerSecond: () => 200_000 };
      }
      cluster.network.options = { ...cluster.network.options, snapshotBreakChance: 0.1 };
      await cluster.boot(3);
      const deleted: string[] = [];
      for (let i = 0; i < keys; i += 2) {
        const id = `k${i}`;
        const { router } = core(cluster, 1);
        const command = {
          ...kvTarget(id),
          kind: 'delete',
          precondition: undefined,
          returns: 'existence',
          returnOldOnFailure: false,
        } as const;
        const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
        await cluster.settle(router.execute(command, call));
        acked.values.delete(id);
        deleted.push(id);
        await cluster.scheduler.runFor(300);
      }
      await settleCaughtUp(cluster, 3);
      for (const id of deleted) {
        expect(await get(cluster, 3, id, false)).toBeUndefined();
      }
      await expectWhole({ cluster, acked });
    },
    testMs,
  );
});

describe('snapshots and crashes', () => {
  /** Durable steps of a node so far. */
  function stepsOf(cluster: SimCluster, nodeId: NodeId, writes: { count: number }): number {
    return writes.count + cluster.disk(nodeId).mutations;
  }

  /** Boots node 3 and counts its engine's writes and syncs. */
  async function bootCounting(cluster: SimCluster): Promise<{ count: number }> {
    await cluster.boot(3);
    const writes = { count: 0 };
    const engine = cluster.engine(3);
    const { write, syncWal } = engine;
    engine.write = (...args) => {
      writes.count += 1;
      write.apply(engine, args);
    };
    engine.syncWal = () => {
      writes.count += 1;
      return syncWal.apply(engine);
    };
    return writes;
  }

  /** The round of every value that node 3 holds, read from its own replica. */
  async function roundsAt3(cluster: SimCluster): Promise<string[]> {
    const rounds = new Set<string>();
    for (let i = 0; i < keys; i++) {
      const value = await get(cluster, 3, `k${i}`, false);
      rounds.add(value?.slice(1, 2) ?? 'none');
    }
    return [...rounds];
  }

  test(
    'a power cut of the receiver at every durable step: the old replica or the new, never half',
    async () => {
      let steps = 0;
      const seen = new Set<string>();
      let resumed = 0;
      for (let at = 0; at <= steps; at++) {
        const behind = await leaveBehind(200 + at);
        const { cluster } = behind;
        const writes = await bootCounting(cluster);
        const first = stepsOf(cluster, 3, writes);
        if (at === 0) {
          // Without a cut: how many there are.
          await expectWhole(behind);
          steps = stepsOf(cluster, 3, writes) - first;
          continue;
        }
        const reached = (): boolean => stepsOf(cluster, 3, writes) - first >= at;
        expect(await cluster.scheduler.runUntil(reached, 60_000)).toBe(true);
        cluster.crash(3, true);
        cluster.network.partition([1, 2], [3]);
        await cluster.boot(3);
        const rounds = await roundsAt3(cluster);
        expect([at, rounds.length]).toEqual([at, 1]);
        seen.add(must(rounds[0]));
        cluster.network.heal();
        await expectWhole(behind);
        resumed += counts(cluster).resumed;
        expect([at, counts(cluster).startedOver]).toEqual([at, 0]);
      }
      expect(steps).toBeGreaterThan(20);
      expect([...seen].sort()).toEqual(['1', '2']);
      expect(resumed).toBeGreaterThan(steps / 4);
    },
    4 * testMs,
  );

  test(
    'the sender dies at every chunk: the next leader goes on or starts over, and it is whole',
    async () => {
      let resumed = 0;
      for (let at = 1; at <= keys + 2; at++) {
        const behind = await leaveBehind(300 + at);
        const { cluster } = behind;
        let reached = 0;
        cluster.network.options = {
          ...cluster.network.options,
          snapshotFault: (chunk) => {
            reached = Math.max(reached, chunk);
            return undefined;
          },
        };
        await cluster.boot(3);
        expect(await cluster.scheduler.runUntil(() => reached >= at, 10_000)).toBe(true);
        const leader = must(shard(cluster, 3).leaderNode ?? shard(cluster, 1).leaderNode);
        cluster.crash(leader, true);
        await cluster.scheduler.runFor(200);
        await cluster.boot(leader);
        await expectWhole(behind);
        resumed += counts(cluster).resumed;
      }
      expect(resumed).toBeGreaterThan(0);
    },
    2 * testMs,
  );

  test(
    'the leadership moves on the way: the next leader goes on from what has arrived',
    async () => {
      const behind = await leaveBehind(11);
      const { cluster } = behind;
      for (const nodeId of [1, 2]) {
        const { snapshotter } = core(cluster, nodeId);
        snapshotter.policy = { ...snapshotter.policy, bytesPerSecond: () => 200_000 };
      }
      await cluster.boot(3);
      const staged = (): number =>
        core(cluster, 3).parts.generations.stagings.get(1)?.point.rows ?? 0;
      expect(await cluster.scheduler.runUntil(() => staged() >= 4, 20_000)).toBe(true);
      const old = must([1, 2].find((nodeId) => shard(cluster, nodeId).isLeader));
      const next = 3 - old;
      const group = shard(cluster, old);
      const target = must([...group.nodes].find(([, nodeId]) => nodeId === next))[0];
      group.raw.transferLeader(target);
      core(cluster, old).host.dirty(group);
      const moved = (): boolean => shard(cluster, next).isLeader;
      expect(await cluster.scheduler.runUntil(moved, 5_000)).toBe(true);
      await expectWhole(behind);
      expect(core(cluster, next).snapshotter.counts).toMatchObject({
        ...{ sent: 1, resumed: 1, startedOver: 0 },
      });
    },
    testMs,
  );
});

describe('snapshots for an empty replica', () => {
  test(
    'a new member gets its first state, under writes, through breaks and power cuts on the way',
    async () => {
      const cluster = new SimCluster({ seed: 16, nodes: 3, shards: 1, compaction, manages: false });
      const acked = new Acked();
      await cluster.start();
      await acked.fill(cluster, 1, keys, valueBytes);
      const hands = new ManagerHands(cluster, 1);
      const joined = await cluster.addNode(1);
      await hands.welcome(joined);
      const replicaId = await hands.give(1, joined);
      const made = (): boolean => core(cluster, joined).host.groups.has(1);
      expect(await cluster.scheduler.runUntil(made, 5_000)).toBe(true);
      cluster.network.options = { ...cluster.network.options, snapshotBreakChance: 0.1 };
      await hands.configure(1, [{ type: ConfChangeType.addLearner, id: replicaId }]);
      const staged = (): number =>
        core(cluster, joined).parts.generations.stagings.get(1)?.point.rows ?? 0;
      const isThere = (): boolean =>
        core(cluster, joined).host.groups.get(1)?.replica.confState.learners.length === 1;
      let cuts = 0;
      for (let rows = 0; !isThere(); cuts++) {
        expect(cuts).toBeLessThan(100);
        const further = (): boolean => staged() > rows || isThere();
        expect(await cluster.scheduler.runUntil(further, 120_000)).toBe(true);
        rows = staged();
        cluster.crash(joined, true);
        const value = `"c${cuts}-${'y'.repeat(3_000)}"`;
        expect(await tryPut(cluster, 1, `k${cuts % keys}`, value)).toBe('ok');
        acked.values.set(`k${cuts % keys}`, value);
        await cluster.boot(joined);
        rows = Math.min(rows, staged());
      }
      expect(cuts).toBeGreaterThan(3);
      await settleCaughtUp(cluster, joined);
      await acked.check(cluster, joined, false);
      await expectClean(cluster, joined);
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );
});

describe('snapshots and disks', () => {
  test(
    'no space while staging: refused by name, the group goes on, later there is room',
    async () => {
      const behind = await leaveBehind(12);
      const { cluster, acked } = behind;
      const { network } = cluster;
      let reached = 0;
      network.options = {
        ...network.options,
        snapshotFault: (chunk) => {
          reached = Math.max(reached, chunk);
          return undefined;
        },
      };
      cluster.disk(3).capacityBytes = 100 * mebibyte;
      await cluster.boot(3);
      const refused = (): boolean =>
        [1, 2].some((nodeId) =>
          core(cluster, nodeId)
            .snapshotter.progress()
            .some(({ blockedBy }) => blockedBy === 'InsufficientFreeSpace'),
        );
      expect(await cluster.scheduler.runUntil(refused, 20_000)).toBe(true);
      await expectClean(cluster, 3);
      // The group goes on with the two others, and node 3 is not asked in a loop.
      const before = counts(cluster).sendsFailed;
      await acked.fill(cluster, 1, keys, 100);
      await cluster.scheduler.runFor(60_000);
      expect(counts(cluster).sendsFailed - before).toBeLessThan(20);
      expect(shard(cluster, 3).replica.applied.index).toBeLessThan(
        shard(cluster, 1).replica.applied.index,
      );
      cluster.disk(3).capacityBytes = Infinity;
      await expectWhole(behind);
    },
    testMs,
  );

  test(
    'a slow engine holds the sender back and loses nothing',
    async () => {
      const behind = await leaveBehind(13);
      const { cluster } = behind;
      await cluster.boot(3);
      const engine = cluster.engine(3);
      engine.setHealth({ stalled: true });
      await cluster.scheduler.runFor(40_000);
      expect(counts(cluster).installed).toBe(0);
      engine.setHealth({ stalled: false });
      await expectWhole(behind);
    },
    testMs,
  );
});

test(
  'a storm of snapshots under clients: linearizable, nothing lost',
  async () => {
    const cluster = new SimCluster({ seed: 14, nodes: 3, shards: 4, compaction });
    await cluster.start();
    const history = new History();
    const ids = Array.from({ length: 12 }, (_, i) => `r${i}`);
    const clients = new RegisterClients(cluster, history, new Prng(14), ids);
    const random = new Prng(15);
    cluster.network.options = { ...cluster.network.options, snapshotBreakChance: 0.2 };
    clients.start(6);
    const acked = new Acked();
    for (let round = 0; round < 8; round++) {
      const victim = 1 + random.below(3);
      cluster.crash(victim, random.chance(0.5));
      // Enough to leave it behind, through whoever lives.
      const gateway = victim === 1 ? 2 : 1;
      await cluster.scheduler.runFor(1_500);
      for (let i = 0; i < 16; i++) {
        const id = `s${i}`;
        const value = `"${round}-${'x'.repeat(3_000)}"`;
        if ((await tryPut(cluster, gateway, id, value)) === 'ok') {
          acked.values.set(id, value);
        } else {
          acked.values.delete(id);
        }
      }
      await cluster.scheduler.runFor(2_000);
      await cluster.boot(victim);
      await cluster.scheduler.runFor(1_000 + random.below(3_000));
    }
    clients.stop();
    expect(await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000)).toBe(true);
    for (const nodeId of cluster.nodeIds) {
      await settleCaughtUp(cluster, nodeId);
      await acked.check(cluster, nodeId, false);
      await expectClean(cluster, nodeId);
    }
    expect(clients.done).toBeGreaterThan(200);
    expect(counts(cluster).sent).toBeGreaterThan(0);
    expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    expect(cluster.failures).toEqual([]);
  },
  2 * testMs,
);
