/**
 * Row keys: tableId(4) | hash(4) | partition key | sort key, big-endian, so that bytes order rows
 * by table, then by hash, then by key. The generation in front of them is the replica's own
 * business (storage). Part of the data format: it never changes. Source: design, "Data on disk".
 *
 * Key values are encoded by `values/key-encoding.ts`: self-delimiting and prefix-free, so the
 * rows of one partition key are one range.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import { hashKey } from '../shards/hash.ts';

/** Table id 0 holds a shard's own rows; the largest leaves room for the bound after it. */
export const tableIdMax = 2 ** 32 - 2;

/** tableId and hash in front of the key values. */
export const rowKeyPrefixBytes = 8;

const hashEnd = 2 ** 32;

/** Row keys from `from` on and below `to`. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

export interface RowKeyParts {
  readonly tableId: number;
  readonly hash: number;
  /** The encoded partition key and, behind it, the encoded sort key. */
  readonly key: Buffer;
}

function assertTableId(tableId: number): void {
  assert(
    Number.isInteger(tableId) && tableId >= 0 && tableId <= tableIdMax,
    'A table id must be 0 … 2^32−2',
  );
}

/** 0 … 2^32−1, from the encoded partition key: names the shard. */
export function hashOfPartitionKey(encodedPartitionKey: Uint8Array): number {
  return hashKey(encodedPartitionKey);
}

function prefix(tableId: number, hash: number, bytes: number): Buffer {
  assertTableId(tableId);
  assert(Number.isInteger(hash) && hash >= 0 && hash < hashEnd, 'A hash must be 0 … 2^32−1');
  const key = Buffer.allocUnsafe(rowKeyPrefixBytes + bytes);
  key.writeUInt32BE(tableId, 0);
  key.writeUInt32BE(hash, 4);
  return key;
}

/** `partitionKey` and `sortKey` are encoded key values. */
export function rowKey(
  tableId: number,
  hash: number,
  partitionKey: Uint8Array,
  sortKey?: Uint8Array,
): Buffer {
  const key = prefix(tableId, hash, partitionKey.length + (sortKey?.length ?? 0));
  key.set(partitionKey, rowKeyPrefixBytes);
  if (sortKey !== undefined) {
    key.set(sortKey, rowKeyPrefixBytes + partitionKey.length);
  }
  return key;
}

/** The parts of a row key; the key is a view of the same bytes. */
export function splitRowKey(rowKey: Buffer): RowKeyParts {
  if (rowKey.length < rowKeyPrefixBytes) {
    throw new DynakvError('BadFrame', `Cannot split a row key: it has ${rowKey.length} bytes`);
  }
  return {
    tableId: rowKey.readUInt32BE(0),
    hash: rowKey.readUInt32BE(4),
    key: rowKey.subarray(rowKeyPrefixBytes),
  };
}

/** The bound before which all rows of the table with a smaller hash lie; `hash` up to 2^32. */
function hashBound(tableId: number, hash: number): Buffer {
  if (hash < hashEnd) {
    return prefix(tableId, hash, 0);
  }
  const bound = Buffer.alloc(rowKeyPrefixBytes);
  bound.writeUInt32BE(tableId + 1, 0);
  return bound;
}

/** The rows of a table whose hash is at least `hashFrom` and below `hashTo` (up to 2^32). */
export function hashRange(tableId: number, hashFrom: number, hashTo: number): KeyRange {
  assertTableId(tableId);
  assert(hashFrom >= 0 && hashFrom <= hashTo && hashTo <= hashEnd, 'A hash range must be ordered');
  return { from: hashBound(tableId, hashFrom), to: hashBound(tableId, hashTo) };
}

/** All rows of a table. */
export function tableRange(tableId: number): KeyRange {
  return hashRange(tableId, 0, hashEnd);
}
