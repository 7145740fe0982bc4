/**
 * A segment: one preallocated file `segment-<sequence>.log`. This file knows its name and its
 * header, and nothing of what stands behind the header (`batch.ts`).
 *
 * Invariant: a file under a segment's name always has a durable, valid header and its full size,
 * because it gets that name only after both were synced. Anything else is damage. The place of
 * magic, version and sum stays the same in every later format.
 */
import { assert } from '../../lib/assert.ts';
import { crc32 } from '../../lib/crc32.ts';
import { DynakvError } from '../../lib/errors.ts';
import { formatVersion, segmentHeaderBytes } from './layout.ts';

const magic = Buffer.from('DKVRLOG\n', 'latin1');
const versionOffset = 8;
const crcOffset = 12;
const sequenceOffset = 16;
const sizeOffset = 24;
const storeIdLengthOffset = 32;
const storeIdOffset = 36;
const storeIdBytesMax = 128;
const namePattern = /^segment-([0-9]{16})\.log$/;

export interface SegmentHeader {
  readonly sequence: number;
  /** Bytes of the file, header included: a shorter file lost its end. */
  readonly sizeBytes: number;
  readonly storeId: string;
}

/** A file being prepared; it becomes a segment by a rename, and a freed segment may become it. */
export const spareName = 'spare.log';

export function segmentName(sequence: number): string {
  assert(Number.isSafeInteger(sequence) && sequence > 0);
  return `segment-${String(sequence).padStart(16, '0')}.log`;
}

/** The sequence in a file's name; undefined for any other file. */
export function sequenceOfName(name: string): number | undefined {
  const match = namePattern.exec(name);
  return match ? Number(match[1]) : undefined;
}

function headerCrc(bytes: Buffer): number {
  return crc32(bytes.subarray(sequenceOffset), crc32(bytes.subarray(0, crcOffset)));
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const storeId = Buffer.from(header.storeId, 'utf8');
  assert(storeId.length > 0 && storeId.length <= storeIdBytesMax, 'A store id is 1 to 128 bytes');
  const bytes = Buffer.alloc(segmentHeaderBytes);
  magic.copy(bytes);
  bytes.writeUInt32LE(formatVersion, versionOffset);
  bytes.writeBigUInt64LE(BigInt(header.sequence), sequenceOffset);
  bytes.writeBigUInt64LE(BigInt(header.sizeBytes), sizeOffset);
  bytes.writeUInt32LE(storeId.length, storeIdLengthOffset);
  storeId.copy(bytes, storeIdOffset);
  bytes.writeUInt32LE(headerCrc(bytes), crcOffset);
  return bytes;
}

/** Undefined if the header is damaged; throws `NewerFormat` if it is sound, of a later format. */
export function decodeSegmentHeader(bytes: Buffer, path: string): SegmentHeader | undefined {
  if (bytes.length < segmentHeaderBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    return undefined;
  }
  const sector = bytes.subarray(0, segmentHeaderBytes);
  if (sector.readUInt32LE(crcOffset) !== headerCrc(sector)) {
    return undefined;
  }
  const version = sector.readUInt32LE(versionOffset);
  if (version > formatVersion) {
    throw new DynakvError(
      'NewerFormat',
      `Cannot open the raft log as "${path}" has format ${version}: this release reads up to ` +
        `${formatVersion}; nothing was changed, start the newer release`,
      { version, formatVersion },
    );
  }
  const length = sector.readUInt32LE(storeIdLengthOffset);
  return {
    sequence: Number(sector.readBigUInt64LE(sequenceOffset)),
    sizeBytes: Number(sector.readBigUInt64LE(sizeOffset)),
    storeId: sector.toString('utf8', storeIdOffset, storeIdOffset + length),
  };
}
