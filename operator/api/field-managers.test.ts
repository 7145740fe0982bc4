/** Owners of a field, from what the API server notes of each writer. */
import { describe, expect, test } from '@jest/globals';
import { managerOf } from './field-managers.ts';

const entry = (manager: string, time: string, fieldsV1: object): object => ({
  ...{ manager, time, operation: 'Update', fieldsType: 'FieldsV1', fieldsV1 },
});

describe('managerOf()', () => {
  const replicas = { 'f:spec': { 'f:replicas': {} } };
  const others = { 'f:spec': { 'f:shards': {} }, 'f:status': { 'f:replicas': {} } };

  test.each([
    ['nobody is noted', undefined, ''],
    ['one that owns other fields is none', [entry('a', '2026-01-01T00:00:00Z', others)], ''],
    [
      'of several the last one',
      [
        entry('a', '2026-01-01T00:00:02Z', replicas),
        entry('b', '2026-01-01T00:00:03Z', replicas),
        entry('c', '2026-01-01T00:00:04Z', others),
      ],
      'b',
    ],
  ])('%s', (_what, managedFields, expected) => {
    const metadata = { name: 'demo', ...(managedFields === undefined ? {} : { managedFields }) };
    expect(managerOf(metadata, ['spec', 'replicas'])).toBe(expected);
  });
});
