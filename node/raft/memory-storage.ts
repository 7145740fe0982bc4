/**
 * A `RaftStorage` in memory, for tests and simulations of the core: entries behind a compaction
 * point, a hard state and a snapshot.
 *
 * Invariant: #entries[i].index = #offset + 1 + i, and (#offset, #offsetTerm) is the entry before.
 */
import { assert } from '../lib/assert.ts';
import { limitSize } from './entry-size.ts';
import type { ConfState, Entry, HardState, Snapshot } from './messages.ts';
import type { InitialState, RaftStorage, StorageMiss } from './storage.ts';

const emptyConfState: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

export const emptySnapshot: Snapshot = {
  metadata: { index: 0, term: 0, confState: emptyConfState },
  data: Buffer.alloc(0),
};

export class MemoryStorage implements RaftStorage {
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  #snapshot: Snapshot = emptySnapshot;
  #entries: Entry[] = [];
  #offset = 0;
  #offsetTerm = 0;

  initialState(): InitialState {
    return { hardState: this.#hardState, confState: this.#snapshot.metadata.confState };
  }

  entries(low: number, high: number, bytesMax: number): readonly Entry[] | StorageMiss {
    if (low <= this.#offset) {
      return 'compacted';
    }
    assert(high <= this.lastIndex() + 1, `Cannot read to ${high}: last is ${this.lastIndex()}`);
    if (this.#entries.length === 0) {
      return 'unavailable';
    }
    const from = low - this.#offset - 1;
    return limitSize(this.#entries.slice(from, high - this.#offset - 1), bytesMax);
  }

  term(index: number): number | StorageMiss {
    if (index < this.#offset) {
      return 'compacted';
    }
    if (index === this.#offset) {
      return this.#offsetTerm;
    }
    return this.#entries[index - this.#offset - 1]?.term ?? 'unavailable';
  }

  lastIndex(): number {
    return this.#offset + this.#entries.length;
  }

  firstIndex(): number {
    return this.#offset + 1;
  }

  snapshot(): Snapshot | 'unavailable' {
    return this.#snapshot;
  }

  setHardState(state: HardState): void {
    this.#hardState = state;
  }

  /** Replaces everything by the snapshot; false if it is not newer than the last one. */
  applySnapshot(snapshot: Snapshot): boolean {
    const { index, term } = snapshot.metadata;
    if (this.#snapshot.metadata.index !== 0 && this.#snapshot.metadata.index >= index) {
      return false;
    }
    this.#snapshot = snapshot;
    this.#entries = [];
    this.#offset = index;
    this.#offsetTerm = term;
    return true;
  }

  /** Notes that the state machine at `index` can be sent. */
  createSnapshot(index: number, confState: ConfState, data: Buffer): Snapshot {
    const term = this.term(index);
    assert(typeof term === 'number', `Cannot make a snapshot at ${index}: ${term}`);
    this.#snapshot = { metadata: { index, term, confState }, data };
    return this.#snapshot;
  }

  /** Drops the entries up to and with `index`; false if they are gone already. */
  compact(index: number): boolean {
    if (index <= this.#offset) {
      return false;
    }
    const last = this.lastIndex();
    assert(index <= last, `compact ${index} is out of bound lastindex(${last})`);
    const count = index - this.#offset;
    this.#offsetTerm = (this.#entries[count - 1] as Entry).term;
    this.#entries = this.#entries.slice(count);
    this.#offset = index;
    return true;
  }

  /** Appends, cutting what conflicts; entries below the compaction point are passed over. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined || first.index + entries.length - 1 <= this.#offset) {
      return;
    }
    const skip = Math.max(0, this.#offset + 1 - first.index);
    const at = first.index + skip - this.#offset - 1;
    assert(
      at <= this.#entries.length,
      `missing log entry [last: ${this.lastIndex()}, append at: ${first.index}]`,
    );
    this.#entries = this.#entries.slice(0, at).concat(entries.slice(skip));
  }
}
