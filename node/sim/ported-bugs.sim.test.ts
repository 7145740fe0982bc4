/**
 * Bugs that other replicated stores had, each as a scenario on a whole simulated cluster. Links,
 * what each was, and those that are tested elsewhere or do not apply: docs/ported-bugs.md.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import type { NodeId } from '../sys/network.ts';
import { SimCluster } from './cluster.ts';
import { History } from './history.ts';
import { RegisterClients, kvTarget } from './register-clients.ts';
import { isQuiet, replicaProblem } from './swarm/final-checks.ts';
import {
  Acked,
  compaction,
  core,
  leaderOf,
  settleCaughtUp,
  testMs,
  tryPut,
} from './testing-scenarios.ts';

/** The row's version, as a strong read tells it. */
async function versionOf(cluster: SimCluster, id: string): Promise<readonly number[]> {
  const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
  const command = { ...kvTarget(id), kind: 'get', consistent: true } as const;
  const reply = await cluster.settle(core(cluster, 1).router.execute(command, call));
  const version = reply.kind === 'got' ? must(reply.found).version : '';
  return version.split('-').map(Number);
}

async function remove(cluster: SimCluster, id: string): Promise<void> {
  const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
  const command = {
    ...kvTarget(id),
    kind: 'delete',
    precondition: undefined,
    returns: 'existence',
    returnOldOnFailure: false,
  } as const;
  await cluster.settle(core(cluster, 1).router.execute(command, call));
}

/** Puts through a node until it is acknowledged: while a leader is missed, outcomes are unknown. */
async function putSoon(
  cluster: SimCluster,
  nodeId: NodeId,
  id: string,
  json: string,
): Promise<void> {
  for (let attempt = 0; (await tryPut(cluster, nodeId, id, json, 2_000)) !== 'ok'; attempt++) {
    expect(attempt).toBeLessThan(10);
  }
}

/** Asks for a value and does not wait: it is settled later. What went wrong is undefined. */
async function ask(cluster: SimCluster, nodeId: NodeId, id: string): Promise<string | undefined> {
  const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
  const command = { ...kvTarget(id), kind: 'get', consistent: true } as const;
  try {
    const reply = await core(cluster, nodeId).router.execute(command, call);
    return reply.kind === 'got' ? reply.found?.item.toString() : undefined;
  } catch {
    return undefined;
  }
}

async function untilQuiet(cluster: SimCluster): Promise<void> {
  expect(await cluster.scheduler.runUntil(() => isQuiet(cluster), 40_000)).toBe(true);
}

describe('durability', () => {
  // https://github.com/etcd-io/etcd/issues/14370
  test(
    'etcd #14370: a node alone acknowledges nothing that its disk may lose',
    async () => {
      const cluster = new SimCluster({ seed: 101, nodes: 1, shards: 2 });
      await cluster.start();
      const acked = new Acked();
      for (let cut = 0; cut < 4; cut++) {
        await acked.fill(cluster, 1, 4, 50);
        cluster.crash(1, true); // At the very moment of the last acknowledgement.
        await cluster.boot(1);
        expect(await cluster.ready()).toBe(true);
        await acked.check(cluster, 1);
      }
    },
    testMs,
  );

  // https://github.com/etcd-io/etcd/issues/14143
  test(
    'etcd #14143: what was read survives the power cut of all nodes',
    async () => {
      const cluster = new SimCluster({ seed: 102, nodes: 5, shards: 1 });
      await cluster.start();
      const history = new History();
      const clients = new RegisterClients(cluster, history, new Prng(102), ['a', 'b']);
      clients.start(6);
      for (let round = 0; round < 5; round++) {
        await cluster.scheduler.runFor(700);
        for (const nodeId of cluster.nodeIds) {
          cluster.crash(nodeId, true);
        }
        for (const nodeId of cluster.nodeIds) {
          await cluster.boot(nodeId);
        }
        expect(await cluster.ready()).toBe(true);
      }
      clients.stop();
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(clients.done).toBeGreaterThan(100);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    testMs,
  );

  // https://github.com/etcd-io/etcd/issues/13766
  // https://github.com/etcd-io/etcd/pull/14685
  test(
    'etcd #13766, #14685: rows and applied index are lost and kept together',
    async () => {
      const cluster = new SimCluster({ seed: 103, nodes: 3, shards: 2 });
      const random = new Prng(103);
      await cluster.start();
      const clients = new RegisterClients(cluster, new History(), random, ['a', 'b', 'c', 'd']);
      clients.start(6);
      for (let round = 0; round < 10; round++) {
        await cluster.scheduler.runFor(random.below(900));
        const victim = 1 + random.below(3);
        cluster.crash(victim, true);
        await cluster.boot(victim);
      }
      clients.stop();
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      await untilQuiet(cluster);
      expect(replicaProblem(cluster)).toBeUndefined();
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );

  // https://github.com/etcd-io/etcd/issues/17780
  test(
    'etcd #17780: versions go on rising after a delete, a compaction and a power cut',
    async () => {
      const cluster = new SimCluster({ seed: 104, nodes: 1, shards: 1, compaction });
      await cluster.start();
      let last: readonly number[] = [0, 0, 0];
      for (let round = 0; round < 5; round++) {
        for (let i = 0; i < 12; i++) {
          expect(await tryPut(cluster, 1, 'k', `"${'x'.repeat(400)}"`)).toBe('ok');
        }
        await remove(cluster, 'k');
        await cluster.scheduler.runFor(2_500); // Drained, synced, compacted.
        cluster.crash(1, true);
        await cluster.boot(1);
        expect(await cluster.ready()).toBe(true);
        expect(await tryPut(cluster, 1, 'k', '"again"')).toBe('ok');
        const version = await versionOf(cluster, 'k');
        expect(must(version[1])).toBeGreaterThan(must(last[1]) + 12);
        last = version;
      }
    },
    testMs,
  );
});

describe('failover', () => {
  // https://github.com/RedisLabs/redisraft/issues/14
  // https://github.com/RedisLabs/redisraft/issues/43
  test(
    'redisraft #14, #43: every failover keeps everything, after snapshots too',
    async () => {
      const cluster = new SimCluster({ seed: 105, nodes: 3, shards: 1, compaction });
      await cluster.start();
      const acked = new Acked();
      for (let round = 0; round < 4; round++) {
        const through = 1 + (round % 3);
        await acked.fill(cluster, through, 12, 400);
        const leader = leaderOf(cluster, 'k0', 1, through);
        cluster.crash(leader, round % 2 === 0);
        const other = leader === 1 ? 2 : 1;
        await putSoon(cluster, other, 'woken', '"woken"');
        await acked.fill(cluster, other, 12, 400);
        await acked.check(cluster, other);
        await cluster.boot(leader);
        await settleCaughtUp(cluster, leader);
        await acked.check(cluster, leader, false);
      }
    },
    testMs,
  );

  // https://github.com/RedisLabs/redisraft/issues/18
  test(
    'redisraft #18: a node that has just started reads no emptiness',
    async () => {
      const cluster = new SimCluster({ seed: 106, nodes: 3, shards: 2 });
      await cluster.start();
      const acked = new Acked();
      await acked.fill(cluster, 1, 6, 20);
      for (let round = 0; round < 4; round++) {
        for (const nodeId of cluster.nodeIds) {
          cluster.crash(nodeId, round % 2 === 1);
        }
        // A majority only; the first reads are asked while it still elects.
        for (const nodeId of [1 + (round % 3), 1 + ((round + 1) % 3)]) {
          await cluster.boot(nodeId);
        }
        await acked.check(cluster, 1 + (round % 3));
        await cluster.boot(1 + ((round + 2) % 3));
      }
    },
    testMs,
  );

  // https://github.com/RedisLabs/redisraft/issues/44
  // https://github.com/RedisLabs/redisraft/issues/28
  test(
    'redisraft #28, #44: cut apart, killed and healed, a key has one history',
    async () => {
      const cluster = new SimCluster({ seed: 107, nodes: 5, shards: 1 });
      const random = new Prng(107);
      await cluster.start();
      const history = new History();
      const clients = new RegisterClients(cluster, history, random, ['a', 'b']);
      clients.start(8);
      for (let round = 0; round < 6; round++) {
        const cut = 1 + random.below(4);
        const ids = [...cluster.nodeIds].sort(() => random.below(3) - 1);
        cluster.network.partition(ids.slice(0, cut), ids.slice(cut));
        await cluster.scheduler.runFor(2_000);
        for (const nodeId of cluster.nodeIds) {
          cluster.crash(nodeId, false);
        }
        for (const nodeId of cluster.nodeIds) {
          await cluster.boot(nodeId);
        }
        await cluster.scheduler.runFor(1_500);
        cluster.network.heal();
        await cluster.scheduler.runFor(1_500);
      }
      clients.stop();
      expect(await cluster.ready()).toBe(true);
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(clients.done).toBeGreaterThan(100);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    testMs,
  );

  // https://github.com/etcd-io/etcd/issues/20418
  test(
    'etcd #20418: a leader that was paused answers no read with old data',
    async () => {
      const cluster = new SimCluster({ seed: 108, nodes: 3, shards: 1 });
      await cluster.start();
      for (let round = 0; round < 5; round++) {
        expect(await tryPut(cluster, 1, 'k', `"${round}-old"`)).toBe('ok');
        const leader = leaderOf(cluster, 'k', 1, 1);
        const other = leader === 1 ? 2 : 1;
        // Asked before the pause; the answers of the round arrive after it, or never count.
        const early = Array.from({ length: 4 }, () => ask(cluster, leader, 'k'));
        await cluster.scheduler.runFor(round * 0.2);
        cluster.time(leader).pause();
        await cluster.scheduler.runFor(3_000);
        await putSoon(cluster, other, 'k', `"${round}-new"`);
        const late = ask(cluster, leader, 'k');
        cluster.time(leader).resume();
        expect(await cluster.settle(late)).toContain(`${round}-new`);
        for (const value of await cluster.settle(Promise.all(early))) {
          // Answered before the new value was written, or with it.
          expect(value === undefined || value.includes(`${round}-`)).toBe(true);
        }
      }
    },
    testMs,
  );
});
