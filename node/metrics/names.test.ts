/** The rules that names of series keep, and the document generated from them. */
import { describe, expect, test } from '@jest/globals';
import { expectGolden } from '../test/golden.ts';
import type { SeriesSpec } from './names.ts';
import { describeSeries, series } from './names.ts';

const specs = Object.values<SeriesSpec>(series);

describe('series', () => {
  test('names are unique, and say type and unit', () => {
    expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length);
    for (const spec of specs) {
      expect(spec.name).toMatch(/^dynakv_[a-z]+(_[a-z]+)*$/);
      expect(spec.name.endsWith('_total')).toBe(spec.type === 'counter');
      expect(spec.name.includes('_seconds')).toBe(spec.unit === 'seconds');
      expect(/_bytes(_total)?$/.test(spec.name)).toBe(spec.unit === 'bytes');
    }
  });

  test('only histograms have buckets, in rising order', () => {
    for (const spec of specs) {
      expect(spec.buckets !== undefined).toBe(spec.type === 'histogram');
      const buckets = [...(spec.buckets ?? [])];
      expect(buckets.toSorted((left, right) => left - right)).toEqual(buckets);
    }
  });

  test('no label takes unbounded values', () => {
    const labels = new Set(specs.flatMap((spec) => spec.labels));
    for (const unbounded of ['key', 'item', 'table', 'shard', 'address']) {
      expect(labels.has(unbounded)).toBe(false);
    }
  });
});

describe('describeSeries()', () => {
  test('is what node/docs/metrics.md says', () => {
    expectGolden('node/docs/metrics.md', describeSeries());
  });
});
