// Method: every way to put copies into zones is tried out and counted.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { slowFewestPairs, slowZoneBounds } from './test-cluster.ts';
import { bestZoneCounts, sharedZonePairs, zoneProfile } from './zone-profile.ts';

const capacities = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 });
const request = fc
  .record({ zones: capacities, copies: fc.integer({ min: 0, max: 7 }) })
  .filter(({ zones, copies }) => zones.reduce((a, b) => a + b, 0) >= copies);

describe('zoneProfile', () => {
  test('bounds each zone exactly as the best spreads do', () => {
    fc.assert(
      fc.property(request, ({ zones, copies }) => {
        const { least, most } = zoneProfile(zones, copies);
        expect([[...least], [...most]]).toEqual(slowZoneBounds(zones, copies));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [[3, 1, 1], 3, [1, 1, 1], [1, 1, 1]],
    [[2, 2], 3, [1, 1], [2, 2]],
    [[1, 1, 1, 1], 3, [0, 0, 0, 0], [1, 1, 1, 1]],
    [[4, 1], 5, [4, 1], [4, 1]],
  ])('zones of %j nodes, %d copies', (zones, copies, least, most) => {
    const profile = zoneProfile(zones, copies);
    expect([[...profile.least], [...profile.most]]).toEqual([least, most]);
  });

  test('refuses more copies than there are nodes', () => {
    expect(() => zoneProfile([1, 1], 3)).toThrow('node for each copy');
  });
});

describe('bestZoneCounts', () => {
  test('is a spread with the fewest pairs that share a zone', () => {
    fc.assert(
      fc.property(request, ({ zones, copies }) => {
        const counts = bestZoneCounts(zones, copies);
        expect(counts.reduce((a, b) => a + b, 0)).toBe(copies);
        expect(counts.every((count, z) => count <= (zones[z] ?? 0))).toBe(true);
        expect(sharedZonePairs(counts)).toBe(slowFewestPairs(zones, copies));
      }),
    );
  });
});
