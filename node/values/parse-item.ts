/**
 * From JSON.parse output to validated, canonical attribute values: after this nothing below the
 * doors doubts a value. Numbers become canonical text, sets are checked for duplicates (by
 * value), unknown members are dropped as the protocol drops them. Any attribute name is safe,
 * `__proto__` too. Recursion is bounded by DynamoDB's nesting limit, whatever the input.
 * Throws `ValidationProblem` with DynamoDB's texts; a serialization problem inside the value
 * wins over a validation problem before it.
 * Source: DynamoDB API reference, AttributeValue; developer guide, "Service quotas".
 */
import type { AttributeType, AttributeValue, Item } from './attribute-value.ts';
import { parseNumber } from './number.ts';
import { isValidationProblem, ValidationProblem } from './validation-problem.ts';
import type { JsonObject } from './wire-types.ts';
import {
  wireBinary,
  wireBoolean,
  wireList,
  wireMap,
  wireString,
  wireStructure,
} from './wire-types.ts';

/** Levels of a value: an attribute's own value is level 1. */
export const nestingLevelsMax = 32;

/** The longest name of an attribute or map key, in bytes of UTF-8. */
export const attributeNameBytesMax = 65_535;
const bytesPerUnitMax = 3;

const invalidPrefix = 'One or more parameter values were invalid: ';
const emptyValueMessage =
  'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes';
const severalTypesMessage =
  'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes';
/** Stands alone wherever the value stands. */
export const nestingMessage =
  'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';

function validationProblem(message: string): ValidationProblem {
  return new ValidationProblem('validation', message);
}

/** `target[name] = value` for any name: plain assignment would lose `__proto__`. */
export function setAttribute<V>(target: Record<string, V>, name: string, value: V): void {
  if (name === '__proto__') {
    Object.defineProperty(target, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    target[name] = value;
  }
}

function canonicalNumber(value: unknown): string {
  const parsed = parseNumber(wireString(value));
  if (!parsed.ok) {
    throw validationProblem(parsed.message);
  }
  return parsed.text;
}

function hasDuplicates(members: readonly string[]): boolean {
  return members.length > 1 && new Set(members).size !== members.length;
}

function parseSet(
  type: 'SS' | 'NS' | 'BS',
  value: unknown,
  parseMember: (member: unknown) => string,
): string[] {
  const list = wireList(value);
  if (list.length === 0) {
    throw validationProblem(
      invalidPrefix +
        (type === 'SS'
          ? 'An string set  may not be empty'
          : type === 'NS'
            ? 'An number set  may not be empty'
            : 'Binary sets should not be empty'),
    );
  }
  if (list.includes(null)) {
    throw validationProblem(
      type === 'SS'
        ? `${invalidPrefix}An string set may not have a null string as a member`
        : emptyValueMessage,
    );
  }
  const members = list.map(parseMember);
  if (hasDuplicates(members)) {
    throw validationProblem(
      type === 'NS'
        ? 'Input collection contains duplicates'
        : `${invalidPrefix}Input collection [${members.join(', ')}]` +
            (type === 'BS' ? 'of type BS contains duplicates.' : ' contains duplicates.'),
    );
  }
  return members;
}

/** DynamoDB's objection to the name of an attribute or map key, or undefined. */
export function attributeNameProblem(name: string): string | undefined {
  if (name === '') {
    return 'Empty attribute name';
  }
  return name.length * bytesPerUnitMax > attributeNameBytesMax &&
    Buffer.byteLength(name, 'utf8') > attributeNameBytesMax
    ? `Attribute name is too large, must be less than ${attributeNameBytesMax + 1} bytes`
    : undefined;
}

function parseName(json: string): string {
  const name = wireString(json);
  const problem = attributeNameProblem(name);
  if (problem !== undefined) {
    throw validationProblem(problem);
  }
  return name;
}

function parseMap(value: unknown, level: number): Item {
  const source = wireMap(value, 'AttributeValue');
  const item: Record<string, AttributeValue> = {};
  for (const name of Object.keys(source)) {
    setAttribute(item, parseName(name), parseLevel(source[name], level));
  }
  return item;
}

/** One member of an attribute value; undefined if the name is no type. */
function parseMember(type: string, value: unknown, level: number): AttributeValue | undefined {
  switch (type as AttributeType) {
    case 'S':
      return { S: wireString(value) };
    case 'N':
      return { N: canonicalNumber(value) };
    case 'B':
      return { B: wireBinary(value) };
    case 'BOOL':
      return { BOOL: wireBoolean(value) };
    case 'NULL':
      if (!wireBoolean(value)) {
        throw validationProblem(
          `${invalidPrefix}Null attribute value types must have the value of true`,
        );
      }
      return { NULL: true };
    case 'SS':
      return { SS: parseSet('SS', value, wireString) };
    case 'NS':
      return { NS: parseSet('NS', value, canonicalNumber) };
    case 'BS':
      return { BS: parseSet('BS', value, wireBinary) };
    case 'L':
      return { L: wireList(value).map((element) => parseLevel(element, level + 1)) };
    case 'M':
      return { M: parseMap(value, level + 1) };
    default:
      return undefined;
  }
}

function parseLevel(json: unknown, level: number): AttributeValue {
  if (level > nestingLevelsMax) {
    throw validationProblem(nestingMessage);
  }
  if (json === null || json === undefined) {
    throw validationProblem(emptyValueMessage);
  }
  const source = wireStructure(json, 'AttributeValue');
  let found: AttributeValue | undefined;
  let count = 0;
  for (const type of Object.keys(source)) {
    const value = source[type];
    if (value === null) {
      continue;
    }
    const parsed = parseMember(type, value, level);
    if (parsed !== undefined) {
      found = parsed;
      count += 1;
    }
  }
  if (found === undefined) {
    throw validationProblem(emptyValueMessage);
  }
  if (count > 1) {
    throw validationProblem(severalTypesMessage);
  }
  return found;
}

/** Only the shape: throws the first serialization problem. Levels beyond the limit are not read. */
function checkShape(json: unknown, level: number): void {
  if (json === null || json === undefined || level > nestingLevelsMax) {
    return;
  }
  const source = wireStructure(json, 'AttributeValue');
  for (const type of Object.keys(source)) {
    const value = source[type];
    if (value !== null) {
      checkMemberShape(type, value, level);
    }
  }
}

function checkMemberShape(type: string, value: unknown, level: number): void {
  const checkEach = (check: (member: unknown) => unknown): void => {
    for (const member of wireList(value)) {
      if (member !== null) {
        check(member);
      }
    }
  };
  switch (type as AttributeType) {
    case 'S':
    case 'N':
      wireString(value);
      break;
    case 'B':
      wireBinary(value);
      break;
    case 'BOOL':
    case 'NULL':
      wireBoolean(value);
      break;
    case 'SS':
    case 'NS':
      checkEach(wireString);
      break;
    case 'BS':
      checkEach(wireBinary);
      break;
    case 'L':
      checkEach((element) => {
        checkShape(element, level + 1);
      });
      break;
    case 'M':
      for (const element of Object.values(wireMap(value, 'AttributeValue'))) {
        checkShape(element, level + 1);
      }
      break;
    default:
      break;
  }
}

/** Runs `parse`; should it meet a validation problem, a serialization problem goes first. */
function shapeFirst<T>(parse: () => T, check: () => void): T {
  try {
    return parse();
  } catch (error) {
    if (isValidationProblem(error, 'validation')) {
      check();
    }
    throw error;
  }
}

function mapOf(json: unknown): JsonObject {
  return wireMap(json, 'AttributeValue');
}

/** Throws the first serialization problem of a map of attribute values (an Item, a Key …). */
export function checkItemShape(json: unknown): void {
  for (const value of Object.values(mapOf(json))) {
    checkShape(value, 1);
  }
}

/** One attribute value. */
export function parseAttributeValue(json: unknown): AttributeValue {
  return shapeFirst(
    () => parseLevel(json, 1),
    () => {
      checkShape(json, 1);
    },
  );
}

/** A map of attribute values: an Item, a Key. Neither keys nor the item's size are checked here. */
export function parseItem(json: unknown): Item {
  return shapeFirst(
    () => {
      mapOf(json);
      return parseMap(json, 1);
    },
    () => {
      checkItemShape(json);
    },
  );
}
