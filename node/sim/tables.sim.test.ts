/**
 * Tables made, dropped and made again while nodes crash and are cut off. Goal: ACTIVE as seen
 * through one node means that a put through any other works; a name made again is another, empty
 * table; a new system leader finishes what its predecessor began (protocols.md P18). Method:
 * SimCluster, a few seeds, faults between any two steps.
 */
import { describe, expect, test } from '@jest/globals';
import type { ItemCommand, ItemReply } from '../items/command.ts';
import { hashOfPartitionKey, rowKey } from '../items/keys.ts';
import type { TableRecord, TableSpec } from '../items/table.ts';
import { must } from '../lib/assert.ts';
import { isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import { executeOnTable } from '../router/execute-on-table.ts';
import type { Call, TableService } from '../router/ports.ts';
import { encodeKeyValue } from '../values/key-encoding.ts';
import { SimCluster } from './cluster.ts';

const spec: TableSpec = {
  name: 't',
  partitionKey: { name: 'id', type: 'S' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
};
const keys = Array.from({ length: 12 }, (_, i) => `key${i}`);

function commandOf(table: TableRecord, id: string, item: Buffer | undefined): ItemCommand {
  const key = encodeKeyValue('S', id);
  const hash = hashOfPartitionKey(key);
  const { tableId, schemaVersion } = table;
  const target = { tableId, schemaVersion, hash, rowKey: rowKey(tableId, hash, key) };
  return item === undefined
    ? { ...target, kind: 'get', consistent: true }
    : {
        ...target,
        kind: 'put',
        item,
        itemSize: item.length,
        returns: 'nothing',
        returnOldOnFailure: false,
      };
}

class Bench {
  readonly cluster: SimCluster;
  readonly random: Prng;

  constructor(seed: number) {
    this.cluster = new SimCluster({ seed, nodes: 3, shards: 4 });
    this.random = new Prng(seed ^ 0x7ab1e);
  }

  call(ms = 10_000): Call {
    return { deadlineMs: this.cluster.scheduler.nowMs + ms, requestId: 'r' };
  }

  /** A node that runs. */
  anyNode(): number {
    const up = this.cluster.nodeIds.filter((nodeId) => this.cluster.core(nodeId) !== undefined);
    return this.random.pick(up);
  }

  tables(nodeId: number): TableService {
    return this.cluster.core(nodeId)?.tables as TableService;
  }

  /** Does a step again and again through any node until it is answered. */
  async insist<T>(step: (tables: TableService) => Promise<T>): Promise<T> {
    for (let attempt = 0; attempt < 50; attempt++) {
      try {
        return await this.cluster.settle(step(this.tables(this.anyNode())));
      } catch (error) {
        expect(isDynakvError(error)).toBe(true);
      }
    }
    throw new Error('No answer in 50 attempts');
  }

  /** Asks through any node until the table is as wanted. */
  async waitFor(status: string | undefined): Promise<TableRecord | undefined> {
    for (let look = 0; look < 400; look++) {
      const table = await this.insist((tables) => tables.find('t', this.call(5_000)));
      if (table?.status === status) {
        return table;
      }
      await this.cluster.scheduler.runFor(50);
    }
    throw new Error(`The table never became ${String(status)}`);
  }

  async execute(nodeId: number, id: string, item: Buffer | undefined): Promise<ItemReply> {
    const core = must(this.cluster.core(nodeId));
    const reply = await this.cluster.settle(
      executeOnTable(
        { items: core.router, tables: core.tables },
        't',
        { commandFor: (table) => commandOf(table, id, item) },
        this.call(),
      ),
    );
    expect(reply).toMatchObject({ kind: 'replied' });
    return (reply as unknown as { reply: ItemReply }).reply;
  }

  /** Every node takes a put and reads it back, at once: nothing to wait for. */
  async useEverywhere(round: number): Promise<void> {
    for (const nodeId of this.cluster.nodeIds) {
      for (const id of keys) {
        const item = Buffer.from(`{"id":{"S":"${id}"},"round":{"N":"${round}"}}`);
        expect(await this.execute(nodeId, id, item)).toMatchObject({ kind: 'written' });
      }
      expect(await this.execute(nodeId, 'key3', undefined)).toMatchObject({
        kind: 'got',
        found: { item: expect.any(Buffer) },
      });
    }
  }

  async disturb(): Promise<void> {
    const { cluster, random } = this;
    const victim = random.pick(cluster.nodeIds);
    if (random.chance(0.6)) {
      cluster.crash(victim, random.chance(0.5));
      await cluster.scheduler.runFor(random.below(1_500));
      await cluster.boot(victim);
    } else {
      cluster.network.partition(
        [victim],
        cluster.nodeIds.filter((nodeId) => nodeId !== victim),
      );
      await cluster.scheduler.runFor(random.below(3_000));
      cluster.network.heal();
    }
  }

  get systemLeader(): number {
    return (
      this.cluster.nodeIds.find(
        (nodeId) => (this.cluster.core(nodeId)?.host.groups.get(0)?.openTerm ?? 0) !== 0,
      ) ?? 0
    );
  }
}

describe('tables', () => {
  test('ACTIVE through one node: a put through any other works, at once', async () => {
    const bench = new Bench(1);
    await bench.cluster.start();
    let lastId = 1;
    for (let round = 0; round < 4; round++) {
      const made = await bench.insist((tables) => tables.create(spec, bench.call()));
      expect(made).toMatchObject({ kind: 'created', table: { status: 'CREATING' } });
      const active = await bench.waitFor('ACTIVE');
      expect(active?.tableId).toBeGreaterThan(lastId);
      lastId = active?.tableId ?? 0;
      for (const nodeId of bench.cluster.nodeIds) {
        for (const id of keys) {
          expect(await bench.execute(nodeId, id, undefined)).toEqual({
            kind: 'got',
            found: undefined,
          });
        }
      }
      await bench.useEverywhere(round);
      await bench.insist((tables) => tables.remove('t', bench.call()));
      await bench.waitFor(undefined);
    }
  });

  test.each([21, 22, 23])(
    'seed %i: made, dropped and made again under crashes and cuts',
    async (seed) => {
      const bench = new Bench(seed);
      await bench.cluster.start();
      for (let round = 0; round < 3; round++) {
        await bench.insist((tables) => tables.create(spec, bench.call()));
        await bench.disturb();
        const active = await bench.waitFor('ACTIVE');
        await bench.disturb();
        expect(await bench.cluster.ready()).toBe(true);
        for (const id of keys) {
          expect(await bench.execute(bench.anyNode(), id, undefined)).toMatchObject({
            found: undefined,
          });
        }
        await bench.useEverywhere(round);
        await bench.insist((tables) => tables.remove('t', bench.call()));
        await bench.disturb();
        await bench.waitFor(undefined);
        const late = { tableId: active?.tableId ?? 0, version: 1, state: 'live' } as const;
        await bench.disturb();
        expect(await bench.cluster.ready()).toBe(true);
        // A deposed leader's entry that comes after the end: no shard takes it (P18).
        const core = must(bench.cluster.core(bench.anyNode()));
        for (const groupId of [1, 2, 3, 4]) {
          await bench.cluster.settle(core.router.schema(groupId, late, bench.call().deadlineMs));
          const put = commandOf(active as TableRecord, 'key1', Buffer.from('{}'));
          await expect(
            bench.cluster.settle(core.router.call(groupId, put, bench.call().deadlineMs)),
          ).rejects.toMatchObject({ code: 'SchemaMismatch' });
        }
      }
      expect(bench.cluster.failures).toEqual([]);
    },
  );

  test('a new system leader finishes what was begun', async () => {
    const bench = new Bench(5);
    const { cluster } = bench;
    await cluster.start();
    for (const begin of ['create', 'remove'] as const) {
      const before = bench.systemLeader;
      if (begin === 'create') {
        await bench.insist((tables) => tables.create(spec, bench.call()));
      } else {
        await bench.insist((tables) => tables.remove('t', bench.call()));
      }
      cluster.crash(before, false);
      await bench.waitFor(begin === 'create' ? 'ACTIVE' : undefined);
      expect(bench.systemLeader).not.toBe(before);
      await cluster.boot(before);
      expect(await cluster.ready()).toBe(true);
      // Leaderships settle before the next one is broken off.
      await cluster.scheduler.runFor(1_000);
    }
  });
});
