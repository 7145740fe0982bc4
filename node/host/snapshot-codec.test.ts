/** Snapshots in transit: round trips, and heads or chunks that make no sense. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isDynakvError } from '../lib/errors.ts';
import {
  decodeSnapshotHead,
  decodeSnapshotRows,
  encodeSnapshotHead,
  encodeSnapshotRows,
} from './snapshot-codec.ts';
import type { SnapshotHead, SnapshotRow } from './snapshot-codec.ts';

const confState = {
  voters: [1, 2, 3],
  learners: [4],
  votersOutgoing: [1],
  learnersNext: [],
  autoLeave: true,
};
const head: SnapshotHead = {
  groupId: 3,
  from: 1,
  to: 2,
  term: 9,
  metadata: { index: 100, term: 8, confState },
  configurationIndex: 90,
  incarnation: 1,
};

describe('snapshot-codec', () => {
  test('a head reads as it was written', () => {
    expect(decodeSnapshotHead(encodeSnapshotHead(head))).toEqual(head);
  });

  test.each([
    'null',
    '7',
    '[]',
    '{',
    '{}',
    JSON.stringify({ ...head, to: 'x' }),
    JSON.stringify({ ...head, metadata: undefined }),
    JSON.stringify({ ...head, metadata: { index: 1, term: 1 } }),
    JSON.stringify({ ...head, metadata: { ...head.metadata, confState: { voters: [1] } } }),
    JSON.stringify({
      ...head,
      metadata: { ...head.metadata, confState: { ...confState, votersOutgoing: 'x' } },
    }),
  ])('the head %s is a BadFrame', (text) => {
    let thrown: unknown;
    try {
      decodeSnapshotHead(Buffer.from(text));
    } catch (error) {
      thrown = error;
    }
    expect(isDynakvError(thrown, 'BadFrame')).toBe(true);
  });

  test('rows read as they were written', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(fc.array(fc.tuple(bytes, bytes)), (rows: SnapshotRow[]) => {
        expect(decodeSnapshotRows(Buffer.from(encodeSnapshotRows(rows)))).toEqual(rows);
      }),
    );
  });

  test('a chunk cut short is a BadFrame', () => {
    const chunk = encodeSnapshotRows([[Buffer.from('key'), Buffer.from('value')]]);
    expect(() => decodeSnapshotRows(chunk.subarray(0, chunk.length - 1))).toThrow('Cannot read');
  });
});
