/**
 * Whether an item meets a condition. A missing attribute or a value of another type makes a
 * comparison false, never an error; `<>` alone is true then. NOT turns false into true, so there
 * are two truth values and no third. Depth is bounded by the grammar.
 * Source: DynamoDB developer guide, "Comparison operator and function reference".
 */
import type { AttributeValue, Item } from '../values/attribute-value.ts';
import { typeOf } from '../values/attribute-value.ts';
import { compareValues, equalValues } from '../values/compare.ts';
import type { Comparator, Condition, Operand } from './ast.ts';
import { valueAt } from './document-paths.ts';
import { valueLength } from './value-length.ts';

const noAttributes: Item = {};

function operandValue(operand: Operand, item: Item): AttributeValue | undefined {
  switch (operand.kind) {
    case 'value':
      return operand.value;
    case 'path':
      return valueAt(item, operand.path);
    case 'size': {
      const value = valueAt(item, operand.path);
      const length = value === undefined ? undefined : valueLength(value);
      return length === undefined ? undefined : { N: String(length) };
    }
  }
}

type Maybe = AttributeValue | undefined;

function equal(left: Maybe, right: Maybe): boolean {
  return left !== undefined && right !== undefined && equalValues(left, right);
}

/** −1, 0 or 1; undefined if either is missing or the two cannot be ordered. */
function order(left: Maybe, right: Maybe): number | undefined {
  return left === undefined || right === undefined ? undefined : compareValues(left, right);
}

function compares(comparator: Comparator, left: Maybe, right: Maybe): boolean {
  if (comparator === '=') {
    return equal(left, right);
  }
  if (comparator === '<>') {
    return !equal(left, right);
  }
  const result = order(left, right);
  if (result === undefined) {
    return false;
  }
  switch (comparator) {
    case '<':
      return result < 0;
    case '<=':
      return result <= 0;
    case '>':
      return result > 0;
    case '>=':
      return result >= 0;
  }
}

function beginsWith(value: Maybe, prefix: Maybe): boolean {
  if (value === undefined || prefix === undefined) {
    return false;
  }
  if ('S' in value && 'S' in prefix) {
    return value.S.startsWith(prefix.S);
  }
  if ('B' in value && 'B' in prefix) {
    const start = Buffer.from(prefix.B, 'base64');
    return Buffer.from(value.B, 'base64').subarray(0, start.length).equals(start);
  }
  return false;
}

/** A part of a text or binary, or a member of a set or list. */
function contains(value: Maybe, searched: Maybe): boolean {
  if (value === undefined || searched === undefined) {
    return false;
  }
  if ('L' in value) {
    return value.L.some((element) => equalValues(element, searched));
  }
  if ('S' in searched) {
    return 'S' in value
      ? value.S.includes(searched.S)
      : 'SS' in value && value.SS.includes(searched.S);
  }
  if ('N' in searched) {
    return 'NS' in value && value.NS.includes(searched.N);
  }
  if ('B' in searched) {
    return 'B' in value
      ? Buffer.from(value.B, 'base64').includes(Buffer.from(searched.B, 'base64'))
      : 'BS' in value && value.BS.includes(searched.B);
  }
  return false;
}

function evaluate(condition: Condition, item: Item): boolean {
  const valueOf = (operand: Operand): Maybe => operandValue(operand, item);
  switch (condition.kind) {
    case 'and':
      return evaluate(condition.left, item) && evaluate(condition.right, item);
    case 'or':
      return evaluate(condition.left, item) || evaluate(condition.right, item);
    case 'not':
      return !evaluate(condition.operand, item);
    case 'compare':
      return compares(condition.comparator, valueOf(condition.left), valueOf(condition.right));
    case 'between': {
      const value = valueOf(condition.operand);
      return (
        compares('>=', value, valueOf(condition.low)) &&
        compares('<=', value, valueOf(condition.high))
      );
    }
    case 'in': {
      const value = valueOf(condition.operand);
      return condition.candidates.some((candidate) => equal(value, valueOf(candidate)));
    }
    case 'exists':
      return valueAt(item, condition.path) !== undefined;
    case 'notExists':
      return valueAt(item, condition.path) === undefined;
    case 'type': {
      const value = valueAt(item, condition.path);
      return value !== undefined && typeOf(value) === condition.type;
    }
    case 'beginsWith':
      return beginsWith(valueOf(condition.operand), valueOf(condition.prefix));
    case 'contains':
      return contains(valueOf(condition.operand), valueOf(condition.searched));
  }
}

/** An absent item has no attributes. */
export function evaluateCondition(condition: Condition, item: Item | undefined): boolean {
  return evaluate(condition, item ?? noAttributes);
}
