/**
 * What the core reads of its stable log (etcd raft `Storage`). Synchronous: the host keeps the
 * retained tail of every group in memory (bounded by log compaction; decision 0022).
 *
 * Contract: `compacted` is returned for indexes below `firstIndex() - 1`, `unavailable` for those
 * above `lastIndex()`; `firstIndex() - 1` has a known term (the compaction point). A thrown error
 * makes the group inoperable.
 */
import type { ConfState, Entry, HardState, Snapshot } from './messages.ts';

export type StorageMiss = 'compacted' | 'unavailable';

export interface InitialState {
  readonly hardState: HardState;
  readonly confState: ConfState;
}

export interface RaftStorage {
  initialState(): InitialState;
  /** Entries of [low, high), at least one, the rest within `bytesMax` of data. */
  entries(low: number, high: number, bytesMax: number): readonly Entry[] | StorageMiss;
  term(index: number): number | StorageMiss;
  lastIndex(): number;
  firstIndex(): number;
  /** The most recent state that can be sent, or `unavailable` for now (asked again later). */
  snapshot(): Snapshot | 'unavailable';
}
