/**
 * Goal: whoever manages may die between any two steps of a move, and the next one ends it; whatever
 * moves, histories stay linearizable. Method: simulated clusters; the manager is crashed when a
 * node says that a step was taken, once for each step and moment; then random churn under a checked
 * workload, from a few seeds.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import type { LogFields, Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { History } from './history.ts';
import { ManagedCluster } from './managed-cluster.ts';
import { RegisterClients } from './register-clients.ts';
import { Acked, compaction, testMs } from './testing-scenarios.ts';

const keys = ['a', 'b', 'c', 'd', 'e', 'f'];

/** Tells when a message was said for the n-th time. */
class Trap implements Logger {
  #message = '';
  #left = 0;
  #spring: () => void = () => undefined;

  /** `spring` is called when `message` is said for the `count`-th time from now on. */
  set(message: string, count: number, spring: () => void): void {
    [this.#message, this.#left, this.#spring] = [message, count, spring];
  }

  child(): Logger {
    return this;
  }

  #said(message: string): void {
    if (message === this.#message && this.#left > 0) {
      this.#left -= 1;
      if (this.#left === 0) {
        this.#spring();
      }
    }
  }

  debug(message: string): void {
    this.#said(message);
  }

  info(message: string, _fields?: LogFields): void {
    this.#said(message);
  }

  warn(message: string): void {
    this.#said(message);
  }

  error(message: string): void {
    this.#said(message);
  }
}

/** What is said when a step of a move was taken, in order. */
const steps = [
  'Move: begins',
  'Replica made',
  'Configuration changed',
  'Move: copying',
  'Snapshot: sending',
  'Snapshot: installed',
  'Move: swapping',
  'Move: removing',
  'Move: ended',
  'Replica deleted',
] as const;

describe('the manager dies', () => {
  test.each(steps)(
    'after "%s": the next one ends what it began',
    async (message) => {
      const trap = new Trap();
      const seed = 60 + steps.indexOf(message);
      const options = { seed, nodes: 4, shards: 4, compaction, logger: trap };
      const cluster = new ManagedCluster(options);
      // Slow enough that a copy is still under way when the manager looks again.
      cluster.sim.network.options = { ...cluster.sim.network.options, delayMaxMs: 20 };
      await cluster.sim.start();
      const acked = new Acked();
      await acked.fill(cluster.sim, 1, 20, 200);
      const random = new Prng(seed);
      let crashes = 0;
      // Node 4 leaves and comes back, and each time the manager dies at another moment.
      for (const state of ['draining', 'active', 'draining'] as const) {
        let victim: NodeId | undefined;
        trap.set(message, 1 + random.below(3), () => {
          victim = cluster.manager?.host.nodeId;
        });
        await cluster.setState(4, state);
        const sprung = await cluster.sim.scheduler.runUntil(() => victim !== undefined, 20_000);
        await cluster.sim.scheduler.runFor(random.below(20));
        if (sprung && victim !== undefined) {
          crashes += 1;
          cluster.sim.crash(victim, random.chance(0.5));
          await cluster.sim.scheduler.runFor(random.below(4_000));
          await cluster.sim.boot(victim);
        }
        await cluster.settle();
      }
      await cluster.untilState(4, 'drained');
      expect(crashes).toBeGreaterThan(0);
      expect(cluster.copiesOn(4)).toBe(0);
      for (const groupId of cluster.shardIds) {
        expect(cluster.held(groupId)?.voters).toEqual([1, 2, 3]);
      }
      await acked.check(cluster.sim, 4);
      expect(cluster.sim.failures).toEqual([]);
    },
    testMs,
  );
});

describe('partitions', () => {
  test(
    'a group cut apart between two configurations goes on when it can, and is left by itself',
    async () => {
      const trap = new Trap();
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
