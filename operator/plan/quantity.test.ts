// Goal: quantities are the numbers that Kubernetes takes them for.
import { expect, test } from '@jest/globals';
import { parseQuantity } from './quantity.ts';

test('parseQuantity() knows both kinds of suffixes', () => {
  expect(['1', '500m', '64Mi', '1G', '2e3', '0.5Ki'].map(parseQuantity)).toEqual([
    1, 0.5, 67_108_864, 1e9, 2_000, 512,
  ]);
  expect(() => parseQuantity('10 apples')).toThrow('Cannot read a quantity: "10 apples"');
});
