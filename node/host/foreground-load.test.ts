/** ForegroundLoad: windows of measurements and their 95th percentile. */
import { describe, expect, test } from '@jest/globals';
import { ForegroundLoad } from './foreground-load.ts';

describe('ForegroundLoad', () => {
  test('take() gives count and percentile since the last call', () => {
    const load = new ForegroundLoad();
    for (let ms = 100; ms >= 1; ms--) {
      load.request(ms);
    }
    load.sync(7);
    expect(load.take()).toEqual({
      requests: { count: 100, p95Ms: 95 },
      syncs: { count: 1, p95Ms: 7 },
    });
    expect(load.take()).toEqual({
      requests: { count: 0, p95Ms: 0 },
      syncs: { count: 0, p95Ms: 0 },
    });
  });

  test('of more than it keeps the newest count', () => {
    const load = new ForegroundLoad();
    for (let i = 0; i < 10_000; i++) {
      load.request(i < 9_000 ? 1_000 : 2);
    }
    expect(load.take().requests).toEqual({ count: 10_000, p95Ms: 2 });
    load.request(3);
    expect(load.take().requests).toEqual({ count: 1, p95Ms: 3 });
  });
});
