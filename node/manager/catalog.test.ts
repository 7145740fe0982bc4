/** The catalog follows rows: sets, removals, a whole reload, rows that it does not understand. */
import { describe, expect, test } from '@jest/globals';
import type { TableRecord } from '../items/table.ts';
import { Catalog, catalogKeys, catalogRow } from './catalog.ts';
import type { GroupRecord } from './catalog-records.ts';

const table: TableRecord = {
  name: 'a/b',
  tableId: 2,
  uuid: 'u',
  schemaVersion: 1,
  status: 'ACTIVE',
  createdAtMs: 1,
  partitionKey: { name: 'p', type: 'S' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
};
const group: GroupRecord = {
  groupId: 3,
  replicas: [
    { replicaId: 1, nodeId: 4 },
    { replicaId: 2, nodeId: 5 },
  ],
  removed: [],
  nextReplicaId: 3,
  preferredLeader: 4,
  revision: 1,
};

describe('Catalog', () => {
  test('apply() follows rows and tells listeners once', () => {
    const catalog = new Catalog();
    let changes = 0;
    catalog.onChange(() => {
      changes += 1;
    });
    catalog.apply([
      catalogRow(catalogKeys.table('a/b'), table),
      catalogRow(catalogKeys.group(3), group),
      { key: Buffer.from('quota/7'), value: Buffer.from('{"of":"a newer release"}') },
    ]);
    expect(changes).toBe(1);
    expect(catalog.tables.get('a/b')).toEqual(table);
    expect(catalog.nodesOf(3)).toEqual([4, 5]);
    expect(catalog.nodesOf(9)).toEqual([]);
    catalog.apply([catalogRow(catalogKeys.table('a/b'), undefined)]);
    expect(catalog.tables.size).toBe(0);
    catalog.apply([]);
    expect(changes).toBe(2);
  });

  test('load() forgets what is not in the rows', () => {
    const catalog = new Catalog();
    catalog.apply([catalogRow(catalogKeys.table('a/b'), table)]);
    catalog.load([catalogRow(catalogKeys.group(3), group)]);
    expect(catalog.tables.size).toBe(0);
    expect([...catalog.groups.keys()]).toEqual([3]);
  });

  test('cluster is refused before it is known', () => {
    expect(() => new Catalog().cluster).toThrow('The catalog is not loaded yet');
  });
});
