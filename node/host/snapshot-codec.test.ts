/** Snapshots in transit: round trips; bytes that are damaged, out of order or make no sense. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isDynakvError } from '../lib/errors.ts';
import { emptyPoint } from '../storage/staging-rows.ts';
import {
  decodeSnapshotAnswer,
  decodeSnapshotChunk,
  decodeSnapshotHead,
  encodeSnapshotAnswer,
  encodeSnapshotChunk,
  encodeSnapshotHead,
} from './snapshot-codec.ts';
import type { SnapshotChunk, SnapshotHead } from './snapshot-codec.ts';

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
  incarnation: 1,
  bytesTotal: 2 ** 40,
};
const metadata = { index: 100, term: 8, confState };

function errorOf(work: () => unknown): { code?: string; reason?: unknown } {
  try {
    work();
  } catch (error) {
    return isDynakvError(error) ? { code: error.code, reason: error.facts['reason'] } : {};
  }
  return {};
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const position = { index: fc.maxSafeNat(), term: fc.maxSafeNat() };
const anyChunk: fc.Arbitrary<SnapshotChunk> = fc.oneof(
  fc.record({
    kind: fc.constant('rows' as const),
    ...position,
    rows: fc.array(fc.tuple(bytes, bytes)),
    isLast: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('delta' as const),
    ...position,
    writes: fc.array(fc.record({ key: bytes, value: fc.option(bytes, { nil: undefined }) })),
  }),
  fc.constant({ kind: 'fresh' as const }),
  fc.constant({ kind: 'end' as const, metadata, configurationIndex: 90 }),
);

describe('heads and answers', () => {
  test('a head reads as it was written', () => {
    expect(decodeSnapshotHead(encodeSnapshotHead(head))).toEqual(head);
  });

  test.each([
    ...['null', '7', '[]', '{', '{}'],
    JSON.stringify({ ...head, to: 'x' }),
    JSON.stringify({ ...head, term: undefined }),
    JSON.stringify({ ...head, bytesTotal: null }),
  ])('the head %s is a BadFrame', (text) => {
    expect(errorOf(() => decodeSnapshotHead(Buffer.from(text))).code).toBe('BadFrame');
  });

  test('an answer reads as it was written', () => {
    const point = {
      index: 7,
      term: 3,
      lastKey: Buffer.from('key'),
      isComplete: true,
      rows: 2 ** 33,
      bytes: 2 ** 43,
    };
    for (const each of [point, emptyPoint]) {
      expect(decodeSnapshotAnswer(encodeSnapshotAnswer(each))).toEqual(each);
    }
    const answer = encodeSnapshotAnswer(point);
    expect(errorOf(() => decodeSnapshotAnswer(answer.subarray(0, 9))).code).toBe('BadFrame');
  });
});

describe('chunks', () => {
  test('read as they were written', () => {
    fc.assert(
      fc.property(anyChunk, fc.nat(), (chunk, number) => {
        expect(decodeSnapshotChunk(number, encodeSnapshotChunk(number, chunk))).toEqual(chunk);
      }),
    );
  });

  test('any flipped bit is found', () => {
    const chunk = encodeSnapshotChunk(1, {
      kind: 'rows',
      index: 9,
      term: 2,
      rows: [[Buffer.from('key'), Buffer.from('value')]],
      isLast: false,
    });
    for (let bit = 0; bit < chunk.length * 8; bit++) {
      const damaged = Buffer.from(chunk);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(errorOf(() => decodeSnapshotChunk(1, damaged)).reason).toBe('ChunkDamaged');
    }
    for (const length of [0, 3, chunk.length - 1]) {
      const cut = chunk.subarray(0, length);
      expect(errorOf(() => decodeSnapshotChunk(1, cut)).reason).toBe('ChunkDamaged');
    }
  });

  test('one that is not the next is refused: nothing may be lost or come twice', () => {
    const chunk = encodeSnapshotChunk(5, { kind: 'fresh' });
    for (const expected of [4, 6]) {
      const error = errorOf(() => decodeSnapshotChunk(expected, chunk));
      expect(error).toEqual({ code: 'BadFrame', reason: 'ChunkOutOfOrder' });
    }
  });

  test.each([
    { index: 1, term: 1 },
    { index: 'x', term: 1, confState },
    { index: 1, term: 1, confState: { voters: [1] } },
    { index: 1, term: 1, confState: { ...confState, votersOutgoing: 'x' } },
    { index: 1, term: 1, confState: { ...confState, autoLeave: 1 } },
  ])('the end %j is a BadFrame', (wrong) => {
    const end = { kind: 'end', metadata: wrong as typeof metadata, configurationIndex: 0 } as const;
    const chunk = encodeSnapshotChunk(0, end);
    expect(errorOf(() => decodeSnapshotChunk(0, chunk)).code).toBe('BadFrame');
  });
});
