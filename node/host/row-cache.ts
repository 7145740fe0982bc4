/**
 * The node's item cache: rows of all replicas by (generation, key), least recently used out
 * first, bounded in bytes (`lru-cache`). It also remembers that a row is absent.
 *
 * Invariant: an entry equals the replica's applied row. Whoever applies a write sets or drops the
 * entry in the same step; a replica that changes its generation orphans its old entries. Values
 * are copies: a cache never pins a slice of a larger chunk.
 */
import { LRUCache } from 'lru-cache';
import { ownCopy } from '../lib/bytes.ts';

/** What an entry costs besides its value: key string, list links, objects. */
const entryOverheadBytes = 200;
const absent = Buffer.alloc(0);

export class RowCache {
  readonly #entries: LRUCache<string, Buffer>;
  hits = 0;
  misses = 0;

  /** `bytesMax`: total size of values, keys and overhead. */
  constructor(bytesMax: number) {
    this.#entries = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (value, key) => value.length + key.length * 2 + entryOverheadBytes,
    });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** The row, null if known to be absent, undefined if unknown. */
  get(key: string): Buffer | null | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) {
      this.misses += 1;
      return undefined;
    }
    this.hits += 1;
    return value === absent ? null : value;
  }

  set(key: string, value: Buffer | undefined): void {
    this.#entries.set(key, value === undefined ? absent : ownCopy(value));
  }

  /** Follows a write of a row that may be cached; unknown rows stay unknown. */
  follow(key: string, value: Buffer | undefined): void {
    if (this.#entries.has(key)) {
      this.set(key, value);
    }
  }
}
