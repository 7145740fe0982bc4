import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findSyntaxError } from './json-syntax.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('findSyntaxError()', () => {
  test.each([
    ['', 0],
    ['  ', 2],
    ['x', 0],
    ['{"a":1,}', 7],
    ['{a', 1],
    ['[1 2]', 3],
    ['[1,]', 3],
    ['"a', 2],
    ['"a\nb"', 2],
    ['"\\x"', 1],
    ['01', 1],
    ['1 2', 2],
    ['{"a" 1}', 5],
    ['[}', 1],
    ['tru', 0],
    ['\ufeff1', 0],
    ['[', 1],
    ['-', 0],
    ['"\\ud8"', 1],
  ])('finds the first error in %j', (text, position) => {
    expect(findSyntaxError(text)?.position).toBe(position);
  });

  test('counts lines and columns from 1', () => {
    expect(findSyntaxError('[\n  1,\n  x]')).toEqual({ position: 9, line: 3, column: 3 });
  });

  test('agrees with JSON.parse on what is JSON', () => {
    const characters = fc.constantFrom(...'{}[]",:\\ -+.eE0123456789truefalsn\n\u0001'.split(''));
    const piece = fc.oneof(
      characters,
      fc.constantFrom('"a"', '"a":', 'null', '1', 'true', '\\u00e5'),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        expect(findSyntaxError(text) === undefined).toBe(parses(text));
      }),
      { numRuns: 5000 },
    );
  });

  test('accepts every JSON text', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(findSyntaxError(text)).toBeUndefined();
      }),
    );
  });

  test('does not mind depth', () => {
    expect(findSyntaxError('['.repeat(200_000))?.position).toBe(200_000);
  });
});
