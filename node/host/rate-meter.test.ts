/** RateMeter: the rate of the last seconds. */
import { describe, expect, test } from '@jest/globals';
import { RateMeter } from './rate-meter.ts';

describe('RateMeter', () => {
  test('nothing noted is no rate', () => {
    expect(new RateMeter().bytesPerSecond(100, 5)).toBe(0);
  });

  test('it follows a change within its window, and forgets what is older', () => {
    const meter = new RateMeter();
    let total = 0;
    for (let ms = 0; ms <= 10_000; ms += 100) {
      meter.note(total, ms);
      total += 100;
    }
    expect(meter.bytesPerSecond(total, 10_100)).toBeCloseTo(1_000);
    for (let ms = 10_100; ms <= 20_000; ms += 100) {
      meter.note(total, ms);
      total += 500;
    }
    expect(meter.bytesPerSecond(total, 20_100)).toBeCloseTo(5_000);
  });

  test('what stands still has a rate that falls', () => {
    const meter = new RateMeter();
    meter.note(0, 0);
    meter.note(10_000, 1_000);
    expect(meter.bytesPerSecond(10_000, 2_000)).toBe(5_000);
    expect(meter.bytesPerSecond(10_000, 10_000)).toBe(1_000);
  });
});
