/**
 * Reads one segment file and says which sound batches it holds. It judges the file alone; what a
 * break means is decided over all segments (`recovery.ts`). It never writes.
 *
 * Damage that shows without any batch is thrown as `LogDamage`: a header that does not check out,
 * or a file shorter than it was allocated.
 */
import { DynakvError } from '../../lib/errors.ts';
import type { Disk } from '../../sys/disk.ts';
import { checkBatch, saltOf } from './batch.ts';
import type { BatchHeader } from './batch.ts';
import { batchHeaderBytes, sectorBytes, segmentHeaderBytes } from './layout.ts';
import { decodeSegmentHeader } from './segment.ts';
import type { SegmentHeader } from './segment.ts';

/** The files contradict what had surely been durable: the log must not be used. */
export class LogDamage extends Error {
  override readonly name = 'LogDamage';
}

export interface ScannedBatch {
  readonly header: BatchHeader;
  /** The records: a view of the segment's bytes. */
  readonly payload: Buffer;
}

export interface ScannedSegment {
  readonly sequence: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** Chained batches from the head of the segment on. */
  readonly batches: readonly ScannedBatch[];
  /** The highest durable end that any sound batch in the file declares, chained or not. */
  readonly durableEndMax: number;
}

export interface SegmentPlace {
  readonly path: string;
  readonly sequence: number;
  readonly storeId: string;
}

/** Reads a header and refuses a later format or another store, before anything is touched. */
export async function readSegmentHeader(
  disk: Disk,
  path: string,
): Promise<SegmentHeader | undefined> {
  const file = await disk.open(path, 'read');
  try {
    const bytes = Buffer.alloc(segmentHeaderBytes);
    const count = await file.read(bytes, 0, bytes.length, 0);
    return decodeSegmentHeader(bytes.subarray(0, count), path);
  } finally {
    await file.close();
  }
}

async function readWhole(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  try {
    const size = await file.size();
    const bytes = Buffer.allocUnsafeSlow(size);
    const count = await file.read(bytes, 0, size, 0);
    return bytes.subarray(0, count);
  } finally {
    await file.close();
  }
}

/** The header of a segment must name the file, this store, and the size of the file. */
function checkHeader(place: SegmentPlace, bytes: Buffer): SegmentHeader {
  const { path, sequence, storeId } = place;
  const header = decodeSegmentHeader(bytes, path);
  if (header?.sequence !== sequence) {
    throw new LogDamage(`the header of "${path}" is damaged`);
  }
  if (header.storeId !== storeId) {
    throw new DynakvError(
      'WrongCluster',
      `Cannot open "${path}" as store "${storeId}": it belongs to store "${header.storeId}"`,
    );
  }
  if (bytes.length < header.sizeBytes) {
    throw new LogDamage(`"${path}" has ${bytes.length} of its ${header.sizeBytes} bytes`);
  }
  return header;
}

export async function scanSegment(disk: Disk, place: SegmentPlace): Promise<ScannedSegment> {
  const { path, sequence, storeId } = place;
  const bytes = await readWhole(disk, path);
  const { sizeBytes } = checkHeader(place, bytes);
  const salt = saltOf(storeId, sequence);
  const batches: ScannedBatch[] = [];
  let durableEndMax = 0;
  let offset = segmentHeaderBytes;
  let previous: BatchHeader | undefined;
  for (;;) {
    const header = checkBatch(bytes, offset, salt, sequence);
    if (header === undefined || (previous !== undefined && !follows(previous, header))) {
      break;
    }
    const start = offset + batchHeaderBytes;
    batches.push({ header, payload: bytes.subarray(start, start + header.payloadBytes) });
    durableEndMax = Math.max(durableEndMax, header.durableEnd);
    offset += header.totalBytes;
    previous = header;
  }
  // Behind the break: whatever is sound there tells how far the log had surely been durable.
  for (; offset < bytes.length; offset += sectorBytes) {
    const header = checkBatch(bytes, offset, salt, sequence);
    durableEndMax = Math.max(durableEndMax, header?.durableEnd ?? 0);
  }
  const numbers = batches.flatMap(({ header }) => [header.position, header.firstSegment]);
  if (![durableEndMax, ...numbers].every((each) => Number.isSafeInteger(each))) {
    throw new LogDamage(`a batch in "${path}" has a sound sum and a number above 2^53`);
  }
  return { sequence, path, sizeBytes, batches, durableEndMax };
}

/** True if `next` is the batch written right after `previous`. */
export function follows(previous: BatchHeader, next: BatchHeader): boolean {
  return (
    next.position === previous.position + previous.totalBytes && next.previousCrc === previous.crc
  );
}
