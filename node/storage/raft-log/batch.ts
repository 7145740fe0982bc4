/**
 * A batch: what one append wrote, behind a header of 64 bytes, padded by zeros to whole sectors.
 * This file seals a batch and checks one; what its records mean is `record.ts`.
 *
 * Invariants: both sums are salted by store id and segment, so neither user bytes nor the former
 * content of a recycled segment can look like a batch; `previousCrc` chains it to the batch before
 * it; `durableEnd` is true: everything before that position had been synced (protocols.md P8).
 * Positions count the bytes of batches since the birth of the log, without segment headers.
 */
import { assert } from '../../lib/assert.ts';
import type { ByteWriter } from '../../lib/bytes.ts';
import { crc32 } from '../../lib/crc32.ts';
import { alignUp, batchHeaderBytes, sectorBytes } from './layout.ts';

const magic = 0x4254_4b44;
const crcOffset = 4;
const totalOffset = 8;
const payloadLengthOffset = 12;
const payloadCrcOffset = 16;
const previousCrcOffset = 20;
const positionOffset = 24;
const durableEndOffset = 32;
const firstSegmentOffset = 40;
const sequenceOffset = 48;
const reservedOffset = 56;

export interface BatchPlace {
  /** The sequence of the segment that holds it. */
  readonly sequence: number;
  readonly position: number;
  /** Everything before this position was durable when the batch was written. */
  readonly durableEnd: number;
  /** `crc` of the batch that ends at `position`; 0 at the birth of the log. */
  readonly previousCrc: number;
  /** The oldest segment still needed once this batch is durable. */
  readonly firstSegment: number;
}

export interface BatchHeader extends BatchPlace {
  /** The sum of the header, which covers the sum of the rest. */
  readonly crc: number;
  /** Bytes of the whole batch, in whole sectors. */
  readonly totalBytes: number;
  readonly payloadBytes: number;
}

/** The seed of all sums in one segment of one store. */
export function saltOf(storeId: string, sequence: number): number {
  return crc32(`${storeId}/${sequence}`);
}

function writeNumber(bytes: Buffer, value: number, offset: number): void {
  assert(Number.isSafeInteger(value) && value >= 0);
  bytes.writeUInt32LE(value % 0x1_0000_0000, offset);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
}

function readNumber(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + 4) * 0x1_0000_0000 + bytes.readUInt32LE(offset);
}

/**
 * Fills the header that the writer left room for, pads (to `totalBytesMin` at least), and sums up.
 * The view belongs to the writer, which must rest until the bytes are written.
 */
export function sealBatch(
  writer: ByteWriter,
  place: BatchPlace,
  salt: number,
  totalBytesMin = 0,
): { readonly bytes: Buffer; readonly crc: number } {
  const payloadBytes = writer.length - batchHeaderBytes;
  assert(payloadBytes >= 0);
  assert(place.durableEnd <= place.position, 'A batch cannot call itself durable');
  assert(place.firstSegment <= place.sequence);
  const totalBytes = alignUp(Math.max(writer.length, totalBytesMin));
  writer.zeros(totalBytes - writer.length);
  const bytes = writer.view();
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(bytes.length, totalOffset);
  bytes.writeUInt32LE(payloadBytes, payloadLengthOffset);
  bytes.writeUInt32LE(crc32(bytes.subarray(batchHeaderBytes), salt), payloadCrcOffset);
  bytes.writeUInt32LE(place.previousCrc, previousCrcOffset);
  writeNumber(bytes, place.position, positionOffset);
  writeNumber(bytes, place.durableEnd, durableEndOffset);
  writeNumber(bytes, place.firstSegment, firstSegmentOffset);
  writeNumber(bytes, place.sequence, sequenceOffset);
  writeNumber(bytes, 0, reservedOffset);
  const crc = crc32(bytes.subarray(totalOffset, batchHeaderBytes), salt);
  bytes.writeUInt32LE(crc, crcOffset);
  return { bytes, crc };
}

/** The header of a whole and sound batch at `offset`; undefined if there is none. */
export function checkBatch(
  segment: Buffer,
  offset: number,
  salt: number,
  sequence: number,
): BatchHeader | undefined {
  if (offset + sectorBytes > segment.length || segment.readUInt32LE(offset) !== magic) {
    return undefined;
  }
  const header = segment.subarray(offset, offset + batchHeaderBytes);
  const crc = header.readUInt32LE(crcOffset);
  if (crc !== crc32(header.subarray(totalOffset), salt)) {
    return undefined;
  }
  const totalBytes = header.readUInt32LE(totalOffset);
  const payloadBytes = header.readUInt32LE(payloadLengthOffset);
  if (
    offset + totalBytes > segment.length ||
    totalBytes !== alignUp(totalBytes) ||
    totalBytes < batchHeaderBytes + payloadBytes ||
    readNumber(header, sequenceOffset) !== sequence
  ) {
    return undefined;
  }
  const rest = segment.subarray(offset + batchHeaderBytes, offset + totalBytes);
  if (header.readUInt32LE(payloadCrcOffset) !== crc32(rest, salt)) {
    return undefined;
  }
  return {
    crc,
    totalBytes,
    payloadBytes,
    sequence,
    position: readNumber(header, positionOffset),
    durableEnd: readNumber(header, durableEndOffset),
    previousCrc: header.readUInt32LE(previousCrcOffset),
    firstSegment: readNumber(header, firstSegmentOffset),
  };
}
