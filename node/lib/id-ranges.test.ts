/** Goal: the ranges say what a plain set says. Method: cases, and random ids beside a Set. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hasId, withId } from './id-ranges.ts';
import type { IdRanges } from './id-ranges.ts';

const none: IdRanges = [];

describe('withId()', () => {
  test('joins ranges that touch', () => {
    const ranges = [1, 3, 2].reduce<IdRanges>(withId, none);
    expect(ranges).toEqual([[1, 3]]);
    expect(withId(ranges, 2)).toBe(ranges);
    expect(withId(ranges, 5)).toEqual([
      [1, 3],
      [5, 5],
    ]);
  });

  test('refuses what is no id', () => {
    expect(() => withId(none, 0)).toThrow('positive');
  });

  test('is a set, in as few ranges as can be', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 })), (ids) => {
        const ranges = ids.reduce<IdRanges>(withId, none);
        const plain = new Set(ids);
        for (let id = 0; id <= 31; id++) {
          expect(hasId(ranges, id)).toBe(plain.has(id));
        }
        for (let i = 1; i < ranges.length; i++) {
          expect(ranges[i]?.[0]).toBeGreaterThan((ranges[i - 1]?.[1] ?? 0) + 1);
        }
      }),
    );
  });
});
