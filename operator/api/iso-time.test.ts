// Goal: the same text as the runtime's own, for any time. Method: a second implementation (Date).
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isoTime } from './iso-time.ts';

test('isoTime() says what Date says', () => {
  const largest = Date.UTC(9_999, 11, 31);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: largest }), (ms) => {
      expect(isoTime(ms)).toBe(new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z'));
    }),
  );
  expect(isoTime(Date.UTC(2_024, 1, 29, 23, 59, 59, 999))).toBe('2024-02-29T23:59:59Z');
});
