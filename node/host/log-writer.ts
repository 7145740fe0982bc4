/**
 * Group commit (design §3.4): what all groups of the node want on disk in a turn becomes one
 * batch, one write, one fdatasync; the next batch fills while the disk works. Only when the disk
 * has confirmed do a group's entries join its stable log and its responses (acks, votes) go out.
 *
 * Invariant: at most one append is under way, batches complete in order. After an error the
 * writer is dead (`failed`), except for `NoSpace`: nothing was written, and the same batch is
 * tried again when there may be room, while the node refuses writes.
 */
import { isDynakvError } from '../lib/errors.ts';
import type { HardState, Message } from '../raft/messages.ts';
import { MessageType } from '../raft/messages.ts';
import { LogBatchBuilder } from '../storage/raft-log/batch-builder.ts';
import type { RaftLog } from '../storage/raft-log/raft-log.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Group } from './group.ts';

/** Between two tries to append when the disk is full. */
const noSpaceRetryMs = 1_000;

interface Work {
  readonly group: Group;
  readonly message: Message;
}

export interface LogWriterEvents {
  /** A response for a replica on another node. */
  send(group: Group, message: Message): void;
  /** Groups have news; a turn is due. */
  dirty(group: Group): void;
  failed(error: unknown): void;
  /** Writes are refused for lack of space, or accepted again. */
  space(full: boolean): void;
  /** An append took this long, in ms. */
  synced(durationMs: number, groups: number): void;
}

export class LogWriter {
  readonly #log: RaftLog;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #events: LogWriterEvents;
  /** Two in turn: one fills while the other is under way. */
  #builder = new LogBatchBuilder();
  #spare = new LogBatchBuilder();
  #work: Work[] = [];
  #after: (() => void)[] = [];
  /** Hard states that differ in the commit index only: written along with the next batch. */
  #commits = new Map<Group, HardState>();
  #busy = false;
  #dead = false;
  #full = false;

  constructor(log: RaftLog, clock: Clock, timers: Timers, events: LogWriterEvents) {
    this.#log = log;
    this.#clock = clock;
    this.#timers = timers;
    this.#events = events;
  }

  get idle(): boolean {
    return !this.#busy && this.#builder.isEmpty;
  }

  /** The disk is full: new proposals must be refused. */
  get full(): boolean {
    return this.#full;
  }

  /** Queues a core's storage work. */
  add(group: Group, message: Message): void {
    const { groupId, replicaId } = group;
    if (message.snapshot !== undefined) {
      this.#builder.snapshot(groupId, replicaId, message.snapshot.metadata);
    }
    if (message.entries.length > 0) {
      this.#builder.entries(groupId, replicaId, message.entries);
    }
    const hardState = hardStateOf(message);
    if (hardState !== undefined) {
      const known = group.queuedHardState;
      group.queuedHardState = hardState;
      if (isCommitOnly(message, hardState, known)) {
        // Losing a commit index loses nothing: it is learnt again. No fsync for it alone.
        this.#commits.set(group, hardState);
        return;
      }
      this.#commits.delete(group);
      this.#builder.hardState(groupId, replicaId, hardState);
    }
    this.#work.push({ group, message });
  }

  /** Commit indexes that wait for a batch (an idle node writes them now and then). */
  get lazyCommits(): number {
    return this.#commits.size;
  }

  /** Puts the waiting commit indexes into the next batch. */
  writeCommits(): void {
    for (const [group, hardState] of this.#commits) {
      this.#builder.hardState(group.groupId, group.replicaId, hardState);
    }
    this.#commits.clear();
  }

  /** Adds bookkeeping records to the next batch; `after` runs once they are durable. */
  bookkeep(write: (builder: LogBatchBuilder) => void, after?: () => void): void {
    write(this.#builder);
    if (after !== undefined) {
      this.#after.push(after);
    }
  }

  /** Starts the next append, if there is work and none is under way. */
  flush(): void {
    if (this.#busy || this.#dead || (this.#work.length === 0 && this.#builder.isEmpty)) {
      return;
    }
    const work = this.#work;
    const after = this.#after;
    this.#work = [];
    this.#after = [];
    if (this.#builder.isEmpty) {
      // Responses without records, such as an ack of entries already stable.
      this.#finish(work, after);
      return;
    }
    this.writeCommits();
    const builder = this.#builder;
    this.#builder = this.#spare;
    this.#spare = builder;
    this.#busy = true;
    this.#append(builder, work, after);
  }

  #append(builder: LogBatchBuilder, work: Work[], after: (() => void)[]): void {
    const startedMs = this.#clock.monotonicMs();
    this.#log.append(builder).then(
      () => {
        this.#events.synced(this.#clock.monotonicMs() - startedMs, work.length);
        if (this.#full) {
          this.#full = false;
          this.#events.space(false);
        }
        this.#busy = false;
        builder.clear();
        this.#finish(work, after);
        if (work.length === 0) {
          this.flush(); // No group marked a turn: what was queued meanwhile must not wait for one.
        }
      },
      (error: unknown) => {
        if (this.#dead) {
          return;
        }
        if (isDynakvError(error, 'NoSpace')) {
          if (!this.#full) {
            this.#full = true;
            this.#events.space(true);
          }
          this.#timers.after(noSpaceRetryMs, () => {
            if (!this.#dead) {
              this.#append(builder, work, after);
            }
          });
          return;
        }
        this.#dead = true;
        this.#events.failed(error);
      },
    );
  }

  #finish(work: readonly Work[], after: readonly (() => void)[]): void {
    if (this.#dead) {
      return;
    }
    for (const { group, message } of work) {
      try {
        settle(group, message);
      } catch (error) {
        group.stop(error);
      }
    }
    const sent = lastAcks(work);
    for (const item of work) {
      if (item.group.stoppedBecause !== undefined) {
        continue;
      }
      for (const response of item.message.responses) {
        if (response.to === item.group.replicaId) {
          item.group.step(response);
        } else if (isNews(response, item, sent)) {
          this.#events.send(item.group, response);
        }
      }
      this.#events.dirty(item.group);
    }
    for (const callback of after) {
      callback();
    }
  }

  /**
   * The group's replica leaves this node: nothing of it is written any more but what was queued,
   * and then its tombstone. `done` runs once that is durable.
   */
  remove(group: Group, done: () => void): void {
    this.#commits.delete(group);
    this.bookkeep((builder) => {
      builder.removeGroup(group.groupId, group.replicaId);
    }, done);
  }

  /** No further append starts; one under way is left to itself. */
  close(): void {
    this.#dead = true;
  }
}

function hardStateOf(message: Message): HardState | undefined {
  return message.term === 0
    ? undefined
    : { term: message.term, vote: message.vote, commit: message.commit };
}

function isCommitOnly(message: Message, next: HardState, known: HardState): boolean {
  return (
    message.entries.length === 0 &&
    message.snapshot === undefined &&
    message.responses.length === 0 &&
    next.term === known.term &&
    next.vote === known.vote
  );
}

/** Moves confirmed work into the group's stable log. */
function settle(group: Group, message: Message): void {
  if (message.snapshot !== undefined) {
    group.storage.restart(message.snapshot.metadata);
  }
  group.storage.append(message.entries);
  const hardState = hardStateOf(message);
  if (hardState !== undefined) {
    group.storage.setHardState(hardState);
  }
}

function isAck(response: Message): boolean {
  return response.type === MessageType.appResp && !response.reject;
}

/** Of several acks of one replica in one term only the highest is worth sending. */
function lastAcks(work: readonly Work[]): Map<Group, Message> {
  const last = new Map<Group, Message>();
  for (const { group, message } of work) {
    for (const response of message.responses) {
      if (isAck(response) && response.to !== group.replicaId) {
        const known = last.get(group);
        if (known === undefined || response.term > known.term || response.index >= known.index) {
          last.set(group, response);
        }
      }
    }
  }
  return last;
}

function isNews(response: Message, item: Work, last: ReadonlyMap<Group, Message>): boolean {
  if (!isAck(response)) {
    return true;
  }
  const best = last.get(item.group);
  return best === response || best?.term !== response.term || best.to !== response.to;
}
