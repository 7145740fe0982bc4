/**
 * DynamoDB numbers: decimals of up to 38 significant digits, magnitude 1E-130 … 9.99…E+125, or
 * zero. Text in, canonical text out: plain notation, no sign on zero, no leading or trailing
 * zeros ("1E2" is "100", "1.50" is "1.5"). Equal numbers have equal canonical text.
 * No binary floating point takes part in a result. Source: DynamoDB developer guide, "Naming
 * rules and data types", Number; the error texts are DynamoDB's own.
 */

/** The largest count of significant digits. */
export const significantDigitsMax = 38;
/** The power of ten of the leading digit of the largest and the smallest number. */
export const exponentMax = 125;
export const exponentMin = -130;

/**
 * value = ± d.ddd × 10^exponent, `digits` without zeros at either end; zero has no digits,
 * exponent 0 and no sign.
 */
export interface Decimal {
  readonly negative: boolean;
  readonly digits: string;
  readonly exponent: number;
}

export type ParsedNumber =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

const zero: Decimal = { negative: false, digits: '', exponent: 0 };

/** Integers up to this length (sign included) are exact doubles: the fast paths rest on it. */
const shortLengthMax = 15;

const code0 = 0x30;
const code9 = 0x39;
const codeMinus = 0x2d;

const numberPattern = /^([+-]?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?0*[0-9]{1,10}))?$/;

/** True for an integer of at most 15 characters that is canonical as it stands. */
function isShortInteger(text: string): boolean {
  const length = text.length;
  if (length === 0 || length > shortLengthMax) {
    return false;
  }
  const start = text.charCodeAt(0) === codeMinus ? 1 : 0;
  const first = text.charCodeAt(start);
  if (first === code0) {
    return length === 1;
  }
  for (let i = start; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < code0 || code > code9) {
      return false;
    }
  }
  return start < length;
}

function firstNonZero(text: string): number {
  let i = 0;
  while (i < text.length && text.charCodeAt(i) === code0) {
    i += 1;
  }
  return i;
}

function trimEndZeros(text: string): string {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === code0) {
    end -= 1;
  }
  return text.slice(0, end);
}

/** The decimal a text stands for, of any size; undefined if the text is no number. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = numberPattern.exec(text);
  if (match === null) {
    return undefined;
  }
  const whole = match[2] ?? '';
  const all = whole + (match[3] ?? '');
  const leading = firstNonZero(all);
  if (leading === all.length) {
    return zero;
  }
  return {
    negative: match[1] === '-',
    digits: trimEndZeros(all.slice(leading)),
    exponent: whole.length - 1 - leading + Number(match[4] ?? 0),
  };
}

/** Canonical text. The exponent must be in range: the text is as long as it says. */
export function formatDecimal(decimal: Decimal): string {
  const { digits, exponent } = decimal;
  if (digits === '') {
    return '0';
  }
  const sign = decimal.negative ? '-' : '';
  if (exponent < 0) {
    return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  }
  const wholeLength = exponent + 1;
  if (digits.length <= wholeLength) {
    return sign + digits + '0'.repeat(wholeLength - digits.length);
  }
  return `${sign}${digits.slice(0, wholeLength)}.${digits.slice(wholeLength)}`;
}

/** DynamoDB's objection to a number, or undefined. */
export function rangeProblem(decimal: Decimal): string | undefined {
  if (decimal.digits === '') {
    return undefined;
  }
  if (decimal.exponent > exponentMax) {
    return 'Number overflow. Attempting to store a number with magnitude larger than supported range';
  }
  if (decimal.exponent < exponentMin) {
    return 'Number underflow. Attempting to store a number with magnitude smaller than supported range';
  }
  if (decimal.digits.length > significantDigitsMax) {
    return 'Attempting to store more than 38 significant digits in a Number';
  }
  return undefined;
}

/** Validates the text of a number: its canonical text, or DynamoDB's message. */
export function parseNumber(text: string): ParsedNumber {
  if (isShortInteger(text)) {
    return { ok: true, text };
  }
  const decimal = parseDecimal(text);
  if (decimal === undefined) {
    const what = 'The parameter cannot be converted to a numeric value';
    return { ok: false, message: text === '' ? what : `${what}: ${text}` };
  }
  const message = rangeProblem(decimal);
  return message === undefined
    ? { ok: true, text: formatDecimal(decimal) }
    : { ok: false, message };
}

/** The decimal behind a canonical text. */
export function decimalOf(canonical: string): Decimal {
  const decimal = parseDecimal(canonical);
  if (decimal === undefined) {
    throw new TypeError(`Cannot read a canonical number: ${canonical}`);
  }
  return decimal;
}

function compareMagnitudes(a: Decimal, b: Decimal): number {
  if (a.exponent !== b.exponent) {
    return a.exponent < b.exponent ? -1 : 1;
  }
  // Leading digits stand at the same power of ten, so the texts compare as fractions do.
  return a.digits < b.digits ? -1 : a.digits > b.digits ? 1 : 0;
}

function signOf(decimal: Decimal): number {
  return decimal.digits === '' ? 0 : decimal.negative ? -1 : 1;
}

/** −1, 0 or 1. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const sign = signOf(a);
  const other = signOf(b);
  if (sign !== other) {
    return sign < other ? -1 : 1;
  }
  const magnitude = compareMagnitudes(a, b);
  return sign < 0 && magnitude !== 0 ? -magnitude : sign === 0 ? 0 : magnitude;
}

/** Orders two canonical number texts: −1, 0 or 1. */
export function compareNumbers(a: string, b: string): number {
  if (a === b) {
    return 0;
  }
  if (a.length <= shortLengthMax && b.length <= shortLengthMax) {
    // Decimals of at most 15 significant digits: distinct ones are distinct, ordered doubles.
    return Number(a) < Number(b) ? -1 : 1;
  }
  return compareDecimals(decimalOf(a), decimalOf(b));
}
