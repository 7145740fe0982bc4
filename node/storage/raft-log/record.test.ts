// Goal: every record comes back from its bytes as it was, and bytes that are no records are refused
// with `BadFrame` or read as something, but never crash. Method: generated records and bytes.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ByteWriter } from '../../lib/bytes.ts';
import { isDynakvError } from '../../lib/errors.ts';
import type { ConfState, Entry, EntryType } from '../../raft/messages.ts';
import { decodeRecords, writeEntries, writeRecord } from './record.ts';
import type { Checkpoint, EntriesRecord, LogRecord } from './record.ts';

const number = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const ids = fc.array(fc.nat(), { maxLength: 4 });
const confState: fc.Arbitrary<ConfState> = fc.record({
  voters: ids,
  learners: ids,
  votersOutgoing: ids,
  learnersNext: ids,
  autoLeave: fc.boolean(),
});
const hardState = fc.record({ term: number, vote: number, commit: number });
const metadata = fc.record({ index: number, term: number, confState });
const replica = { groupId: number, replicaId: number };
const groupState = fc.record({
  replicaId: number,
  hardState,
  metadata,
  lastIndex: number,
  watermark: number,
});
const checkpoint: fc.Arbitrary<Checkpoint> = fc.record({
  bootHistory: fc.array(fc.string(), { maxLength: 3 }),
  groups: fc.array(fc.tuple(number, groupState), { maxLength: 3 }),
  removed: fc.array(fc.tuple(number, fc.array(number, { minLength: 1, maxLength: 3 })), {
    maxLength: 3,
  }),
});
const smallRecord: fc.Arbitrary<Exclude<LogRecord, EntriesRecord>> = fc.oneof(
  fc.record({ kind: fc.constant('hardState' as const), ...replica, hardState }),
  fc.record({
    kind: fc.constant('compact' as const),
    ...replica,
    index: number,
    term: number,
    confState: fc.option(confState, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('snapshot' as const), ...replica, metadata }),
  fc.record({ kind: fc.constant('create' as const), ...replica, metadata, hardState }),
  fc.record({ kind: fc.constant('remove' as const), ...replica }),
  fc.record({ kind: fc.constant('watermark' as const), ...replica, index: number }),
  fc.record({ kind: fc.constant('boot' as const), nonce: fc.string() }),
  fc.record({ kind: fc.constant('checkpoint' as const), checkpoint }),
);
/** Consecutive entries whose terms never fall. */
const entriesRecord = fc.record({
  kind: fc.constantFrom('entries' as const, 'rewritten' as const),
  ...replica,
  first: fc.integer({ min: 1, max: 2 ** 50 }),
  parts: fc.array(
    fc.record({
      termStep: fc.nat({ max: 3 }),
      type: fc.constantFrom<EntryType>(0, 1, 2),
      data: fc.uint8Array({ maxLength: 200 }),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

interface Written {
  readonly write: (writer: ByteWriter) => void;
  readonly record: unknown;
}

const written: fc.Arbitrary<Written> = fc.oneof(
  smallRecord.map((record) => ({
    record,
    write: (writer: ByteWriter): void => writeRecord(writer, record),
  })),
  entriesRecord.map(({ kind, groupId, replicaId, first, parts }) => {
    let term = 1;
    const entries = parts.map(({ termStep, type, data }, position): Entry => {
      term += termStep;
      return { index: first + position, term, type, data: Buffer.from(data) };
    });
    const last = first + entries.length - 1;
    const bytes: unknown = expect.any(Number);
    return {
      record: { kind, groupId, replicaId, first, last, bytes, entries },
      write: (writer: ByteWriter): void => {
        writeEntries(writer, kind, { groupId, replicaId }, entries);
      },
    };
  }),
);

function encode(list: readonly Written[]): Buffer {
  const writer = new ByteWriter();
  for (const { write } of list) {
    write(writer);
  }
  return Buffer.from(writer.view());
}

/** Reads bytes that may be anything: records, or `BadFrame`. */
function readAnything(bytes: Buffer): void {
  try {
    expect(Array.isArray(decodeRecords(bytes))).toBe(true);
  } catch (error) {
    if (!isDynakvError(error, 'BadFrame')) {
      throw error;
    }
  }
}

describe('decodeRecords()', () => {
  test('gives back what was written', () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 6 }), (list) => {
        expect(decodeRecords(encode(list))).toEqual(list.map(({ record }) => record));
      }),
    );
  });

  test('random bytes are BadFrame, or records', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // A kind that exists, so that more than the first byte is read.
      fc
        .tuple(fc.integer({ min: 1, max: 10 }), fc.uint8Array({ maxLength: 100 }))
        .map(([kind, rest]) => Uint8Array.of(kind, ...rest)),
    );
    fc.assert(
      fc.property(bytes, (some) => readAnything(Buffer.from(some))),
      { numRuns: 2000 },
    );
  });

  test('records cut short or with a byte changed are BadFrame, or other records', () => {
    fc.assert(
      fc.property(
        fc.array(written, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (list, at, mask) => {
          const bytes = encode(list);
          const position = at % bytes.length;
          readAnything(bytes.subarray(0, position));
          bytes.writeUInt8(bytes.readUInt8(position) ^ mask, position);
          readAnything(bytes);
        },
      ),
      { numRuns: 500 },
    );
  });
});
