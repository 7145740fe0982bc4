/**
 * Tables made and dropped while the manager, which carries them into the shards, is paused, cut off
 * or crashed in the middle of it, and comes back when another has finished; delayed copies of what
 * it had sent arrive long after. Nothing late may be taken, nothing may be left half done.
 */
import type { TableSpec } from '../../items/table.ts';
import { assert } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import type { Call, TableService } from '../../router/ports.ts';
import { shardGroupIds, systemGroupId } from '../../shards/groups.ts';
import type { NodeId } from '../../sys/network.ts';
import { GroupWatch } from '../checkers/group-watch.ts';
import { SchemaWatch } from '../checkers/schema-watch.ts';
import { SimCluster } from '../cluster.ts';
import { isQuiet, replicaProblem } from '../swarm/final-checks.ts';
import type { Storm } from './storm.ts';

const rounds = 4;
const callMs = 2_000;
const looksMax = 400;
const lookMs = 50;
const awayMsMax = 6_000;
const settleMs = 40_000;
const spec: TableSpec = {
  name: 't',
  partitionKey: { name: 'id', type: 'S' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
};

class Bench {
  readonly cluster: SimCluster;
  readonly random: Prng;
  /** A paused node is no good to ask. */
  readonly away = new Set<NodeId>();

  constructor(seed: number) {
    this.random = new Prng(seed ^ 0x5c3e);
    const shards = this.random.pick([2, 4]);
    this.cluster = new SimCluster({ seed, nodes: 3, shards });
  }

  /** Asks through any node until it is answered. */
  async insist<T>(step: (tables: TableService, call: Call) => Promise<T>): Promise<T> {
    const { cluster, random, away } = this;
    for (let look = 0; look < looksMax; look++) {
      const up = cluster.nodeIds.filter(
        (nodeId) => cluster.core(nodeId) !== undefined && !away.has(nodeId),
      );
      const tables = cluster.core(random.pick(up))?.tables;
      assert(tables !== undefined);
      const call = { deadlineMs: cluster.scheduler.nowMs + callMs, requestId: 'schema' };
      try {
        return await cluster.settle(step(tables, call));
      } catch (error) {
        assert(isDynakvError(error), `A table's step fails: ${String(error)}`);
      }
      await cluster.scheduler.runFor(lookMs);
    }
    throw new Error('A table is answered by no node');
  }

  /** Makes the step again until the table is as wanted. */
  async until(
    status: 'ACTIVE' | undefined,
    step: (tables: TableService, call: Call) => Promise<unknown>,
  ): Promise<void> {
    for (let look = 0; look < looksMax; look++) {
      const table = await this.insist((tables, call) => tables.find('t', call));
      if (table?.status === status) {
        return;
      }
      await this.insist(step);
      await this.cluster.scheduler.runFor(lookMs);
    }
    throw new Error(`A table does not come to be ${status ?? 'gone'}`);
  }

  get manager(): NodeId | undefined {
    return this.cluster.nodeIds.find(
      (nodeId) => (this.cluster.core(nodeId)?.host.groups.get(systemGroupId)?.openTerm ?? 0) !== 0,
    );
  }

  /** The manager goes, for a while; what it had begun stays as it is until it is back. */
  async loseManager(): Promise<void> {
    const { cluster, random, away, manager } = this;
    if (manager === undefined) {
      return;
    }
    const others = cluster.nodeIds.filter((nodeId) => nodeId !== manager);
    if (random.chance(0.6)) {
      cluster.network.cut(manager, random.pick(others)); // Its calls wait and are tried again.
      await cluster.scheduler.runFor(random.below(300));
    }
    const dice = random.below(10);
    const awayMs = 500 + random.below(awayMsMax);
    if (dice < 5) {
      const time = cluster.time(manager);
      time.pause();
      away.add(manager);
      cluster.network.heal();
      cluster.scheduler.after(awayMs, () => {
        time.resume();
        away.delete(manager);
      });
    } else if (dice < 8) {
      cluster.network.partition([manager], others);
      cluster.scheduler.after(awayMs, () => {
        cluster.network.heal();
      });
    } else {
      cluster.network.heal();
      cluster.crash(manager, random.chance(0.5));
      await cluster.scheduler.runFor(random.below(1_500));
      await cluster.boot(manager);
    }
  }

  /** A message of some earlier moment arrives now. */
  async deliverLate({ history }: SchemaWatch): Promise<void> {
    const { cluster, random, away } = this;
    const up = cluster.nodeIds.filter(
      (nodeId) => cluster.core(nodeId) !== undefined && !away.has(nodeId),
    );
    const core = cluster.core(random.pick(up));
    if (core === undefined || history.length === 0) {
      return;
    }
    const row = random.pick(history);
    const groupId = random.pick(shardGroupIds(core.catalog.shardCount));
    const late = core.router.schema(groupId, row, cluster.scheduler.nowMs + callMs);
    await cluster.settle(late.catch(() => undefined));
  }
}

export const schemaStorm: Storm = {
  name: 'schema',
  what: 'tables made and dropped while the manager is away and comes back; late messages',
  async run(seed) {
    const bench = new Bench(seed);
    const { cluster, random } = bench;
    const groups = new GroupWatch(cluster);
    const schemas = new SchemaWatch(cluster);
    await cluster.start();
    for (let round = 0; round < rounds; round++) {
      await bench.insist((tables, call) => tables.create(spec, call));
      await cluster.scheduler.runFor(random.below(30));
      await bench.loseManager();
      await bench.until('ACTIVE', (tables, call) => tables.create(spec, call));
      await bench.deliverLate(schemas);
      await bench.insist((tables, call) => tables.remove('t', call));
      if (random.chance(0.4)) {
        await cluster.scheduler.runFor(random.below(30));
        await bench.loseManager();
      }
      await bench.until(undefined, (tables, call) => tables.remove('t', call));
      await bench.deliverLate(schemas);
      await cluster.scheduler.runFor(random.below(awayMsMax));
    }
    await cluster.scheduler.runFor(2 * awayMsMax);
    cluster.network.heal();
    assert(await cluster.ready(settleMs), 'Groups do not open');
    const rests = await cluster.scheduler.runUntil(() => isQuiet(cluster), settleMs);
    assert(rests, 'Replicas do not catch up');
    groups.look();
    schemas.look();
    const differs = replicaProblem(cluster);
    assert(differs === undefined, differs);
    assert(cluster.failures.length === 0, 'No store fails');
  },
};
