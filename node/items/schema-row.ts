/**
 * A table's schema as one shard knows it: a row of the shard itself, so that a leader can never
 * evaluate against another schema than its shard's (design §5). The row of a dropped table stays
 * as a tombstone; entries not above the row's version are ignored (protocols.md P18).
 */
import { DynakvError } from '../lib/errors.ts';

/** Table id 0 is the shard's own; hash 0 keeps these rows first in the range. */
const ownTableId = 0;
const schemaPrefixBytes = 8;

export interface SchemaRow {
  readonly tableId: number;
  readonly version: number;
  readonly state: 'live' | 'dropped';
}

export function schemaRowKey(tableId: number): Buffer {
  const key = Buffer.alloc(schemaPrefixBytes + 4);
  key.writeUInt32BE(ownTableId, 0);
  key.writeUInt32BE(tableId, schemaPrefixBytes);
  return key;
}

/** The table id if `key` is a schema row's key. */
export function schemaTableOf(key: Buffer): number | undefined {
  return key.length === schemaPrefixBytes + 4 && key.readUInt32BE(0) === ownTableId
    ? key.readUInt32BE(schemaPrefixBytes)
    : undefined;
}

export function encodeSchemaRow(row: SchemaRow): Buffer {
  return Buffer.from(JSON.stringify(row), 'utf8');
}

function parseRow(value: Buffer): Partial<SchemaRow> {
  try {
    return (JSON.parse(value.toString('utf8')) ?? {}) as Partial<SchemaRow>;
  } catch (error) {
    throw new DynakvError('BadFrame', 'Cannot read a schema row', {}, error);
  }
}

export function decodeSchemaRow(value: Buffer): SchemaRow {
  const row = parseRow(value);
  if (typeof row.tableId !== 'number' || typeof row.version !== 'number') {
    throw new DynakvError('BadFrame', `Cannot read a schema row: ${value.toString('utf8')}`);
  }
  return { tableId: row.tableId, version: row.version, state: row.state ?? 'live' };
}
