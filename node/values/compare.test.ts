import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AttributeValue } from './attribute-value.ts';
import { compareText, compareValues, equalValues } from './compare.ts';

describe('compareText', () => {
  test('orders as UTF-8 bytes', () => {
    const text = fc.oneof(
      fc.string({
        unit: fc.constantFrom('a', '\ud7ff', '\ue000', '\uffff', '\u{10000}'),
        maxLength: 4,
      }),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(compareText(a, b)).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('compareValues', () => {
  test.each([
    [{ S: 'a' }, { S: 'b' }, -1],
    [{ N: '10' }, { N: '9' }, 1],
    [{ B: '/w==' }, { B: 'AA==' }, 1],
    [{ B: 'AAAA' }, { B: 'AA==' }, 1],
    [{ S: '1' }, { N: '1' }, undefined],
    [{ BOOL: true }, { BOOL: true }, undefined],
    [{ L: [] }, { L: [] }, undefined],
  ] as const)('%j and %j', (a, b, expected) => {
    expect(compareValues(a, b)).toBe(expected);
  });
});

describe('equalValues', () => {
  const item = JSON.parse('{"__proto__":{"S":"x"},"a":{"N":"1"}}') as Record<
    string,
    AttributeValue
  >;
  const equal: readonly (readonly [AttributeValue, AttributeValue])[] = [
    [{ SS: ['a', 'b'] }, { SS: ['b', 'a'] }],
    [{ NS: ['1', '2'] }, { NS: ['2', '1'] }],
    [{ BS: ['AQ==', 'Ag=='] }, { BS: ['Ag==', 'AQ=='] }],
    [{ NULL: true }, { NULL: true }],
    [{ M: { a: { S: '1' }, b: { S: '2' } } }, { M: { b: { S: '2' }, a: { S: '1' } } }],
    [{ L: [{ M: { a: { SS: ['x', 'y'] } } }] }, { L: [{ M: { a: { SS: ['y', 'x'] } } }] }],
    [{ M: item }, { M: item }],
  ];
  test.each(equal)('%j = %j', (a, b) => {
    expect(equalValues(a, b)).toBe(true);
  });

  const unequal: readonly (readonly [AttributeValue, AttributeValue])[] = [
    [{ S: '1' }, { N: '1' }],
    [{ SS: ['a'] }, { SS: ['a', 'b'] }],
    [{ SS: ['a', 'c'] }, { SS: ['a', 'b'] }],
    [{ L: [{ S: 'a' }, { S: 'b' }] }, { L: [{ S: 'b' }, { S: 'a' }] }],
    [{ L: [] }, { M: {} }],
    [{ M: { a: { S: '' } } }, { M: { b: { S: '' } } }],
    [{ M: { toString: { S: '' } } }, { M: { a: { S: '' } } }],
    [{ M: { a: { S: '' } } }, { M: { toString: { S: '' } } }],
    [{ M: item }, { M: { a: { N: '1' }, b: { S: 'x' } } }],
    [{ BOOL: true }, { BOOL: false }],
  ];
  test.each(unequal)('%j is not %j', (a, b) => {
    expect(equalValues(a, b)).toBe(false);
    expect(equalValues(b, a)).toBe(false);
  });
});
