/**
 * The window of append messages on their way to one follower: bounded by their count and by their
 * bytes. A ring that grows on demand up to the bound, so that an idle follower costs nothing.
 *
 * Invariant: indexes in the ring increase; `count` ≤ `capacity`. The byte bound may be exceeded by
 * the last message, since a message is admitted while the window is not full.
 */
import { assert } from '../lib/assert.ts';

export class Inflights {
  readonly capacity: number;
  /** Bytes in flight at which the window counts as full; Infinity for none. */
  readonly bytesMax: number;
  count = 0;
  bytes = 0;
  #start = 0;
  #indexes: number[] = [];
  #sizes: number[] = [];

  constructor(capacity: number, bytesMax: number) {
    this.capacity = capacity;
    this.bytesMax = bytesMax;
  }

  get full(): boolean {
    return this.count === this.capacity || this.bytes >= this.bytesMax;
  }

  /** Notes a message whose last entry is at `index`. */
  add(index: number, bytes: number): void {
    assert(!this.full, 'Cannot add to a full window');
    if (this.count === this.#indexes.length) {
      this.#unroll();
      this.#indexes.push(index);
      this.#sizes.push(bytes);
    } else {
      const at = (this.#start + this.count) % this.#indexes.length;
      this.#indexes[at] = index;
      this.#sizes[at] = bytes;
    }
    this.count += 1;
    this.bytes += bytes;
  }

  /** Frees every message whose last entry is at or below `index`. */
  freeTo(index: number): void {
    while (this.count > 0 && (this.#indexes[this.#start] as number) <= index) {
      this.bytes -= this.#sizes[this.#start] as number;
      this.count -= 1;
      this.#start = this.#start + 1 === this.#indexes.length ? 0 : this.#start + 1;
    }
    if (this.count === 0) {
      this.#start = 0;
    }
  }

  reset(): void {
    this.#start = 0;
    this.count = 0;
    this.bytes = 0;
  }

  /** Moves the oldest message to slot 0, so that the full ring can grow at its end. */
  #unroll(): void {
    if (this.#start !== 0) {
      const start = this.#start;
      this.#indexes = this.#indexes.slice(start).concat(this.#indexes.slice(0, start));
      this.#sizes = this.#sizes.slice(start).concat(this.#sizes.slice(0, start));
      this.#start = 0;
    }
  }
}
