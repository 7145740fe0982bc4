/**
 * The ordered key-value engine under the state machine, as a port: RocksDB or memory.
 * Both pass `storage/engine-suite.ts`.
 *
 * Writes are synchronous and atomic over columns, and *not* durable until `syncWal` resolves
 * (or `sync: true`). A simulated crash of the memory engine loses unsynced writes (a suffix of
 * the write order). Any thrown error is final for the store: the caller quarantines.
 * Keys order as unsigned bytes. Buffers passed in are not kept by reference; buffers returned
 * belong to the caller.
 */

/** `default` holds node-local bookkeeping; `data` holds replicated rows, generation first. */
export const engineColumns = ['default', 'data'] as const;
export type EngineColumn = (typeof engineColumns)[number];

/** `value` undefined deletes the key. */
export interface EngineWrite {
  readonly column: EngineColumn;
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

export interface EngineRange {
  readonly column: EngineColumn;
  /** First key, inclusive. */
  readonly from: Buffer;
  /** First key after the range. */
  readonly to: Buffer;
}

export type EngineRow = readonly [key: Buffer, value: Buffer];

export interface EngineIterator {
  /**
   * Up to `rowsMax` next rows, stopping after the row with which `bytesMax` is reached; empty at
   * the end. Sees the state at the moment the iterator was opened, whatever is written since.
   */
  next(rowsMax: number, bytesMax: number): Promise<EngineRow[]>;
  close(): Promise<void>;
}

export interface EngineHealth {
  /** Background errors so far: above zero the engine is read-only and must be quarantined. */
  readonly backgroundErrors: number;
  /** Writes are stopped or slowed by the engine: defer applying. */
  readonly stalled: boolean;
  /** Files at level 0 over all columns. */
  readonly levelZeroFiles: number;
  readonly pendingCompactionBytes: number;
  /** Bytes of live data by the engine's own estimate. */
  readonly liveDataBytes: number;
}

/** Memory that the engine takes outside the process's own heap, bytes. */
export interface EngineMemory {
  readonly blockCache: number;
  /** What is written and not in tables yet, all buffers that are held. */
  readonly writeBuffers: number;
  /** Indexes and filters beside the cache. */
  readonly tableReaders: number;
}

export interface Engine {
  /** Reads on this thread: for keys surely in memory, and for start. */
  get(column: EngineColumn, key: Buffer): Buffer | undefined;
  /** Reads off this thread, in the order asked. */
  getMany(column: EngineColumn, keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>;
  /** Applies all or nothing, in order. */
  write(writes: readonly EngineWrite[], options?: { readonly sync?: boolean }): void;
  /**
   * Opens a snapshot-consistent, ascending iterator; opening is synchronous. `fillCache` keeps
   * what it reads in the block cache: for queries, not for snapshots and other long scans.
   */
  iterate(range: EngineRange, options?: { readonly fillCache?: boolean }): EngineIterator;
  /** Deletes a whole range (both bounds given); not durable until synced, not atomic with more. */
  deleteRange(range: EngineRange): void;
  /** Everything written before the call is on stable storage when it resolves (P10). */
  syncWal(): Promise<void>;
  health(): EngineHealth;
  /** Nothing once it is closed. */
  memory(): EngineMemory;
  close(): Promise<void>;
}
