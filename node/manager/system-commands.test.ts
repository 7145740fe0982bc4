/** Every command of the system group in every state that matters: what it writes and says. */
import { describe, expect, test } from '@jest/globals';
import type { TableSpec, TableStatus } from '../items/table.ts';
import { bornGroups } from './bootstrap.ts';
import { Catalog, catalogKeys, catalogRow } from './catalog.ts';
import { decideSystem } from './system-commands.ts';
import type { SystemCommand } from './system-commands.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';

const spec: TableSpec = {
  name: 't',
  partitionKey: { name: 'p', type: 'S' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
};

const doors = { clientAddress: '', opsAddress: '', featureVersionMax: 1 };
const facts: SystemFacts = { term: 3, nowMs: 1_000, isLive: () => false };

class Bench {
  readonly catalog = new Catalog();
  readonly live = new Set<number>();

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
    const isLive = (nodeId: number): boolean => this.live.has(nodeId);
    const decision = decideSystem(this.catalog, command, { ...facts, isLive });
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

  test('an unknown command is refused', () => {
    const command = { op: 'dropEverything' } as unknown as SystemCommand;
    expect(() => new Bench().run(command)).toThrow('Cannot run the command');
  });

  test('a command decided under another leadership is refused by name', () => {
    const bench = new Bench();
    const command: SystemCommand = { op: 'forgetReplica', groupId: 1, replicaId: 1, asTerm: 2 };
    expect(() => bench.run(command)).toThrow(/in term 2, this is term 3/);
    expect(bench.run({ ...command, asTerm: 3 }).writes).toHaveLength(1);
  });
});

describe('join', () => {
  const join = (bench: Bench, storeId: string, address: string): SystemDecision =>
    bench.run({ op: 'join', storeId, address, ...doors });

  test('gives a store one id, with a replica of the system group, and never an old one', () => {
    const bench = new Bench();
    const reply = {
      ...{ nodeId: 2, clusterId: 'c', createdAtMs: 1, featureVersion: 1 },
      systemReplicaId: 2,
    };
    expect(join(bench, 's2', 'n2:7000').reply).toEqual(reply);
    expect(join(bench, 's2', 'n2:7000')).toEqual({ writes: [], reply });
    expect(join(bench, 's3', 'n3:7000').reply).toMatchObject({ nodeId: 3, systemReplicaId: 3 });
    expect(bench.catalog.nodes.get(3)).toMatchObject({ state: 'joining', storeId: 's3' });
    expect(bench.catalog.groups.get(0)?.replicas).toContainEqual({ replicaId: 3, nodeId: 3 });
  });

  test('takes the place of a node that is silent, not of one that answers', () => {
    const bench = new Bench();
    join(bench, 's2', 'n2:7000');
    bench.live.add(2);
    expect(() => join(bench, 's9', 'n2:7000')).toThrow(/node 2 answers there/);
    bench.live.delete(2);
    expect(join(bench, 's9', 'n2:7000').reply).toMatchObject({ nodeId: 3 });
    expect(bench.catalog.nodes.get(2)).toMatchObject({ address: '', state: 'joining' });
  });

  test('refuses a program that is older than what the cluster uses', () => {
    const bench = new Bench();
    const old = { ...doors, featureVersionMax: 0 };
    expect(() => bench.run({ op: 'join', storeId: 's2', address: 'a', ...old })).toThrow(
      /uses feature version 1, this program knows up to 0/,
    );
  });

  test('refuses the store of a node that was removed', () => {
    const bench = new Bench();
    join(bench, 's2', 'n2:7000');
    const node = bench.catalog.nodes.get(2);
    bench.catalog.apply([catalogRow(catalogKeys.node(2), { ...node, state: 'removed' })]);
    expect(() => join(bench, 's2', 'n2:7000')).toThrow(/was removed/);
  });
});

describe('replicas', () => {
  test('an id is given once for a node, and only for the revision seen', () => {
    const bench = new Bench();
    bench.run({ op: 'join', storeId: 's2', address: 'a', ...doors });
    const give = (nodeId: number, expectedRevision: number): SystemDecision =>
      bench.run({ op: 'giveReplica', groupId: 1, nodeId, expectedRevision });
    expect(() => give(2, 7)).toThrow(/revision is 1, not 7/);
    expect(() => give(5, 1)).toThrow(/no member/);
    expect(give(2, 1).reply).toEqual({ replicaId: 2 });
    expect(give(2, 1)).toEqual({ writes: [], reply: { replicaId: 2 } });
  });

  test('an id that is forgotten stays among those gone, and is not given out again', () => {
    const bench = new Bench();
    bench.run({ op: 'join', storeId: 's2', address: 'a', ...doors });
    const forget = (replicaId: number): SystemDecision =>
      bench.run({ op: 'forgetReplica', groupId: 1, replicaId });
    bench.run({ op: 'giveReplica', groupId: 1, nodeId: 2, expectedRevision: 1 });
    expect(forget(1).writes).toHaveLength(1);
    expect(forget(1).writes).toEqual([]);
    expect(() => forget(9)).toThrow(/Cannot find replica 9/);
    const group = bench.catalog.groups.get(1);
    expect(group).toMatchObject({ removed: [[1, 1]], nextReplicaId: 3, preferredLeader: 2 });
    expect(group?.replicas).toEqual([{ replicaId: 2, nodeId: 2 }]);
  });
});

const row = {
  ...{ nodeId: 2, address: 'a', clientAddress: 'b', opsAddress: 'c' },
  ...{ state: 'active', revision: 4 },
};

describe('quarantine', () => {
  test('is noted once, for a node that is known', () => {
    const catalog = new Catalog();
    catalog.load([catalogRow(catalogKeys.node(2), row)]);
    const run = (nodeId: number, reason: string): SystemDecision =>
      decideSystem(catalog, { op: 'quarantine', nodeId, reason }, facts);
    const first = run(2, 'EIO');
    expect(first.writes).toHaveLength(1);
    catalog.apply(first.writes);
    expect(catalog.nodes.get(2)).toMatchObject({ quarantined: 'EIO', address: 'a', revision: 5 });
    expect(run(2, 'x').writes).toEqual([]);
    expect(run(7, 'x').writes).toEqual([]);
  });
});

describe('moved', () => {
  test('changes the address of a node that is known, once', () => {
    const catalog = new Catalog();
    catalog.load([catalogRow(catalogKeys.node(2), row)]);
    const run = (nodeId: number): SystemDecision =>
      decideSystem(catalog, { op: 'moved', nodeId, address: 'z:1' }, facts);
    catalog.apply(run(2).writes);
    expect(catalog.nodes.get(2)).toEqual({ ...row, address: 'z:1', revision: 5 });
    expect(run(2).writes).toEqual([]);
    expect(run(7).writes).toEqual([]);
  });
});
