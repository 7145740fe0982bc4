// Reference values of MurmurHash3 x86_32, seed 0 (published test vectors of the algorithm).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hashKey, hashPair } from './hash.ts';

describe('hashKey', () => {
  test.each([
    ['', 0x00000000],
    ['a', 0x3c2569b2],
    ['test', 0xba6bd213],
    ['Hello, world!', 0xc0363e43],
    ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
  ])('%j', (text, expected) => {
    expect(hashKey(Buffer.from(text))).toBe(expected);
  });

  test.each([
    ['ffffffff', 0x76293b50],
    ['21436587', 0xf55b516b],
    ['214365', 0x7e4a8634],
    ['2143', 0xa0f7b07a],
    ['21', 0x72661cf4],
    ['00000000', 0x2362f9de],
    ['000000', 0x85f0b427],
    ['0000', 0x30f4c306],
    ['00', 0x514e28b7],
  ])('bytes %s', (hex, expected) => {
    expect(hashKey(Buffer.from(hex, 'hex'))).toBe(expected);
  });

  test('does not depend on where the bytes lie', () => {
    const shifted = Buffer.concat([Buffer.alloc(3), Buffer.from('Hello, world!')]).subarray(3);
    expect(hashKey(shifted)).toBe(0xc0363e43);
  });

  test('spreads similar keys', () => {
    const buckets = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) {
      const bucket = hashKey(Buffer.from(`user${i}`)) >>> 28;
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(Math.min(...buckets)).toBeGreaterThan(850);
    expect(Math.max(...buckets)).toBeLessThan(1150);
  });
});

describe('hashPair', () => {
  test('equals hashKey of both numbers as bytes', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(word, word, (first, second) => {
        const bytes = Buffer.alloc(8);
        bytes.writeUInt32BE(first, 0);
        bytes.writeUInt32BE(second, 4);
        expect(hashPair(first, second)).toBe(hashKey(bytes));
      }),
      { numRuns: 1_000 },
    );
  });
});
