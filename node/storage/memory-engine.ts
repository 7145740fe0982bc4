/**
 * The engine port in memory, for the simulator and for tests: the same promises as RocksDB and
 * no better ones. Unsynced writes are lost in a crash (`MemoryStore`), asynchronous calls answer
 * later and possibly out of order, and writes or syncs can be made to fail.
 *
 * Deterministic: time comes from the given timers, the delays from the given function.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import type { Timers } from '../sys/clock.ts';
import type {
  Engine,
  EngineColumn,
  EngineHealth,
  EngineIterator,
  EngineMemory,
  EngineRange,
  EngineRow,
  EngineWrite,
} from '../sys/engine.ts';
import type { MemoryStore } from './memory-store.ts';
import { treeCeiling, treeDelete, treeDeleteRange, treeGet, treeSet } from './ordered-tree.ts';
import type { Tree } from './ordered-tree.ts';

export type MemoryEngineCall = 'getMany' | 'next' | 'syncWal';

export interface MemoryEngineOptions {
  readonly timers: Timers;
  /** Delay of the next asynchronous call, ms; 0 (also the default) = the end of this turn. */
  readonly delayMs?: (call: MemoryEngineCall) => number;
}

export class MemoryEngine implements Engine {
  readonly #store: MemoryStore;
  readonly #options: MemoryEngineOptions;
  /** Dead with its process: calls under way never complete. */
  #abandoned = false;
  #closing: Promise<void> | undefined;
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  #failure: DynakvError | undefined;
  #failNextWrite: string | undefined;
  #failNextSync = false;
  #stalled = false;
  #backgroundErrors = 0;

  /** Use `MemoryStore.open`. */
  constructor(store: MemoryStore, options: MemoryEngineOptions) {
    this.#store = store;
    this.#options = options;
  }

  get(column: EngineColumn, key: Buffer): Buffer | undefined {
    this.#assertOpen();
    return copied(treeGet(this.#store.state[column], key));
  }

  /** Sees the state of the moment it completes: writes made meanwhile included. */
  getMany(column: EngineColumn, keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    this.#assertOpen();
    const asked = keys.map((key) => Buffer.from(key));
    return this.#later('getMany', () => {
      const tree = this.#store.state[column];
      return asked.map((key) => copied(treeGet(tree, key)));
    });
  }

  write(writes: readonly EngineWrite[], options?: { readonly sync?: boolean }): void {
    this.#assertWritable();
    if (this.#failNextWrite !== undefined) {
      throw this.#fail('write', this.#failNextWrite);
    }
    const trees: Record<EngineColumn, Tree> = { ...this.#store.state };
    for (const { column, key, value } of writes) {
      const tree = trees[column];
      trees[column] =
        value === undefined
          ? treeDelete(tree, key)
          : treeSet(tree, Buffer.from(key), Buffer.from(value));
    }
    this.#store.push(trees);
    if (options?.sync === true) {
      this.#syncTo(this.#store.newest);
    }
  }

  iterate(range: EngineRange): EngineIterator {
    this.#assertOpen();
    return new MemoryIterator(this.#store.state[range.column], range, (rows) => {
      this.#assertOpen();
      return this.#later('next', rows);
    });
  }

  deleteRange(range: EngineRange): void {
    this.#assertWritable();
    if (this.#failNextWrite !== undefined) {
      throw this.#fail('write', this.#failNextWrite);
    }
    const state = this.#store.state;
    const tree = treeDeleteRange(state[range.column], range.from, range.to);
    this.#store.push({ ...state, [range.column]: tree });
  }

  async syncWal(): Promise<void> {
    this.#assertWritable();
    const number = this.#store.newest;
    await this.#later('syncWal', () => {
      this.#syncTo(number);
    });
    if (this.#backgroundErrors > 0) {
      throw this.#fail('sync', 'a background error was reported');
    }
  }

  health(): EngineHealth {
    this.#assertOpen();
    return {
      backgroundErrors: this.#backgroundErrors,
      stalled: this.#stalled,
      levelZeroFiles: 0,
      pendingCompactionBytes: 0,
      liveDataBytes: this.#store.state.data?.bytes ?? 0,
    };
  }

  /** Its rows are in the heap. */
  memory(): EngineMemory {
    return { blockCache: 0, writeBuffers: 0, tableReaders: 0 };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Fault: the next write throws, and the store is finished. */
  failNextWrite(reason = 'EIO: i/o error, write'): void {
    this.#failNextWrite = reason;
  }

  /** Fault: the next sync fails with EIO; what it was to make durable stays in doubt. */
  failNextSync(): void {
    this.#failNextSync = true;
  }

  /** Fault: what `health` reports. */
  setHealth(health: { readonly stalled?: boolean; readonly backgroundErrors?: number }): void {
    this.#stalled = health.stalled ?? this.#stalled;
    this.#backgroundErrors = health.backgroundErrors ?? this.#backgroundErrors;
  }

  /** For the store: the process died. */
  abandon(): void {
    this.#abandoned = true;
  }

  async #close(): Promise<void> {
    assert(!this.#abandoned, 'A dead process closes nothing');
    if (this.#underWay > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.#store.release(this);
  }

  /** Answers with `result()` after the call's delay. */
  #later<T>(call: MemoryEngineCall, result: () => T): Promise<T> {
    const delayMs = this.#options.delayMs?.(call) ?? 0;
    this.#underWay += 1;
    return new Promise((resolve) => {
      const complete = (): void => {
        if (this.#abandoned) {
          return;
        }
        this.#underWay -= 1;
        resolve(Promise.try(result));
        if (this.#underWay === 0) {
          this.#onIdle?.();
        }
      };
      if (delayMs === 0) {
        this.#options.timers.endOfTurn(complete);
      } else {
        this.#options.timers.after(delayMs, complete);
      }
    });
  }

  #syncTo(number: number): void {
    if (this.#failNextSync) {
      throw this.#fail('sync', 'EIO: i/o error, fdatasync');
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    this.#store.markDurable(number);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined || this.#abandoned) {
      throw new DynakvError('Unavailable', 'Cannot use store: it is closed');
    }
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  #fail(action: 'write' | 'sync', reason: string): DynakvError {
    this.#failure ??= new DynakvError('StoreFailed', `Cannot ${action} store: ${reason}`);
    return this.#failure;
  }
}

/** Walks one state of one column; the state cannot change, so this is a snapshot. */
class MemoryIterator implements EngineIterator {
  readonly #later: (rows: () => EngineRow[]) => Promise<EngineRow[]>;
  readonly #to: Buffer;
  readonly #tree: Tree;
  #at: Buffer;
  #started = false;
  #working = false;
  #closed = false;

  constructor(
    tree: Tree,
    range: EngineRange,
    later: (rows: () => EngineRow[]) => Promise<EngineRow[]>,
  ) {
    this.#tree = tree;
    this.#at = Buffer.from(range.from);
    this.#to = Buffer.from(range.to);
    this.#later = later;
  }

  async next(rowsMax: number, bytesMax: number): Promise<EngineRow[]> {
    assert(rowsMax > 0 && bytesMax > 0, 'At least one row must be asked for');
    assert(!this.#working, 'One next() at a time');
    if (this.#closed) {
      throw new DynakvError('Unavailable', 'Cannot iterate: it is closed');
    }
    this.#working = true;
    try {
      return await this.#later(() => this.#collect(rowsMax, bytesMax));
    } finally {
      this.#working = false;
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  #collect(rowsMax: number, bytesMax: number): EngineRow[] {
    const rows: EngineRow[] = [];
    let bytes = 0;
    while (rows.length < rowsMax && bytes < bytesMax) {
      const node = treeCeiling(this.#tree, this.#at, this.#started);
      if (node === undefined || Buffer.compare(node.key, this.#to) >= 0) {
        break;
      }
      this.#at = node.key;
      this.#started = true;
      rows.push([Buffer.from(node.key), Buffer.from(node.value)]);
      bytes += node.key.length + node.value.length;
    }
    return rows;
  }
}

function copied(value: Buffer | undefined): Buffer | undefined {
  return value === undefined ? undefined : Buffer.from(value);
}
