/** From a table and the texts of a key to the row and the shard that a command is about. */
import { assert } from '../lib/assert.ts';
import { encodeKeyValue } from '../values/key-encoding.ts';
import type { RowTarget } from './command.ts';
import { hashOfPartitionKey, rowKey } from './keys.ts';
import type { TableRecord } from './table.ts';

/** Key values as text: S text, canonical N text or canonical base64; sizes already checked. */
export function rowTarget(table: TableRecord, partition: string, sort?: string): RowTarget {
  const { tableId, schemaVersion, partitionKey, sortKey } = table;
  assert((sort === undefined) === (sortKey === undefined), 'A key must fit its table');
  const encoded = encodeKeyValue(partitionKey.type, partition);
  const hash = hashOfPartitionKey(encoded);
  const encodedSort =
    sortKey === undefined || sort === undefined ? undefined : encodeKeyValue(sortKey.type, sort);
  return { tableId, schemaVersion, hash, rowKey: rowKey(tableId, hash, encoded, encodedSort) };
}
