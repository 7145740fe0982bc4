import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isShardCount, ShardMap, shardCountMax } from './shard-map.ts';

const counts = Array.from({ length: 13 }, (_, i) => 2 ** i);

describe('isShardCount', () => {
  test('takes powers of two up to the limit', () => {
    expect(counts.every(isShardCount)).toBe(true);
    expect(counts.at(-1)).toBe(shardCountMax);
    for (const bad of [0, -1, 3, 6, 1.5, 2 * shardCountMax, 2 ** 32, Number.NaN, Infinity]) {
      expect(isShardCount(bad)).toBe(false);
      expect(() => new ShardMap(bad)).toThrow('power of two');
    }
  });
});

describe('ShardMap', () => {
  test.each(counts)('ranges of %d shards cover all hashes without a gap', (count) => {
    const map = new ShardMap(count);
    let next = 0;
    for (let shardId = 0; shardId < count; shardId++) {
      const { from, to } = map.rangeOf(shardId);
      expect(from).toBe(next);
      expect(map.shardOf(from)).toBe(shardId);
      expect(map.shardOf(to - 1)).toBe(shardId);
      next = to;
    }
    expect(next).toBe(2 ** 32);
  });

  test('shardOf() is the top bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat(12), (hash, bits) => {
        const expected = bits === 0 ? 0 : hash >>> (32 - bits);
        expect(new ShardMap(2 ** bits).shardOf(hash)).toBe(expected);
      }),
    );
  });

  test('refuses what is no hash and no shard', () => {
    const map = new ShardMap(4);
    for (const bad of [-1, 2 ** 32]) {
      expect(() => map.shardOf(bad)).toThrow('hash');
    }
    for (const bad of [-1, 4, 0.5]) {
      expect(() => map.rangeOf(bad)).toThrow('shard id');
    }
  });
});
