/**
 * The queue in front of the engine's reads on libuv's pool. At most `readsMax` jobs are on the
 * pool at a time, so that fdatasync of the log never waits behind them (design §4). Point reads
 * that wait are merged: one native call then serves many callers.
 *
 * Not a cache and not an order: writes made while a read waits may or may not be seen by it.
 * Invariant: 0 ≤ running ≤ readsMax, and nothing waits while running < readsMax.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import type { EngineColumn } from '../sys/engine.ts';

export type ReadValues = (Buffer | undefined)[];

/** Keys of one merged native read: enough to spread its fixed cost, small enough to stay fair. */
const mergedKeysMax = 256;
/** Waiting callers before new ones are refused. */
const waitingMax = 65_536;

interface WaitingGet {
  readonly kind: 'get';
  readonly column: EngineColumn;
  readonly keys: readonly Buffer[];
  readonly resolve: (values: ReadValues) => void;
  readonly reject: (error: unknown) => void;
}

interface WaitingJob {
  readonly kind: 'job';
  readonly start: () => Promise<void>;
  readonly reject: (error: unknown) => void;
}

export class ReadQueue {
  readonly #readsMax: number;
  readonly #readMany: (column: EngineColumn, keys: readonly Buffer[]) => Promise<ReadValues>;
  #waiting: (WaitingGet | WaitingJob)[] = [];
  #head = 0;
  #running = 0;
  #onIdle: (() => void)[] = [];

  /** `readMany` makes one native read. */
  constructor(
    readsMax: number,
    readMany: (column: EngineColumn, keys: readonly Buffer[]) => Promise<ReadValues>,
  ) {
    assert(Number.isInteger(readsMax) && readsMax > 0, 'At least one read must be allowed');
    this.#readsMax = readsMax;
    this.#readMany = readMany;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /** Reads `keys`, in the order asked. */
  get(column: EngineColumn, keys: readonly Buffer[]): Promise<ReadValues> {
    return new Promise((resolve, reject) => {
      this.#push({ kind: 'get', column, keys, resolve, reject });
    });
  }

  /** Runs another kind of read (an iterator's step) in a slot of its own. */
  run<T>(job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = (): Promise<void> => job().then(resolve, reject);
      this.#push({ kind: 'job', start, reject });
    });
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    if (this.#running === 0) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
    });
  }

  #push(read: WaitingGet | WaitingJob): void {
    if (this.waiting >= waitingMax) {
      read.reject(new DynakvError('Throttled', `Cannot queue a read: ${waitingMax} are waiting`));
      return;
    }
    this.#waiting.push(read);
    this.#pump();
  }

  #pump(): void {
    while (this.#running < this.#readsMax && this.waiting > 0) {
      const first = this.#take();
      this.#running += 1;
      void this.#start(first).finally(() => {
        this.#running -= 1;
        assert(this.#running >= 0);
        this.#pump();
        if (this.#running === 0) {
          const waiters = this.#onIdle;
          this.#onIdle = [];
          waiters.forEach((resolve) => {
            resolve();
          });
        }
      });
    }
  }

  /** The oldest waiting read; point reads of one column next to each other come as one. */
  #take(): WaitingJob | WaitingGet[] {
    const first = this.#shift();
    if (first.kind === 'job') {
      return first;
    }
    const merged = [first];
    let count = first.keys.length;
    for (;;) {
      const next = this.#waiting[this.#head];
      if (next?.kind !== 'get' || next.column !== first.column) {
        return merged;
      }
      count += next.keys.length;
      if (count > mergedKeysMax) {
        return merged;
      }
      this.#shift();
      merged.push(next);
    }
  }

  #shift(): WaitingGet | WaitingJob {
    const read = this.#waiting[this.#head];
    assert(read !== undefined);
    this.#head += 1;
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    return read;
  }

  async #start(read: WaitingJob | WaitingGet[]): Promise<void> {
    if (!Array.isArray(read)) {
      await read.start();
      return;
    }
    const [first] = read;
    assert(first !== undefined);
    try {
      if (read.length === 1) {
        first.resolve(await this.#readMany(first.column, first.keys));
        return;
      }
      const keys = read.flatMap((get) => get.keys);
      const values = await this.#readMany(first.column, keys);
      assert(values.length === keys.length);
      let offset = 0;
      for (const get of read) {
        get.resolve(values.slice(offset, offset + get.keys.length));
        offset += get.keys.length;
      }
    } catch (error) {
      for (const get of read) {
        get.reject(error);
      }
    }
  }
}
