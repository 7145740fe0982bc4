/**
 * An ascending iterator over RocksDB that reads on libuv's pool. The native one is positioned
 * when this is made, so its snapshot is the state of that moment; it pins memory and files until
 * closed. Rows come in native chunks of bounded size; what a caller did not ask for waits here.
 *
 * The native iterator must not be closed while a step of it is on the pool: `close` waits.
 */
import type { NativeIterator, NativeRows } from '@nxtedition/rocksdb';
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import type { EngineIterator, EngineRow } from '../sys/engine.ts';
import type { ReadQueue } from './read-queue.ts';

export class RocksIterator implements EngineIterator {
  readonly #native: NativeIterator;
  readonly #reads: ReadQueue;
  readonly #onError: (error: unknown) => Error;
  readonly #onClosed: (iterator: RocksIterator) => void;
  #rows: readonly Buffer[] = [];
  #position = 0;
  #finished = false;
  #working: Promise<EngineRow[]> | undefined;
  #closing: Promise<void> | undefined;

  /** `onError` makes the error to report of the binding's. */
  constructor(
    native: NativeIterator,
    reads: ReadQueue,
    onError: (error: unknown) => Error,
    onClosed: (iterator: RocksIterator) => void,
  ) {
    this.#native = native;
    this.#reads = reads;
    this.#onError = onError;
    this.#onClosed = onClosed;
  }

  next(rowsMax: number, bytesMax: number): Promise<EngineRow[]> {
    assert(rowsMax > 0 && bytesMax > 0, 'At least one row must be asked for');
    assert(this.#working === undefined, 'One next() at a time');
    if (this.#closing !== undefined) {
      return Promise.reject(new DynakvError('Unavailable', 'Cannot iterate: it is closed'));
    }
    this.#working = this.#collect(rowsMax, bytesMax).finally(() => {
      this.#working = undefined;
    });
    return this.#working;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#working?.catch(() => undefined);
    this.#rows = [];
    this.#finished = true;
    await this.#native.close();
    this.#onClosed(this);
  }

  async #collect(rowsMax: number, bytesMax: number): Promise<EngineRow[]> {
    const taken: EngineRow[] = [];
    let bytes = 0;
    for (;;) {
      while (this.#position < this.#rows.length) {
        const key = this.#rows[this.#position];
        const value = this.#rows[this.#position + 1];
        assert(key !== undefined && value !== undefined);
        this.#position += 2;
        taken.push([key, value]);
        bytes += key.length + value.length;
        if (taken.length >= rowsMax || bytes >= bytesMax) {
          return taken;
        }
      }
      if (this.#finished) {
        return taken;
      }
      const chunk = await this.#reads.run(() => this.#fetch(rowsMax - taken.length));
      this.#rows = chunk.rows;
      this.#position = 0;
      this.#finished = chunk.finished;
    }
  }

  #fetch(rowsMax: number): Promise<NativeRows> {
    return new Promise((resolve, reject) => {
      this.#native._nextvAsync(Math.min(rowsMax, chunkRowsMax), {}, (error, result) => {
        if (error !== null && error !== undefined) {
          reject(this.#onError(error));
        } else {
          resolve(result);
        }
      });
    });
  }
}

/** Rows of one native chunk: it reserves room for all of them beforehand. */
const chunkRowsMax = 1024;
