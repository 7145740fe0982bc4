import { describe, expect, test } from '@jest/globals';
import { measurePairs, median } from './pairs.ts';

describe('measurePairs()', () => {
  test('alternates the order and takes the median of the ratios', async () => {
    const order: string[] = [];
    const values = { left: [10, 20, 90], right: [10, 10, 10] };
    const take = (side: 'left' | 'right') => async (): Promise<number> => {
      order.push(side);
      return values[side].shift() ?? 0;
    };
    const result = await measurePairs(3, take('left'), take('right'));
    expect(order).toEqual(['left', 'right', 'right', 'left', 'left', 'right']);
    expect(result.ratio).toBe(2);
    expect(result.pairs[2]).toEqual({ left: 90, right: 10 });
  });
});

describe('median()', () => {
  test('is the middle, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(() => median([])).toThrow('needs values');
  });
});
