/**
 * The data of a log entry: a physical batch of rows, applied as they are by every replica
 * (design §3). Keys carry no generation; it is prefixed at apply (protocols.md P13).
 *
 * Layout: format(1) | count varint | (key bytes | op(1) | [value bytes])…
 */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';

const batchFormat = 1;
const opDelete = 0;
const opPut = 1;

/** `value` undefined deletes the row. */
export interface RowWrite {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

export function encodeBatch(writes: readonly RowWrite[]): Buffer {
  let bytes = 16;
  for (const write of writes) {
    bytes += write.key.length + (write.value?.length ?? 0) + 16;
  }
  const writer = new ByteWriter(bytes).u8(batchFormat).varint(writes.length);
  for (const write of writes) {
    writer.bytes(write.key);
    if (write.value === undefined) {
      writer.u8(opDelete);
    } else {
      writer.u8(opPut).bytes(write.value);
    }
  }
  return writer.finish();
}

/** Views into `data`, not copies. */
export function decodeBatch(data: Buffer): RowWrite[] {
  const reader = new ByteReader(data);
  const format = reader.u8();
  if (format !== batchFormat) {
    throw new DynakvError('BadFrame', `Cannot apply an entry of format ${format}: expected 1`);
  }
  const count = reader.varint();
  const writes: RowWrite[] = [];
  for (let i = 0; i < count; i++) {
    const key = reader.bytes();
    const op = reader.u8();
    if (op !== opDelete && op !== opPut) {
      throw new DynakvError('BadFrame', `Cannot apply a row operation ${op}: expected 0 or 1`);
    }
    writes.push({ key, value: op === opPut ? reader.bytes() : undefined });
  }
  reader.expectEnd();
  return writes;
}
