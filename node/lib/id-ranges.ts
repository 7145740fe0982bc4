/**
 * A set of ascending ids as ranges: small while ids are given out in order and leave in about the
 * same order, as replica ids do. Immutable: a change is a new set.
 *
 * Invariant: ranges ascend, and neither overlap nor touch.
 */
import { assert } from './assert.ts';

/** `[first, last]`, both inclusive. */
export type IdRange = readonly [first: number, last: number];
export type IdRanges = readonly IdRange[];

export function hasId(ranges: IdRanges, id: number): boolean {
  return ranges.some(([first, last]) => first <= id && id <= last);
}

/** The set with `id` in it. */
export function withId(ranges: IdRanges, id: number): IdRanges {
  assert(Number.isSafeInteger(id) && id > 0, 'An id is a positive whole number');
  if (hasId(ranges, id)) {
    return ranges;
  }
  const merged: [number, number][] = [];
  const all = [...ranges, [id, id] as const].sort((a, b) => a[0] - b[0]);
  for (const [first, last] of all) {
    const before = merged.at(-1);
    if (before !== undefined && before[1] + 1 === first) {
      before[1] = last;
    } else {
      merged.push([first, last]);
    }
  }
  return merged;
}
