/**
 * The value bytes of an item row: a small header, then the item as canonical DynamoDB JSON text,
 * so that a read without projection is a splice. The version is (shard incarnation, log index,
 * ordinal in the entry), unique per write of a row (protocols.md P5).
 *
 * Layout: format(1) | incarnation varint | index varint | ordinal varint | item size varint | text.
 */
import { assert } from '../lib/assert.ts';
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import type { RowVersion, StoredItem } from './command.ts';

const rowFormat = 1;

export interface RowStamp {
  readonly incarnation: number;
  readonly index: number;
  readonly ordinal: number;
}

/** The text form of a version: the ETag of the `/key` door. */
export function versionText(stamp: RowStamp): RowVersion {
  return `${stamp.incarnation}-${stamp.index}-${stamp.ordinal}`;
}

export function encodeRow(stamp: RowStamp, itemSize: number, item: Uint8Array): Buffer {
  assert(stamp.index > 0, 'A row belongs to a log entry');
  return new ByteWriter(item.length + 32)
    .u8(rowFormat)
    .varint(stamp.incarnation)
    .varint(stamp.index)
    .varint(stamp.ordinal)
    .varint(itemSize)
    .raw(item)
    .finish();
}

export function decodeRow(value: Buffer): StoredItem {
  const reader = new ByteReader(value);
  const format = reader.u8();
  if (format !== rowFormat) {
    throw new DynakvError('BadFrame', `Cannot read a row of format ${format}: expected 1`);
  }
  const version = versionText({
    incarnation: reader.varint(),
    index: reader.varint(),
    ordinal: reader.varint(),
  });
  const itemSize = reader.varint();
  return { version, itemSize, item: reader.rest() };
}
