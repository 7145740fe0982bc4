/**
 * The rows that the swarm's clients write: a short value that names its writer, and padding of a
 * length that the value tells, so that a row that was cut or mixed up is noticed when it is read.
 */
import { hashOfPartitionKey, rowKey } from '../../items/keys.ts';
import type { ItemCommand, Precondition, RowTarget } from '../../items/command.ts';
import { assert } from '../../lib/assert.ts';
import { groupOfHash } from '../../shards/groups.ts';
import { encodeKeyValue } from '../../values/key-encoding.ts';

/** What a command must know of its table. */
export interface TableVersion {
  readonly tableId: number;
  readonly schemaVersion: number;
}

/** The table that every cluster is born with. */
export const bornTable: TableVersion = { tableId: 1, schemaVersion: 1 };

export function targetOf(table: TableVersion, id: string): RowTarget {
  const { tableId, schemaVersion } = table;
  const partitionKey = encodeKeyValue('S', id);
  const hash = hashOfPartitionKey(partitionKey);
  return { tableId, schemaVersion, hash, rowKey: rowKey(tableId, hash, partitionKey) };
}

/** A name that the shard holds. */
export function nameIn(groupId: number, shards: number, prefix: string): string {
  for (let i = 0; ; i++) {
    const name = `${prefix}${i}`;
    if (groupOfHash(targetOf(bornTable, name).hash, shards) === groupId) {
      return name;
    }
  }
}

export function getOf(table: TableVersion, id: string, consistent: boolean): ItemCommand {
  return { ...targetOf(table, id), kind: 'get', consistent };
}

export function putOf(
  table: TableVersion,
  id: string,
  row: { readonly value: string; readonly paddingBytes: number },
  precondition?: Precondition,
): ItemCommand {
  const padding = 'x'.repeat(row.paddingBytes);
  const item = Buffer.from(
    `{"id":{"S":"${id}"},"json":{"S":"${row.value}|${row.paddingBytes}|${padding}"}}`,
  );
  return {
    ...targetOf(table, id),
    kind: 'put',
    item,
    itemSize: item.length,
    precondition,
    returns: 'existence',
    returnOldOnFailure: false,
  };
}

export function deleteOf(
  table: TableVersion,
  id: string,
  precondition?: Precondition,
): ItemCommand {
  return {
    ...targetOf(table, id),
    kind: 'delete',
    precondition,
    returns: 'existence',
    returnOldOnFailure: false,
  };
}

/** The value of a row that was read; throws if the row is not whole. */
export function valueOf(id: string, item: Buffer): string {
  const parsed = JSON.parse(item.toString('utf8')) as {
    readonly id: { readonly S: string };
    readonly json: { readonly S: string };
  };
  const [value, length, padding] = parsed.json.S.split('|');
  const isWhole = parsed.id.S === id && padding?.length === Number(length);
  assert(isWhole, `The row of "${id}" is not as it was written: ${item.toString('utf8')}`);
  return value ?? '';
}
