import { describe, expect, test } from '@jest/globals';
import { hashOfPartitionKey, splitRowKey } from './keys.ts';
import { rowTarget } from './row-target.ts';
import type { TableRecord } from './table.ts';

const table: TableRecord = {
  name: 'rows',
  partitionKey: { name: 'id', type: 'S' },
  sortKey: { name: 'at', type: 'N' },
  billingMode: 'PAY_PER_REQUEST',
  deletionProtection: false,
  tableId: 7,
  uuid: '00000000-0000-4000-8000-000000000001',
  schemaVersion: 3,
  status: 'ACTIVE',
  createdAtMs: 0,
};

describe('rowTarget()', () => {
  test('names the table, its version, the shard and the row', () => {
    const target = rowTarget(table, 'a', '1');
    expect(target).toMatchObject({ tableId: 7, schemaVersion: 3 });
    expect(splitRowKey(target.rowKey)).toMatchObject({ tableId: 7, hash: target.hash });
    expect(target.hash).toBe(hashOfPartitionKey(Buffer.from('a\0\0')));
  });

  test('hashes the partition key alone', () => {
    expect(rowTarget(table, 'a', '1').hash).toBe(rowTarget(table, 'a', '2').hash);
    expect(rowTarget(table, 'a', '1').rowKey).not.toEqual(rowTarget(table, 'a', '2').rowKey);
  });

  test('refuses a key that does not fit the table', () => {
    expect(() => rowTarget(table, 'a')).toThrow('A key must fit its table');
  });
});
