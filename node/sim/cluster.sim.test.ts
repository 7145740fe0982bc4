/**
 * Goal: the seams are real: a whole cluster runs on simulated parts, survives crashes, power cuts
 * and partitions under a checked workload. Method: few seeds, safety phase with faults, then heal
 * and demand that all groups serve again; the history must be linearizable per key.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { SimCluster } from './cluster.ts';
import { History } from './history.ts';
import { RegisterClients, kvPut, kvTarget } from './register-clients.ts';

const keys = ['a', 'b', 'c', 'd', 'e'];

async function put(cluster: SimCluster, nodeId: number, id: string, json: string): Promise<void> {
  const core = cluster.core(nodeId);
  const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
  const reply = await cluster.settle(
    core?.router.execute(kvPut(id, json), call) as Promise<unknown>,
  );
  expect(reply).toMatchObject({ kind: 'written' });
}

async function get(cluster: SimCluster, nodeId: number, id: string): Promise<string | undefined> {
  const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
  const reply = await cluster.settle(
    must(cluster.core(nodeId)).router.execute(
      { ...kvTarget(id), kind: 'get', consistent: true },
      call,
    ),
  );
  return reply.kind === 'got' && reply.found !== undefined
    ? (JSON.parse(reply.found.item.toString()) as { json: { S: string } }).json.S
    : undefined;
}

describe('SimCluster', () => {
  test('a value put through one node is read through every other', async () => {
    const cluster = new SimCluster({ seed: 1, nodes: 3, shards: 4 });
    await cluster.start();
    for (const id of keys) {
      await put(cluster, 1, id, `"${id}"`);
    }
    for (const nodeId of [1, 2, 3]) {
      for (const id of keys) {
        expect(await get(cluster, nodeId, id)).toBe(`"${id}"`);
      }
    }
  });

  test('acknowledged values survive the power cut of all nodes at once', async () => {
    const cluster = new SimCluster({ seed: 2, nodes: 3, shards: 2 });
    await cluster.start();
    for (const id of keys) {
      await put(cluster, 2, id, `"${id}"`);
    }
    for (const nodeId of cluster.nodeIds) {
      cluster.crash(nodeId, true);
    }
    for (const nodeId of cluster.nodeIds) {
      await cluster.boot(nodeId);
    }
    expect(await cluster.ready()).toBe(true);
    for (const id of keys) {
      expect(await get(cluster, 3, id)).toBe(`"${id}"`);
    }
  });

  test.each([11, 12, 13, 14])(
    'seed %i: linearizable under crashes and cuts',
    async (seed) => {
      const cluster = new SimCluster({ seed, nodes: 3, shards: 2 });
      const random = new Prng(seed ^ 0x5eed);
      await cluster.start();
      const history = new History();
      const clients = new RegisterClients(cluster, history, random, keys);
      clients.start(6);
      for (let round = 0; round < 8; round++) {
        await cluster.scheduler.runFor(300 + random.below(1_500));
        const victim = random.pick(cluster.nodeIds);
        if (random.chance(0.5)) {
          cluster.crash(victim, random.chance(0.5));
          await cluster.scheduler.runFor(random.below(3_000));
          await cluster.boot(victim);
        } else {
          const others = cluster.nodeIds.filter((nodeId) => nodeId !== victim);
          cluster.network.partition([victim], others);
          await cluster.scheduler.runFor(random.below(4_000));
          cluster.network.heal();
        }
      }
      clients.stop();
      cluster.network.heal();
      expect(await cluster.ready()).toBe(true);
      await cluster.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(cluster.failures).toEqual([]);
      expect(clients.done).toBeGreaterThan(200);
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    120_000,
  );
});
