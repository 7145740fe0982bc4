/**
 * What a request brings along for its expressions: ExpressionAttributeNames (#name → attribute
 * name) and ExpressionAttributeValues (:value → validated value). Remembers which were used: a
 * request with unused ones is refused once all its expressions are parsed.
 * Source: DynamoDB developer guide, "Expression attribute names", "Expression attribute values".
 */
import type { AttributeValue } from '../values/attribute-value.ts';
import { valueSize } from '../values/item-size.ts';
import { attributeNameProblem, nestingMessage, parseAttributeValue } from '../values/parse-item.ts';
import { isValidationProblem } from '../values/validation-problem.ts';
import { wireMap, wireString } from '../values/wire-types.ts';
import { ExpressionProblem } from './expression-problem.ts';

/** A key with its # or :, in bytes. */
const keyBytesMax = 255;

/** All attribute values of a request together. */
export const substitutionBytesMax = 2 * 1024 * 1024;

const nameKeyPattern = /^#[0-9a-zA-Z_]+$/;
const valueKeyPattern = /^:[0-9a-zA-Z_]+$/;

export interface ExpressionContextOptions {
  /** ExpressionAttributeNames as JSON.parse gave it; undefined or null if absent. */
  readonly names?: unknown;
  /** ExpressionAttributeValues as JSON.parse gave it; undefined or null if absent. */
  readonly values?: unknown;
}

function checkKeys(parameter: string, keys: readonly string[], pattern: RegExp): void {
  if (keys.length === 0) {
    throw new ExpressionProblem(`${parameter} must not be empty`);
  }
  for (const key of keys) {
    if (key === '') {
      throw new ExpressionProblem(
        `${parameter} contains invalid key: The expression attribute map contains an empty key;`,
      );
    }
    const bytes = Buffer.byteLength(key, 'utf8');
    if (bytes > keyBytesMax) {
      throw new ExpressionProblem(
        `${parameter} contains invalid key: The expression attribute map contains a key that is too long; size of key: ${bytes}`,
      );
    }
    if (!pattern.test(key)) {
      throw new ExpressionProblem(`${parameter} contains invalid key: Syntax error; key: "${key}"`);
    }
  }
}

function readNames(json: unknown): Map<string, string> {
  const names = new Map<string, string>();
  if (json === undefined || json === null) {
    return names;
  }
  const source = wireMap(json, 'java.lang.String');
  for (const [key, name] of Object.entries(source)) {
    if (name !== null) {
      names.set(key, wireString(name));
    }
  }
  checkKeys('ExpressionAttributeNames', [...names.keys()], nameKeyPattern);
  for (const [key, name] of names) {
    const problem = attributeNameProblem(name);
    if (problem !== undefined) {
      throw new ExpressionProblem(
        `ExpressionAttributeNames contains invalid value: ${problem} for key ${key}`,
      );
    }
  }
  return names;
}

/** A serialization problem of the JSON passes through as it is. */
function readValue(key: string, json: unknown): AttributeValue {
  try {
    return parseAttributeValue(json);
  } catch (error) {
    if (isValidationProblem(error, 'validation')) {
      throw new ExpressionProblem(
        error.message === nestingMessage
          ? nestingMessage
          : `ExpressionAttributeValues contains invalid value: ${error.message} for key ${key}`,
      );
    }
    throw error;
  }
}

function readValues(json: unknown): Map<string, AttributeValue> {
  const values = new Map<string, AttributeValue>();
  if (json === undefined || json === null) {
    return values;
  }
  const source = wireMap(json, 'AttributeValue');
  checkKeys('ExpressionAttributeValues', Object.keys(source), valueKeyPattern);
  let bytes = 0;
  for (const [key, value] of Object.entries(source)) {
    const parsed = readValue(key, value);
    bytes += valueSize(parsed);
    values.set(key, parsed);
  }
  if (bytes > substitutionBytesMax) {
    throw new ExpressionProblem('ExpressionAttributeValues exceeds max size');
  }
  return values;
}

function unusedMessage(parameter: string, keys: readonly string[]): string {
  return `Value provided in ${parameter} unused in expressions: keys: {${keys.join(', ')}}`;
}

/**
 * One per request, shared by all its expressions. The constructor throws an `ExpressionProblem`,
 * or a `ValidationProblem` of kind `serialization` if the JSON has the wrong shape.
 */
export class ExpressionContext {
  readonly #names: ReadonlyMap<string, string>;
  readonly #values: ReadonlyMap<string, AttributeValue>;
  readonly #used = new Set<string>();

  constructor(options: ExpressionContextOptions = {}) {
    this.#names = readNames(options.names);
    this.#values = readValues(options.values);
  }

  /** The attribute name behind `#key`; undefined if not given. */
  name(key: string): string | undefined {
    this.#used.add(key);
    return this.#names.get(key);
  }

  /** The value behind `:key`; undefined if not given. */
  value(key: string): AttributeValue | undefined {
    this.#used.add(key);
    return this.#values.get(key);
  }

  /** Throws if a name or a value was used by no expression: to be called after the last one. */
  checkAllUsed(): void {
    const names = [...this.#names.keys()].filter((key) => !this.#used.has(key));
    if (names.length > 0) {
      throw new ExpressionProblem(unusedMessage('ExpressionAttributeNames', names));
    }
    const values = [...this.#values.keys()].filter((key) => !this.#used.has(key));
    if (values.length > 0) {
      throw new ExpressionProblem(unusedMessage('ExpressionAttributeValues', values));
    }
  }
}
