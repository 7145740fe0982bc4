/**
 * The type checks of DynamoDB's JSON protocol: each function takes one part of JSON.parse output
 * and returns it as the wanted type, or throws the SerializationException text of DynamoDB.
 * `null` and absent members are the caller's business (the protocol treats them alike).
 * Source: the service's observable answers to values of the wrong type.
 */
import { ValidationProblem } from './validation-problem.ts';

const apiPackage = 'com.amazonaws.dynamodb.v20120810';

export type JsonObject = Readonly<Record<string, unknown>>;

function serializationProblem(message: string): ValidationProblem {
  return new ValidationProblem('serialization', message);
}

/** The parser's name of a scalar token. */
function tokenName(value: string | number | boolean): string {
  if (typeof value === 'number') {
    return Number.isInteger(value) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
  }
  if (typeof value === 'boolean') {
    return value ? 'TRUE_VALUE' : 'FALSE_VALUE';
  }
  return 'STRING_VALUE';
}

function structureProblem(value: object | null, javaClass: string): ValidationProblem {
  return serializationProblem(
    Array.isArray(value)
      ? `Unrecognized collection type class ${javaClass}`
      : 'Start of structure or map found where not expected',
  );
}

export function wireString(value: unknown): string {
  if (typeof value === 'string') {
    // Text that is no Unicode (lone surrogates) has no UTF-8 form: it would not be stored as is.
    return value.isWellFormed() ? value : value.toWellFormed();
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    throw serializationProblem(`${tokenName(value)} cannot be converted to String`);
  }
  throw structureProblem(value as object | null, 'java.lang.String');
}

/** Some words stand for booleans in the protocol. */
export function wireBoolean(value: unknown): boolean {
  if (typeof value === 'boolean') {
    return value;
  }
  if (typeof value === 'number') {
    throw serializationProblem(`${tokenName(value)} cannot be converted to Boolean`);
  }
  if (typeof value === 'string') {
    const word = value.toUpperCase();
    if (word === 'TRUE' || word === '1' || word === 'YES') {
      return true;
    }
    if (word === 'FALSE' || word === '0' || word === 'NO') {
      return false;
    }
    throw serializationProblem('Unexpected token received from parser');
  }
  throw structureProblem(value as object | null, 'java.lang.Boolean');
}

/** A whole number; fractions are cut off. `type` is the API's: Integer or Long. */
export function wireInteger(value: unknown, type: 'Integer' | 'Long' = 'Integer'): number {
  if (typeof value === 'number') {
    return Math.floor(value);
  }
  if (typeof value === 'string' || typeof value === 'boolean') {
    throw serializationProblem(`${tokenName(value)} cannot be converted to ${type}`);
  }
  throw structureProblem(value as object | null, `java.lang.${type}`);
}

const base64Pattern = /^[A-Za-z0-9+/]*={0,2}$/;
const base64Alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** No bit may be set beyond the last byte, so that equal bytes have equal text. */
function hasStrayBits(base64: string): boolean {
  if (!base64.endsWith('=')) {
    return false;
  }
  const padding = base64.endsWith('==') ? 2 : 1;
  const last = base64Alphabet.indexOf(base64.charAt(base64.length - 1 - padding));
  return (last & (padding === 2 ? 0b1111 : 0b11)) !== 0;
}

/** Canonical base64 text. */
export function wireBinary(value: unknown): string {
  if (typeof value === 'string') {
    if (value.length % 4 !== 0) {
      throw serializationProblem(
        `Base64 encoded length is expected a multiple of 4 bytes but found: ${value.length}`,
      );
    }
    if (!base64Pattern.test(value) || hasStrayBits(value)) {
      // The misspelling is the service's.
      throw serializationProblem('Invalid last non-pad Base64 character dectected');
    }
    return value;
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    throw serializationProblem('only base-64-encoded strings are convertible to bytes');
  }
  throw structureProblem(value as object | null, 'java.nio.ByteBuffer');
}

export function wireList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    return value;
  }
  throw serializationProblem(
    typeof value === 'object'
      ? 'Start of structure or map found where not expected'
      : 'Unexpected field type',
  );
}

/** A map from names to `member` structures, `member` being a class of the API or of Java. */
export function wireMap(value: unknown, member: string): JsonObject {
  if (typeof value !== 'object' || value === null) {
    throw serializationProblem('Unexpected field type');
  }
  if (Array.isArray(value)) {
    const javaClass = member.includes('.') ? member : `${apiPackage}.${member}`;
    throw serializationProblem(
      `Unrecognized collection type java.util.Map<java.lang.String, ${javaClass}>`,
    );
  }
  return value as JsonObject;
}

/** A structure inside a list or map; `place` is `field` for a member of another structure. */
export function wireStructure(
  value: unknown,
  name: string,
  place: 'value' | 'field' = 'value',
): JsonObject {
  if (typeof value !== 'object' || value === null) {
    throw serializationProblem(
      place === 'value' ? 'Unexpected value type in payload' : 'Unexpected field type',
    );
  }
  if (Array.isArray(value)) {
    throw serializationProblem(`Unrecognized collection type class ${apiPackage}.${name}`);
  }
  return value as JsonObject;
}
