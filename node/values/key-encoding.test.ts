// Goal: byte order of encodings is value order, encodings are prefix-free and decode. Method:
// random pairs, near each other on purpose, compared both ways.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KeyType } from './attribute-value.ts';
import { isDynakvError } from '../lib/errors.ts';
import { compareBinary, compareText } from './compare.ts';
import { decodeKeyValue, encodeKeyValue, keyText, keyValueSize } from './key-encoding.ts';
import { compareNumbers, parseNumber } from './number.ts';

const text = fc.oneof(
  fc.string({
    unit: fc.constantFrom('\0', '\x01', 'a', '\xff', '\uffff', '\u{10000}'),
    maxLength: 5,
  }),
  fc.string({ unit: 'grapheme', maxLength: 10 }),
);
const base64 = fc
  .oneof(
    fc.array(fc.constantFrom(0, 1, 0xfe, 0xff), { maxLength: 5 }),
    fc.array(fc.nat(255), { maxLength: 10 }),
  )
  .map((bytes) => Buffer.from(bytes).toString('base64'));
const number = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constantFrom('0', '1', '9', '10', '99', '1001', '100000000000000000000000000001'),
      fc.bigInt({ min: 0n, max: 10n ** 38n - 1n }).map(String),
    ),
    fc.oneof(fc.constantFrom(0, -1, 1), fc.integer({ min: -130, max: 88 })),
  )
  .map(([sign, digits, exponent]) => {
    const parsed = parseNumber(`${sign}${digits}e${exponent}`);
    return parsed.ok ? parsed.text : '0';
  });

const cases: readonly (readonly [
  KeyType,
  fc.Arbitrary<string>,
  (a: string, b: string) => number,
])[] = [
  ['S', text, compareText],
  ['B', base64, compareBinary],
  ['N', number, compareNumbers],
];

describe.each(cases)('key encoding of %s', (type, arbitrary, compare) => {
  test('sorts as the values do', () => {
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        const order = Buffer.compare(encodeKeyValue(type, a), encodeKeyValue(type, b));
        expect(order).toBe(Math.sign(compare(a, b)));
      }),
      { numRuns: 1000 },
    );
  });

  test('sorts as the pair does when two are joined', () => {
    const pair = fc.tuple(arbitrary, arbitrary);
    fc.assert(
      fc.property(pair, pair, ([a1, a2], [b1, b2]) => {
        const encode = (x: string, y: string): Buffer =>
          Buffer.concat([encodeKeyValue(type, x), encodeKeyValue(type, y)]);
        const expected = compare(a1, b1) === 0 ? compare(a2, b2) : compare(a1, b1);
        expect(Buffer.compare(encode(a1, a2), encode(b1, b2))).toBe(Math.sign(expected));
      }),
      { numRuns: 1000 },
    );
  });

  test('decodes, at any offset and with bytes behind it', () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(5), fc.uint8Array({ maxLength: 4 }), (value, offset, rest) => {
        const encoded = encodeKeyValue(type, value);
        const framed = Buffer.concat([Buffer.alloc(offset, 7), encoded, rest]);
        expect(decodeKeyValue(type, framed, offset)).toEqual({
          value,
          end: offset + encoded.length,
        });
      }),
    );
  });

  test('refuses every cut encoding', () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(1000), (value, cut) => {
        const encoded = encodeKeyValue(type, value);
        const shorter = encoded.subarray(0, cut % encoded.length);
        expect(() => decodeKeyValue(type, shorter)).toThrow();
      }),
    );
  });

  test('decodes or refuses any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        try {
          const { value, end } = decodeKeyValue(type, bytes);
          // Text that is not UTF-8 cannot come back; everything else does.
          if (type !== 'S') {
            expect(encodeKeyValue(type, value)).toEqual(Buffer.from(bytes.subarray(0, end)));
          }
        } catch (error) {
          expect(isDynakvError(error, 'BadFrame')).toBe(true);
        }
      }),
    );
  });
});

describe('key values', () => {
  test('the format stays what it is', () => {
    expect(encodeKeyValue('S', 'a\0b').toString('hex')).toBe('6100ff620000');
    expect(encodeKeyValue('B', 'AAE=').toString('hex')).toBe('00ff010000');
    expect(encodeKeyValue('N', '0').toString('hex')).toBe('02');
    expect(encodeKeyValue('N', '100.1').toString('hex')).toBe('03840b0200');
    expect(encodeKeyValue('N', '-100.1').toString('hex')).toBe('017bf4fdff');
  });

  test('keyText() tells the type', () => {
    expect(keyText('S', { S: 'a' })).toBe('a');
    expect(keyText('N', { S: 'a' })).toBeUndefined();
  });

  test('keyValueSize() counts bytes', () => {
    expect(keyValueSize('S', 'é')).toBe(2);
    expect(keyValueSize('B', 'AAE=')).toBe(2);
    expect(keyValueSize('N', '100')).toBe(2);
  });
});
