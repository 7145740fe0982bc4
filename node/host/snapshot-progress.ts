/**
 * How far the node's snapshots are, for people and for whoever plans moves: one line for each
 * follower that gets one and each that is taken here.
 */
import type { Clock } from '../sys/clock.ts';
import type { NodeId } from '../sys/network.ts';
import { RateMeter } from './rate-meter.ts';
import type { SnapshotReceiver, Receiving } from './snapshot-receiver.ts';
import type { SnapshotSender } from './snapshot-sender.ts';
import type { SnapshotSending } from './snapshot-sending.ts';

export interface SnapshotProgress {
  readonly direction: 'out' | 'in';
  readonly groupId: number;
  /** The replica that gets the state. */
  readonly replicaId: number;
  /** The node at the other end; 0: unknown. */
  readonly nodeId: NodeId;
  /** `waiting` for its turn or the other end, `sending`, `catchingUp` from the log, `receiving`. */
  readonly state: 'waiting' | 'sending' | 'catchingUp' | 'receiving';
  /** Of the group's rows, what an earlier stream brought included. */
  readonly bytesDone: number;
  /** About; never below `bytesDone`. 0: unknown. */
  readonly bytesTotal: number;
  /** Over the last seconds. */
  readonly bytesPerSecond: number;
  /** Since it was asked for. */
  readonly elapsedMs: number;
  /** Streams begun; more than one: it broke off. */
  readonly streams: number;
  /** Why it does not go on, by name; undefined: it does, or its turn has not come. */
  readonly blockedBy: string | undefined;
}

export class SnapshotProgressList {
  readonly #clock: Clock;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #meters = new Map<object, RateMeter>();

  constructor(clock: Clock, sender: SnapshotSender, receiver: SnapshotReceiver) {
    this.#clock = clock;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** Notes how far everything is; called about once a second, rates come from it. */
  note(): void {
    const nowMs = this.#clock.monotonicMs();
    const live = new Set<object>();
    const note = (of: object, bytes: number): void => {
      const meter = this.#meters.get(of) ?? new RateMeter();
      this.#meters.set(of, meter);
      meter.note(bytes, nowMs);
      live.add(of);
    };
    for (const sending of this.#sender.sendings) {
      note(sending, sending.bytesSent);
    }
    for (const { intake } of this.#receiver.receiving) {
      note(intake, intake.bytesTaken);
    }
    for (const known of this.#meters.keys()) {
      if (!live.has(known)) {
        this.#meters.delete(known);
      }
    }
  }

  list(): SnapshotProgress[] {
    return [
      ...this.#sender.sendings.map((sending) => this.#out(sending)),
      ...this.#receiver.receiving.map((receiving) => this.#in(receiving)),
    ];
  }

  #out(sending: SnapshotSending): SnapshotProgress {
    const { mode, bytesDone, bytesTotal, bytesSent } = sending;
    return {
      direction: 'out',
      groupId: sending.group.groupId,
      replicaId: sending.to,
      nodeId: sending.nodeId ?? 0,
      state: mode === 'over' ? 'waiting' : mode,
      bytesDone,
      bytesTotal: bytesTotal === 0 ? 0 : Math.max(bytesTotal, bytesDone),
      bytesPerSecond: this.#rate(sending, bytesSent),
      elapsedMs: this.#clock.monotonicMs() - sending.startedMs,
      streams: sending.streams,
      blockedBy: mode === 'waiting' ? sending.blockedBy : undefined,
    };
  }

  #in({ from, intake, startedMs }: Receiving): SnapshotProgress {
    const { head, point, bytesTaken, waitsFor } = intake;
    return {
      direction: 'in',
      groupId: head.groupId,
      replicaId: head.to,
      nodeId: from,
      state: 'receiving',
      bytesDone: point.bytes,
      bytesTotal: head.bytesTotal === 0 ? 0 : Math.max(head.bytesTotal, point.bytes),
      bytesPerSecond: this.#rate(intake, bytesTaken),
      elapsedMs: this.#clock.monotonicMs() - startedMs,
      streams: 1,
      blockedBy: waitsFor,
    };
  }

  #rate(of: object, bytes: number): number {
    const meter = this.#meters.get(of);
    return Math.round(meter?.bytesPerSecond(bytes, this.#clock.monotonicMs()) ?? 0);
  }
}
