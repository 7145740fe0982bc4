// Goal: timers fire, and a cancelled one does not; clocks and random give values of their range.
import { describe, expect, test } from '@jest/globals';
import { realClock } from './clock.ts';
import { realRandom } from './random.ts';
import { realTimers } from './timers.ts';

describe('realTimers', () => {
  test('after() fires once, every() until cancelled, endOfTurn() first', async () => {
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      realTimers.after(1, () => seen.push('cancelled')).cancel();
      realTimers.endOfTurn(() => seen.push('end of turn'));
      const beat = realTimers.every(2, () => {
        seen.push('beat');
        if (seen.length === 3) {
          beat.cancel();
          realTimers.after(1, resolve);
        }
      });
    });
    expect(seen).toEqual(['end of turn', 'beat', 'beat']);
  });
});

describe('realClock and realRandom', () => {
  test('monotonicMs() does not go back', () => {
    const before = realClock.monotonicMs();
    expect(realClock.monotonicMs()).toBeGreaterThanOrEqual(before);
    expect(realClock.wallMs()).toBeGreaterThan(1_600_000_000_000);
  });

  test('bytes() and uint32() have the promised size', () => {
    expect(realRandom.bytes(16)).toHaveLength(16);
    expect(realRandom.uint32()).toBeLessThan(2 ** 32);
  });
});
