// Reference: DynamoDB developer guide, "DynamoDB item sizes and formats".
import { describe, expect, test } from '@jest/globals';
import type { AttributeValue } from './attribute-value.ts';
import { binarySize, itemSize, numberSize, valueSize } from './item-size.ts';

describe('valueSize', () => {
  const cases: readonly (readonly [AttributeValue, number])[] = [
    [{ S: '' }, 0],
    [{ S: 'abc' }, 3],
    [{ S: 'é😀' }, 6],
    [{ B: '' }, 0],
    [{ B: 'AQ==' }, 1],
    [{ B: 'AQI=' }, 2],
    [{ B: 'AQID' }, 3],
    [{ BOOL: false }, 1],
    [{ NULL: true }, 1],
    [{ SS: ['a', 'bc'] }, 3],
    [{ NS: ['1', '100'] }, 4],
    [{ BS: ['AQ==', 'AQID'] }, 4],
    [{ L: [] }, 3],
    [{ L: [{ S: 'a' }, { BOOL: true }] }, 7],
    [{ M: {} }, 3],
    [{ M: { ab: { S: 'c' } } }, 7],
    [{ L: [{ M: {} }] }, 7],
  ];
  test.each(cases)('%j', (value, size) => {
    expect(valueSize(value)).toBe(size);
  });
});

describe('numberSize', () => {
  test.each([
    ['0', 1],
    ['1', 2],
    ['-1', 3],
    ['12', 2],
    ['100', 2],
    ['123', 3],
    ['1.2', 3],
    ['0.12', 2],
    ['12345678901234567890123456789012345678', 20],
    ['-1.2345678901234567890123456789012345678', 22],
  ])('%s', (text, size) => {
    expect(numberSize(text)).toBe(size);
  });
});

test('binarySize() is the length of the decoded bytes', () => {
  for (let length = 0; length < 10; length++) {
    expect(binarySize(Buffer.alloc(length).toString('base64'))).toBe(length);
  }
});

test('itemSize() counts names in UTF-8 and values', () => {
  expect(itemSize({})).toBe(0);
  expect(itemSize({ pk: { S: 'key1' }, ö: { N: '7' } })).toBe(2 + 4 + 2 + 2);
});
