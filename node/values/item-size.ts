/**
 * How many bytes DynamoDB says an item has: what the 400 KB limit and consumed capacity are
 * counted in. Not the size of the stored text. Source: DynamoDB developer guide, "DynamoDB item
 * sizes and formats": names and strings in UTF-8, a number by pairs of digits, null and boolean
 * one byte, a list or map three bytes and one for each element.
 */
import type { AttributeValue, Item } from './attribute-value.ts';
import { decimalOf } from './number.ts';

/** The largest item, names and values together. */
export const itemSizeBytesMax = 409_600;

const containerBytes = 3;
const elementBytes = 1;

/** Bytes of a canonical base64 text, without decoding it. */
export function binarySize(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return (base64.length / 4) * 3 - padding;
}

/** Bytes of a canonical number: digits in pairs that do not straddle a power of 100, and one. */
export function numberSize(canonical: string): number {
  const { negative, digits, exponent } = decimalOf(canonical);
  if (digits === '') {
    return 1;
  }
  const straddles = digits.length % 2 === 0 && exponent % 2 === 0 ? 1 : 0;
  return 1 + Math.ceil(digits.length / 2) + straddles + (negative ? 1 : 0);
}

function sum<T>(members: readonly T[], sizeOf: (member: T) => number): number {
  let total = 0;
  for (const member of members) {
    total += sizeOf(member);
  }
  return total;
}

function textSize(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Bytes of a value without the name in front of it. */
export function valueSize(value: AttributeValue): number {
  if ('S' in value) {
    return textSize(value.S);
  }
  if ('N' in value) {
    return numberSize(value.N);
  }
  if ('B' in value) {
    return binarySize(value.B);
  }
  if ('BOOL' in value || 'NULL' in value) {
    return 1;
  }
  if ('SS' in value) {
    return sum(value.SS, textSize);
  }
  if ('NS' in value) {
    return sum(value.NS, numberSize);
  }
  if ('BS' in value) {
    return sum(value.BS, binarySize);
  }
  if ('L' in value) {
    return containerBytes + value.L.length * elementBytes + sum(value.L, valueSize);
  }
  return containerBytes + Object.keys(value.M).length * elementBytes + itemSize(value.M);
}

/** Bytes of an item: names and values. */
export function itemSize(item: Item): number {
  let total = 0;
  for (const [name, value] of Object.entries(item)) {
    total += textSize(name) + valueSize(value);
  }
  return total;
}
