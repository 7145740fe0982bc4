/**
 * Goal: idle groups, clocks and processes at rest break no promise: sleeping groups whose leader
 * dies or is half cut off (P15), clocks that lie, a leader that stands still, and all faults at
 * once. Method: a whole simulated cluster; histories must be linearizable.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import type { Group } from '../host/group.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { SimCluster } from './cluster.ts';
import { History } from './history.ts';
import { RegisterClients } from './register-clients.ts';
import {
  allAsleep,
  compaction,
  core,
  get,
  leaderOf,
  lull,
  msUntilPut,
  settleCaughtUp,
  testMs,
} from './testing-scenarios.ts';

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
    'a sleeping learner that cannot hear its leader, who hears it, gets it woken',
    async () => {
      // Of four nodes three vote in the system group, the fourth learns.
      const cluster = new SimCluster({ seed: 56, nodes: 4, shards: 1 });
      await cluster.start();
      await lull(cluster);
      const groupAt = (nodeId: NodeId): Group =>
        must(core(cluster, nodeId).host.groups.get(systemGroupId));
      const learner = must(cluster.nodeIds.find((nodeId) => groupAt(nodeId).raw.raft.isLearner));
      const leader = must(groupAt(learner).leaderNode);
      cluster.network.cutOneWay(leader, learner);
      const isOrphan = (): boolean => groupAt(learner).leader === 0;
      expect(await cluster.scheduler.runUntil(isOrphan, 5_000)).toBe(true);
      expect(groupAt(leader).asleep).toBe(true); // It hears the learner's beats.
      cluster.network.heal();
      expect(await cluster.ready(10_000)).toBe(true);
      await lull(cluster);
      expect(groupAt(learner).leaderNode).toBe(leader);
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
