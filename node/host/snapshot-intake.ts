/**
 * One incoming snapshot stream: its rows go into the group's staging, chunk by chunk, each in one
 * batch with the new point (`storage/stagings.ts`). What is durable is told to the sender as it
 * comes. Deciding what to do with the finished state is the receiver's (`snapshot-receiver.ts`).
 *
 * It takes a chunk only when there is room for it: it waits while the engine is near a stall (a
 * write would block the loop), for the node's byte rate, and for the engine's sync when too much
 * is unsynced. Meanwhile the connection holds the sender back; at most a chunk waits here.
 *
 * Invariant: nothing is written after `interrupt.end`.
 */
import { DynakvError } from '../lib/errors.ts';
import { Interrupt } from '../lib/interrupt.ts';
import { mebibyte } from '../lib/units.ts';
import { emptyPoint } from '../storage/staging-rows.ts';
import type { StagedPoint, Staging, StagingOwner } from '../storage/staging-rows.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Engine, EngineHealth, EngineWrite } from '../sys/engine.ts';
import { IdleGuard } from './idle-guard.ts';
import { decodeSnapshotChunk, encodeSnapshotAnswer } from './snapshot-codec.ts';
import type { SnapshotChunk, SnapshotHead } from './snapshot-codec.ts';
import type { SnapshotPace } from './snapshot-pace.ts';

/** The last chunk: the state that the staged rows are. */
export type SnapshotEnd = Extract<SnapshotChunk, { kind: 'end' }>;

/** A stream in which nothing moves for so long is given up; both ends do so. */
export const idleMsMax = 30_000;
/** While it takes nothing, a receiver says so often that it lives. */
const stillHereMs = 5_000;
/** Rows are made durable after so many bytes … */
const syncBytes = 8 * mebibyte;
/** … or so long: the sender keeps its log from there, and a crash costs no more. */
const syncMs = 1_000;
/** Above this much unsynced nothing more is taken: a bound on what the page cache owes. */
const unsyncedBytesMax = 4 * syncBytes;
/** The engine's health is looked at after so many bytes, … */
const healthBytes = mebibyte;
/** … and again after so long while it is bad. */
const healthWaitMs = 50;
/** Files at level 0 at which nothing more is taken; RocksDB slows writers down at 20. */
const levelZeroFilesMax = 12;
/** Bytes to compact at which nothing more is taken; RocksDB slows writers down at 64 GiB. */
const compactionBytesMax = 8 * 1024 * mebibyte;
/** Free space is looked at after so many bytes. */
const roomBytes = 64 * mebibyte;

export interface IntakeStore {
  staging(groupId: number): Staging | undefined;
  beginStaging(owner: StagingOwner): Promise<Staging>;
  writeStaged(groupId: number, rows: readonly EngineWrite[], point: StagedPoint): void;
  /** Gives up what is staged for a group, and deletes it at leisure. */
  abandonStaging(groupId: number): void;
  rowKey(generation: number, key: Buffer): Buffer;
}

export interface IntakeParts {
  readonly engine: Engine;
  readonly store: IntakeStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly pace: SnapshotPace;
  /** Throws `NoSpace` if so many more bytes do not fit. */
  readonly checkRoom: (bytes: number) => Promise<void>;
  /** Throws when the group is not here any more. */
  readonly checkGroup: () => void;
}

export class SnapshotIntake {
  readonly head: SnapshotHead;
  /** Ended by whoever wants the stream to end. */
  readonly interrupt = new Interrupt();
  readonly #parts: IntakeParts;
  readonly #answer: (bytes: Buffer) => void;
  readonly #guard: IdleGuard;
  /** Number of the next chunk. */
  #next = 0;
  #bytes = { unsynced: 0, unchecked: healthBytes, unroomed: 0 };
  #syncedAtMs: number;
  #syncing: Promise<void> | undefined;
  #durable: StagedPoint = emptyPoint;
  #saidAtMs = 0;
  /** Chunk bytes of this stream. */
  bytesTaken = 0;
  /** Rows that it found staged. */
  resumedAt: StagedPoint = emptyPoint;
  /** Why it takes nothing at the moment; undefined: it does. */
  waitsFor: string | undefined;

  constructor(parts: IntakeParts, head: SnapshotHead, answer: (bytes: Buffer) => void) {
    this.#parts = parts;
    this.head = head;
    this.#answer = answer;
    this.#guard = new IdleGuard(parts.timers, idleMsMax, 'Receiving a snapshot');
    this.#syncedAtMs = parts.clock.monotonicMs();
  }

  /** How far the staged state goes. */
  get point(): StagedPoint {
    return this.#parts.store.staging(this.head.groupId)?.point ?? emptyPoint;
  }

  /** Takes the stream to its end; what is staged then is the state of that end, and durable. */
  async run(chunks: AsyncIterable<Buffer>): Promise<SnapshotEnd> {
    await this.#begin();
    const source = chunks[Symbol.asyncIterator]();
    let end: SnapshotEnd | undefined;
    for (;;) {
      const step = await this.interrupt.wait(this.#guard.watch(source.next()));
      if (step.done === true) {
        break;
      }
      const chunk = decodeSnapshotChunk(this.#next, step.value);
      this.#next += 1;
      this.bytesTaken += step.value.length;
      this.#check();
      if (end !== undefined) {
        throw outOfOrder('a chunk came after the end');
      }
      if (chunk.kind === 'end') {
        this.#checkEnd(chunk);
        end = chunk;
      } else if (chunk.kind === 'fresh') {
        this.#parts.store.abandonStaging(this.head.groupId);
        await this.#begin();
      } else {
        this.#write(chunk);
        await this.#roomForMore(step.value.length);
      }
    }
    if (end === undefined) {
      throw outOfOrder('the stream ended before the snapshot did');
    }
    await this.#syncAll();
    return end;
  }

  /** Whatever was waited for: is this still to go on? */
  #check(): void {
    this.interrupt.check();
    this.#parts.checkGroup();
  }

  async #begin(): Promise<void> {
    const { groupId, to: replicaId, incarnation } = this.head;
    const owner = { groupId, replicaId, incarnation };
    const { store } = this.#parts;
    const staging =
      store.staging(groupId) ?? (await this.interrupt.wait(store.beginStaging(owner)));
    this.#check();
    this.#durable = staging.point;
    this.resumedAt = staging.point;
    this.#say();
  }

  #write(chunk: Exclude<SnapshotChunk, { kind: 'end' | 'fresh' }>): void {
    const { store } = this.#parts;
    const staging = store.staging(this.head.groupId);
    if (staging === undefined) {
      throw new DynakvError('Unavailable', 'Cannot stage a snapshot: it was given up meanwhile');
    }
    const { generation } = staging;
    const toRow = (key: Buffer, value: Buffer | undefined): EngineWrite => ({
      column: 'data',
      key: store.rowKey(generation, key),
      value,
    });
    const rows =
      chunk.kind === 'rows'
        ? chunk.rows.map(([key, value]) => toRow(key, value))
        : chunk.writes.map(({ key, value }) => toRow(key, value));
    const bytes = rows.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
    const point = chunk.kind === 'rows' ? afterRows(staging, chunk) : afterDelta(staging, chunk);
    store.writeStaged(this.head.groupId, rows, {
      ...point,
      rows: point.rows + (chunk.kind === 'rows' ? rows.length : 0),
      bytes: point.bytes + bytes,
    });
  }

  #checkEnd({ metadata }: SnapshotEnd): void {
    const { index, term, isComplete } = this.point;
    if (!isComplete || metadata.index !== index || metadata.term !== term) {
      throw outOfOrder(`the end is ${metadata.index}, staged are ${index}`);
    }
  }

  async #roomForMore(bytes: number): Promise<void> {
    const { clock, timers, pace, checkRoom } = this.#parts;
    this.#bytes.unsynced += bytes;
    this.#bytes.unchecked += bytes;
    this.#bytes.unroomed += bytes;
    const nowMs = clock.monotonicMs();
    if (this.#bytes.unsynced >= syncBytes || nowMs - this.#syncedAtMs >= syncMs) {
      this.#syncSoon();
    }
    if (this.#bytes.unsynced >= unsyncedBytesMax) {
      await this.#waiting('sync', this.#syncAll());
    }
    if (this.#bytes.unchecked >= healthBytes) {
      this.#bytes.unchecked = 0;
      await this.#untilHealthy();
    }
    if (this.#bytes.unroomed >= roomBytes) {
      this.#bytes.unroomed = 0;
      await this.#waiting('space', checkRoom(roomBytes));
    }
    const paced = pace.take('in', bytes);
    if (paced !== undefined) {
      await this.#waiting('rate', paced);
    } else {
      // The loop's other work gets its turn after each chunk.
      await this.interrupt.wait(
        new Promise<void>((resolve) => {
          timers.endOfTurn(resolve);
        }),
      );
    }
  }

  async #untilHealthy(): Promise<void> {
    const { engine, timers } = this.#parts;
    while (isBehind(engine.health())) {
      const pause = new Promise<void>((resolve) => {
        timers.after(healthWaitMs, resolve);
      });
      await this.#waiting('engine', pause);
      this.#check();
    }
  }

  async #waiting(what: string, work: Promise<void>): Promise<void> {
    const { clock, timers } = this.#parts;
    this.waitsFor = what;
    if (clock.monotonicMs() - this.#saidAtMs >= stillHereMs) {
      this.#say();
    }
    const timer = timers.every(stillHereMs, () => {
      this.#say();
    });
    try {
      await this.interrupt.wait(work);
    } finally {
      timer.cancel();
      this.waitsFor = undefined;
    }
  }

  /** Makes what is written so far durable, one sync at a time, and tells the sender. */
  #syncSoon(): void {
    if (this.#syncing !== undefined) {
      return;
    }
    const { clock, engine } = this.#parts;
    const { point } = this;
    this.#bytes.unsynced = 0;
    this.#syncedAtMs = clock.monotonicMs();
    this.#syncing = engine.syncWal().then(
      () => {
        this.#syncing = undefined;
        this.#durable = point;
        this.#say();
      },
      (error: unknown) => {
        this.interrupt.end(error);
      },
    );
  }

  async #syncAll(): Promise<void> {
    await this.interrupt.wait(this.#syncing ?? Promise.resolve());
    this.#syncSoon();
    await this.interrupt.wait(this.#syncing ?? Promise.resolve());
  }

  #say(): void {
    if (!this.interrupt.hasEnded) {
      this.#saidAtMs = this.#parts.clock.monotonicMs();
      this.#answer(encodeSnapshotAnswer(this.#durable));
    }
  }
}

function isBehind(health: EngineHealth): boolean {
  return (
    health.stalled ||
    health.levelZeroFiles >= levelZeroFilesMax ||
    health.pendingCompactionBytes >= compactionBytesMax
  );
}

function afterRows(
  { point }: Staging,
  chunk: Extract<SnapshotChunk, { kind: 'rows' }>,
): StagedPoint {
  const isFirst = point.lastKey.length === 0 && !point.isComplete;
  const isHere = chunk.index === point.index && chunk.term === point.term;
  if (point.isComplete || chunk.index < point.index || (!isFirst && !isHere)) {
    throw outOfOrder(`rows at ${chunk.index} came, staged are ${point.index}`);
  }
  let { lastKey } = point;
  for (const [key] of chunk.rows) {
    if (key.compare(lastKey) <= 0) {
      throw outOfOrder('a row is not behind the one before');
    }
    lastKey = key;
  }
  const { index, term, isLast } = chunk;
  return { ...point, index, term, lastKey: Buffer.from(lastKey), isComplete: isLast };
}

function afterDelta(
  { point }: Staging,
  chunk: Extract<SnapshotChunk, { kind: 'delta' }>,
): StagedPoint {
  if (chunk.index < point.index) {
    throw outOfOrder(`changes up to ${chunk.index} came, staged are ${point.index}`);
  }
  return { ...point, index: chunk.index, term: chunk.term };
}

function outOfOrder(problem: string): DynakvError {
  return new DynakvError('BadFrame', `Cannot take a snapshot: ${problem}`, {
    reason: 'ChunkOutOfOrder',
  });
}
