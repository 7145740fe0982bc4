/**
 * The tail of the log that is not known to be on disk, and a snapshot on its way there. Writes may
 * be in progress: what was handed out is not handed out again, but stays here until its write is
 * acknowledged by (index, term).
 *
 * ABA: an entry may be overwritten and later written again at the same index by another leader
 * while the first write is under way. `stableTo` therefore compares the term, and the caller drops
 * acknowledgements of earlier terms altogether (`raft.ts`).
 *
 * Invariant: entries[i].index = offset + i; offset ≤ offsetInProgress ≤ offset + entries.length.
 * Arrays handed out or taken in are never changed afterwards.
 */
import { assert, AssertionError } from '../lib/assert.ts';
import type { RaftLogger } from './logger.ts';
import type { Entry, Snapshot } from './messages.ts';

export class UnstableLog {
  snapshot: Snapshot | undefined;
  entries: Entry[] = [];
  /** Index of entries[0]. */
  offset: number;
  /** Entries below are being written. */
  offsetInProgress: number;
  snapshotInProgress = false;
  readonly #logger: RaftLogger;

  constructor(offset: number, logger: RaftLogger) {
    this.offset = offset;
    this.offsetInProgress = offset;
    this.#logger = logger;
  }

  /** First index of the log, if a pending snapshot decides it. */
  firstIndex(): number | undefined {
    return this.snapshot === undefined ? undefined : this.snapshot.metadata.index + 1;
  }

  lastIndex(): number | undefined {
    if (this.entries.length > 0) {
      return this.offset + this.entries.length - 1;
    }
    return this.snapshot?.metadata.index;
  }

  term(index: number): number | undefined {
    if (index < this.offset) {
      const metadata = this.snapshot?.metadata;
      return metadata?.index === index ? metadata.term : undefined;
    }
    return this.entries[index - this.offset]?.term;
  }

  get hasNextEntries(): boolean {
    return this.offset + this.entries.length > this.offsetInProgress;
  }

  /** Entries whose write has not begun. */
  nextEntries(): readonly Entry[] {
    return this.entries.slice(this.offsetInProgress - this.offset);
  }

  /** The snapshot, unless its write has begun. */
  nextSnapshot(): Snapshot | undefined {
    return this.snapshotInProgress ? undefined : this.snapshot;
  }

  /** Everything handed out is being written now. */
  acceptInProgress(): void {
    this.offsetInProgress = this.offset + this.entries.length;
    this.snapshotInProgress = this.snapshot !== undefined;
  }

  /** Entries up to (index, term) are on disk. */
  stableTo(index: number, term: number): void {
    const known = this.term(index);
    if (known === undefined) {
      this.#logger.info(`entry at index ${index} missing from unstable log; ignoring`);
      return;
    }
    if (index < this.offset) {
      this.#logger.info(`entry at index ${index} matched unstable snapshot; ignoring`);
      return;
    }
    if (known !== term) {
      this.#logger.info(
        `entry at (index,term)=(${index},${term}) mismatched with ` +
          `entry at (${index},${known}) in unstable log; ignoring`,
      );
      return;
    }
    const count = index + 1 - this.offset;
    this.entries = count === this.entries.length ? [] : this.entries.slice(count);
    this.offset = index + 1;
    this.offsetInProgress = Math.max(this.offsetInProgress, this.offset);
  }

  /** The snapshot at `index` is on disk. */
  stableSnapshotTo(index: number): void {
    if (this.snapshot?.metadata.index === index) {
      this.snapshot = undefined;
      this.snapshotInProgress = false;
    }
  }

  restore(snapshot: Snapshot): void {
    this.offset = snapshot.metadata.index + 1;
    this.offsetInProgress = this.offset;
    this.entries = [];
    this.snapshot = snapshot;
    this.snapshotInProgress = false;
  }

  /** Appends `added`, after cutting what conflicts with it. */
  truncateAndAppend(added: readonly Entry[], from = 0): void {
    const first = added[from];
    assert(first !== undefined, 'Cannot append nothing');
    const end = this.offset + this.entries.length;
    if (first.index < end) {
      if (first.index <= this.offset) {
        this.#logger.info(`replace the unstable entries from index ${first.index}`);
        this.entries = [];
        this.offset = first.index;
        this.offsetInProgress = first.index;
      } else {
        this.#logger.info(`truncate the unstable entries before index ${first.index}`);
        this.entries.length = first.index - this.offset;
        this.offsetInProgress = Math.min(this.offsetInProgress, first.index);
      }
    } else if (first.index > end) {
      throw new AssertionError(`Cannot append ${first.index}: the log ends at ${end - 1}`);
    }
    for (let i = from; i < added.length; i++) {
      this.entries.push(added[i] as Entry);
    }
  }

  /** Entries of [low, high). */
  slice(low: number, high: number): readonly Entry[] {
    const end = this.offset + this.entries.length;
    if (low < this.offset || low > high || high > end) {
      throw new AssertionError(`Cannot slice [${low}, ${high}): held are [${this.offset}, ${end})`);
    }
    return this.entries.slice(low - this.offset, high - this.offset);
  }
}
