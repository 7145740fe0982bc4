// Goal: a seed says which faults happen, and those of one turn never need the same thing. Method: a
// cluster that only knows its nodes.
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { drawFaults, faultKinds } from './faults.ts';

const limits = { pauseMsMax: 60_000, faultMsMax: 20_000 };
const clusterOf = (nodes: number): ChaosCluster => {
  const names = Array.from({ length: nodes }, (_, index) => index + 1);
  return { nodes: () => names, hasSmallDisks: true } as unknown as ChaosCluster;
};

function describeTurns(seed: number, turns: number): readonly string[] {
  const prng = new Prng(seed);
  return Array.from({ length: turns }, () =>
    drawFaults(clusterOf(3), prng, limits)
      .map(({ text, durationMs }) => `${text} for ${durationMs}`)
      .join(' | '),
  );
}

describe('drawFaults()', () => {
  test('draws the same for the same seed, and something else for another', () => {
    expect(describeTurns(7, 50)).toEqual(describeTurns(7, 50));
    expect(describeTurns(7, 50)).not.toEqual(describeTurns(8, 50));
  });

  test.each([3, 5])(
    'draws every kind, within its limits, with needs of its own (%i nodes)',
    (count) => {
      const prng = new Prng(1);
      const kinds = new Set<string>();
      for (let turn = 0; turn < 400; turn++) {
        const faults = drawFaults(clusterOf(count), prng, limits);
        const needs = faults.flatMap((fault) => fault.needs);
        expect(new Set(needs).size).toBe(needs.length);
        expect(faults.length).toBeGreaterThan(0);
        for (const { kind, durationMs, down } of faults) {
          kinds.add(kind);
          expect(durationMs).toBeGreaterThan(0);
          expect(durationMs).toBeLessThanOrEqual(limits.pauseMsMax);
          expect(new Set(down).size).toBe(down.length);
        }
      }
      expect([...kinds].sort()).toEqual([...faultKinds].sort());
    },
  );
});
