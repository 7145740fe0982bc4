/**
 * One file of the simulated disk: what programs see (the page cache) and what would be left after
 * a power cut (the platter), sector by sector. Names are not its business (`disk.ts`).
 *
 * Invariant: a sector without pending versions reads the same in both. A sector is written whole or
 * not at all; of several versions written since the last sync any one may be the survivor, in no
 * order between sectors. The size changes likewise.
 */
import { assert } from '../lib/assert.ts';

export const simSectorBytes = 512;

interface SectorVersion {
  /** When it was written, by the disk's count of operations. */
  readonly stamp: number;
  readonly bytes: Buffer;
}

/** Which version of a sector survives: −1 = the synced one, else an index into the versions. */
export type ChooseVersion = (sector: number, versions: number) => number;

export class SimFile {
  /** What reads return. */
  #seen = Buffer.alloc(0);
  #kept = Buffer.alloc(0);
  #pending = new Map<number, SectorVersion[]>();
  /** Sizes since the last sync, oldest first. */
  #pendingSizes: { readonly stamp: number; readonly size: number }[] = [];

  get size(): number {
    return this.#seen.length;
  }

  /** The bytes that programs see. */
  get bytes(): Buffer {
    return this.#seen;
  }

  /** Sectors with unsynced versions, ascending. */
  get unsyncedSectors(): number[] {
    return [...this.#pending.keys()].sort((a, b) => a - b);
  }

  read(target: Buffer, offset: number, length: number, position: number): number {
    const end = Math.min(position + length, this.#seen.length);
    return end <= position ? 0 : this.#seen.copy(target, offset, position, end);
  }

  write(bytes: Uint8Array, position: number, stamp: number): void {
    this.#grow(position + bytes.length, stamp);
    this.#seen.set(bytes, position);
    const last = Math.floor((position + bytes.length - 1) / simSectorBytes);
    for (let sector = Math.floor(position / simSectorBytes); sector <= last; sector++) {
      const start = sector * simSectorBytes;
      const version = Buffer.from(this.#seen.subarray(start, start + simSectorBytes));
      const versions = this.#pending.get(sector) ?? [];
      versions.push({ stamp, bytes: version });
      this.#pending.set(sector, versions);
    }
  }

  /** Grows by zeros; a real disk writes them, so they are not pending bytes but a pending size. */
  allocate(size: number, stamp: number): void {
    this.#grow(size, stamp);
  }

  truncate(size: number, stamp: number): void {
    if (size > this.#seen.length) {
      this.#grow(size, stamp);
      return;
    }
    this.#seen = Buffer.from(this.#seen.subarray(0, size));
    this.#pendingSizes.push({ stamp, size });
  }

  #grow(size: number, stamp: number): void {
    if (size > this.#seen.length) {
      const larger = Buffer.alloc(size);
      this.#seen.copy(larger);
      this.#seen = larger;
      this.#pendingSizes.push({ stamp, size });
    }
  }

  /** What was written up to `stamp` is on the platter. */
  sync(stamp: number): void {
    const size = this.#pendingSizes.filter((one) => one.stamp <= stamp).at(-1)?.size;
    if (size !== undefined) {
      this.#kept = resized(this.#kept, size);
    }
    this.#settle(stamp, (sector, version) => this.#keep(sector, version));
  }

  /** A failed sync as Linux does it: the pages count as clean, the platter lacks them (P7). */
  failSync(stamp: number): void {
    this.#settle(stamp, () => undefined);
  }

  #settle(stamp: number, newest: (sector: number, version: Buffer) => void): void {
    this.#pendingSizes = this.#pendingSizes.filter((one) => one.stamp > stamp);
    for (const [sector, versions] of this.#pending) {
      const covered = versions.filter((one) => one.stamp <= stamp);
      const last = covered.at(-1);
      if (last !== undefined) {
        newest(sector, last.bytes);
      }
      if (covered.length === versions.length) {
        this.#pending.delete(sector);
      } else {
        this.#pending.set(sector, versions.slice(covered.length));
      }
    }
  }

  #keep(sector: number, version: Buffer): void {
    const start = sector * simSectorBytes;
    if (start < this.#kept.length) {
      version.copy(this.#kept, start, 0, Math.min(version.length, this.#kept.length - start));
    }
  }

  /** Power is lost: only the platter is left, with whatever `choose` lets through. */
  crash(choose: ChooseVersion): void {
    if (this.#pendingSizes.length > 0) {
      const chosen = choose(-1, this.#pendingSizes.length);
      const size = this.#pendingSizes[chosen]?.size ?? this.#kept.length;
      this.#kept = resized(this.#kept, size);
    }
    for (const sector of this.unsyncedSectors) {
      const versions = this.#pending.get(sector) ?? [];
      const survivor = versions[choose(sector, versions.length)];
      if (survivor !== undefined) {
        this.#keep(sector, survivor.bytes);
      }
    }
    this.#pending.clear();
    this.#pendingSizes = [];
    this.#seen = Buffer.from(this.#kept);
  }

  /** Damage at rest: both what is seen and what is kept. */
  flipBit(position: number, bit: number): void {
    assert(position < this.#seen.length && bit >= 0 && bit < 8);
    for (const bytes of [this.#seen, this.#kept]) {
      if (position < bytes.length) {
        bytes[position] = (bytes[position] ?? 0) ^ (1 << bit);
      }
    }
  }

  /** A copy with the same bytes, pending versions included. */
  clone(): SimFile {
    const copy = new SimFile();
    copy.#seen = Buffer.from(this.#seen);
    copy.#kept = Buffer.from(this.#kept);
    copy.#pending = new Map([...this.#pending].map(([sector, list]) => [sector, [...list]]));
    copy.#pendingSizes = [...this.#pendingSizes];
    return copy;
  }
}

function resized(bytes: Buffer, size: number): Buffer<ArrayBuffer> {
  const result = Buffer.alloc(size);
  bytes.copy(result, 0, 0, Math.min(bytes.length, size));
  return result;
}
