/** TokenBucket: over any time, no more goes than the rate and one burst. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TokenBucket } from './token-bucket.ts';

const rate = 1_000_000;
const burst = rate / 10;

describe('TokenBucket', () => {
  test('what waits as it is told stays within the rate, and reaches it', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(sizes, (bytes) => {
        const bucket = new TokenBucket(0);
        let nowMs = 0;
        let total = 0;
        for (const size of bytes) {
          nowMs += bucket.take(size, rate, nowMs);
          total += size;
        }
        expect(total).toBeLessThanOrEqual((rate * nowMs) / 1_000 + burst + 1);
        expect(total).toBeGreaterThanOrEqual((rate * nowMs) / 1_000 - 1);
      }),
    );
  });

  test('a pause saves up one burst, no more', () => {
    const bucket = new TokenBucket(0);
    expect(bucket.take(burst, rate, 3_600_000)).toBe(0);
    expect(bucket.take(1_000, rate, 3_600_000)).toBeCloseTo(1);
  });

  test('a rate that falls is kept from then on', () => {
    const bucket = new TokenBucket(0);
    expect(bucket.take(300_000, rate, 0)).toBeCloseTo(200);
    expect(bucket.take(10_000, rate / 10, 200)).toBeCloseTo(100);
  });

  test('a clock that stands still or goes back gives nothing', () => {
    const bucket = new TokenBucket(1_000);
    bucket.take(burst, rate, 1_000);
    expect(bucket.take(1_000, rate, 500)).toBeCloseTo(1);
    expect(bucket.take(1_000, rate, 500)).toBeCloseTo(2);
  });
});
