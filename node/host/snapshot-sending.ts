/**
 * One follower's snapshot on the leader's side, over as many streams as it takes. Modes:
 *
 *   waiting     for its turn, or between two streams; the log that the receiver could go on from
 *               stays
 *   sending     a stream is under way: asks where the receiver is, sends from there
 *   catchingUp  installed; the log behind it stays until the follower has it
 *   over        done or given up; nothing is held any more
 *
 * Bounds: entries held for it weigh `pinBytesMax` at most (`log-pins.ts`), one chunk is in memory,
 * an iterator lives for about a second (`snapshot-source.ts`).
 */
import { DynakvError } from '../lib/errors.ts';
import { Interrupt } from '../lib/interrupt.ts';
import { mebibyte } from '../lib/units.ts';
import type { ConfState } from '../raft/messages.ts';
import { emptyPoint } from '../storage/staging-rows.ts';
import type { StagedPoint } from '../storage/staging-rows.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Engine } from '../sys/engine.ts';
import type { Network, NodeId } from '../sys/network.ts';
import type { Group } from './group.ts';
import { IdleGuard } from './idle-guard.ts';
import type { PinTerms } from './log-pins.ts';
import { decodeSnapshotAnswer, encodeSnapshotChunk, encodeSnapshotHead } from './snapshot-codec.ts';
import type { SnapshotChunk } from './snapshot-codec.ts';
import { idleMsMax } from './snapshot-intake.ts';
import type { SnapshotPace } from './snapshot-pace.ts';
import { SnapshotSource } from './snapshot-source.ts';
import type { SourceRows } from './snapshot-source.ts';

/** Log held for one follower. A second or two of a busy shard; more and the link is too slow. */
export const pinBytesMax = 32 * mebibyte;

export type SendingMode = 'waiting' | 'sending' | 'catchingUp' | 'over';

/** Where logs are held; the drainer in production. */
export interface LogKeeper {
  pin(group: Group, token: object, index: number, terms: PinTerms): void;
  unpin(group: Group, token: object): void;
  drainGroup(group: Group): void;
}

export interface SendingParts {
  readonly engine: Engine;
  readonly network: Network;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly rows: SourceRows;
  readonly keeper: LogKeeper;
  readonly pace: SnapshotPace;
  /** Bytes of a group's rows as it is now, about; 0: unknown. */
  readonly bytesOf: (group: Group) => Promise<number>;
}

export class SnapshotSending {
  readonly group: Group;
  /** The follower's replica id. */
  readonly to: number;
  readonly startedMs: number;
  readonly #parts: SendingParts;
  /** Tokens of pins: what the stream still reads, what the receiver could go on from. */
  readonly #reading = {};
  readonly #resuming = {};
  #mode: SendingMode = 'waiting';
  #interrupt = new Interrupt();
  #source: SnapshotSource | undefined;
  /** When the receiver last got further; before that when the first stream began. */
  #progressMs: number | undefined;
  bytesTotal = 0;
  /** What the receiver has durably. */
  kept: StagedPoint = emptyPoint;
  /** Chunk bytes of all streams. */
  bytesSent = 0;
  /** What of this stream's rows and changes the receiver was sent, on top of what it had. */
  bytesDone = 0;
  streams = 0;
  resumed = 0;
  startedOver = 0;
  /** Why it waits; undefined: its turn has not come. */
  blockedBy: string | undefined;
  /** The leader's commit index when it was installed. */
  #catchUpTo = 0;
  #catchUpSinceMs = 0;

  constructor(parts: SendingParts, group: Group, to: number) {
    this.#parts = parts;
    this.group = group;
    this.to = to;
    this.startedMs = parts.clock.monotonicMs();
  }

  /** Since when trying has brought nothing, ms. */
  get triedSinceMs(): number {
    return this.#progressMs ?? this.#parts.clock.monotonicMs();
  }

  get mode(): SendingMode {
    return this.#mode;
  }

  get isOver(): boolean {
    return this.#mode === 'over';
  }

  get nodeId(): NodeId | undefined {
    return this.group.nodes.get(this.to);
  }

  /** The group still wants it: led here, and the follower is a member. */
  get isWanted(): boolean {
    const { group } = this;
    const isMember = group.raw.raft.tracker.get(this.to) !== undefined;
    return group.stoppedBecause === undefined && group.isLeader && isMember;
  }

  /** One stream. Resolves when the follower has installed; else says why not. */
  async run(): Promise<void> {
    const { network, timers, bytesOf } = this.#parts;
    const { group, to, nodeId } = this;
    if (nodeId === undefined) {
      throw new DynakvError('Unavailable', `Replica ${to} has no known node`);
    }
    this.#mode = 'sending';
    this.#progressMs ??= this.#parts.clock.monotonicMs();
    this.streams += 1;
    this.blockedBy = undefined;
    const interrupt = new Interrupt();
    this.#interrupt = interrupt;
    const stream = new Stream(group.term, new IdleGuard(timers, idleMsMax, 'Sending a snapshot'));
    try {
      this.bytesTotal = await interrupt.wait(stream.guard.watch(bytesOf(group)));
      const header = encodeSnapshotHead({
        groupId: group.groupId,
        from: group.replicaId,
        to,
        term: stream.term,
        incarnation: group.replica.configuration.incarnation,
        bytesTotal: this.bytesTotal,
      });
      const chunks = this.#chunks(stream, interrupt);
      const hear = (bytes: Buffer): void => {
        try {
          this.#answered(stream, decodeSnapshotAnswer(bytes));
        } catch (error) {
          interrupt.end(error);
        }
      };
      const start = { groupId: group.groupId, header };
      const sent = network.sendSnapshot(nodeId, start, chunks, hear);
      await interrupt.wait(stream.guard.watch(sent));
      this.#installed(stream);
    } catch (error) {
      this.#mode = this.isOver ? 'over' : 'waiting';
      throw error;
    } finally {
      // What the stream still waits for ends, so that its source can let go of its iterator.
      interrupt.end(new DynakvError('Unavailable', 'The snapshot stream is over'));
      this.#parts.keeper.unpin(group, this.#reading);
      await this.#source?.close();
      this.#source = undefined;
    }
  }

  /** Ends the stream under way. */
  interrupt(reason: DynakvError): void {
    this.#interrupt.end(reason);
  }

  #answered(stream: Stream, point: StagedPoint): void {
    stream.guard.touch();
    const isFirst = stream.begun === undefined;
    if (!isFirst && point.index <= this.kept.index && point.bytes <= this.kept.bytes) {
      return; // It only says that it lives.
    }
    this.kept = point;
    this.#keepForResuming(point.index);
    if (isFirst) {
      this.bytesDone = point.bytes;
      stream.begin(point);
    } else {
      this.#progressMs = this.#parts.clock.monotonicMs();
    }
  }

  /** Keeps the log from which the receiver could go on, as long as that is worth it. */
  #keepForResuming(index: number): void {
    const { keeper } = this.#parts;
    if (index === 0 || this.#mode === 'over') {
      keeper.unpin(this.group, this.#resuming);
    } else {
      keeper.pin(this.group, this.#resuming, index, { bytesMax: pinBytesMax });
    }
  }

  /** Nothing came of it for long: a receiver that comes back may have to start over. */
  forgetResuming(): void {
    this.#parts.keeper.unpin(this.group, this.#resuming);
  }

  async *#chunks(stream: Stream, interrupt: Interrupt): AsyncGenerator<Buffer, void> {
    const { engine, clock, rows, keeper } = this.#parts;
    const { group } = this;
    const from = await interrupt.wait(stream.whenBegun);
    const lost = (): void => {
      const message = `The log of group ${group.groupId} outran its snapshot`;
      interrupt.end(new DynakvError('Unavailable', message, { reason: 'LogGone' }));
    };
    const need = (index: number): void => {
      interrupt.check(); // Once it is over nothing is pinned any more.
      keeper.pin(group, this.#reading, index, { bytesMax: pinBytesMax, lost });
    };
    const drainGroup = (drained: Group): void => {
      keeper.drainGroup(drained);
    };
    if (!lists(group.replica.engineConfiguration.state, this.to)) {
      drainGroup(group); // A state from before it was a member is of no use to the receiver.
    }
    const source = new SnapshotSource({ engine, clock, rows, drainGroup, need }, group, from);
    this.#source = source;
    this.resumed += from.index > 0 ? 1 : 0;
    try {
      let number = 0;
      for await (const chunk of source.chunks()) {
        interrupt.check();
        const bytes = encodeSnapshotChunk(number, chunk);
        number += 1;
        await this.#beforeChunk(stream, chunk, bytes.length, interrupt);
        yield bytes;
      }
    } finally {
      await source.close();
    }
  }

  async #beforeChunk(
    stream: Stream,
    chunk: SnapshotChunk,
    bytes: number,
    interrupt: Interrupt,
  ): Promise<void> {
    const { group } = this;
    if (chunk.kind === 'rows') {
      // Changes are not held back: like appends they come as fast as the group is written to.
      const paced = this.#parts.pace.take('out', bytes);
      if (paced !== undefined) {
        await interrupt.wait(paced);
      }
    } else if (chunk.kind === 'fresh') {
      this.startedOver += 1;
      this.bytesDone = 0;
      this.kept = emptyPoint;
      this.#keepForResuming(0);
    } else if (chunk.kind === 'end') {
      if (!group.isLeader || group.term !== stream.term) {
        throw new DynakvError('NotLeader', `Group ${group.groupId} is led by another by now`);
      }
      // The log behind the snapshot stays until the follower has it.
      stream.endIndex = chunk.metadata.index;
    }
    this.bytesSent += bytes;
    this.bytesDone += chunk.kind === 'rows' || chunk.kind === 'delta' ? bytes : 0;
    stream.guard.touch();
  }

  #installed(stream: Stream): void {
    const { keeper, clock } = this.#parts;
    const { group } = this;
    if (this.isOver) {
      return;
    }
    this.#mode = 'catchingUp';
    this.#catchUpTo = group.commitIndex;
    this.#catchUpSinceMs = clock.monotonicMs();
    keeper.pin(group, this.#resuming, stream.endIndex, { bytesMax: pinBytesMax });
  }

  /** In `catchingUp`: is there still something to hold the log for? */
  isCatchingUp(msMax: number): boolean {
    const progress = this.group.raw.raft.tracker.get(this.to);
    const waitedMs = this.#parts.clock.monotonicMs() - this.#catchUpSinceMs;
    return this.isWanted && (progress?.match ?? 0) < this.#catchUpTo && waitedMs < msMax;
  }

  /** Nothing is held any more. */
  close(): void {
    this.#mode = 'over';
    this.#interrupt.end(new DynakvError('Unavailable', 'The snapshot was given up'));
    this.#parts.keeper.unpin(this.group, this.#resuming);
    this.#parts.keeper.unpin(this.group, this.#reading);
  }
}

function lists({ voters, votersOutgoing, learners }: ConfState, replicaId: number): boolean {
  return [voters, votersOutgoing, learners].some((ids) => ids.includes(replicaId));
}

/** What belongs to one stream alone. */
class Stream {
  readonly term: number;
  readonly guard: IdleGuard;
  /** Where the receiver was when it began. */
  begun: StagedPoint | undefined;
  readonly whenBegun: Promise<StagedPoint>;
  #begin: (point: StagedPoint) => void = () => undefined;
  endIndex = 0;

  constructor(term: number, guard: IdleGuard) {
    this.term = term;
    this.guard = guard;
    this.whenBegun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  begin(point: StagedPoint): void {
    this.begun = point;
    this.#begin(point);
  }
}
