/** Goal: a seed repeats itself, another differs, bounds hold. */
import { describe, expect, test } from '@jest/globals';
import { backoffMs } from './backoff.ts';
import { Prng } from './prng.ts';
import { uuidOf } from './uuid.ts';

function draw(seed: number): number[] {
  const prng = new Prng(seed);
  return Array.from({ length: 20 }, () => prng.uint32());
}

describe('Prng', () => {
  test('a seed repeats itself, another one differs', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  test('below() covers its range and stays in it', () => {
    const prng = new Prng(1);
    const seen = new Set(Array.from({ length: 1_000 }, () => prng.below(6)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('chance() is about as likely as asked', () => {
    const prng = new Prng(2);
    const hits = Array.from({ length: 10_000 }, () => prng.chance(0.25)).filter(Boolean).length;
    expect(Math.abs(hits - 2_500)).toBeLessThan(250);
  });
});

describe('backoffMs()', () => {
  test('doubles up to its bound, between half of it and all of it', () => {
    const options = { baseMs: 10, maxMs: 100 };
    expect([0, 1, 2, 3, 4, 50].map((attempt) => backoffMs(options, attempt, 0.999_999))).toEqual([
      10, 20, 40, 80, 100, 100,
    ]);
    expect([0, 1, 4].map((attempt) => backoffMs(options, attempt, 0))).toEqual([5, 10, 50]);
  });
});

describe('uuidOf()', () => {
  test('has the layout of version 4', () => {
    const uuid = uuidOf(Buffer.alloc(16, 0xff));
    expect(uuid).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
    expect(() => uuidOf(Buffer.alloc(15))).toThrow('16 bytes');
  });
});
