import { describe, expect, test } from '@jest/globals';
import { isExpressionProblem } from './expression-problem.ts';
import { ExpressionContext } from './names-values.ts';
import { parseCondition, parseProjection } from './parser.ts';
import { isReservedWord, reservedWordCount } from './reserved-words.ts';
import { isValidationProblem } from '../values/validation-problem.ts';

function messageOf(names: unknown, values: unknown): string {
  try {
    new ExpressionContext({ names, values });
  } catch (error) {
    if (isExpressionProblem(error)) {
      return error.message;
    }
    if (isValidationProblem(error, 'serialization')) {
      return `serialization: ${error.message}`;
    }
    throw error;
  }
  return 'accepted';
}

/** A value of so many levels. */
function deepList(levels: number): unknown {
  return levels === 1 ? { S: '' } : { L: [deepList(levels - 1)] };
}

describe('ExpressionContext', () => {
  test.each([
    [undefined, undefined, 'accepted'],
    [null, null, 'accepted'],
    [{ '#a_1': 'x', '#1': '__proto__' }, { ':_': { S: '' } }, 'accepted'],
    [{}, undefined, 'ExpressionAttributeNames must not be empty'],
    [undefined, {}, 'ExpressionAttributeValues must not be empty'],
    [{ a: 'a' }, {}, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"'],
    [{ '#': 'a' }, {}, 'ExpressionAttributeNames contains invalid key: Syntax error; key: "#"'],
    [
      undefined,
      { ':b': { a: '' }, a: { S: 'b' } },
      'ExpressionAttributeValues contains invalid key: Syntax error; key: "a"',
    ],
    [
      { '#a': '' },
      undefined,
      'ExpressionAttributeNames contains invalid value: Empty attribute name for key #a',
    ],
    [
      { '#a': 'é'.repeat(32_768) },
      undefined,
      'ExpressionAttributeNames contains invalid value: Attribute name is too large, must be less than 65536 bytes for key #a',
    ],
    [{ '#a': 'x'.repeat(65_535) }, undefined, 'accepted'],
    [
      { '': 'a' },
      undefined,
      'ExpressionAttributeNames contains invalid key: The expression attribute map contains an empty key;',
    ],
    [
      { [`#${'a'.repeat(255)}`]: 'a' },
      undefined,
      'ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; size of key: 256',
    ],
    [
      undefined,
      { ':a': {} },
      'ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes for key :a',
    ],
    [
      undefined,
      { ':a': { N: 'x' } },
      'ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for key :a',
    ],
    [
      undefined,
      { ':a': deepList(33) },
      'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit',
    ],
    [undefined, { ':a': deepList(32) }, 'accepted'],
    [
      undefined,
      { ':a': { S: 'x'.repeat(2 ** 21 + 1) } },
      'ExpressionAttributeValues exceeds max size',
    ],
    ['x', undefined, 'serialization: Unexpected field type'],
    [
      [],
      undefined,
      'serialization: Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>',
    ],
    [{ '#a': 1 }, undefined, 'serialization: NUMBER_VALUE cannot be converted to String'],
    [undefined, { ':a': { S: 1 } }, 'serialization: NUMBER_VALUE cannot be converted to String'],
    [undefined, { ':a': 'x' }, 'serialization: Unexpected value type in payload'],
  ])('names %j', (names, values, message) => {
    expect(messageOf(names, values)).toBe(message);
  });

  test('checkAllUsed() wants every name and value used by some expression', () => {
    const context = new ExpressionContext({
      names: { '#a': 'a', '#b': 'b', '#c': 'c' },
      values: { ':x': { N: '1' }, ':y': { N: '2' } },
    });
    const unused = (): string => {
      try {
        context.checkAllUsed();
      } catch (error) {
        return (error as Error).message;
      }
      return 'all used';
    };
    const message = 'Value provided in ExpressionAttribute';
    expect(unused()).toBe(`${message}Names unused in expressions: keys: {#a, #b, #c}`);
    parseProjection('#a, d.#b', context);
    expect(unused()).toBe(`${message}Names unused in expressions: keys: {#c}`);
    parseCondition('#c = :y', context);
    expect(unused()).toBe(`${message}Values unused in expressions: keys: {:x}`);
    parseCondition('e IN (:x)', context);
    expect(unused()).toBe('all used');
  });
});

describe('isReservedWord', () => {
  test('knows all 573, in any case', () => {
    expect(reservedWordCount).toBe(573);
    for (const word of ['name', 'Status', 'TTL', 'abort', 'ZONE', 'LOCALTIMESTAMP', 'select']) {
      expect(isReservedWord(word)).toBe(true);
    }
    for (const word of ['names_', 'id', 'pk', '', 'prototype', 'x'.repeat(4000)]) {
      expect(isReservedWord(word)).toBe(false);
    }
  });
});
