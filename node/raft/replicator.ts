/**
 * A leader's sending: appends within each follower's flow control, snapshots to those that the
 * log no longer reaches, heartbeats. Deciding when to send is the algorithm's business (`raft.ts`).
 *
 * With `coalesceMessages` broadcasts are only noted, and made by `flush()`: whatever was proposed,
 * committed and asked in one turn of the host goes out in one message per follower.
 */
import { assert } from '../lib/assert.ts';
import type { ResolvedRaftConfig } from './config.ts';
import { describeProgress } from './describe.ts';
import { payloadsSize } from './entry-size.ts';
import type { RaftLog } from './log.ts';
import { idText } from './logger.ts';
import { MessageType } from './messages.ts';
import type { Entry } from './messages.ts';
import { newMessage, noEntries } from './new-message.ts';
import type { Outbox } from './outbox.ts';
import type { Progress } from './progress.ts';
import type { ReadOnlyQueue } from './read-only.ts';
import type { Tracker } from './tracker.ts';

export class Replicator {
  readonly #config: ResolvedRaftConfig;
  readonly #log: RaftLog;
  readonly #tracker: Tracker;
  readonly #outbox: Outbox;
  readonly #reads: ReadOnlyQueue;
  #appendsWaiting = false;
  #heartbeatsWaiting = false;

  constructor(
    config: ResolvedRaftConfig,
    log: RaftLog,
    tracker: Tracker,
    outbox: Outbox,
    reads: ReadOnlyQueue,
  ) {
    this.#config = config;
    this.#log = log;
    this.#tracker = tracker;
    this.#outbox = outbox;
    this.#reads = reads;
  }

  /** True if `flush()` may make messages. */
  get isWaiting(): boolean {
    return this.#appendsWaiting || this.#heartbeatsWaiting;
  }

  /** For a new role: nothing held back before is sent. */
  reset(): void {
    this.#appendsWaiting = false;
    this.#heartbeatsWaiting = false;
  }

  /** Sends an append, a snapshot if the log no longer reaches back, or nothing if paused. */
  sendAppend(progress: Progress, sendIfEmpty: boolean): boolean {
    if (progress.isPaused) {
      return false;
    }
    const prevIndex = progress.next - 1;
    const prevTerm = this.#log.term(prevIndex);
    if (typeof prevTerm !== 'number') {
      return this.#sendSnapshot(progress);
    }
    let entries: readonly Entry[] = noEntries;
    if (progress.state !== 'replicate' || !progress.inflights.full) {
      const found = this.#log.entries(progress.next, this.#config.messageBytesMax);
      if (typeof found === 'string') {
        return sendIfEmpty && this.#sendSnapshot(progress);
      }
      entries = found;
    }
    if (entries.length === 0 && !sendIfEmpty) {
      return false;
    }
    const message = newMessage(MessageType.app, progress.id);
    message.index = prevIndex;
    message.logTerm = prevTerm;
    message.entries = entries;
    message.commit = this.#log.committed;
    this.#outbox.send(message);
    progress.sentEntries(entries.length, payloadsSize(entries));
    progress.sentCommit = this.#log.committed;
    return true;
  }

  /** Sends whatever the window admits, now or with the next flush. */
  sendPipeline(progress: Progress): void {
    if (this.#config.coalesceMessages) {
      this.#appendsWaiting ||= progress.next <= this.#log.lastIndex();
      return;
    }
    this.#sendAll(progress);
  }

  #sendAll(progress: Progress): void {
    while (this.sendAppend(progress, false)) {
      // Each call sends one message.
    }
  }

  broadcastAppend(): void {
    if (this.#config.coalesceMessages) {
      this.#appendsWaiting = true;
      return;
    }
    for (const progress of this.#tracker.members) {
      if (progress.id !== this.#config.id) {
        this.sendAppend(progress, true);
      }
    }
  }

  /** Begins a round for the reads that wait, now or with the next flush. */
  requestReadRound(): void {
    if (this.#config.coalesceMessages) {
      this.#heartbeatsWaiting = true;
    } else {
      this.broadcastHeartbeat();
    }
  }

  broadcastHeartbeat(): void {
    this.#heartbeatsWaiting = false;
    const context = this.#reads.heartbeatContext();
    for (const progress of this.#tracker.members) {
      if (progress.id !== this.#config.id) {
        this.#sendHeartbeat(progress, context);
      }
    }
  }

  /** Makes the messages that were held back. */
  flush(): void {
    if (this.#appendsWaiting) {
      this.#appendsWaiting = false;
      const { committed } = this.#log;
      for (const progress of this.#tracker.members) {
        if (progress.id === this.#config.id) {
          continue;
        }
        if (this.sendAppend(progress, progress.canBumpCommit(committed))) {
          this.#sendAll(progress);
        }
      }
    }
    if (this.#heartbeatsWaiting) {
      this.broadcastHeartbeat();
    }
  }

  #sendHeartbeat(progress: Progress, context: Buffer | undefined): void {
    const message = newMessage(MessageType.heartbeat, progress.id);
    // Not beyond what the follower is known to have: it may lack the entry, or have another one.
    message.commit = Math.min(progress.match, this.#log.committed);
    message.context = context;
    this.#outbox.send(message);
    progress.sentCommit = message.commit;
  }

  #sendSnapshot(progress: Progress): boolean {
    const { logger } = this.#config;
    const id = idText(this.#config.id);
    const to = idText(progress.id);
    if (!progress.recentActive) {
      logger.debug(`ignore sending snapshot to ${to} since it is not recently active`);
      return false;
    }
    const snapshot = this.#log.snapshot();
    if (snapshot === 'unavailable') {
      logger.debug(
        `${id} failed to send snapshot to ${to} because snapshot is temporarily unavailable`,
      );
      return false;
    }
    const { index, term } = snapshot.metadata;
    assert(index > 0, 'Cannot send a snapshot: it is empty');
    logger.debug(
      `${id} [firstindex: ${this.#log.firstIndex()}, commit: ${this.#log.committed}] ` +
        `sent snapshot[index: ${index}, term: ${term}] to ${to} [${describeProgress(progress)}]`,
    );
    progress.becomeSnapshot(index);
    logger.debug(
      `${id} paused sending replication messages to ${to} [${describeProgress(progress)}]`,
    );
    const message = newMessage(MessageType.snap, progress.id);
    message.snapshot = snapshot;
    this.#outbox.send(message);
    return true;
  }
}
