/**
 * Goal: whatever moves, histories stay linearizable; a group cut apart in the middle of a change
 * goes on when it can. Method: simulated clusters; partitions when a node says that a step was
 * taken; random churn under a checked workload, from a few seeds. Single steps of a move are in
 * `membership-scenarios.sim.test.ts`.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import type { NodeId } from '../sys/network.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { History } from './history.ts';
import { ManagedCluster } from './managed-cluster.ts';
import { RegisterClients } from './register-clients.ts';
import { LogTrap } from './scenarios/log-trap.ts';
import { Acked, compaction, testMs } from './testing-scenarios.ts';

const keys = ['a', 'b', 'c', 'd', 'e', 'f'];

describe('partitions', () => {
  test(
    'a group cut apart between two configurations goes on when it can, and is left by itself',
    async () => {
      const trap = new LogTrap();
      const cluster = new ManagedCluster({
        seed: 81,
        nodes: 4,
        shards: 2,
        compaction,
        logger: trap,
      });
      await cluster.sim.start();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 20, 200);
      let isJoint = false;
      for (const state of ['draining', 'active', 'draining', 'active'] as const) {
        isJoint = false;
        trap.set('Move: swapping', 1, () => {
          isJoint = true;
        });
        await cluster.setState(4, state);
        await cluster.sim.scheduler.runUntil(() => isJoint, 20_000);
        cluster.sim.network.partition([1, 2], [3, 4]);
        await cluster.sim.scheduler.runFor(15_000);
        cluster.sim.network.heal();
        await cluster.settle();
      }
      await acked.check(cluster.sim, 4);
      expect(cluster.sim.failures).toEqual([]);
    },
    testMs,
  );
});

/** One random thing that happens to a cluster of five or six nodes. */
async function mishap(cluster: ManagedCluster, random: Prng, drained: Set<NodeId>): Promise<void> {
  const { sim } = cluster;
  const up = sim.nodeIds.filter((nodeId) => sim.core(nodeId) !== undefined);
  const dice = random.below(100);
  const victim = random.pick(up);
  if (dice < 30) {
    sim.crash(victim, random.chance(0.5));
    await sim.scheduler.runFor(random.below(6_000));
    await sim.boot(victim);
  } else if (dice < 50) {
    sim.network.partition(
      [victim],
      up.filter((nodeId) => nodeId !== victim),
    );
    await sim.scheduler.runFor(random.below(5_000));
    sim.network.heal();
  } else if (dice < 80) {
    const isOut = drained.has(victim);
    // Four stay, so that three copies have room and one may be away.
    if (isOut || drained.size < up.length - 4) {
      await cluster.setState(victim, isOut ? 'active' : 'draining');
      if (isOut) {
        drained.delete(victim);
      } else {
        drained.add(victim);
      }
    }
  } else {
    const manager = cluster.manager?.host.nodeId;
    if (manager !== undefined) {
      sim.crash(manager, random.chance(0.5));
      await sim.scheduler.runFor(random.below(2_000));
      await sim.boot(manager);
    }
  }
}

describe('churn', () => {
  test.each([91, 93])(
    'seed %i: linearizable while nodes join, drain, come back and crash',
    async (seed) => {
      const cluster = new ManagedCluster({ seed, nodes: 4, shards: 4, compaction });
      const random = new Prng(seed ^ 0xc4a1);
      await cluster.sim.start();
      await cluster.grow();
      const history = new History();
      const clients = new RegisterClients(cluster.sim, history, random, keys);
      clients.start(6);
      const drained = new Set<NodeId>();
      const joined = await cluster.grow();
      for (let round = 0; round < 12; round++) {
        await cluster.sim.scheduler.runFor(500 + random.below(2_500));
        await mishap(cluster, random, drained);
      }
      for (const nodeId of drained) {
        await cluster.setState(nodeId, 'active');
      }
      await cluster.settle();
      clients.stop();
      expect(await cluster.sim.ready()).toBe(true);
      await cluster.sim.scheduler.runUntil(() => clients.underWay === 0, 30_000);
      expect(cluster.sim.failures).toEqual([]);
      expect(clients.done).toBeGreaterThan(300);
      expect(must(cluster.catalog.nodes.get(joined)).state).toBe('active');
      expect(checkLinearizable(history.operations())).toMatchObject({ kind: 'linearizable' });
    },
    testMs,
  );
});
