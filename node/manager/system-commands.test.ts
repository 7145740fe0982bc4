/** Every command of the system group in every state that matters: what it writes and says. */
import { describe, expect, test } from '@jest/globals';
import type { TableSpec, TableStatus } from '../items/table.ts';
import { bornGroups } from './bootstrap.ts';
import { Catalog, catalogKeys, catalogRow } from './catalog.ts';
import { decideSystem } from './system-commands.ts';
import type { SystemCommand, SystemDecision } from './system-commands.ts';

const spec: TableSpec = {
  name: 't',
  partitionKey: { name: 'p', type: 'S' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
};

class Bench {
  readonly catalog = new Catalog();

  constructor() {
    const address = 'n1:7000';
    const plan = {
      clusterId: 'c',
      members: [{ nodeId: 1, address, clientAddress: 'n1:8000', opsAddress: 'n1:9100' }],
      shardCount: 2,
      replicationFactor: 3,
      createdAtMs: 1,
    };
    this.catalog.load(bornGroups(plan)[0]?.rows ?? []);
  }

  run(command: SystemCommand): SystemDecision {
    const decision = decideSystem(this.catalog, command);
    this.catalog.apply(decision.writes);
    return decision;
  }

  create(changes: Partial<TableSpec> = {}): SystemDecision {
    return this.run({ op: 'createTable', spec: { ...spec, ...changes }, uuid: 'u', nowMs: 7 });
  }

  finish(op: 'tableReady' | 'tableGone', tableId: number): SystemDecision {
    return this.run({ op, name: 't', tableId });
  }

  get status(): TableStatus | undefined {
    return this.catalog.tables.get('t')?.status;
  }
}

describe('decideSystem()', () => {
  test('a table lives: CREATING, ACTIVE, DELETING, gone', () => {
    const bench = new Bench();
    expect(bench.create().reply).toMatchObject({
      kind: 'created',
      table: { tableId: 2, schemaVersion: 1, status: 'CREATING', createdAtMs: 7 },
    });
    bench.finish('tableReady', 2);
    expect(bench.status).toBe('ACTIVE');
    expect(bench.run({ op: 'deleteTable', name: 't' }).reply).toMatchObject({
      kind: 'deleting',
      table: { status: 'DELETING', schemaVersion: 2 },
    });
    bench.finish('tableGone', 2);
    expect(bench.status).toBeUndefined();
  });

  test('a name made again gets another id, and the old id ends nothing of it', () => {
    const bench = new Bench();
    bench.create();
    bench.finish('tableReady', 2);
    bench.run({ op: 'deleteTable', name: 't' });
    bench.finish('tableGone', 2);
    expect(bench.create().reply).toMatchObject({ table: { tableId: 3 } });
    expect(bench.finish('tableReady', 2).writes).toEqual([]);
    expect(bench.finish('tableGone', 2).writes).toEqual([]);
    expect(bench.finish('tableGone', 3).writes).toEqual([]);
    expect(bench.status).toBe('CREATING');
    bench.finish('tableReady', 3);
    expect(bench.finish('tableReady', 3).writes).toEqual([]);
    expect(bench.status).toBe('ACTIVE');
  });

  test.each([
    ['missing', (): Bench => new Bench()],
    [
      'busy',
      (): Bench => {
        const bench = new Bench();
        bench.create();
        return bench;
      },
    ],
    [
      'protected',
      (): Bench => {
        const bench = new Bench();
        bench.create({ deletionProtection: true });
        bench.finish('tableReady', 2);
        return bench;
      },
    ],
    [
      'deleting',
      (): Bench => {
        const bench = new Bench();
        bench.create();
        bench.finish('tableReady', 2);
        bench.run({ op: 'deleteTable', name: 't' });
        return bench;
      },
    ],
  ])('deleteTable answers "%s" and changes nothing', (kind, make) => {
    const { writes, reply } = make().run({ op: 'deleteTable', name: 't' });
    expect(writes).toEqual([]);
    expect(reply).toMatchObject({ kind });
  });

  test('createTable of a known name changes nothing, in any state', () => {
    const bench = new Bench();
    bench.create();
    expect(bench.create()).toMatchObject({ writes: [], reply: { kind: 'exists' } });
    expect(bench.catalog.cluster.nextTableId).toBe(3);
  });

  test('createTable ends at the quota', () => {
    const bench = new Bench();
    for (let i = 1; i < 2_500; i++) {
      expect(bench.create({ name: `t${i}` }).reply).toMatchObject({ kind: 'created' });
    }
    expect(bench.create()).toMatchObject({ writes: [], reply: { kind: 'limit' } });
  });

  test('describeTable and listTables change nothing', () => {
    const bench = new Bench();
    for (const name of ['b', 'a', 'c']) {
      bench.create({ name });
    }
    const list = (after: string | undefined, limit: number): SystemDecision =>
      bench.run({ op: 'listTables', after, limit });
    expect(list(undefined, 2)).toEqual({ writes: [], reply: { names: ['a', 'b'], more: true } });
    expect(list('b', 2)).toEqual({ writes: [], reply: { names: ['c', 'kv'], more: false } });
    expect(bench.run({ op: 'describeTable', name: 'x' })).toEqual({ writes: [], reply: {} });
  });

  test('join gives an address one id, and never an old one', () => {
    const bench = new Bench();
    const join = (address: string): SystemDecision =>
      bench.run({ op: 'join', address, clientAddress: '', opsAddress: '' });
    expect(join('n2:7000').reply).toEqual({ nodeId: 2, clusterId: 'c' });
    expect(join('n2:7000')).toEqual({ writes: [], reply: { nodeId: 2, clusterId: 'c' } });
    expect(join('n3:7000').reply).toEqual({ nodeId: 3, clusterId: 'c' });
    expect(bench.catalog.nodes.get(3)?.state).toBe('joining');
  });

  test('an unknown command is a bad frame', () => {
    const command = { op: 'dropEverything' } as unknown as SystemCommand;
    expect(() => new Bench().run(command)).toThrow('Cannot run the system command');
  });
});

describe('quarantine', () => {
  test('is noted once, for a node that is known', () => {
    const catalog = new Catalog();
    const node = { nodeId: 2, address: 'a', clientAddress: 'b', opsAddress: 'c', state: 'active' };
    catalog.load([catalogRow(catalogKeys.node(2), node)]);
    const first = decideSystem(catalog, { op: 'quarantine', nodeId: 2, reason: 'EIO' });
    expect(first.writes).toHaveLength(1);
    catalog.apply(first.writes);
    expect(catalog.nodes.get(2)).toMatchObject({ quarantined: 'EIO', address: 'a' });
    expect(decideSystem(catalog, { op: 'quarantine', nodeId: 2, reason: 'x' }).writes).toEqual([]);
    expect(decideSystem(catalog, { op: 'quarantine', nodeId: 7, reason: 'x' }).writes).toEqual([]);
  });
});

describe('moved', () => {
  test('changes the address of a node that is known, once', () => {
    const catalog = new Catalog();
    const node = { nodeId: 2, address: 'a', clientAddress: 'b', opsAddress: 'c', state: 'active' };
    catalog.load([catalogRow(catalogKeys.node(2), node)]);
    const first = decideSystem(catalog, { op: 'moved', nodeId: 2, address: 'z:1' });
    catalog.apply(first.writes);
    expect(catalog.nodes.get(2)).toEqual({ ...node, address: 'z:1' });
    expect(decideSystem(catalog, { op: 'moved', nodeId: 2, address: 'z:1' }).writes).toEqual([]);
    expect(decideSystem(catalog, { op: 'moved', nodeId: 7, address: 'z:1' }).writes).toEqual([]);
  });
});
