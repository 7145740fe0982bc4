/**
 * Which shard holds a hash. The shards cut the 32-bit hash space into equal, contiguous ranges,
 * in order; their count is a power of two, fixed when the cluster is made, and the same for all
 * tables. So the shard is the top bits of the hash.
 */
import { assert } from '../lib/assert.ts';

/** Enough for hundreds of nodes; each shard costs every node memory for its catalog row. */
export const shardCountMax = 4096;

const hashBits = 32;
const hashSpace = 2 ** hashBits;

export interface HashRange {
  /** First hash, inclusive. */
  readonly from: number;
  /** First hash after the range: up to 2^32. */
  readonly to: number;
}

/** True for a count that a cluster can have: 1, 2, 4 … `shardCountMax`. */
export function isShardCount(count: number): boolean {
  return (
    Number.isInteger(count) && count >= 1 && count <= shardCountMax && (count & (count - 1)) === 0
  );
}

/** The arithmetic of one shard count. */
export class ShardMap {
  readonly count: number;
  readonly #hashesPerShard: number;

  constructor(count: number) {
    assert(isShardCount(count), `A shard count must be a power of two up to ${shardCountMax}`);
    this.count = count;
    this.#hashesPerShard = hashSpace / count;
  }

  /** 0 … count−1. */
  shardOf(hash: number): number {
    assert(hash >= 0 && hash < hashSpace, 'A hash must be 0 … 2^32−1');
    return Math.floor(hash / this.#hashesPerShard);
  }

  rangeOf(shardId: number): HashRange {
    assert(
      Number.isInteger(shardId) && shardId >= 0 && shardId < this.count,
      'A shard id must be 0 … count−1',
    );
    const from = shardId * this.#hashesPerShard;
    return { from, to: from + this.#hashesPerShard };
  }
}
