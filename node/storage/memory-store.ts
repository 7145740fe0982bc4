/**
 * What a memory engine leaves behind when its process dies: the simulated disk of one RocksDB.
 *
 * Every write makes a state (one tree a column). States are numbered in write order; those after
 * the durable one may be lost in a power cut, always a suffix. A killed process loses none:
 * the page cache has them. Open, crash and open again to restart a node.
 *
 * Invariant: durable ≤ newest, and the durable number never falls while the machine has power.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import type { EngineColumn } from '../sys/engine.ts';
import type { Random } from '../sys/random.ts';
import { MemoryEngine } from './memory-engine.ts';
import type { MemoryEngineOptions } from './memory-engine.ts';
import type { Tree } from './ordered-tree.ts';

export type MemoryState = Readonly<Record<EngineColumn, Tree>>;

export class MemoryStore {
  /** The durable state, then those that may be lost, in write order; never empty. */
  #states: MemoryState[] = [{ default: undefined, data: undefined }];
  /** Number of the first of `#states`. */
  #durable = 0;
  #opened: MemoryEngine | undefined;

  /** Opens the store, alone. */
  open(options: MemoryEngineOptions): MemoryEngine {
    if (this.#opened !== undefined) {
      throw new DynakvError('Refused', 'Cannot open memory store: another process has it');
    }
    this.#opened = new MemoryEngine(this, options);
    return this.#opened;
  }

  /** Power cut: the process dies, and a random suffix of the unsynced writes is lost. */
  crash(random: Random): void {
    this.kill();
    const kept = random.uint32() % this.#states.length;
    this.#states = [this.#at(kept)];
    this.#durable += kept;
  }

  /** The process dies at once: nothing under way in it ever completes, nothing written is lost. */
  kill(): void {
    this.#opened?.abandon();
    this.#opened = undefined;
  }

  /** The process dies, and the disk comes back as it was when `state` was its newest. */
  restore(state: MemoryState): void {
    this.kill();
    this.#durable = this.newest + 1;
    this.#states = [state];
  }

  /** Writes that a crash may lose. */
  get unsyncedWrites(): number {
    return this.#states.length - 1;
  }

  /** The number of the newest write. */
  get newest(): number {
    return this.#durable + this.#states.length - 1;
  }

  get state(): MemoryState {
    return this.#at(this.#states.length - 1);
  }

  /** For the engine: one write. */
  push(state: MemoryState): void {
    this.#states.push(state);
  }

  /** For the engine: everything up to write `number` is durable. */
  markDurable(number: number): void {
    assert(number <= this.newest);
    if (number > this.#durable) {
      this.#states = this.#states.slice(number - this.#durable);
      this.#durable = number;
    }
  }

  /** For the engine: a clean close writes everything out. */
  release(engine: MemoryEngine): void {
    if (this.#opened === engine) {
      this.markDurable(this.newest);
      this.#opened = undefined;
    }
  }

  #at(index: number): MemoryState {
    const state = this.#states[index];
    assert(state !== undefined);
    return state;
  }
}
