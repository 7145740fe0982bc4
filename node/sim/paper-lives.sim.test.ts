/**
 * Goal: whatever happens to nodes and whatever people ask, movement comes to rest once all is back,
 * and no id that was taken back is a member. Method: lives drawn from a seed (`paper-life.ts`).
 */
import { describe, expect, test } from '@jest/globals';
import { paperLife } from './paper-life.ts';
import { testMs } from './testing-scenarios.ts';

describe('the manager over groups on paper', () => {
  test.each([1, 2, 3, 4])(
    'comes to rest after each of 100 lives: seeds %i001 to %i100',
    async (series) => {
      const wrong: string[] = [];
      for (let seed = series * 1_000 + 1; seed <= series * 1_000 + 100; seed++) {
        wrong.push(...(await paperLife(seed)).map((what) => `seed ${seed}: ${what}`));
      }
      expect(wrong).toEqual([]);
    },
    testMs,
  );

  test.each([
    ['a move called off and planned again was driven beside another', 3_750],
    ['a copy by hand waited for a node that was to be emptied', 14_308],
    ['a late change of voters was half of another', 18_569],
  ])('lives well where %s: seed %i', async (_found, seed) => {
    expect(await paperLife(seed)).toEqual([]);
  });
});
