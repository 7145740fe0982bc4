/**
 * What a leader knows of one follower, and how fast it may send to it (etcd raft design notes):
 *
 *   probe      one append per heartbeat interval, until the follower's position is known
 *   replicate  optimistic pipeline within the inflight window
 *   snapshot   a snapshot is on its way: nothing is sent until it is reported or acknowledged
 *
 * Invariant: match < next. The follower's log equals the leader's up to `match`.
 */
import { assert } from '../lib/assert.ts';
import type { Inflights } from './inflights.ts';
import type { ReplicaId } from './messages.ts';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

export class Progress {
  readonly id: ReplicaId;
  match = 0;
  /** Index of the next entry to send. */
  next: number;
  /** Highest commit index sent; kept below `next`, as what follows may have been lost. */
  sentCommit = 0;
  state: ProgressState = 'probe';
  /** In `snapshot`: the index of the snapshot sent. */
  pendingSnapshot = 0;
  /** A message came since the last quorum check. */
  recentActive = false;
  /** Sending is paused: by a probe on its way, or a full window. */
  flowPaused = false;
  isLearner: boolean;
  inflights: Inflights;

  constructor(id: ReplicaId, next: number, inflights: Inflights, isLearner: boolean) {
    this.id = id;
    this.next = next;
    this.inflights = inflights;
    this.isLearner = isLearner;
  }

  /** Same values; the window is shared, as a configuration change does not disturb it. */
  clone(): Progress {
    const copy = new Progress(this.id, this.next, this.inflights, this.isLearner);
    copy.match = this.match;
    copy.sentCommit = this.sentCommit;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.recentActive = this.recentActive;
    copy.flowPaused = this.flowPaused;
    return copy;
  }

  /** Forgets everything but the role, for a new term. */
  reset(next: number): void {
    this.match = 0;
    this.next = next;
    this.sentCommit = 0;
    this.recentActive = false;
    this.#enter('probe');
  }

  #enter(state: ProgressState): void {
    this.flowPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.reset();
  }

  becomeProbe(): void {
    // After a snapshot the follower is at its index, unless it failed (then it is zero here).
    const pending = this.state === 'snapshot' ? this.pendingSnapshot : 0;
    this.#enter('probe');
    this.next = Math.max(this.match + 1, pending + 1);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  becomeReplicate(): void {
    this.#enter('replicate');
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.#enter('snapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.sentCommit = index;
  }

  /** After an append with `count` entries of `bytes` payload was sent. */
  sentEntries(count: number, bytes: number): void {
    assert(this.state !== 'snapshot', 'Cannot send entries: a snapshot is pending');
    if (this.state === 'replicate') {
      if (count > 0) {
        this.next += count;
        this.inflights.add(this.next - 1, bytes);
      }
      this.flowPaused = this.inflights.full;
    } else if (count > 0) {
      this.flowPaused = true;
    }
  }

  /** True if telling `commit` now would move the follower's commit index. */
  canBumpCommit(commit: number): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** An acknowledgement of everything up to `index`; false if it is old news. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) {
      return false;
    }
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.flowPaused = false;
    return true;
  }

  /** A rejection of an append that followed `rejected`; false if it is stale. */
  maybeDecrease(rejected: number, matchHint: number): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) {
        return false;
      }
      this.next = this.match + 1;
      this.sentCommit = Math.min(this.sentCommit, this.next - 1);
      return true;
    }
    // Probes are sent one at a time: only the answer to the last one counts.
    if (this.next - 1 !== rejected) {
      return false;
    }
    this.next = Math.max(Math.min(rejected, matchHint + 1), this.match + 1);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    this.flowPaused = false;
    return true;
  }

  get isPaused(): boolean {
    return this.state === 'snapshot' || this.flowPaused;
  }
}
