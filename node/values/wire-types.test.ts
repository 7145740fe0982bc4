import { describe, expect, test } from '@jest/globals';
import { wireBinary, wireInteger, wireMap, wireString, wireStructure } from './wire-types.ts';

describe('wire types', () => {
  test('wireInteger() cuts fractions and names what it cannot read', () => {
    expect(wireInteger(3.9)).toBe(3);
    expect(() => wireInteger('23')).toThrow('STRING_VALUE cannot be converted to Integer');
    expect(() => wireInteger(true, 'Long')).toThrow('TRUE_VALUE cannot be converted to Long');
    expect(() => wireInteger([], 'Long')).toThrow(
      'Unrecognized collection type class java.lang.Long',
    );
    expect(() => wireInteger({})).toThrow('Start of structure or map found where not expected');
  });

  test('wireStructure() tells members from fields', () => {
    expect(wireStructure({ a: 1 }, 'Condition')).toEqual({ a: 1 });
    expect(() => wireStructure('x', 'Condition')).toThrow('Unexpected value type in payload');
    expect(() => wireStructure('x', 'Condition', 'field')).toThrow('Unexpected field type');
    expect(() => wireStructure([], 'Condition')).toThrow(
      'Unrecognized collection type class com.amazonaws.dynamodb.v20120810.Condition',
    );
  });

  test('wireMap() names the class of its members', () => {
    expect(() => wireMap([], 'java.lang.String')).toThrow(
      'java.util.Map<java.lang.String, java.lang.String>',
    );
  });

  test('wireString() keeps Unicode and mends what is none', () => {
    expect(wireString('é😀\0')).toBe('é😀\0');
    expect(wireString('a\udc00b')).toBe('a\ufffdb');
  });

  test('wireBinary() takes exactly the texts that an encoder makes', () => {
    for (let length = 0; length < 7; length++) {
      const text = Buffer.alloc(length, 0xa5).toString('base64');
      expect(wireBinary(text)).toBe(text);
    }
    for (const bad of ['AB==', 'AAB=', '====', '=AAA', 'A===', 'AA-_', 'AA\n=', 'éééé']) {
      expect(() => wireBinary(bad)).toThrow('Base64');
    }
  });
});
