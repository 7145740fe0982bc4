// What may be given as a number on a command line, and what is said of the rest.
import { expect, test } from '@jest/globals';
import { wholeNumber } from './whole-number.ts';

test('a whole number of at least 0 is taken', () => {
  expect(['0', '7', '150425'].map((text) => wholeNumber(text, 'SEED'))).toEqual([0, 7, 150_425]);
});

test.each(['', ' ', 'abc', '-1', '1.5', 'Infinity'])('"%s" is refused, with what to do', (text) => {
  expect(() => wholeNumber(text, 'SEED')).toThrow(
    `Cannot use SEED "${text}": give a whole number of at least 0`,
  );
});
