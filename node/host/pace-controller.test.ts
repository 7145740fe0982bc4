/** PaceController: a rate that yields to requests and comes back. Method: tables of samples. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { mebibyte } from '../lib/units.ts';
import type { LoadSample } from './foreground-load.ts';
import { PaceController } from './pace-controller.ts';

const limit = 64 * mebibyte;
const quiet: LoadSample = { requests: { count: 0, p95Ms: 0 }, syncs: { count: 0, p95Ms: 0 } };
let controller: PaceController;

function requests(p95Ms: number, count = 100): LoadSample {
  return { ...quiet, requests: { count, p95Ms } };
}

/** The rates of so many periods, in MiB/s. */
function run(periods: number, sample: LoadSample, isMoving = true): number[] {
  return Array.from(
    { length: periods },
    () => controller.observe(sample, limit, isMoving) / mebibyte,
  );
}

beforeEach(() => {
  controller = new PaceController();
});

describe('PaceController', () => {
  test('a node without requests moves at the limit at once', () => {
    run(10, quiet, false);
    expect(run(3, quiet)).toEqual([64, 64, 64]);
  });

  test('the few syncs of a move’s own steps are no load', () => {
    const own: LoadSample = { ...quiet, syncs: { count: 12, p95Ms: 40 } };
    run(10, own, false);
    expect(run(3, own)).toEqual([64, 64, 64]);
    expect(controller.halvings).toBe(0);
  });

  test('with requests it begins low and grows to the limit in ten seconds', () => {
    run(20, requests(2), false);
    const rates = run(20, requests(2));
    expect(rates[0]).toBeCloseTo(16 + 3.2);
    expect(rates.at(-1)).toBe(64);
    expect(rates.every((rate, i) => rate >= (rates[i - 1] ?? 0))).toBe(true);
  });

  test('requests that get slow halve it, at most once a second, down to a floor', () => {
    run(20, requests(2), false);
    run(20, requests(2));
    expect(run(6, requests(50))).toEqual([32, 32, 16, 16, 8, 8]);
    expect(Math.min(...run(20, requests(50)))).toBe(2);
    expect(controller.halvings).toBe(5);
  });

  test('a log that syncs slowly counts as well: others wait for this follower', () => {
    const syncs = (p95Ms: number): LoadSample => ({ ...quiet, syncs: { count: 50, p95Ms } });
    run(20, syncs(1), false);
    run(20, syncs(1));
    expect(run(2, syncs(20))).toEqual([32, 32]);
  });

  test('it grows back when they are fast again', () => {
    run(20, requests(2), false);
    run(20, requests(50));
    const rates = run(20, requests(2.5));
    expect(rates.at(-1)).toBe(64);
  });

  test('a little slower, or few requests, is no reason', () => {
    run(20, requests(2), false);
    run(20, requests(2));
    expect(run(3, requests(4.9))).toEqual([64, 64, 64]);
    expect(run(3, requests(500, 4))).toEqual([64, 64, 64]);
  });

  test('slowness that the floor does not cure becomes the usual: a move ends some day', () => {
    run(20, requests(2), false);
    run(20, requests(2));
    const rates = run(100, requests(30));
    expect(Math.min(...rates)).toBe(2);
    expect(rates.at(-1)).toBeGreaterThan(10);
  });

  test('a lower limit holds at once; one below the floor is kept', () => {
    run(20, requests(2), false);
    run(40, requests(2));
    expect(controller.observe(requests(2), 3 * mebibyte, true)).toBe(3 * mebibyte);
    expect(controller.observe(requests(900), mebibyte / 4, true)).toBe(mebibyte / 4);
  });
});
