/** When a move's loop looks again: soon, later, or when a copy should be over. */
import { describe, expect, test } from '@jest/globals';
import { LookInterval, lateMs, soonMs } from './look-interval.ts';

describe('LookInterval', () => {
  test('waits longer each time nothing happens, up to the latest, and not after a step', () => {
    const interval = new LookInterval();
    expect(interval.stepped()).toBe(soonMs);
    const waits = Array.from({ length: 12 }, () => interval.waits());
    expect(waits[0]).toBe(soonMs * 1.5);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.at(-1)).toBe(lateMs);
    expect(interval.stepped()).toBe(soonMs);
    expect(interval.failed()).toBe(soonMs * 3);
  });

  /** A copy of steady rate, looked at as the interval says; the times of the looks. */
  function looksAt(bytesTotal: number, bytesPerMs: number, untilMs: number): number[] {
    const interval = new LookInterval();
    const looks: number[] = [];
    interval.stepped();
    for (let nowMs = 0; nowMs < untilMs;) {
      const bytesDone = Math.min(bytesTotal, nowMs * bytesPerMs);
      looks.push(nowMs);
      nowMs += interval.waits({ bytesDone, bytesTotal, nowMs });
    }
    return looks;
  }

  test('sees the end of a copy within a twentieth of a second, for few looks before it', () => {
    for (const endMs of [300, 1_000, 2_000, 7_777]) {
      const looks = looksAt(endMs * 1_000, 1_000, endMs + lateMs);
      const late = looks.filter((ms) => ms >= endMs)[0] ?? Infinity;
      expect(late - endMs).toBeLessThan(50);
      expect(looks.length).toBeLessThan(endMs / lateMs + 40);
    }
  });

  test('a copy whose end does not come, and one of unknown size, is looked at rarely', () => {
    expect(looksAt(1_000, 1, 60_000).length).toBeLessThan(1_000 / lateMs + 60_000 / lateMs + 30);
    expect(looksAt(0, 0, 60_000).length).toBeLessThan(60_000 / lateMs + 10);
  });

  test('a copy that starts over, or stands still, does not look as if it were about to end', () => {
    const interval = new LookInterval();
    const copy = { bytesTotal: 10_000, nowMs: 0 };
    for (let i = 0; i < 10; i++) {
      interval.waits({ ...copy, bytesDone: 9_000, nowMs: i * lateMs });
    }
    expect(interval.waits({ ...copy, bytesDone: 9_000, nowMs: 10 * lateMs })).toBe(lateMs);
    expect(interval.waits({ ...copy, bytesDone: 100, nowMs: 11 * lateMs })).toBe(lateMs);
  });
});
