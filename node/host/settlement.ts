/**
 * What became of this node's own proposals (protocols.md P3). A proposal is settled by
 * (index, term) only when something was *applied* at its index: the same term = done; another
 * term = surely not done. A snapshot past it = unknown. Truncation and loss of leadership settle
 * nothing. The caller's deadline = unknown.
 *
 * Invariant: every proposal is settled exactly once.
 */
import { assert } from '../lib/assert.ts';

export type Settled = 'done' | 'notDone' | 'unknown';

interface Pending {
  readonly term: number;
  readonly settle: (outcome: Settled) => void;
  readonly next: Pending | undefined;
}

export class Settlement {
  /** By index; proposals of several terms may wait at one index. */
  readonly #pending = new Map<number, Pending>();
  #count = 0;

  /** Proposals not yet settled. */
  get count(): number {
    return this.#count;
  }

  add(index: number, term: number, settle: (outcome: Settled) => void): void {
    assert(index > 0 && term > 0);
    this.#pending.set(index, { term, settle, next: this.#pending.get(index) });
    this.#count += 1;
  }

  #settleAt(index: number, outcomeOf: (term: number) => Settled): void {
    let pending = this.#pending.get(index);
    if (pending === undefined) {
      return;
    }
    this.#pending.delete(index);
    while (pending !== undefined) {
      this.#count -= 1;
      pending.settle(outcomeOf(pending.term));
      pending = pending.next;
    }
  }

  /** The entry (index, term) is committed and applied. */
  applied(index: number, term: number): void {
    if (this.#count > 0) {
      this.#settleAt(index, (proposed) => (proposed === term ? 'done' : 'notDone'));
    }
  }

  /** A snapshot up to `index` replaced the entries: nobody can tell any more. */
  snapshotInstalled(index: number): void {
    for (const pendingIndex of [...this.#pending.keys()]) {
      if (pendingIndex <= index) {
        this.#settleAt(pendingIndex, () => 'unknown');
      }
    }
  }

  /** The replica stops: whatever is left may or may not happen. */
  close(): void {
    for (const pendingIndex of [...this.#pending.keys()]) {
      this.#settleAt(pendingIndex, () => 'unknown');
    }
  }
}
