/**
 * Key values as bytes whose unsigned order is DynamoDB's order: strings by UTF-8 bytes, numbers
 * by value, binaries by bytes. Each encoding ends itself and none is a prefix of another, so
 * partition key | sort key sorts as the pair does. Part of the data format: it never changes.
 *
 * S and B: the bytes, 00 written as 00 FF, then 00 00.
 * N: zero is 02. A positive number is 03, the exponent plus 130, the digits in pairs (each pair
 * plus 1), then 00. A negative number is 01 and the complement of all that follows.
 */
import type { AttributeValue, KeyType } from './attribute-value.ts';
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import { binarySize, numberSize } from './item-size.ts';
import type { Decimal } from './number.ts';
import { decimalOf, exponentMin, formatDecimal } from './number.ts';

/** The longest partition and sort key values, in bytes. */
export const partitionKeyBytesMax = 2048;
export const sortKeyBytesMax = 1024;

const negativeTag = 1;
const zeroTag = 2;
const positiveTag = 3;
const escapeByte = 0xff;

export interface DecodedKey {
  /** S text, canonical N text or canonical base64. */
  readonly value: string;
  /** The offset after the encoding. */
  readonly end: number;
}

/** The text inside a key attribute's value; undefined if its type is another. */
export function keyText(type: KeyType, value: AttributeValue): string | undefined {
  const members: Partial<Record<KeyType, string>> = value as Partial<Record<KeyType, string>>;
  return members[type];
}

/** Bytes that count against the key size limits. */
export function keyValueSize(type: KeyType, value: string): number {
  switch (type) {
    case 'S':
      return Buffer.byteLength(value, 'utf8');
    case 'N':
      return numberSize(value);
    case 'B':
      return binarySize(value);
  }
}

function countZeros(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0); at !== -1; at = bytes.indexOf(0, at + 1)) {
    count += 1;
  }
  return count;
}

function encodeBytes(bytes: Buffer): Buffer {
  const encoded = Buffer.allocUnsafe(bytes.length + countZeros(bytes) + 2);
  let offset = 0;
  for (const byte of bytes) {
    encoded[offset++] = byte;
    if (byte === 0) {
      encoded[offset++] = escapeByte;
    }
  }
  encoded[offset] = 0;
  encoded[offset + 1] = 0;
  return encoded;
}

/** The common case in one write: a text without NUL characters. */
function encodeText(text: string): Buffer {
  if (text.includes('\0')) {
    return encodeBytes(Buffer.from(text, 'utf8'));
  }
  const length = Buffer.byteLength(text, 'utf8');
  const encoded = Buffer.allocUnsafe(length + 2);
  encoded.write(text, 0, length, 'utf8');
  encoded[length] = 0;
  encoded[length + 1] = 0;
  return encoded;
}

function encodeNumber(canonical: string): Buffer {
  const { digits, exponent, negative } = decimalOf(canonical);
  if (digits === '') {
    return Buffer.of(zeroTag);
  }
  const biased = exponent - exponentMin;
  assert(biased >= 0 && biased <= 0xff, 'A key number must be in range');
  const pairCount = Math.ceil(digits.length / 2);
  const encoded = Buffer.allocUnsafe(pairCount + 3);
  const mask = negative ? 0xff : 0;
  encoded[0] = negative ? negativeTag : positiveTag;
  encoded[1] = biased ^ mask;
  for (let i = 0; i < pairCount; i++) {
    const pair = Number(digits.slice(i * 2, i * 2 + 2).padEnd(2, '0'));
    encoded[i + 2] = (pair + 1) ^ mask;
  }
  encoded[pairCount + 2] = mask;
  return encoded;
}

/** `value`: S text, canonical N text, or canonical base64. */
export function encodeKeyValue(type: KeyType, value: string): Buffer {
  switch (type) {
    case 'S':
      return encodeText(value);
    case 'N':
      return encodeNumber(value);
    case 'B':
      return encodeBytes(Buffer.from(value, 'base64'));
  }
}

function badKey(offset: number): DynakvError {
  return new DynakvError('BadFrame', `Cannot decode a key value: broken at offset ${offset}`);
}

function decodeBytes(encoded: Uint8Array, start: number): { bytes: Buffer; end: number } {
  const parts: Uint8Array[] = [];
  let from = start;
  for (;;) {
    const at = encoded.indexOf(0, from);
    if (at === -1) {
      throw badKey(encoded.length);
    }
    const next = encoded[at + 1];
    if (next === 0) {
      parts.push(encoded.subarray(from, at));
      return { bytes: Buffer.concat(parts), end: at + 2 };
    }
    if (next !== escapeByte) {
      throw badKey(at + 1);
    }
    parts.push(encoded.subarray(from, at + 1));
    from = at + 2;
  }
}

function decodeNumber(encoded: Uint8Array, start: number): DecodedKey {
  const tag = encoded[start];
  if (tag === zeroTag) {
    return { value: '0', end: start + 1 };
  }
  const biased = encoded[start + 1];
  if ((tag !== negativeTag && tag !== positiveTag) || biased === undefined) {
    throw badKey(start);
  }
  const negative = tag === negativeTag;
  const mask = negative ? 0xff : 0;
  let digits = '';
  let offset = start + 2;
  for (; ; offset++) {
    const byte = encoded[offset];
    if (byte === undefined || (byte ^ mask) > 100) {
      throw badKey(offset);
    }
    if ((byte ^ mask) === 0) {
      break;
    }
    digits += String((byte ^ mask) - 1).padStart(2, '0');
  }
  const decimal: Decimal = {
    negative,
    digits: digits.endsWith('0') ? digits.slice(0, -1) : digits,
    exponent: (biased ^ mask) + exponentMin,
  };
  if (decimal.digits === '' || decimal.digits.startsWith('0')) {
    throw badKey(start);
  }
  return { value: formatDecimal(decimal), end: offset + 1 };
}

/** Reads the key value that starts at `offset`; bytes that no encoder made are a `BadFrame`. */
export function decodeKeyValue(type: KeyType, encoded: Uint8Array, offset = 0): DecodedKey {
  if (type === 'N') {
    return decodeNumber(encoded, offset);
  }
  const { bytes, end } = decodeBytes(encoded, offset);
  return { value: bytes.toString(type === 'S' ? 'utf8' : 'base64'), end };
}
