/**
 * The witness: a tiny file that repeats, beside the segments, how far the log is durable. The log
 * proves its batches by later ones; if its end is lost with all later traces (a segment file gone,
 * the end zeroed), nothing in it tells. The witness does: a log that ends below it lost something.
 *
 * It is written at start, about once a second while the log grows, and at close: never on the way
 * of an append. Invariants: it never says more than what is durable; its two sectors are written in
 * turn, so that a torn write leaves the other; a damaged sector says nothing.
 */
import { assert } from '../../lib/assert.ts';
import { crc32 } from '../../lib/crc32.ts';
import type { Disk, DiskFile } from '../../sys/disk.ts';
import { sectorBytes } from './layout.ts';

export const witnessName = 'witness';

const magic = 0x5754_4b44;
const crcOffset = 4;
const positionOffset = 8;
const slotCount = 2;
const witnessBytes = slotCount * sectorBytes;

function saltOfWitness(storeId: string): number {
  return crc32(`${storeId}/${witnessName}`);
}

function encode(storeId: string, position: number): Buffer {
  const bytes = Buffer.alloc(sectorBytes);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeBigUInt64LE(BigInt(position), positionOffset);
  bytes.writeUInt32LE(crc32(bytes.subarray(positionOffset), saltOfWitness(storeId)), crcOffset);
  return bytes;
}

/** What a sector says; 0 if it is not sound. */
function decode(storeId: string, bytes: Buffer): number {
  const isSound =
    bytes.length === sectorBytes &&
    bytes.readUInt32LE(0) === magic &&
    bytes.readUInt32LE(crcOffset) === crc32(bytes.subarray(positionOffset), saltOfWitness(storeId));
  return isSound ? Number(bytes.readBigUInt64LE(positionOffset)) : 0;
}

async function readSlots(file: DiskFile, storeId: string): Promise<number[]> {
  const bytes = Buffer.alloc(witnessBytes);
  const count = await file.read(bytes, 0, witnessBytes, 0);
  const slots: number[] = [];
  for (let start = 0; start < witnessBytes; start += sectorBytes) {
    slots.push(decode(storeId, bytes.subarray(start, Math.min(start + sectorBytes, count))));
  }
  return slots;
}

/** Everything before this position was durable; 0 if there is no sound witness. */
export async function readWitness(disk: Disk, directory: string, storeId: string): Promise<number> {
  const path = `${directory}/${witnessName}`;
  if (!(await disk.exists(path))) {
    return 0;
  }
  const file = await disk.open(path, 'read');
  try {
    return Math.max(...(await readSlots(file, storeId)));
  } finally {
    await file.close();
  }
}

export class Witness {
  readonly #file: DiskFile;
  readonly #storeId: string;
  #position: number;
  #slot: number;
  #job: Promise<void> = Promise.resolve();

  private constructor(file: DiskFile, storeId: string, slots: readonly number[]) {
    this.#file = file;
    this.#storeId = storeId;
    this.#position = Math.max(...slots);
    this.#slot = slots.indexOf(Math.min(...slots));
  }

  /** Opens the file, or makes it, with its room allocated and its name durable. */
  static async open(disk: Disk, directory: string, storeId: string): Promise<Witness> {
    const path = `${directory}/${witnessName}`;
    const isThere = await disk.exists(path);
    const file = await disk.open(path, isThere ? 'write' : 'create');
    try {
      await file.allocate(witnessBytes);
      await file.datasync();
      await disk.syncDirectory(directory);
      return new Witness(file, storeId, await readSlots(file, storeId));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Notes that everything before `position` is durable; nothing happens if it is known. */
  note(position: number): Promise<void> {
    this.#job = this.#job.then(() => this.#write(position));
    return this.#job;
  }

  /** Resolves when no note is being written; never rejects. */
  async settle(): Promise<void> {
    await this.#job.catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.settle();
    await this.#file.close();
  }

  async #write(position: number): Promise<void> {
    if (position <= this.#position) {
      return;
    }
    assert(Number.isSafeInteger(position));
    await this.#file.writeDurably(encode(this.#storeId, position), this.#slot * sectorBytes);
    this.#position = position;
    this.#slot = (this.#slot + 1) % slotCount;
  }
}
