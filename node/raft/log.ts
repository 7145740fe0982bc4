/**
 * The log as the algorithm sees it: the stable part (`RaftStorage`) and the unstable tail as one,
 * with its three cursors and the flow control of applying.
 *
 * Invariant: applied ≤ applying ≤ committed ≤ lastIndex. Only `commitTo` moves `committed`, and
 * never back.
 */
import { assert, AssertionError } from '../lib/assert.ts';
import { countWithin, entriesSize } from './entry-size.ts';
import { UnstableLog } from './log-unstable.ts';
import type { RaftLogger } from './logger.ts';
import { EntryType } from './messages.ts';
import type { Entry, Snapshot } from './messages.ts';
import type { RaftStorage, StorageMiss } from './storage.ts';

const noEntries: readonly Entry[] = [];

export class RaftLog {
  readonly storage: RaftStorage;
  readonly unstable: UnstableLog;
  /** Highest index known to be on a quorum's disks. */
  committed: number;
  /** Highest index handed out to be applied. */
  applying: number;
  /** Highest index applied. */
  applied: number;
  /** Encoded bytes that may be handed out and not yet applied. */
  readonly applyingBytesMax: number;
  #applyingBytes = 0;
  #applyingPaused = false;
  readonly #logger: RaftLogger;

  constructor(storage: RaftStorage, logger: RaftLogger, applyingBytesMax: number) {
    this.storage = storage;
    this.#logger = logger;
    this.applyingBytesMax = applyingBytesMax;
    this.unstable = new UnstableLog(storage.lastIndex() + 1, logger);
    this.committed = storage.firstIndex() - 1;
    this.applying = this.committed;
    this.applied = this.committed;
  }

  describe(): string {
    const { offset, offsetInProgress, entries } = this.unstable;
    return (
      `committed=${this.committed}, applied=${this.applied}, applying=${this.applying}, ` +
      `unstable.offset=${offset}, unstable.offsetInProgress=${offsetInProgress}, ` +
      `len(unstable.Entries)=${entries.length}`
    );
  }

  /**
   * A leader's append: `entries` follow (prevIndex, prevTerm). Returns the index of the last of
   * them, now in the log; undefined if the log does not hold the predecessor.
   */
  maybeAppend(
    prevIndex: number,
    prevTerm: number,
    entries: readonly Entry[],
    committed: number,
  ): number | undefined {
    if (!this.matchTerm(prevIndex, prevTerm)) {
      return undefined;
    }
    const last = prevIndex + entries.length;
    const conflict = this.#findConflict(entries);
    if (conflict !== 0) {
      assert(
        conflict > this.committed,
        `entry ${conflict} conflict with committed entry [committed(${this.committed})]`,
      );
      this.unstable.truncateAndAppend(entries, conflict - (prevIndex + 1));
    }
    this.commitTo(Math.min(committed, last));
    return last;
  }

  /** Appends and returns the last index. */
  append(entries: readonly Entry[]): number {
    const first = entries[0];
    if (first !== undefined) {
      const after = first.index - 1;
      if (after < this.committed) {
        throw new AssertionError(`after(${after}) is out of range [committed(${this.committed})]`);
      }
      this.unstable.truncateAndAppend(entries);
    }
    return this.lastIndex();
  }

  /** Index of the first entry that differs from the log or is beyond it; 0 if there is none. */
  #findConflict(entries: readonly Entry[]): number {
    for (const entry of entries) {
      if (this.matchTerm(entry.index, entry.term)) {
        continue;
      }
      if (entry.index <= this.lastIndex()) {
        this.#logger.info(
          `found conflict at index ${entry.index} ` +
            `[existing term: ${this.termOrZero(entry.index)}, conflicting term: ${entry.term}]`,
        );
      }
      return entry.index;
    }
    return 0;
  }

  /**
   * The highest index ≤ `index` whose term is ≤ `term`: the last place where this log and one that
   * ends in (index, term) may agree. An index outside the log is its own answer.
   */
  findConflictByTerm(index: number, term: number): number {
    for (let at = index; at > 0; at--) {
      const ours = this.term(at);
      if (typeof ours !== 'number' || ours <= term) {
        return at;
      }
    }
    return 0;
  }

  /** The entries to apply next. `allowUnstable`: also those not known to be on the local disk. */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) {
      return noEntries;
    }
    const bytesMax = this.applyingBytesMax - this.#applyingBytes;
    assert(bytesMax > 0, 'Cannot apply more: the limit is reached');
    const entries = this.slice(this.applying + 1, this.#maxAppliable(allowUnstable) + 1, bytesMax);
    assert(typeof entries !== 'string', 'Cannot read unapplied entries');
    return entries;
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    // Nothing is applied on top of a snapshot that is not in place.
    if (this.#applyingPaused || this.unstable.snapshot !== undefined) {
      return false;
    }
    return this.applying < this.#maxAppliable(allowUnstable);
  }

  #maxAppliable(allowUnstable: boolean): number {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }

  snapshot(): Snapshot | 'unavailable' {
    return this.unstable.snapshot ?? this.storage.snapshot();
  }

  firstIndex(): number {
    return this.unstable.firstIndex() ?? this.storage.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.storage.lastIndex();
  }

  lastTerm(): number {
    const term = this.term(this.lastIndex());
    assert(typeof term === 'number', `Cannot read the last term: ${term}`);
    return term;
  }

  commitTo(index: number): void {
    if (index <= this.committed) {
      return;
    }
    if (index > this.lastIndex()) {
      throw new AssertionError(
        `tocommit(${index}) is out of range [lastIndex(${this.lastIndex()})]. ` +
          'Was the raft log corrupted, truncated, or lost?',
      );
    }
    this.committed = index;
  }

  /** Entries up to `index`, of `bytes` encoded size, were applied. */
  appliedTo(index: number, bytes: number): void {
    if (index > this.committed || index < this.applied) {
      throw new AssertionError(
        `applied(${index}) is out of range [prevApplied(${this.applied}), committed(${this.committed})]`,
      );
    }
    this.applied = index;
    this.applying = Math.max(this.applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#applyingPaused = this.#applyingBytes >= this.applyingBytesMax;
  }

  /** Entries up to `index`, of `bytes` encoded size, were handed out. */
  acceptApplying(index: number, bytes: number, allowUnstable: boolean): void {
    if (index > this.committed) {
      throw new AssertionError(
        `applying(${index}) is out of range [prevApplying(${this.applying}), committed(${this.committed})]`,
      );
    }
    this.applying = index;
    this.#applyingBytes += bytes;
    // Also paused when the size limit stopped short: a next entry would not fit either.
    this.#applyingPaused =
      this.#applyingBytes >= this.applyingBytesMax || index < this.#maxAppliable(allowUnstable);
  }

  term(index: number): number | StorageMiss {
    const unstable = this.unstable.term(index);
    if (unstable !== undefined) {
      return unstable;
    }
    if (index + 1 < this.firstIndex()) {
      return 'compacted';
    }
    if (index > this.lastIndex()) {
      return 'unavailable';
    }
    return this.storage.term(index);
  }

  termOrZero(index: number): number {
    const term = this.term(index);
    return typeof term === 'number' ? term : 0;
  }

  matchTerm(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** Entries from `index` on. */
  entries(index: number, bytesMax: number): readonly Entry[] | StorageMiss {
    const last = this.lastIndex();
    return index > last ? noEntries : this.slice(index, last + 1, bytesMax);
  }

  /** True if a committed entry that changes the configuration is not applied. */
  hasUnappliedConfChange(): boolean {
    const end = this.committed + 1;
    for (let low = this.applied + 1; low < end;) {
      const page = this.slice(low, end, this.applyingBytesMax);
      assert(typeof page !== 'string' && page.length > 0, 'Cannot scan the unapplied entries');
      for (const entry of page) {
        if (entry.type !== EntryType.normal) {
          return true;
        }
      }
      low += page.length;
    }
    return false;
  }

  /** The last configuration entry that the log still has, committed or not. */
  lastConfChange(): Entry | undefined {
    const end = this.lastIndex() + 1;
    let found: Entry | undefined;
    for (let low = this.firstIndex(); low < end;) {
      const page = this.slice(low, end, this.applyingBytesMax);
      assert(typeof page !== 'string' && page.length > 0, 'Cannot scan the log');
      found = page.findLast(({ type }) => type !== EntryType.normal) ?? found;
      low += page.length;
    }
    return found;
  }

  /** Whether a log that ends in (index, term) is at least as complete. Raft paper §5.4.1. */
  isUpToDate(index: number, term: number): boolean {
    const ourTerm = this.lastTerm();
    return term > ourTerm || (term === ourTerm && index >= this.lastIndex());
  }

  /** Whether a log that ends in (index, term) has all that is known here to be committed. */
  hasAllCommitted(index: number, term: number): boolean {
    const ourTerm = this.term(this.committed);
    assert(typeof ourTerm === 'number', 'The term of what is committed is known');
    return term > ourTerm || (term === ourTerm && index >= this.committed);
  }

  /** Commits up to `index` if that entry is of `term`; true if the commit index moved. */
  maybeCommit(index: number, term: number): boolean {
    if (term === 0 || index <= this.committed || !this.matchTerm(index, term)) {
      return false;
    }
    this.commitTo(index);
    return true;
  }

  restore(snapshot: Snapshot): void {
    const { index, term } = snapshot.metadata;
    this.#logger.info(
      `log [${this.describe()}] starts to restore snapshot [index: ${index}, term: ${term}]`,
    );
    assert(index > this.committed, `Cannot restore snapshot ${index}: committed ${this.committed}`);
    this.committed = index;
    this.unstable.restore(snapshot);
  }

  /** Entries of [low, high) within `bytesMax`, at least one. */
  slice(low: number, high: number, bytesMax: number): readonly Entry[] | StorageMiss {
    if (low < this.firstIndex()) {
      return 'compacted';
    }
    if (low > high || high > this.lastIndex() + 1) {
      throw new AssertionError(`slice[${low},${high}) is out of [.., ${this.lastIndex()}]`);
    }
    if (low === high) {
      return noEntries;
    }
    const { unstable } = this;
    const { offset } = unstable;
    if (low >= offset) {
      const start = low - offset;
      const count = countWithin(unstable.entries, start, high - offset, bytesMax);
      return unstable.slice(low, low + count);
    }
    const cut = Math.min(high, offset);
    const stable = this.storage.entries(low, cut, bytesMax);
    if (stable === 'compacted') {
      return stable;
    }
    assert(stable !== 'unavailable', 'Entries below the unstable tail must be in storage');
    if (high <= offset || stable.length < cut - low) {
      return stable;
    }
    const size = bytesMax === Infinity ? 0 : entriesSize(stable);
    if (size >= bytesMax) {
      return stable;
    }
    const count = countWithin(unstable.entries, 0, high - offset, bytesMax - size);
    const tail = unstable.slice(offset, offset + count);
    // At least one is always counted: it may be too much here.
    if (count === 1 && size + entriesSize(tail) > bytesMax) {
      return stable;
    }
    return stable.concat(tail);
  }
}
