/**
 * The best spread of one group's copies over zones: as even as the nodes in each zone allow. With
 * it fewest pairs of copies share a zone, so a lost zone takes as few copies as can be.
 *
 * Found by filling: one copy for each zone, then a second one each, while nodes are left. All best
 * spreads have in common that each zone has `least` or `most` copies (which differ by one at most):
 * a set of the right size is best if and only if every zone's count lies between the two.
 */
import { assert } from '../lib/assert.ts';

export interface ZoneProfile {
  /** Copies in a zone, by zone. */
  readonly least: Int32Array;
  readonly most: Int32Array;
}

/** The profile for `count` copies, where zone z has `capacities[z]` nodes. */
export function zoneProfile(capacities: ArrayLike<number>, count: number): ZoneProfile {
  const zoneCount = capacities.length;
  const least = new Int32Array(zoneCount);
  const most = new Int32Array(zoneCount);
  let left = count;
  for (let level = 1; left > 0; level++) {
    let fits = 0;
    for (let z = 0; z < zoneCount; z++) {
      fits += (capacities[z] as number) >= level ? 1 : 0;
    }
    assert(fits > 0, 'There must be a node for each copy');
    for (let z = 0; z < zoneCount; z++) {
      if ((capacities[z] as number) >= level) {
        most[z] = level;
        least[z] = fits <= left ? level : level - 1;
      }
    }
    left -= Math.min(fits, left);
  }
  return { least, most };
}

/** Copies by zone of one best spread. */
export function bestZoneCounts(capacities: ArrayLike<number>, count: number): number[] {
  const { least, most } = zoneProfile(capacities, count);
  let left = count - least.reduce((sum, each) => sum + each, 0);
  return Array.from(least, (each, zone) => {
    const more = Math.min(left, (most[zone] as number) - each);
    left -= more;
    return each + more;
  });
}

/** Pairs of copies that share a zone: what a best spread has fewest of. */
export function sharedZonePairs(countsByZone: Iterable<number>): number {
  let pairs = 0;
  for (const count of countsByZone) {
    pairs += (count * (count - 1)) / 2;
  }
  return pairs;
}
