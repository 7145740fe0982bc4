/**
 * The one way in which two things are compared here: measured in turn, a pair at a time, because
 * the machine drifts; the ratio of a row is the median over its pairs.
 */
import { assert } from '../lib/assert.ts';

export interface Pair {
  /** Ours. */
  readonly left: number;
  /** What it is compared with. */
  readonly right: number;
}

export interface PairsResult {
  readonly ratio: number;
  readonly pairs: readonly Pair[];
}

/** Measures `count` pairs, the order within a pair alternating. */
export async function measurePairs(
  count: number,
  left: () => Promise<number>,
  right: () => Promise<number>,
): Promise<PairsResult> {
  const pairs: Pair[] = [];
  for (let i = 0; i < count; i++) {
    if (i % 2 === 0) {
      const first = await left();
      pairs.push({ left: first, right: await right() });
    } else {
      const first = await right();
      pairs.push({ left: await left(), right: first });
    }
  }
  return { ratio: median(pairs.map((pair) => pair.left / pair.right)), pairs };
}

export function median(values: readonly number[]): number {
  assert(values.length > 0, 'A median needs values');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
