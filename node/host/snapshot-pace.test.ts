/** SnapshotPace: both directions at the rate of the moment. Method: simulated time. */
import { describe, expect, test } from '@jest/globals';
import { mebibyte } from '../lib/units.ts';
import { SimScheduler } from '../sim/clock.ts';
import { ForegroundLoad } from './foreground-load.ts';
import { SnapshotPace } from './snapshot-pace.ts';

const chunk = 64 * 1024;

describe('SnapshotPace', () => {
  /** Bytes that each of the directions moved in so many ms. */
  async function moved(
    scheduler: SimScheduler,
    pace: SnapshotPace,
    directions: readonly ('in' | 'out')[],
    ms: number,
  ): Promise<number[]> {
    const totals = directions.map(() => 0);
    const state = { over: false };
    const pump = async (direction: 'in' | 'out', at: number): Promise<void> => {
      while (!state.over) {
        await pace.take(direction, chunk);
        totals[at] = (totals[at] ?? 0) + chunk;
      }
    };
    directions.forEach((direction, at) => void pump(direction, at));
    await scheduler.runFor(ms);
    state.over = true;
    await scheduler.runFor(1_000);
    return totals.map((bytes) => bytes / mebibyte);
  }

  test('each direction has the limit, which may change while it runs', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    let limit = 8 * mebibyte;
    const load = new ForegroundLoad();
    const pace = new SnapshotPace({ clock: time, timers: time, load, limit: () => limit });
    pace.start();
    await scheduler.runFor(1_000);
    for (const mebibytes of await moved(scheduler, pace, ['in', 'out'], 2_000)) {
      expect(mebibytes).toBeGreaterThan(15);
      expect(mebibytes).toBeLessThan(18);
    }
    limit = mebibyte;
    const [slow] = await moved(scheduler, pace, ['out'], 2_000);
    expect(slow).toBeLessThan(2.5);
    pace.close();
  });

  test('it yields to requests that get slow while something moves', async () => {
    const scheduler = new SimScheduler();
    const time = scheduler.openTime();
    const load = new ForegroundLoad();
    const limit = 32 * mebibyte;
    const pace = new SnapshotPace({ clock: time, timers: time, load, limit: () => limit });
    pace.start();
    let latencyMs = 1;
    const requests = time.every(10, () => {
      load.request(latencyMs);
    });
    await scheduler.runFor(5_000);
    await moved(scheduler, pace, ['out'], 10_000);
    expect(pace.rate).toBe(limit);
    latencyMs = 50;
    await moved(scheduler, pace, ['out'], 5_000);
    expect(pace.rate).toBeLessThan(limit / 8);
    expect(pace.halvings).toBeGreaterThan(2);
    requests.cancel();
    pace.close();
  });
});
