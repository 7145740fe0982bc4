// Method: the shares are compared with shares found by handing out crumbs.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import { fillByWeight, loadTargets, shareCeil, shareFloor } from './load-target.ts';
import { slowShares } from './test-cluster.ts';
import { zoneProfile } from './zone-profile.ts';

interface Shape {
  readonly zones: readonly number[];
  readonly weights: readonly number[];
  readonly groupCount: number;
  readonly copies: number;
}

function targetsOf({ zones, weights, groupCount, copies }: Shape): number[] {
  const capacities = Array.from({ length: Math.max(...zones) + 1 }, (_, z) => {
    return zones.filter((zone) => zone === z).length;
  });
  const profile = zoneProfile(capacities, copies);
  return [...loadTargets({ weights, zones, profile, groupCount, copies })];
}

describe('loadTargets', () => {
  test('equals what handing out crumbs gives', () => {
    const shape = fc
      .record({
        nodes: fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 4 })), {
          minLength: 1,
          maxLength: 8,
        }),
        copies: fc.constantFrom(1, 3, 5),
      })
      .filter(({ nodes, copies }) => nodes.length >= copies);
    fc.assert(
      fc.property(shape, ({ nodes, copies }) => {
        const zones = nodes.map(([zone]) => zone);
        const weights = nodes.map(([, weight]) => weight);
        const input = { zones, weights, groupCount: 100, copies };
        const slow = slowShares(input);
        for (const [i, target] of targetsOf(input).entries()) {
          expect(Math.abs(target - must(slow[i]))).toBeLessThan(1);
        }
      }),
    );
  });

  test.each([
    ['three zones of 3, 1 and 1 nodes', [0, 0, 0, 1, 2], [20, 20, 20, 60, 60]],
    ['five nodes without zones', [0, 1, 2, 3, 4], [36, 36, 36, 36, 36]],
    ['two zones of 3 and 2', [0, 0, 0, 1, 1], [36, 36, 36, 36, 36]],
    ['two zones of 4 and 1', [0, 0, 0, 0, 1], [30, 30, 30, 30, 60]],
  ])('%s share 60 shards of three copies', (_, zones, expected) => {
    const weights = zones.map(() => 1);
    const targets = targetsOf({ zones, weights, groupCount: 60, copies: 3 });
    expect(targets.map((target) => Number(target.toFixed(6)))).toEqual(expected);
  });

  test('a heavy node has one copy of each shard at most', () => {
    const targets = targetsOf({
      ...{ zones: [0, 1, 2, 3], weights: [100, 1, 1, 2], groupCount: 40, copies: 3 },
    });
    expect(targets.map((target) => Number(target.toFixed(6)))).toEqual([40, 20, 20, 40]);
  });
});

describe('fillByWeight', () => {
  test('fills by weight up to the caps', () => {
    const shares = fillByWeight({ weights: [1, 1, 2], caps: [2, 100, 100], total: 14 });
    expect([...shares]).toEqual([2, 4, 8]);
  });

  test('fills everyone up if there is too much', () => {
    expect([...fillByWeight({ weights: [1, 5], caps: [3, 4], total: 100 })]).toEqual([3, 4]);
  });
});

describe('shareFloor and shareCeil', () => {
  test('take a share that is whole but for rounding as whole', () => {
    expect([shareFloor(2.9999999999), shareCeil(3.0000000001)]).toEqual([3, 3]);
    expect([shareFloor(2.5), shareCeil(2.5)]).toEqual([2, 3]);
  });
});
