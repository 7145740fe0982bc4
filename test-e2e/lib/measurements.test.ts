import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measurementTable, recordMeasurement } from './measurements.ts';

describe('numbers of a run', () => {
  test('they are told with their bounds, those with bounds first', () => {
    const folder = mkdtempSync(join(tmpdir(), 'numbers-'));
    try {
      expect(measurementTable(folder)).toEqual([]);
      recordMeasurement(folder, { what: 'without a bound', value: 17, unit: 'requests' });
      recordMeasurement(folder, { what: 'slow', value: 61.5, unit: 's', atMost: 60, aim: 25 });
      recordMeasurement(folder, { what: 'good', value: 30, unit: 's', atMost: 60, aim: 25 });
      recordMeasurement(folder, { what: 'best', value: 0, unit: 'requests', atMost: 0, aim: 0 });
      expect(measurementTable(folder)).toEqual([
        'number              measured     at most         aim',
        '----------------------------------------------------',
        'slow                 61.50 s        60 s        25 s       MISSED',
        'good                 30.00 s        60 s        25 s      reached',
        'best              0 requests  0 requests  0 requests  aim reached',
        'without a bound  17 requests',
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
