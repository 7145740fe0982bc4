/**
 * Collects violations of the API model's constraints (lengths, ranges, patterns, value sets) and
 * throws them together, worded and ordered as DynamoDB does:
 * `2 validation errors detected: Value 'x' at 'limit' failed to satisfy constraint: Member …; …`.
 * Callers check members in DynamoDB's order. Absent values satisfy everything but `required`.
 */
import { validationError } from './errors.ts';
import {
  keyDoorTable,
  tableNameLengthMax,
  tableNameLengthMin,
  tableNamePattern,
  violationsMax,
} from './limits.ts';
import type { JsonObject } from '../values/wire-types.ts';

const tableNameExpression = new RegExp(`^${tableNamePattern}$`);

/** Longer values are cut in messages. */
const shownLengthMax = 2048;

function shown(value: unknown): string {
  if (value === undefined || value === null) {
    return 'null';
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `'${text.slice(0, shownLengthMax)}'`;
}

export class Constraints {
  #violations: string[] | undefined;

  /** Whether anything was violated so far. */
  get violated(): boolean {
    return this.#violations !== undefined;
  }

  #violated(path: string, value: unknown, what: string): void {
    const violations = (this.#violations ??= []);
    if (violations.length < violationsMax) {
      violations.push(
        `Value ${shown(value)} at '${path}' failed to satisfy constraint: Member must ${what}`,
      );
    }
  }

  required(path: string, value: unknown): this {
    if (value === undefined) {
      this.#violated(path, value, 'not be null');
    }
    return this;
  }

  oneOf(path: string, value: string | undefined, values: readonly string[]): this {
    if (value !== undefined && !values.includes(value)) {
      this.#violated(path, value, `satisfy enum value set: [${values.join(', ')}]`);
    }
    return this;
  }

  /** `shownAs` is the text of a value that is no text itself. */
  length(
    path: string,
    value: string | readonly unknown[] | undefined,
    min: number,
    max: number,
    shownAs: unknown = value,
  ): this {
    if (value !== undefined && value.length < min) {
      this.#violated(path, shownAs, `have length greater than or equal to ${min}`);
    }
    if (value !== undefined && value.length > max) {
      this.#violated(path, shownAs, `have length less than or equal to ${max}`);
    }
    return this;
  }

  range(path: string, value: number | undefined, min: number, max: number): this {
    if (value !== undefined && value < min) {
      this.#violated(path, value, `have value greater than or equal to ${min}`);
    }
    if (value !== undefined && value > max) {
      this.#violated(path, value, `have value less than or equal to ${max}`);
    }
    return this;
  }

  /** Only the characters of a table name. */
  tableNameCharacters(path: string, value: string | undefined): this {
    if (value !== undefined && !tableNameExpression.test(value)) {
      this.#violated(path, value, `satisfy regular expression pattern: ${tableNamePattern}`);
    }
    return this;
  }

  /** A name that a table may get. */
  tableName(path: string, value: string | undefined): this {
    if (value === keyDoorTable) {
      return this;
    }
    return this.tableNameCharacters(path, value).length(
      path,
      value,
      tableNameLengthMin,
      tableNameLengthMax,
    );
  }

  /** A name that an item operation looks up: too short ones are no tables, that is all. */
  tableNameToFind(path: string, value: string | undefined): this {
    if (value === '') {
      return this.length(path, value, 1, tableNameLengthMax);
    }
    return this.tableNameCharacters(path, value).length(path, value, 1, tableNameLengthMax);
  }

  /** Throws if anything was violated. */
  check(): void {
    const violations = this.#violations;
    if (violations !== undefined) {
      const errors = violations.length === 1 ? 'error' : 'errors';
      throw validationError(
        `${violations.length} validation ${errors} detected: ${violations.join('; ')}`,
      );
    }
  }
}

/** Throws for the first of `names` that the request carries: modelled by the API, not served yet. */
export function refuseUnserved(input: JsonObject, names: readonly string[]): void {
  for (const name of names) {
    if (Object.hasOwn(input, name) && input[name] !== null) {
      throw validationError(`The parameter '${name}' is not supported yet`);
    }
  }
}
