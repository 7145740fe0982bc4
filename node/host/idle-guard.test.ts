/** Goal: a promise that stands still is given up, one that moves is not. Method: simulated time. */
import { describe, expect, test } from '@jest/globals';
import { SimScheduler } from '../sim/clock.ts';
import { IdleGuard } from './idle-guard.ts';

const never = new Promise<never>(() => undefined);

describe('IdleGuard', () => {
  test('watch() gives up what did not move for the whole time', async () => {
    const scheduler = new SimScheduler();
    const guard = new IdleGuard(scheduler.openTime(), 1_000, 'Test');
    let problem: unknown;
    guard.watch(never).catch((error: unknown) => {
      problem = error;
    });
    await scheduler.runFor(900);
    guard.touch();
    await scheduler.runFor(900);
    expect(problem).toBeUndefined();
    await scheduler.runFor(200);
    expect(problem).toMatchObject({ code: 'Unavailable' });
  });

  test('watch() passes on a result and leaves no timer behind', async () => {
    const scheduler = new SimScheduler();
    const guard = new IdleGuard(scheduler.openTime(), 1_000, 'Test');
    await expect(guard.watch(Promise.resolve(7))).resolves.toBe(7);
    await scheduler.runFor(5_000);
  });
});
