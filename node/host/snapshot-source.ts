/**
 * What a sender sends: the chunks that take a receiver from a point (`storage/staging-rows.ts`) to
 * the group's whole state (decision 0032).
 *
 * The state goes over in legs. A leg opens an iterator at the engine's applied pair (index, term),
 * sends what the log entries since the last leg did to the rows sent before (`delta`), then rows
 * behind them as of its index, and closes the iterator again within about a second. So after each
 * chunk the receiver has the rows up to some key exactly as they are at some committed index; no
 * iterator pins files for long; and of the log only what came since the leg began is needed,
 * however large the shard and however many writes come meanwhile. Deltas are rows of committed
 * entries: replicas apply rows and nothing else, so replaying them over older rows gives the newer
 * state.
 *
 * Invariant: what it reads later of the log was named by `need` in the step in which it began to
 * need it, so that the caller can pin it.
 */
import { DynakvError } from '../lib/errors.ts';
import { kibibyte, mebibyte } from '../lib/units.ts';
import { decodeBatch } from '../items/batch.ts';
import type { RowWrite } from '../items/batch.ts';
import { EntryType } from '../raft/messages.ts';
import { emptyPoint } from '../storage/staging-rows.ts';
import type { StagedPoint } from '../storage/staging-rows.ts';
import type { Clock } from '../sys/clock.ts';
import type { Engine, EngineIterator, EngineRange, EngineRow } from '../sys/engine.ts';
import type { Group } from './group.ts';
import type { AppliedPoint, Configuration } from './replica.ts';
import type { SnapshotChunk, SnapshotRow } from './snapshot-codec.ts';

export interface SourceLimits {
  /** Rows of one chunk: decoding and writing them blocks the receiver's loop for about a ms. */
  readonly chunkBytes: number;
  readonly chunkRowsMax: number;
  /** A leg ends after so many bytes of rows … */
  readonly legBytesMax: number;
  /** … or so much log since it began, which the next leg reads … */
  readonly legLogBytesMax: number;
  /** … or this time: it bounds what an iterator pins, and how old a point gets. */
  readonly legMsMax: number;
  /** Entries taken from the log at a time: decoding them blocks the sender's loop for about a ms. */
  readonly deltaReadBytes: number;
  /** A last delta of at most so much ends the snapshot; more comes from the log afterwards … */
  readonly endDeltaBytesMax: number;
  /** … and no more legs than this are spent on getting it that small. */
  readonly endLegsMax: number;
}

export const sourceLimits: SourceLimits = {
  chunkBytes: 64 * kibibyte,
  chunkRowsMax: 512,
  legBytesMax: 32 * mebibyte,
  legLogBytesMax: 4 * mebibyte,
  legMsMax: 1_000,
  deltaReadBytes: 256 * kibibyte,
  endDeltaBytesMax: 256 * kibibyte,
  endLegsMax: 8,
};

/** What the source needs to know of the rows' names. */
export interface SourceRows {
  rowRange(generation: number): EngineRange;
  rowKey(generation: number, key: Buffer): Buffer;
  /** The row key without its generation. */
  strip(engineKey: Buffer): Buffer;
}

export interface SnapshotSourceParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly rows: SourceRows;
  /** Hands everything that the group has applied to the engine. */
  readonly drainGroup: (group: Group) => void;
  /** Entries above `index` are read later; what was said before no longer counts. */
  readonly need: (index: number) => void;
}

/** Where a receiver is. */
export type SourcePoint = Pick<StagedPoint, 'index' | 'term' | 'lastKey' | 'isComplete'>;

interface Leg {
  readonly applied: AppliedPoint;
  readonly configuration: Configuration;
  /** Undefined once all rows are sent. */
  readonly iterator: EngineIterator | undefined;
  readonly startedMs: number;
  readonly logMark: number;
}

export class SnapshotSource {
  readonly #parts: SnapshotSourceParts;
  readonly #group: Group;
  readonly #limits: SourceLimits;
  #at: SourcePoint;
  #iterator: EngineIterator | undefined;

  constructor(
    parts: SnapshotSourceParts,
    group: Group,
    from: SourcePoint,
    limits: SourceLimits = sourceLimits,
  ) {
    this.#parts = parts;
    this.#group = group;
    this.#at = from;
    this.#limits = limits;
  }

  /** Ends when the receiver has everything. To be pulled once; `close` it in any case. */
  async *chunks(): AsyncGenerator<SnapshotChunk, void> {
    if (!isEmpty(this.#at) && !this.#covers()) {
      this.#at = emptyPoint;
      yield { kind: 'fresh' };
    }
    for (let endLegs = 0; ;) {
      const leg = this.#open();
      let deltaBytes = 0;
      for (const chunk of this.#delta(leg)) {
        deltaBytes += chunk.bytes;
        yield chunk.delta;
      }
      if (leg.iterator === undefined) {
        endLegs += 1;
        if (deltaBytes <= this.#limits.endDeltaBytesMax || endLegs >= this.#limits.endLegsMax) {
          yield end(leg);
          return;
        }
        continue;
      }
      yield* this.#rows(leg, leg.iterator);
      await this.close();
    }
  }

  /** Lets go of the iterator of the leg under way. */
  async close(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    await iterator?.close();
  }

  /** The log still has all that came after the point, and agrees with it. */
  #covers(): boolean {
    const { storage } = this.#group;
    return storage.term(this.#at.index) === this.#at.term;
  }

  /** Synchronous: the applied pair, the iterator and the state of the log are of one moment. */
  #open(): Leg {
    const { engine, clock, rows } = this.#parts;
    const group = this.#group;
    if (group.stoppedBecause !== undefined) {
      throw new DynakvError('Unavailable', `Group stopped: ${group.stoppedBecause}`);
    }
    if (isEmpty(this.#at)) {
      this.#at = { ...emptyPoint, ...group.replica.engineApplied };
    } else if (!this.#covers()) {
      throw logOutran(group, this.#at.index);
    } else if (group.replica.engineApplied.index < this.#at.index) {
      // The receiver got this far from another leader; the rows sent next must not be older.
      this.#parts.drainGroup(group);
    }
    const { engineApplied, engineConfiguration, generation } = group.replica;
    if (engineApplied.index < this.#at.index) {
      const message = `Cannot go on with a snapshot from ${this.#at.index} of group`;
      throw new DynakvError(
        'Unavailable',
        `${message} ${group.groupId}: applied are ${engineApplied.index}`,
      );
    }
    this.#parts.need(this.#at.index);
    if (!this.#at.isComplete) {
      const { column, from, to } = rows.rowRange(generation);
      const { lastKey } = this.#at;
      const start = lastKey.length === 0 ? from : keyAfter(rows.rowKey(generation, lastKey));
      this.#iterator = engine.iterate({ column, from: start, to });
    }
    return {
      applied: engineApplied,
      configuration: engineConfiguration,
      iterator: this.#iterator,
      startedMs: clock.monotonicMs(),
      logMark: group.storage.appendedBytes,
    };
  }

  /** What the entries up to the leg's index did to the rows that the receiver has. */
  *#delta(leg: Leg): Generator<{ readonly delta: SnapshotChunk; readonly bytes: number }> {
    const { storage } = this.#group;
    const { lastKey, isComplete } = this.#at;
    let writes: RowWrite[] = [];
    let bytes = 0;
    let told = this.#at.index;
    const take = (): { readonly delta: SnapshotChunk; readonly bytes: number } => {
      const { index, term } = this.#at;
      const taken = { delta: { kind: 'delta', index, term, writes }, bytes } as const;
      writes = [];
      bytes = 0;
      told = index;
      this.#parts.need(index);
      return taken;
    };
    while (this.#at.index < leg.applied.index) {
      const { index } = this.#at;
      const entries = storage.entries(
        index + 1,
        leg.applied.index + 1,
        this.#limits.deltaReadBytes,
      );
      if (typeof entries === 'string') {
        throw logOutran(this.#group, index);
      }
      for (const entry of entries) {
        const isData = entry.type === EntryType.normal && entry.data.length > 0;
        for (const write of isData ? decodeBatch(entry.data) : []) {
          if (!isComplete && write.key.compare(lastKey) > 0) {
            continue; // Not sent yet: the iterator will come by it.
          }
          const size = write.key.length + (write.value?.length ?? 0);
          if (bytes + size > this.#limits.chunkBytes && writes.length > 0) {
            yield take();
          }
          writes.push(write);
          bytes += size;
        }
        this.#at = { ...this.#at, index: entry.index, term: entry.term };
      }
      if (this.#at.index > told) {
        yield take(); // Also if nothing of it concerns the receiver: the loop gets its turn.
      }
    }
  }

  async *#rows(leg: Leg, iterator: EngineIterator): AsyncGenerator<SnapshotChunk> {
    const { index, term } = leg.applied;
    const read = (): Promise<EngineRow[]> => {
      const reading = iterator.next(this.#limits.chunkRowsMax, this.#limits.chunkBytes);
      reading.catch(() => undefined); // Heard where it is waited for, if it still is.
      return reading;
    };
    let reading = read();
    for (let legBytes = 0; ;) {
      const found = await reading;
      const rows: SnapshotRow[] = found.map(([key, value]) => [this.#parts.rows.strip(key), value]);
      const bytes = rows.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
      const isLast = rows.length === 0;
      const lastKey = rows.at(-1)?.[0] ?? this.#at.lastKey;
      this.#at = { index, term, lastKey, isComplete: isLast };
      legBytes += bytes;
      const isOver = isLast || legBytes >= this.#limits.legBytesMax || this.#isOver(leg);
      if (!isOver) {
        reading = read(); // While the chunk before is on its way.
      }
      yield { kind: 'rows', index, term, rows, isLast };
      if (isOver) {
        return;
      }
    }
  }

  #isOver(leg: Leg): boolean {
    const logBytes = this.#group.storage.appendedBytes - leg.logMark;
    return (
      logBytes >= this.#limits.legLogBytesMax ||
      this.#parts.clock.monotonicMs() - leg.startedMs >= this.#limits.legMsMax
    );
  }
}

function end({ applied, configuration }: Leg): SnapshotChunk {
  const metadata = { ...applied, confState: configuration.state };
  return { kind: 'end', metadata, configurationIndex: configuration.index };
}

function isEmpty(point: SourcePoint): boolean {
  return point.lastKey.length === 0 && !point.isComplete;
}

/** The first key behind `key`. */
function keyAfter(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.alloc(1)]);
}

function logOutran(group: Group, index: number): DynakvError {
  return new DynakvError(
    'Unavailable',
    `Cannot go on with a snapshot of group ${group.groupId}: its log above ${index} is gone`,
    { reason: 'LogGone', index },
  );
}
