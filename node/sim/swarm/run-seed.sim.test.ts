/**
 * Goal: whole clusters drawn from a seed survive what the seed does to them, and the same seed
 * gives the same run. Method: fixed seeds; a run is repeated and its digest compared.
 */
import { describe, expect, test } from '@jest/globals';
import { churnKinds } from './churn-options.ts';
import { describeFailure } from './describe-report.ts';
import { runSeed } from './run-seed.ts';
import { drawOptions, faultKinds } from './swarm-options.ts';

const testMs = 600_000;

describe('runSeed', () => {
  test.each([1, 2, 3, 4, 5, 8])(
    'seed %i passes',
    async (seed) => {
      const report = await runSeed(seed);
      expect(report.failure === undefined ? '' : describeFailure(report, {}, 'here')).toBe('');
      expect(report.operations['ok']).toBeGreaterThan(100);
    },
    testMs,
  );

  test(
    'the same seed gives the same events, another one others',
    async () => {
      const overrides = { chaosMs: 5_000 };
      const first = await runSeed(7, overrides);
      const second = await runSeed(7, overrides);
      expect(second.digest).toBe(first.digest);
      expect(second.history).toEqual(first.history);
      expect((await runSeed(8, overrides)).digest).not.toBe(first.digest);
    },
    testMs,
  );
});

describe('drawOptions', () => {
  test('each kind of fault is on in some seeds and off in others', () => {
    const draws = Array.from({ length: 100 }, (_, seed) => drawOptions(seed).faults);
    for (const kind of faultKinds) {
      const on = draws.filter((faults) => faults.includes(kind)).length;
      expect(on).toBeGreaterThan(10);
      expect(on).toBeLessThan(90);
    }
  });

  test('members come and go in a part of the seeds, in every way', () => {
    const draws = Array.from({ length: 200 }, (_, seed) => drawOptions(seed).churn);
    const churning = draws.filter((churn) => churn !== undefined);
    expect(churning.length).toBeGreaterThan(50);
    expect(churning.length).toBeLessThan(100);
    for (const kind of churnKinds) {
      expect(churning.filter(({ kinds }) => kinds.includes(kind)).length).toBeGreaterThan(10);
    }
  });

  test('churn can be forced, left out, and set in part', () => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    const drawn = seeds.map((seed) => drawOptions(seed, { churn: true }).churn);
    expect(drawn.every((churn) => churn !== undefined)).toBe(true);
    expect(seeds.map((seed) => drawOptions(seed, { churn: false }).churn)).toEqual(
      seeds.map(() => undefined),
    );
    const some = drawOptions(7, { churn: { kinds: ['drain'] } }).churn;
    expect(some).toEqual({ ...drawn[7], kinds: ['drain'] });
    const without = { ...drawOptions(7, { churn: true }), churn: undefined };
    expect({ ...drawOptions(7, { churn: false }), churn: undefined }).toEqual(without);
  });

  test('overrides win', () => {
    expect(drawOptions(1, { nodes: 7 })).toEqual({ ...drawOptions(1), nodes: 7 });
  });
});
