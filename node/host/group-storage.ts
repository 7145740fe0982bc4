/**
 * The stable log of one replica as the Raft core reads it: the retained tail in memory, already
 * durable in the raft log on disk. Appended to only when the disk has confirmed (design §3.4).
 * Bounded by compaction (`compaction.ts`), not here.
 *
 * Invariant: `#entries[0].index === firstIndex()`, indexes without holes, terms never fall.
 */
import { assert } from '../lib/assert.ts';
import type { ConfState, Entry, HardState, Snapshot, SnapshotMetadata } from '../raft/messages.ts';
import type { InitialState, RaftStorage, StorageMiss } from '../raft/storage.ts';

/** Bookkeeping bytes counted per entry besides its data. */
const entryOverheadBytes = 64;

export interface GroupStorageState {
  readonly hardState: HardState;
  /** The compaction point: entries up to its index are gone. */
  readonly compacted: SnapshotMetadata;
  readonly entries: readonly Entry[];
  /** The configuration in force at the applied index. */
  readonly confState: ConfState;
}

export class GroupStorage implements RaftStorage {
  #hardState: HardState;
  #compactedIndex: number;
  #compactedTerm: number;
  #entries: Entry[];
  #bytes = 0;
  #appendedBytes = 0;
  readonly #initialConfState: ConfState;
  readonly #sendable: () => Snapshot | 'unavailable';

  /** `sendable` names the state that a snapshot taken in this turn would carry. */
  constructor(state: GroupStorageState, sendable: () => Snapshot | 'unavailable') {
    this.#hardState = state.hardState;
    this.#compactedIndex = state.compacted.index;
    this.#compactedTerm = state.compacted.term;
    this.#entries = [...state.entries];
    this.#initialConfState = state.confState;
    this.#sendable = sendable;
    for (const entry of this.#entries) {
      this.#bytes += entry.data.length + entryOverheadBytes;
    }
    const first = this.#entries[0];
    assert(first === undefined || first.index === this.#compactedIndex + 1, 'Log has a hole');
  }

  initialState(): InitialState {
    return { hardState: this.#hardState, confState: this.#initialConfState };
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  get compactedIndex(): number {
    return this.#compactedIndex;
  }

  get compactedTerm(): number {
    return this.#compactedTerm;
  }

  /** Memory held by the retained entries. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Memory of all entries that were ever appended: what was added since is a difference of two. */
  get appendedBytes(): number {
    return this.#appendedBytes;
  }

  /** Memory of the retained entries above `index`. */
  bytesAbove(index: number): number {
    let below = 0;
    for (const entry of this.#entries) {
      if (entry.index > index) {
        break;
      }
      below += entry.data.length + entryOverheadBytes;
    }
    return this.#bytes - below;
  }

  get retained(): readonly Entry[] {
    return this.#entries;
  }

  firstIndex(): number {
    return this.#compactedIndex + 1;
  }

  lastIndex(): number {
    return this.#compactedIndex + this.#entries.length;
  }

  term(index: number): number | StorageMiss {
    if (index === this.#compactedIndex) {
      return this.#compactedTerm;
    }
    if (index < this.#compactedIndex) {
      return 'compacted';
    }
    const entry = this.#entries[index - this.#compactedIndex - 1];
    return entry === undefined ? 'unavailable' : entry.term;
  }

  entries(low: number, high: number, bytesMax: number): readonly Entry[] | StorageMiss {
    if (low <= this.#compactedIndex) {
      return 'compacted';
    }
    if (high > this.lastIndex() + 1) {
      return 'unavailable';
    }
    const from = low - this.#compactedIndex - 1;
    const to = high - this.#compactedIndex - 1;
    let bytes = 0;
    let end = from;
    while (end < to) {
      bytes += (this.#entries[end] as Entry).data.length + entryOverheadBytes;
      if (bytes > bytesMax && end > from) {
        break;
      }
      end += 1;
    }
    return this.#entries.slice(from, end);
  }

  snapshot(): Snapshot | 'unavailable' {
    return this.#sendable();
  }

  /** Records what the disk confirmed; a conflicting suffix is replaced. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) {
      return;
    }
    const offset = first.index - this.#compactedIndex - 1;
    assert(offset >= 0, 'Cannot append below the compaction point');
    assert(offset <= this.#entries.length, 'Cannot append with a hole');
    while (this.#entries.length > offset) {
      this.#bytes -= (this.#entries.pop() as Entry).data.length + entryOverheadBytes;
    }
    for (const entry of entries) {
      this.#entries.push(entry);
      this.#bytes += entry.data.length + entryOverheadBytes;
      this.#appendedBytes += entry.data.length + entryOverheadBytes;
    }
  }

  setHardState(hardState: HardState): void {
    assert(hardState.term >= this.#hardState.term, 'A term never falls');
    this.#hardState = hardState;
  }

  /** Drops entries up to `index`, which the applied state has made durable. */
  compact(index: number): void {
    if (index <= this.#compactedIndex) {
      return;
    }
    const term = this.term(index);
    assert(typeof term === 'number', 'Cannot compact past the end of the log');
    const dropped = this.#entries.splice(0, index - this.#compactedIndex);
    for (const entry of dropped) {
      this.#bytes -= entry.data.length + entryOverheadBytes;
    }
    this.#compactedIndex = index;
    this.#compactedTerm = term;
  }

  /** An installed snapshot restarts the log. */
  restart(metadata: SnapshotMetadata): void {
    this.#entries = [];
    this.#bytes = 0;
    this.#compactedIndex = metadata.index;
    this.#compactedTerm = metadata.term;
  }
}
