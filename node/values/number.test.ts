// Decimal texts against BigInt arithmetic: a number times 10^(130 + 125 + 40) is whole.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareNumbers, parseNumber } from './number.ts';

const scale = 300;

/** The number a text stands for, times 10^scale. */
function scaled(text: string): bigint {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) {
    throw new Error(`No number: ${text}`);
  }
  const fraction = match[3] ?? '';
  const magnitude = BigInt(`${match[2] ?? ''}${fraction}`);
  const power = scale - fraction.length + Number(match[4] ?? 0);
  return (match[1] === '-' ? -magnitude : magnitude) * 10n ** BigInt(power);
}

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 19 });

/** Valid numbers of all shapes: signs, leading and trailing zeros, fractions, exponents. */
const numberText = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    digits,
    fc.option(digits, { nil: undefined }),
    fc.option(fc.integer({ min: -110, max: 100 }), { nil: undefined }),
  )
  .map(
    ([sign, whole, fraction, exponent]) =>
      sign +
      whole +
      (fraction === undefined ? '' : `.${fraction}`) +
      (exponent === undefined ? '' : `e${exponent}`),
  );

function canonical(text: string): string {
  const parsed = parseNumber(text);
  if (!parsed.ok) {
    throw new Error(parsed.message);
  }
  return parsed.text;
}

describe('parseNumber', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['0.000', '0'],
    ['0E500', '0'],
    ['1', '1'],
    ['-1', '-1'],
    ['+1', '1'],
    ['007', '7'],
    ['1E2', '100'],
    ['1.50', '1.5'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['-0.00100', '-0.001'],
    ['1e-130', `0.${'0'.repeat(129)}1`],
    ['9.9e125', `99${'0'.repeat(124)}`],
    ['123456789012345', '123456789012345'],
    ['1234567890123456', '1234567890123456'],
    ['12345678901234567890123456789012345678', '12345678901234567890123456789012345678'],
    ['123456789012345678901234567890123456780', '123456789012345678901234567890123456780'],
    ['1e0000000000000002', '100'],
  ])('%s is %s', (text, expected) => {
    expect(parseNumber(text)).toEqual({ ok: true, text: expected });
  });

  const overflow =
    'Number overflow. Attempting to store a number with magnitude larger than supported range';
  const underflow =
    'Number underflow. Attempting to store a number with magnitude smaller than supported range';
  const tooLong = 'Attempting to store more than 38 significant digits in a Number';
  const noNumber = 'The parameter cannot be converted to a numeric value';

  test.each([
    ['1e126', overflow],
    ['-1e126', overflow],
    ['1e9999999999', overflow],
    ['1e-131', underflow],
    ['-1e-131', underflow],
    ['0.1e-130', underflow],
    ['123456789012345678901234567890123456789', tooLong],
    ['-1.23456789012345678901234567890123456789', tooLong],
    ['', noNumber],
    ['b', `${noNumber}: b`],
    ['.', `${noNumber}: .`],
    ['-', `${noNumber}: -`],
    ['1e', `${noNumber}: 1e`],
    [' 1', `${noNumber}:  1`],
    ['1 ', `${noNumber}: 1 `],
    ['1\n', `${noNumber}: 1\n`],
    ['1_0', `${noNumber}: 1_0`],
    ['0x1', `${noNumber}: 0x1`],
    ['NaN', `${noNumber}: NaN`],
    ['Infinity', `${noNumber}: Infinity`],
    ['1e99999999999', `${noNumber}: 1e99999999999`],
    ['١', `${noNumber}: ١`],
  ])('%j is refused', (text, message) => {
    expect(parseNumber(text)).toEqual({ ok: false, message });
  });

  test('keeps the value and is its own canonical text', () => {
    fc.assert(
      fc.property(numberText, (text) => {
        const result = canonical(text);
        expect(scaled(result)).toBe(scaled(text));
        expect(canonical(result)).toBe(result);
        expect(result).toMatch(/^(0|-?([1-9]\d*|0)(\.\d*[1-9])?)$/);
      }),
    );
  });

  test('equal numbers have equal text', () => {
    fc.assert(
      fc.property(numberText, fc.integer({ min: 0, max: 9 }), (text, zeros) => {
        const other = text.includes('e')
          ? text.replace('e', `${text.includes('.') ? '' : '.'}${'0'.repeat(zeros)}e`)
          : `${text}${text.includes('.') ? '' : '.'}${'0'.repeat(zeros)}`;
        expect(canonical(other)).toBe(canonical(text));
      }),
    );
  });
});

describe('compareNumbers', () => {
  test('orders as BigInt does', () => {
    fc.assert(
      fc.property(numberText, numberText, (a, b) => {
        const difference = scaled(a) - scaled(b);
        const expected = difference < 0n ? -1 : difference > 0n ? 1 : 0;
        expect(compareNumbers(canonical(a), canonical(b))).toBe(expected);
      }),
    );
  });

  test('tells neighbours apart', () => {
    const pairs = [
      ['0.1', '0.10000000000000000000000000000000000001'],
      ['99999999999999', '100000000000000'],
      ['-0.1', '0'],
      ['-2', '-1'],
      ['9007199254740992', '9007199254740993'],
    ] as const;
    for (const [low, high] of pairs) {
      expect(compareNumbers(low, high)).toBe(-1);
      expect(compareNumbers(high, low)).toBe(1);
      expect(compareNumbers(low, low)).toBe(0);
    }
  });
});
