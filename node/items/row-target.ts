/** From a table and the texts of a key to the row and the shard that a command is about. */
import { assert } from '../lib/assert.ts';
import { hashKey } from '../shards/hash.ts';
import { encodeKeyValue } from '../values/key-encoding.ts';
import type { RowTarget } from './command.ts';
import type { TableRecord } from './table.ts';

const prefixBytes = 8;

/** Key values as text: S text, canonical N text or canonical base64; sizes already checked. */
export function rowTarget(table: TableRecord, partition: string, sort?: string): RowTarget {
  assert((sort === undefined) === (table.sortKey === undefined), 'A key must fit its table');
  const partitionKey = encodeKeyValue(table.partitionKey.type, partition);
  const hash = hashKey(partitionKey);
  const sortKey =
    table.sortKey === undefined || sort === undefined
      ? undefined
      : encodeKeyValue(table.sortKey.type, sort);
  const rowKey = Buffer.allocUnsafe(prefixBytes + partitionKey.length + (sortKey?.length ?? 0));
  rowKey.writeUInt32BE(table.tableId, 0);
  rowKey.writeUInt32BE(hash, 4);
  partitionKey.copy(rowKey, prefixBytes);
  sortKey?.copy(rowKey, prefixBytes + partitionKey.length);
  return { tableId: table.tableId, schemaVersion: table.schemaVersion, hash, rowKey };
}
