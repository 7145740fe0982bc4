/**
 * Sends snapshots to followers that the log no longer reaches: who goes next, how many at a time,
 * when to try again and when to give up. What one of them does is `snapshot-sending.ts`.
 *
 * The core asks once and pauses the follower until it hears how it ended. So a follower waits here,
 * not in a loop of questions: for its turn, for a receiver that is busy or full, for a connection
 * that comes back.
 */
import { isDynakvError, messageOf } from '../lib/errors.ts';
import { minuteMs, secondMs } from '../lib/units.ts';
import type { Random } from '../sys/random.ts';
import type { Timer } from '../sys/clock.ts';
import type { Group } from './group.ts';
import { SnapshotQueue } from './snapshot-queue.ts';
import type { QueueDelay } from './snapshot-queue.ts';
import { SnapshotSending } from './snapshot-sending.ts';
import type { SendingParts } from './snapshot-sending.ts';

/** A receiver that got no further for so long is given up; Raft asks again if it is alive. */
const stuckMs = minuteMs;
/** The log behind an installed snapshot stays at most so long for a follower to read it. */
const catchUpMsMax = 30 * secondMs;

export interface SenderParts extends SendingParts {
  readonly random: Random;
  /** Snapshots sent at a time. */
  readonly sendsMax: () => number;
  /** Which goes first: the higher. */
  readonly priority: (group: Group, to: number) => number;
}

export class SnapshotSender {
  readonly #parts: SenderParts;
  readonly #queue = new SnapshotQueue<SnapshotSending>();
  /** All that are not over, by group and follower. */
  readonly #sendings = new Map<string, SnapshotSending>();
  /** With a stream under way, and their bytes before it. */
  readonly #running = new Map<SnapshotSending, number>();
  #timer: Timer | undefined;
  #closed = false;
  readonly counts = { sent: 0, failed: 0, givenUp: 0, resumed: 0, startedOver: 0, bytes: 0 };

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  get sendings(): readonly SnapshotSending[] {
    return [...this.#sendings.values()];
  }

  /** Chunk bytes of streams under way, which `counts` does not have yet. */
  get bytesUnderWay(): number {
    let bytes = 0;
    for (const [sending, before] of this.#running) {
      bytes += sending.bytesSent - before;
    }
    return bytes;
  }

  /** The core wants a snapshot sent; called within the group's pump. */
  send(group: Group, to: number): void {
    const key = `${group.groupId}/${to}`;
    const known = this.#sendings.get(key);
    if (this.#closed || (known?.group === group && known.mode !== 'catchingUp')) {
      return; // It is on its way.
    }
    known?.close();
    const sending = new SnapshotSending(this.#parts, group, to);
    this.#sendings.set(key, sending);
    this.#queue.add(sending);
    // Not within the pump: what starts here may end at once and report to the core.
    this.#parts.timers.endOfTurn(() => {
      this.#pump();
    });
  }

  #pump(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock, sendsMax, priority, timers } = this.#parts;
    while (!this.#closed && this.#running.size < sendsMax()) {
      const next = this.#queue.take(clock.monotonicMs(), (sending) => ({
        priority: priority(sending.group, sending.to),
        nodeId: sending.nodeId,
      }));
      if (next === undefined) {
        break;
      }
      if (next.entry.isWanted) {
        this.#start(next.entry, next.attempts);
      } else {
        this.#end(next.entry, false);
      }
    }
    const waitMs = this.#queue.waitMs(clock.monotonicMs(), (sending) => sending.nodeId);
    if (!this.#closed && waitMs !== undefined && this.#running.size < sendsMax()) {
      this.#timer = timers.after(Math.max(1, waitMs), () => {
        this.#pump();
      });
    }
  }

  #start(sending: SnapshotSending, attempts: number): void {
    const { group, to } = sending;
    const before = sending.bytesSent;
    const { resumed, startedOver } = sending;
    this.#running.set(sending, before);
    group.logger.info('Snapshot: sending', {
      to: sending.nodeId,
      replica: to,
      stream: sending.streams + 1,
    });
    const settle = (): void => {
      this.#running.delete(sending);
      this.counts.bytes += sending.bytesSent - before;
      this.counts.resumed += sending.resumed - resumed;
      this.counts.startedOver += sending.startedOver - startedOver;
    };
    sending.run().then(
      () => {
        settle();
        this.#sent(sending);
      },
      (error: unknown) => {
        settle();
        this.#failed(sending, attempts, error);
      },
    );
  }

  #sent(sending: SnapshotSending): void {
    const { group, to, nodeId, bytesSent, streams, startedMs } = sending;
    this.counts.sent += 1;
    if (nodeId !== undefined) {
      this.#queue.accepted(nodeId);
    }
    const ms = Math.round(this.#parts.clock.monotonicMs() - startedMs);
    group.logger.info('Snapshot: sent', { to: nodeId, replica: to, bytes: bytesSent, streams, ms });
    this.#report(sending, true);
    this.#pump();
  }

  #failed(sending: SnapshotSending, attempts: number, error: unknown): void {
    const { group, to, nodeId } = sending;
    const { clock, random } = this.#parts;
    const nowMs = clock.monotonicMs();
    const delay = delayOf(error);
    if (sending.mode === 'over') {
      this.#pump();
      return;
    }
    this.counts.failed += 1;
    sending.blockedBy = reasonOf(error);
    if (delay !== 'busy') {
      group.logger.warn('Snapshot: not sent', { to: nodeId, replica: to, error: messageOf(error) });
    }
    const isStuck = nowMs - sending.triedSinceMs >= stuckMs;
    if (isStuck) {
      sending.forgetResuming();
    }
    // A node that is busy or full answers: it is waited for, in the end without its log.
    if (sending.isWanted && !(isStuck && delay === 'failed')) {
      const unit = random.uint32() / 0x1_0000_0000;
      this.#queue.again(sending, attempts, { delay, nodeId }, { ms: nowMs, unit });
    } else {
      this.#end(sending, false);
    }
    this.#pump();
  }

  /** Lets go of it and tells the core, which may ask again. */
  #end(sending: SnapshotSending, isSent: boolean): void {
    const key = `${sending.group.groupId}/${sending.to}`;
    this.#queue.remove(sending);
    sending.close();
    if (this.#sendings.get(key) === sending) {
      this.#sendings.delete(key);
    }
    if (!isSent) {
      this.counts.givenUp += 1;
      this.#report(sending, false);
    }
  }

  #report({ group, to }: SnapshotSending, ok: boolean): void {
    this.#parts.timers.endOfTurn(() => {
      if (group.stoppedBecause === undefined && !this.#closed) {
        group.raw.reportSnapshot(to, ok ? 'finished' : 'failed');
        group.wake();
      }
    });
  }

  /** Ends what nobody wants any more; called about once a second. */
  sweep(): void {
    for (const sending of this.sendings) {
      const isOver =
        sending.mode === 'catchingUp'
          ? !sending.isCatchingUp(catchUpMsMax)
          : sending.mode === 'waiting' && !sending.isWanted;
      if (isOver) {
        this.#end(sending, sending.mode === 'catchingUp');
      }
    }
    this.#pump();
  }

  /** The group's replica leaves this node. */
  forget(groupId: number): void {
    for (const sending of this.sendings) {
      if (sending.group.groupId === groupId) {
        this.#end(sending, false);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    for (const sending of this.sendings) {
      sending.close();
    }
  }
}

function delayOf(error: unknown): QueueDelay {
  if (isDynakvError(error, 'Throttled')) {
    return 'busy';
  }
  return isDynakvError(error, 'NoSpace') ? 'full' : 'failed';
}

/** The name of why a snapshot does not go on. */
function reasonOf(error: unknown): string {
  if (!isDynakvError(error)) {
    return 'Internal';
  }
  const { reason } = error.facts;
  return typeof reason === 'string' ? reason : error.code;
}
