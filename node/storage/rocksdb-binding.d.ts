/**
 * Types of what the engine uses of `@nxtedition/rocksdb` 12.2.12, which ships none. The names
 * with an underscore are the binding's own level: below the encodings, event emitters and
 * operation records of abstract-level. Only `rocks-engine.ts` and its parts may use this.
 */
declare module '@nxtedition/rocksdb' {
  /** A native column family; lives as long as the database is open. */
  export interface NativeColumn {
    readonly nativeColumn: never;
  }

  export interface NativeColumnOptions {
    /** `level` makes write buffers of a quarter of `memtableMemoryBudget`, at most six of them. */
    readonly compaction: 'level';
    readonly memtableMemoryBudget: number;
    /** Dictionary training; levels from 2 on are compressed with or without it. */
    readonly compression: boolean;
    /** Block cache of this column, bytes. */
    readonly cacheSize: number;
    readonly cacheIndexAndFilterBlocks: boolean;
  }

  export interface NativeOpenOptions {
    readonly createIfMissing: boolean;
    readonly walCompression: boolean;
    /** Background jobs (flushes and compactions) at a time. */
    readonly parallelism: number;
    readonly columns: Readonly<Record<string, NativeColumnOptions>>;
  }

  export interface NativeColumnChoice {
    readonly column: NativeColumn;
  }

  export interface NativeBatch {
    _put(key: Buffer, value: Buffer, options: NativeColumnChoice): void;
    _del(key: Buffer, options: NativeColumnChoice): void;
    _clear(): void;
    _writeSync(options: { readonly sync: boolean }): void;
    close(): Promise<void>;
  }

  export interface NativeIteratorOptions extends NativeColumnChoice {
    readonly gte: Buffer;
    readonly lt: Buffer;
    readonly keyEncoding: 'buffer';
    readonly valueEncoding: 'buffer';
    readonly highWaterMarkBytes: number;
    readonly fillCache: boolean;
  }

  /** Keys and values in turn. */
  export interface NativeRows {
    readonly rows: readonly Buffer[];
    readonly finished: boolean;
  }

  export interface NativeIterator {
    _nextvAsync(
      size: number,
      options: object,
      callback: (error: unknown, result: NativeRows) => void,
    ): void;
    close(): Promise<void>;
  }

  export interface NativeRangeOptions extends NativeColumnChoice {
    readonly gte: Buffer;
    readonly lt: Buffer;
  }

  export class RocksLevel {
    constructor(location: string, options: object);
    /** Native columns by name, once open. */
    readonly columns: Readonly<Record<string, NativeColumn>>;
    open(options: NativeOpenOptions): Promise<void>;
    close(): Promise<void>;
    _getManySync(
      keys: readonly Buffer[],
      options: NativeColumnChoice,
    ): (Buffer | null | undefined)[];
    _getManyAsync(
      keys: readonly Buffer[],
      options: NativeColumnChoice,
      callback: (error: Error | null | undefined, values: (Buffer | null | undefined)[]) => void,
    ): void;
    _chainedBatch(): NativeBatch;
    _iterator(options: NativeIteratorOptions): NativeIterator;
    _clear(options: NativeRangeOptions, callback: (error: unknown) => void): void;
    /** Of the `default` column family, or of the whole database, by property. */
    getProperty(property: string): string;
  }
}
