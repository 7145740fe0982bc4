/** Stored bytes of rows, batches and schema rows: round trips and refusals. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isDynakvError } from '../lib/errors.ts';
import { decodeBatch, encodeBatch } from './batch.ts';
import { decodeRow, encodeRow, versionText } from './row.ts';
import { decodeSchemaRow, encodeSchemaRow, schemaRowKey, schemaTableOf } from './schema-row.ts';

const bytes = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array));

function expectBadFrame(run: () => unknown): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown === undefined || isDynakvError(thrown, 'BadFrame')).toBe(true);
}

describe('row', () => {
  test('reads as it was written', () => {
    const stamp = { incarnation: 1, index: 523, ordinal: 2 };
    const row = encodeRow(stamp, 70_000, Buffer.from('{"id":{"S":"x"}}'));
    const { version, itemSize, item } = decodeRow(row);
    expect([version, itemSize, item.toString()]).toEqual(['1-523-2', 70_000, '{"id":{"S":"x"}}']);
  });

  test('versions differ by incarnation, index and ordinal (P5)', () => {
    const texts = [
      { incarnation: 1, index: 2, ordinal: 3 },
      { incarnation: 2, index: 2, ordinal: 3 },
      { incarnation: 1, index: 23, ordinal: 3 },
      { incarnation: 1, index: 2, ordinal: 33 },
    ].map(versionText);
    expect(new Set(texts).size).toBe(4);
  });

  test('bytes that are no row give BadFrame only', () => {
    fc.assert(
      fc.property(bytes, (row) => {
        expectBadFrame(() => decodeRow(row));
      }),
    );
    expect(() => decodeRow(Buffer.from([2, 1, 1, 1, 1]))).toThrow('format 2');
  });
});

describe('batch', () => {
  test('reads as it was written, an empty value apart from a delete', () => {
    const write = fc.record({ key: bytes, value: fc.option(bytes, { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(write), (writes) => {
        expect(decodeBatch(encodeBatch(writes))).toEqual(writes);
      }),
    );
  });

  test('bytes that are no batch give BadFrame only', () => {
    fc.assert(
      fc.property(bytes, (data) => {
        expectBadFrame(() => decodeBatch(data));
        expectBadFrame(() => decodeBatch(Buffer.concat([Buffer.from([1, 2]), data])));
      }),
    );
    const batch = encodeBatch([{ key: Buffer.from('k'), value: undefined }]);
    expect(() => decodeBatch(Buffer.concat([batch, Buffer.from([0])]))).toThrow('Expected the end');
  });
});

describe('schema row', () => {
  test('reads as it was written', () => {
    const row = { tableId: 4_000_000_000, version: 7, state: 'dropped' } as const;
    expect(decodeSchemaRow(encodeSchemaRow(row))).toEqual(row);
  });

  test('its key names the table, no item key does', () => {
    expect(schemaTableOf(schemaRowKey(77))).toBe(77);
    expect(schemaTableOf(Buffer.alloc(11))).toBeUndefined();
    const item = schemaRowKey(77);
    item.writeUInt32BE(1, 0);
    expect(schemaTableOf(item)).toBeUndefined();
  });

  test('a row without its numbers is refused', () => {
    expect(() => decodeSchemaRow(Buffer.from('{"tableId":1}'))).toThrow('Cannot read');
  });
});
