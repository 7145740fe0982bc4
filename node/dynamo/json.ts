/**
 * The body of a request as a JSON object, and its members by type. A wrong JSON type is a
 * SerializationException in DynamoDB's words (`values/wire-types.ts`), found before any
 * constraint is looked at. `null` counts as absent.
 */
import { isUtf8 } from 'node:buffer';
import {
  wireBoolean,
  wireInteger,
  wireList,
  wireMap,
  wireString,
  wireStructure,
} from '../values/wire-types.ts';
import type { JsonObject } from '../values/wire-types.ts';
import { serializationError } from './errors.ts';

export function parseBody(body: Buffer): JsonObject {
  if (!isUtf8(body)) {
    throw serializationError('The request body is not valid UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw serializationError('The request body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw serializationError('The request body must be a JSON object');
  }
  return value as JsonObject;
}

/** A member's value; undefined if absent or null. */
export function member(input: JsonObject, name: string): unknown {
  return Object.hasOwn(input, name) ? (input[name] ?? undefined) : undefined;
}

export function stringMember(input: JsonObject, name: string): string | undefined {
  const value = member(input, name);
  return value === undefined ? undefined : wireString(value);
}

export function booleanMember(input: JsonObject, name: string): boolean | undefined {
  const value = member(input, name);
  return value === undefined ? undefined : wireBoolean(value);
}

/** `type` is the API's name for the number: it shows in messages. */
export function integerMember(
  input: JsonObject,
  name: string,
  type: 'Integer' | 'Long',
): number | undefined {
  const value = member(input, name);
  return value === undefined ? undefined : wireInteger(value, type);
}

/** A JSON object with any names; its values are not looked at. */
export function mapMember(
  input: JsonObject,
  name: string,
  element: string,
): JsonObject | undefined {
  const value = member(input, name);
  return value === undefined ? undefined : wireMap(value, element);
}

/** A JSON object that stands for a structure of the API. */
export function structureMember(
  input: JsonObject,
  name: string,
  structure: string,
): JsonObject | undefined {
  const value = member(input, name);
  return value === undefined ? undefined : wireStructure(value, structure, 'field');
}

/** A list of structures; a null element is an empty one. */
export function structuresMember(
  input: JsonObject,
  name: string,
  structure: string,
): readonly JsonObject[] | undefined {
  const value = member(input, name);
  return value === undefined
    ? undefined
    : wireList(value).map((element) => (element === null ? {} : wireStructure(element, structure)));
}
