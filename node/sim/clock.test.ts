/** Simulated time: order of callbacks, turns, pauses. */
import { describe, expect, test } from '@jest/globals';

import { SimScheduler } from './clock.ts';

describe('SimScheduler', () => {
  test('runs events by time, then by the order asked for', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    const seen: string[] = [];
    time.after(5, () => seen.push('b'));
    time.after(1, () => seen.push('a'));
    time.after(5, () => seen.push('c'));
    time.after(6, () => seen.push('late'));
    await scheduler.runFor(5);
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(time.monotonicMs()).toBe(5);
  });

  test('settles promises after a callback, before the next', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    const seen: string[] = [];
    time.after(1, () => {
      void Promise.resolve()
        .then(() => undefined)
        .then(() => seen.push('promise'));
    });
    time.after(1, () => seen.push('second'));
    await scheduler.runFor(1);
    expect(seen).toEqual(['promise', 'second']);
  });

  test('endOfTurn runs after everything due at the instant, and takes no time', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    const seen: string[] = [];
    time.after(1, () => {
      time.endOfTurn(() => {
        seen.push(`end at ${time.monotonicMs()}`);
        time.endOfTurn(() => seen.push('next turn'));
      });
      time.after(0, () => seen.push('queued meanwhile'));
    });
    time.after(1, () => seen.push('same instant'));
    await scheduler.runFor(1);
    expect(seen).toEqual(['same instant', 'end at 1', 'queued meanwhile', 'next turn']);
  });

  test('runUntil() stops at the condition, or at the limit', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    let beats = 0;
    time.every(10, () => {
      beats += 1;
    });
    expect(await scheduler.runUntil(() => beats === 3, 1000)).toBe(true);
    expect(scheduler.nowMs).toBe(30);
    expect(await scheduler.runUntil(() => beats === 100, 50)).toBe(false);
    expect(scheduler.nowMs).toBe(80);
  });

  test('a callback that throws fails the run', async () => {
    const scheduler = new SimScheduler();
    scheduler.after(1, () => {
      throw new Error('boom');
    });
    await expect(scheduler.runFor(1)).rejects.toMatchObject({ message: 'boom' });
  });
});

describe('SimTime', () => {
  test('a cancelled timer stays silent, a periodic one stops from inside', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    let fired = 0;
    time.after(1, () => (fired += 100)).cancel();
    const beat = time.every(1, () => {
      fired += 1;
      beat.cancel();
    });
    await scheduler.runFor(10);
    expect(fired).toBe(1);
  });

  test('pause() holds what falls due, a long pause skips beats', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    const seen: number[] = [];
    time.every(10, () => seen.push(time.monotonicMs()));
    await scheduler.runFor(15);
    time.pause();
    await scheduler.runFor(50);
    expect(seen).toEqual([10]);
    time.resume();
    await scheduler.runFor(12);
    expect(seen).toEqual([10, 65, 75]);
  });

  test('stop() silences a node for good and no other', async () => {
    const scheduler = new SimScheduler();
    const stopped = scheduler.openTime();
    const other = scheduler.openTime({ wallSkewMs: 7 });
    const seen: string[] = [];
    stopped.after(1, () => seen.push('stopped'));
    stopped.endOfTurn(() => seen.push('stopped'));
    other.after(1, () => seen.push('other'));
    stopped.stop();
    await scheduler.runFor(5);
    expect(seen).toEqual(['other']);
    expect(other.wallMs() - stopped.wallMs()).toBe(7);
  });
});
