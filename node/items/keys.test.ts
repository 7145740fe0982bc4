import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KeyRange } from './keys.ts';
import {
  hashOfPartitionKey,
  hashRange,
  rowKey,
  splitRowKey,
  tableIdMax,
  tableRange,
} from './keys.ts';
import { isDynakvError } from '../lib/errors.ts';
import { compareText } from '../values/compare.ts';
import { encodeKeyValue } from '../values/key-encoding.ts';
import { compareNumbers } from '../values/number.ts';

const uint32 = fc.oneof(fc.constantFrom(0, 1, 255, 256, 2 ** 31, 2 ** 32 - 1), fc.nat(2 ** 31 - 1));
const tableId = fc.oneof(fc.constantFrom(0, 1, 255, 256, tableIdMax), fc.nat(tableIdMax));

function holds(range: KeyRange, key: Buffer): boolean {
  return Buffer.compare(range.from, key) <= 0 && Buffer.compare(key, range.to) < 0;
}

describe('rowKey', () => {
  test('the format stays what it is', () => {
    const key = rowKey(1, 0xdeadbeef, encodeKeyValue('S', 'a'), encodeKeyValue('N', '0'));
    expect(key.toString('hex')).toBe('00000001deadbeef61000002');
    expect(hashOfPartitionKey(encodeKeyValue('S', 'user1'))).toBe(
      hashOfPartitionKey(Buffer.from('7573657231' + '0000', 'hex')),
    );
  });

  test('orders by table, hash, partition key and sort key', () => {
    const parts = fc.tuple(
      tableId,
      uint32,
      fc.string({ maxLength: 3 }),
      fc.integer({ min: -20, max: 20 }).map(String),
    );
    const encode = ([table, hash, pk, sk]: [number, number, string, string]): Buffer =>
      rowKey(table, hash, encodeKeyValue('S', pk), encodeKeyValue('N', sk));
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const expected =
          Math.sign(a[0] - b[0]) ||
          Math.sign(a[1] - b[1]) ||
          compareText(a[2], b[2]) ||
          compareNumbers(a[3], b[3]);
        expect(Buffer.compare(encode(a), encode(b))).toBe(expected);
      }),
    );
  });

  test('refuses ids out of range', () => {
    const key = Buffer.of(1);
    for (const [table, hash] of [
      [-1, 0],
      [2 ** 32 - 1, 0],
      [1.5, 0],
      [0, -1],
      [0, 2 ** 32],
    ] as const) {
      expect(() => rowKey(table, hash, key)).toThrow('must be');
    }
  });
});

describe('splitRowKey', () => {
  test('undoes rowKey', () => {
    fc.assert(
      fc.property(tableId, uint32, fc.uint8Array({ maxLength: 20 }), (table, hash, key) => {
        expect(splitRowKey(rowKey(table, hash, key))).toEqual({
          tableId: table,
          hash,
          key: Buffer.from(key),
        });
      }),
    );
  });

  test('refuses what is too short', () => {
    expect.assertions(1);
    try {
      splitRowKey(Buffer.alloc(7));
    } catch (error) {
      expect(isDynakvError(error, 'BadFrame')).toBe(true);
    }
  });
});

describe('ranges', () => {
  test('tableRange() holds exactly the rows of the table', () => {
    fc.assert(
      fc.property(tableId, tableId, uint32, fc.uint8Array(), (table, other, hash, key) => {
        expect(holds(tableRange(table), rowKey(table, hash, key))).toBe(true);
        expect(holds(tableRange(table), rowKey(other, hash, key))).toBe(other === table);
      }),
    );
  });

  test('hashRange() holds exactly the hashes from the first to before the last', () => {
    const bound = fc.oneof(uint32, fc.constant(2 ** 32));
    fc.assert(
      fc.property(tableId, bound, bound, uint32, fc.uint8Array(), (table, a, b, hash, key) => {
        const [from, to] = a <= b ? [a, b] : [b, a];
        expect(holds(hashRange(table, from, to), rowKey(table, hash, key))).toBe(
          from <= hash && hash < to,
        );
      }),
    );
  });
});
