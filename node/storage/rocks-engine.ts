/**
 * The engine port over RocksDB: one database for all groups of a node (decision 0010).
 *
 * Writes are one native batch each, made on this thread, unsynced unless asked. Reads of many
 * keys and iterators run on libuv's pool behind `ReadQueue`. The first failed write or sync is
 * final: the engine refuses further writes, and the caller quarantines the store.
 *
 * The binding reports properties (files at level 0, pending compaction) of the column family
 * named `default` only, so the port's `data` column lives there and its `default` column in a
 * family named `node`. The binding is imported when the engine is opened, not before: a machine
 * that cannot run it can be refused in words before.
 */
import type {
  NativeBatch,
  NativeColumnChoice,
  NativeColumnOptions,
  RocksLevel,
} from '@nxtedition/rocksdb';
import { assert } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { kibibyte, mebibyte } from '../lib/units.ts';
import type {
  Engine,
  EngineColumn,
  EngineHealth,
  EngineIterator,
  EngineMemory,
  EngineRange,
  EngineWrite,
} from '../sys/engine.ts';
import { ReadQueue } from './read-queue.ts';
import type { ReadValues } from './read-queue.ts';
import { RocksIterator } from './rocks-iterator.ts';
import { WalSync } from './wal-sync.ts';

export interface RocksEngineOptions {
  /** The database's own folder; made if it is missing. */
  readonly directory: string;
  /** Block cache of the replicated rows, bytes; the whole cache is this plus 1 MiB. */
  readonly blockCacheBytes?: number;
  /** One write buffer of the replicated rows, bytes; RocksDB may hold six before it stalls. */
  readonly writeBufferBytes?: number;
  /** Reads on libuv's pool at a time; must be below `UV_THREADPOOL_SIZE`. */
  readonly readsMax?: number;
  /** Flushes and compactions at a time. */
  readonly backgroundJobsMax?: number;
}

export const rocksEngineDefaults = {
  blockCacheBytes: 64 * mebibyte,
  writeBufferBytes: 16 * mebibyte,
  readsMax: 3,
  backgroundJobsMax: 2,
} as const;

const nodeCacheBytes = mebibyte;
const nodeWriteBufferBytes = mebibyte;
/** Native sizes are 32-bit. */
const nativeSizeMax = 0xffff_ffff;
/** Bytes after which one native step of an iterator ends. */
const iteratorChunkBytes = 128 * kibibyte;
/** A batch that grew beyond this is replaced, since it keeps its memory. */
const batchKeepBytes = 4 * mebibyte;

const familyOf: Readonly<Record<EngineColumn, string>> = { data: 'default', default: 'node' };

const syncedWrite = { sync: true } as const;
const unsyncedWrite = { sync: false } as const;

/** Opens the database, alone: a second opener anywhere on the machine is refused. */
export async function openRocksEngine(options: RocksEngineOptions): Promise<RocksEngine> {
  const { directory } = options;
  const settings = { ...rocksEngineDefaults, ...options };
  assert(settings.blockCacheBytes <= nativeSizeMax, 'A block cache is at most 4 GiB');
  const { RocksLevel: Database } = await import('@nxtedition/rocksdb');
  const database = new Database(directory, {});
  try {
    await database.open({
      createIfMissing: true,
      walCompression: false,
      parallelism: settings.backgroundJobsMax,
      columns: {
        [familyOf.data]: columnOptions(settings.writeBufferBytes, settings.blockCacheBytes),
        [familyOf.default]: columnOptions(nodeWriteBufferBytes, nodeCacheBytes),
      },
    });
  } catch (error) {
    throw openError(directory, error);
  }
  return new RocksEngine(database, directory, settings.readsMax);
}

function columnOptions(writeBufferBytes: number, cacheSize: number): NativeColumnOptions {
  return {
    compaction: 'level',
    memtableMemoryBudget: writeBufferBytes * 4,
    compression: false,
    cacheSize,
    cacheIndexAndFilterBlocks: true,
  };
}

/**
 * What is to be reported when the binding's error reaches the process instead of a caller: it
 * throws a read error of an asynchronous point read outside every promise, which then stays pending
 * for ever, and `close` with it. Undefined for others.
 */
export function strayBindingError(error: unknown): DynakvError | undefined {
  const code = codeOf(error);
  if (code === undefined || !code.startsWith('LEVEL_')) {
    return undefined;
  }
  return new DynakvError('StoreFailed', `Cannot read store: ${messageOf(error)}`, { code }, error);
}

export class RocksEngine implements Engine {
  readonly #database: RocksLevel;
  readonly #columns: Readonly<Record<EngineColumn, NativeColumnChoice>>;
  readonly #reads: ReadQueue;
  readonly #walSync: WalSync;
  readonly #iterators = new Set<RocksIterator>();
  /** Reused for every write: the binding keeps a record of each batch that is never closed. */
  #batch: NativeBatch;
  #failure: DynakvError | undefined;
  #closing: Promise<void> | undefined;

  /** Use `openRocksEngine`. */
  constructor(database: RocksLevel, directory: string, readsMax: number) {
    this.#database = database;
    const choice = (column: EngineColumn): NativeColumnChoice => {
      const native = database.columns[familyOf[column]];
      assert(native !== undefined, 'Every column is open');
      return { column: native };
    };
    this.#columns = { default: choice('default'), data: choice('data') };
    this.#reads = new ReadQueue(readsMax, (column, keys) => this.#readMany(column, keys));
    this.#walSync = new WalSync(directory);
    this.#batch = database._chainedBatch();
  }

  get(column: EngineColumn, key: Buffer): Buffer | undefined {
    this.#assertOpen();
    try {
      const [value] = this.#database._getManySync([key], this.#columns[column]);
      assert(value !== null, 'A read without limits is never cut');
      return value;
    } catch (error) {
      throw this.#fail('read', error);
    }
  }

  async getMany(column: EngineColumn, keys: readonly Buffer[]): Promise<ReadValues> {
    this.#assertOpen();
    if (keys.length === 0) {
      return [];
    }
    try {
      return await this.#reads.get(column, keys);
    } catch (error) {
      throw this.#fail('read', error);
    }
  }

  write(writes: readonly EngineWrite[], options?: { readonly sync?: boolean }): void {
    this.#assertWritable();
    const batch = this.#batch;
    let bytes = 0;
    try {
      for (const { column, key, value } of writes) {
        bytes += key.length;
        if (value === undefined) {
          batch._del(key, this.#columns[column]);
        } else {
          bytes += value.length;
          batch._put(key, value, this.#columns[column]);
        }
      }
      batch._writeSync(options?.sync === true ? syncedWrite : unsyncedWrite);
      batch._clear();
    } catch (error) {
      throw this.#fail('write', error);
    }
    if (bytes > batchKeepBytes) {
      this.#batch = this.#database._chainedBatch();
      void batch.close();
    }
  }

  iterate(range: EngineRange, options?: { readonly fillCache?: boolean }): EngineIterator {
    this.#assertOpen();
    const native = this.#database._iterator({
      ...this.#columns[range.column],
      gte: range.from,
      lt: range.to,
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      highWaterMarkBytes: iteratorChunkBytes,
      fillCache: options?.fillCache ?? false,
    });
    const iterator = new RocksIterator(
      native,
      this.#reads,
      (error) => this.#fail('read', error),
      (closed) => {
        this.#iterators.delete(closed);
      },
    );
    this.#iterators.add(iterator);
    return iterator;
  }

  deleteRange(range: EngineRange): void {
    this.#assertWritable();
    if (range.from.compare(range.to) >= 0) {
      return;
    }
    const options = { ...this.#columns[range.column], gte: range.from, lt: range.to };
    // Done when it returns; only its error comes late, and then refuses the next write.
    this.#database._clear(options, (error) => {
      if (error !== null && error !== undefined) {
        this.#fail('write', error);
      }
    });
  }

  async syncWal(): Promise<void> {
    this.#assertWritable();
    try {
      await this.#walSync.sync();
    } catch (error) {
      throw this.#fail('sync', error);
    }
    if (this.#closing === undefined && this.#number('rocksdb.background-errors') > 0) {
      throw this.#fail('sync', new Error('RocksDB reports a background error'));
    }
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  health(): EngineHealth {
    this.#assertOpen();
    return {
      backgroundErrors: this.#number('rocksdb.background-errors'),
      stalled:
        this.#number('rocksdb.is-write-stopped') > 0 ||
        this.#number('rocksdb.actual-delayed-write-rate') > 0,
      levelZeroFiles: this.#number('rocksdb.num-files-at-level0'),
      pendingCompactionBytes: this.#number('rocksdb.estimate-pending-compaction-bytes'),
      liveDataBytes: this.#number('rocksdb.estimate-live-data-size'),
    };
  }

  /** Of the replicated rows; the rest of the database is held to 2 MiB or so. */
  memory(): EngineMemory {
    if (this.#closing !== undefined) {
      return { blockCache: 0, writeBuffers: 0, tableReaders: 0 };
    }
    return {
      blockCache: this.#number('rocksdb.block-cache-usage'),
      writeBuffers: this.#number('rocksdb.size-all-mem-tables'),
      tableReaders: this.#number('rocksdb.estimate-table-readers-mem'),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The binding must not be touched after its close, nor closed under running work. */
  async #close(): Promise<void> {
    await Promise.all([...this.#iterators].map((iterator) => iterator.close()));
    await this.#reads.idle();
    await this.#walSync.close();
    await this.#batch.close();
    await this.#database.close();
  }

  #readMany(column: EngineColumn, keys: readonly Buffer[]): Promise<ReadValues> {
    return new Promise((resolve, reject) => {
      this.#database._getManyAsync(keys, this.#columns[column], (error, values) => {
        if (error !== null && error !== undefined) {
          reject(error);
        } else if (values.includes(null)) {
          reject(new Error('A read without limits was cut'));
        } else {
          resolve(values as ReadValues);
        }
      });
    });
  }

  #number(property: string): number {
    const text = this.#database.getProperty(property);
    assert(/^\d+$/.test(text), 'A property is a number');
    return Number(text);
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw new DynakvError('Unavailable', 'Cannot use store: it is closed');
    }
  }

  #assertWritable(): void {
    this.#assertOpen();
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Remembers the first failure of the store and returns the error to throw. */
  #fail(action: 'read' | 'write' | 'sync', error: unknown): DynakvError {
    if ((error as DynakvError).code === 'Throttled') {
      return error as DynakvError;
    }
    const code = codeOf(error);
    const failure = new DynakvError(
      'StoreFailed',
      `Cannot ${action} store: ${messageOf(error)}`,
      { code, noSpace: isNoSpace(error) },
      error,
    );
    this.#failure ??= failure;
    return failure;
  }
}

function openError(directory: string, error: unknown): DynakvError {
  const cause = (error as { cause?: unknown }).cause ?? error;
  const code = codeOf(cause);
  if (code === 'LEVEL_LOCKED') {
    const message = `Cannot open store ${directory}: another process has it`;
    return new DynakvError('Refused', message, { code }, cause);
  }
  const message = `Cannot open store ${directory}: ${messageOf(cause)}`;
  return new DynakvError(isNoSpace(cause) ? 'NoSpace' : 'StoreFailed', message, { code }, cause);
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

function isNoSpace(error: unknown): boolean {
  return codeOf(error) === 'ENOSPC' || messageOf(error).includes('No space left on device');
}
