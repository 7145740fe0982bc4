// DynamoDB's own answers to good and bad attribute values, and safety for any JSON.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readItemText, itemText } from './canonical-json.ts';
import { checkItemShape, parseAttributeValue, parseItem } from './parse-item.ts';
import { isValidationProblem } from './validation-problem.ts';

function problemOf(json: unknown): readonly [string, string] | undefined {
  try {
    parseItem({ a: json });
    return undefined;
  } catch (error) {
    if (isValidationProblem(error)) {
      return [error.kind, error.message];
    }
    throw error;
  }
}

const invalid = 'One or more parameter values were invalid: ';
const empty =
  'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes';
const several =
  'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes';

describe('parseItem', () => {
  test.each([
    [{ S: '' }, { S: '' }],
    [{ N: '1E2' }, { N: '100' }],
    [{ B: '' }, { B: '' }],
    [{ B: '+/+/' }, { B: '+/+/' }],
    [{ BOOL: 'no' }, { BOOL: false }],
    [{ BOOL: 'True' }, { BOOL: true }],
    [{ NULL: 'yes' }, { NULL: true }],
    [{ SS: ['b', 'a'] }, { SS: ['b', 'a'] }],
    [{ NS: ['1.0', '2e0'] }, { NS: ['1', '2'] }],
    [{ BS: ['AA==', ''] }, { BS: ['AA==', ''] }],
    [{ L: [] }, { L: [] }],
    [{ L: [{ N: '-0' }] }, { L: [{ N: '0' }] }],
    [{ M: {} }, { M: {} }],
    [{ M: { x: { N: '01' } } }, { M: { x: { N: '1' } } }],
    [{ S: 'a', N: null }, { S: 'a' }],
    [{ S: 'a', Unknown: 1 }, { S: 'a' }],
    [{ S: '\ud800x' }, { S: '\ufffdx' }],
  ])('%j becomes %j', (json, expected) => {
    expect(parseItem({ a: json })).toEqual({ a: expected });
  });

  test.each([
    [{}, empty],
    [null, empty],
    [{ a: '' }, empty],
    [{ S: null }, empty],
    [{ L: [null] }, empty],
    [{ M: { x: {} } }, empty],
    [{ M: { '': { S: 'x' } } }, 'Empty attribute name'],
    [
      { M: { ['x'.repeat(65_536)]: { S: 'x' } } },
      'Attribute name is too large, must be less than 65536 bytes',
    ],
    [{ NULL: 'no' }, `${invalid}Null attribute value types must have the value of true`],
    [{ NULL: false }, `${invalid}Null attribute value types must have the value of true`],
    [{ SS: [] }, `${invalid}An string set  may not be empty`],
    [{ NS: [] }, `${invalid}An number set  may not be empty`],
    [{ BS: [] }, `${invalid}Binary sets should not be empty`],
    [{ SS: ['a', null] }, `${invalid}An string set may not have a null string as a member`],
    [{ SS: ['a', 'a'] }, `${invalid}Input collection [a, a] contains duplicates.`],
    [
      { BS: ['Yg==', 'Yg=='] },
      `${invalid}Input collection [Yg==, Yg==]of type BS contains duplicates.`,
    ],
    [{ NS: ['1', '1'] }, 'Input collection contains duplicates'],
    [{ NS: ['1', '1.0'] }, 'Input collection contains duplicates'],
    [{ S: '', N: '' }, 'The parameter cannot be converted to a numeric value'],
    [{ S: 'a', N: 'b' }, 'The parameter cannot be converted to a numeric value: b'],
    [{ NS: ['1', ''] }, 'The parameter cannot be converted to a numeric value'],
    [{ S: 'a', N: '1' }, several],
  ])('%j is a validation problem', (json, message) => {
    expect(problemOf(json)).toEqual(['validation', message]);
  });

  test.each([
    ['23', 'Unexpected value type in payload'],
    [true, 'Unexpected value type in payload'],
    [[], 'Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue'],
    [{ S: true }, 'TRUE_VALUE cannot be converted to String'],
    [{ S: false }, 'FALSE_VALUE cannot be converted to String'],
    [{ S: 23 }, 'NUMBER_VALUE cannot be converted to String'],
    [{ N: 34.56 }, 'DECIMAL_VALUE cannot be converted to String'],
    [{ S: [] }, 'Unrecognized collection type class java.lang.String'],
    [{ S: {} }, 'Start of structure or map found where not expected'],
    [{ BOOL: '23' }, 'Unexpected token received from parser'],
    [{ BOOL: 1 }, 'NUMBER_VALUE cannot be converted to Boolean'],
    [{ NULL: [] }, 'Unrecognized collection type class java.lang.Boolean'],
    [{ B: 1 }, 'only base-64-encoded strings are convertible to bytes'],
    [{ B: [] }, 'Unrecognized collection type class java.nio.ByteBuffer'],
    [{ B: '23456' }, 'Base64 encoded length is expected a multiple of 4 bytes but found: 5'],
    [{ B: '=+/=' }, 'Invalid last non-pad Base64 character dectected'],
    [{ B: '+/+=' }, 'Invalid last non-pad Base64 character dectected'],
    [{ B: 'ab!=' }, 'Invalid last non-pad Base64 character dectected'],
    [{ SS: 'a' }, 'Unexpected field type'],
    [{ SS: {} }, 'Start of structure or map found where not expected'],
    [{ SS: [1] }, 'NUMBER_VALUE cannot be converted to String'],
    [{ BS: [1] }, 'only base-64-encoded strings are convertible to bytes'],
    [{ L: 'a' }, 'Unexpected field type'],
    [{ L: ['a'] }, 'Unexpected value type in payload'],
    [{ M: 'a' }, 'Unexpected field type'],
    [
      { M: [] },
      'Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>',
    ],
    // The shape of everything is looked at before any value.
    [{ L: [{ N: 'bad' }, { S: 1 }] }, 'NUMBER_VALUE cannot be converted to String'],
    [{ SS: [], N: 1 }, 'NUMBER_VALUE cannot be converted to String'],
  ])('%j is a serialization problem', (json, message) => {
    expect(problemOf(json)).toEqual(['serialization', message]);
  });

  test('takes any attribute name', () => {
    const json = '{"__proto__":{"S":"1"},"constructor":{"M":{"__proto__":{"N":"1"}}},"x":{"S":""}}';
    const item = parseItem(JSON.parse(json));
    expect(Object.getPrototypeOf(item)).toBe(Object.prototype);
    expect(JSON.stringify(item)).toBe(json);
    expect(JSON.stringify(readItemText(itemText(item)))).toBe(json);
  });

  test('counts nesting levels up to 32', () => {
    const nest = (wraps: number): unknown => {
      let value: unknown = { S: 'leaf' };
      for (let i = 0; i < wraps; i++) {
        value = i % 2 === 0 ? { M: { n: value } } : { L: [value] };
      }
      return value;
    };
    expect(problemOf(nest(31))).toBeUndefined();
    const message =
      'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';
    expect(problemOf(nest(32))).toEqual(['validation', message]);
    expect(problemOf(nest(100_000))).toEqual(['validation', message]);
  });

  test('does not change its input', () => {
    const json = { a: { N: '1e1' }, b: { L: [{ N: '1e1' }] } };
    const before = JSON.stringify(json);
    parseItem(json);
    expect(JSON.stringify(json)).toBe(before);
  });

  test('any JSON is a canonical item or a problem', () => {
    const type = fc.constantFrom('S', 'N', 'B', 'BOOL', 'NULL', 'SS', 'NS', 'BS', 'L', 'M', 'X');
    const { value } = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.double()),
      value: fc.oneof(
        { maxDepth: 4 },
        tie('leaf'),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(type, tie('value'), { maxKeys: 2 }),
      ),
    }));
    fc.assert(
      fc.property(value, (json) => {
        try {
          const item = parseItem(json);
          expect(JSON.stringify(parseItem(item))).toBe(JSON.stringify(item));
        } catch (error) {
          expect(isValidationProblem(error)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseAttributeValue', () => {
  test('reads one value', () => {
    expect(parseAttributeValue({ N: '1.0' })).toEqual({ N: '1' });
  });
});

describe('checkItemShape', () => {
  test('passes over what only validation refuses', () => {
    expect(() => {
      checkItemShape({ a: { N: 'x' }, b: { SS: [] }, c: {}, d: null });
    }).not.toThrow();
    expect(() => {
      checkItemShape('x');
    }).toThrow('Unexpected field type');
  });
});
