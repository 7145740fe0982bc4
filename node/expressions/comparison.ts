/**
 * The checks on one comparison or function of a condition, while its node is made: names and
 * values filled in, then in DynamoDB's order what is undefined, operand counts, operands that
 * must differ, operand types.
 */
import type { AttributeType, AttributeValue } from '../values/attribute-value.ts';
import { typeOf } from '../values/attribute-value.ts';
import { compareValues } from '../values/compare.ts';
import type { Comparator, Condition, DocumentPath, Operand } from './ast.ts';
import { equalPaths, formatPath, resolvePath } from './document-paths.ts';
import type { Firsts } from './first-problems.ts';
import { firstOf, note } from './first-problems.ts';
import { operandCounts } from './function-operands.ts';
import type { ExpressionContext } from './names-values.ts';
import type { RawCall, RawCondition, RawOperand } from './raw-tree.ts';
import { valueLength } from './value-length.ts';

/** Candidates of one IN. */
export const inOperandsMax = 100;

const attributeTypes: readonly AttributeType[] = [
  'B',
  'NULL',
  'SS',
  'BOOL',
  'L',
  'BS',
  'N',
  'NS',
  'S',
  'M',
];
const orderedTypes: ReadonlySet<AttributeType> = new Set(['S', 'N', 'B']);

const comparisonRanks = ['undefined', 'count', 'distinct', 'type'] as const;
type ComparisonRank = (typeof comparisonRanks)[number];

/** Stands for an operand that has a problem already noted. */
const brokenOperand: Operand = { kind: 'value', value: { NULL: true } };
const brokenPath: DocumentPath = [''];

/** One comparison or call: makes its node and notes what is wrong with it. */
export class Comparison {
  readonly #context: ExpressionContext;
  readonly #firsts: Firsts<ComparisonRank> = {};

  constructor(context: ExpressionContext) {
    this.#context = context;
  }

  get message(): string | undefined {
    return firstOf(this.#firsts, comparisonRanks);
  }

  #typeProblem(operator: string, type: string): void {
    note(
      this.#firsts,
      'type',
      `Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${type}`,
    );
  }

  operand(raw: RawOperand): Operand {
    if (raw.kind === 'path') {
      const resolved = resolvePath(raw, this.#context);
      if ('path' in resolved) {
        return { kind: 'path', path: resolved.path };
      }
      note(this.#firsts, 'undefined', resolved.message);
      return brokenOperand;
    }
    if (raw.kind === 'value') {
      const value = this.#context.value(raw.key);
      if (value !== undefined) {
        return { kind: 'value', value };
      }
      note(
        this.#firsts,
        'undefined',
        `An expression attribute value used in expression is not defined; attribute value: ${raw.key}`,
      );
      return brokenOperand;
    }
    return this.#size(raw);
  }

  /** `size` of a given value is known at once. */
  #size(call: RawCall): Operand {
    const operands = this.#operands(call);
    const operand = operands[0] ?? brokenOperand;
    if (operand.kind === 'path') {
      return { kind: 'size', path: operand.path };
    }
    const length = operand.kind === 'value' ? valueLength(operand.value) : undefined;
    if (length === undefined) {
      this.#typeProblem('size', this.#staticType(operand) ?? 'N');
      return brokenOperand;
    }
    return { kind: 'value', value: { N: String(length) } };
  }

  #operands(call: RawCall): Operand[] {
    const operands = call.args.map((arg) => this.operand(arg));
    if (operands.length !== operandCounts[call.name]) {
      note(
        this.#firsts,
        'count',
        `Incorrect number of operands for operator or function; operator or function: ${call.name}, number of operands: ${operands.length}`,
      );
    }
    return operands;
  }

  /** The type an operand has whatever the item; undefined for a path. */
  #staticType(operand: Operand): AttributeType | undefined {
    switch (operand.kind) {
      case 'path':
        return undefined;
      case 'size':
        return 'N';
      case 'value':
        return typeOf(operand.value);
    }
  }

  #checkDistinct(
    operator: string,
    first: Operand,
    rest: readonly Operand[],
    rank: 'distinct' | 'type' = 'distinct',
  ): void {
    if (first.kind !== 'path') {
      return;
    }
    if (rest.some((other) => other.kind === 'path' && equalPaths(first.path, other.path))) {
      note(
        this.#firsts,
        rank,
        `The first operand must be distinct from the remaining operands for this operator or function; operator: ${operator}, first operand: ${formatPath(first.path)}`,
      );
    }
  }

  #checkTypes(operator: string, operands: readonly Operand[], allowed: ReadonlySet<string>): void {
    for (const operand of operands) {
      const type = this.#staticType(operand);
      if (type !== undefined && !allowed.has(type)) {
        this.#typeProblem(operator, type);
      }
    }
  }

  compare(comparator: Comparator, rawLeft: RawOperand, rawRight: RawOperand): Condition {
    const left = this.operand(rawLeft);
    const right = this.operand(rawRight);
    this.#checkDistinct(comparator, left, [right]);
    if (comparator !== '=' && comparator !== '<>') {
      this.#checkTypes(comparator, [left, right], orderedTypes);
    }
    return { kind: 'compare', comparator, left, right };
  }

  between(raw: Extract<RawCondition, { kind: 'between' }>): Condition {
    const operand = this.operand(raw.operand);
    const low = this.operand(raw.low);
    const high = this.operand(raw.high);
    this.#checkTypes('BETWEEN', [operand, low, high], orderedTypes);
    this.#checkDistinct('BETWEEN', operand, [low, high], 'type');
    // Only bounds that the request itself gives can be compared now.
    if (raw.low.kind === 'value' && raw.high.kind === 'value') {
      this.#checkBounds(low, high);
    }
    return { kind: 'between', operand, low, high };
  }

  #checkBounds(low: Operand, high: Operand): void {
    if (low.kind !== 'value' || high.kind !== 'value') {
      return;
    }
    const problem =
      typeOf(low.value) !== typeOf(high.value)
        ? 'same data type for lower and upper bounds'
        : (compareValues(low.value, high.value) ?? 0) > 0
          ? 'upper bound to be greater than or equal to lower bound'
          : undefined;
    if (problem !== undefined) {
      note(
        this.#firsts,
        'type',
        `The BETWEEN operator requires ${problem}; lower bound operand: ${formatBound(low.value)}, upper bound operand: ${formatBound(high.value)}`,
      );
    }
  }

  isIn(raw: Extract<RawCondition, { kind: 'in' }>): Condition {
    const operand = this.operand(raw.operand);
    const candidates = raw.candidates.map((candidate) => this.operand(candidate));
    if (candidates.length > inOperandsMax) {
      note(
        this.#firsts,
        'count',
        `The IN operator is provided with too many operands; number of operands: ${candidates.length}`,
      );
    }
    this.#checkDistinct('IN', operand, candidates);
    return { kind: 'in', operand, candidates };
  }

  call(raw: RawCall): Condition {
    const operands = this.#operands(raw);
    const first = operands[0] ?? brokenOperand;
    const second = operands[1] ?? brokenOperand;
    this.#checkDistinct(raw.name, first, operands.slice(1));
    switch (raw.name) {
      case 'attribute_exists':
        return { kind: 'exists', path: this.#needPath(raw.name, first) };
      case 'attribute_not_exists':
        return { kind: 'notExists', path: this.#needPath(raw.name, first) };
      case 'attribute_type': {
        const path = this.#needPath(raw.name, first);
        return { kind: 'type', path, type: this.#typeName(second) };
      }
      case 'begins_with':
        this.#checkTypes(raw.name, operands, new Set(['S', 'B']));
        return { kind: 'beginsWith', operand: first, prefix: second };
      default:
        return { kind: 'contains', operand: first, searched: second };
    }
  }

  #needPath(name: string, operand: Operand): DocumentPath {
    if (operand.kind === 'path') {
      return operand.path;
    }
    note(
      this.#firsts,
      'type',
      `Operator or function requires a document path; operator or function: ${name}`,
    );
    return brokenPath;
  }

  /** The second operand of `attribute_type`: a given string that names a type. */
  #typeName(operand: Operand): AttributeType {
    if (operand.kind !== 'value' || !('S' in operand.value)) {
      const type = this.#staticType(operand);
      this.#typeProblem('attribute_type', type ?? '{NS,SS,L,BS,N,M,B,BOOL,NULL,S}');
      return 'S';
    }
    const name = operand.value.S;
    const type = attributeTypes.find((candidate) => candidate === name);
    if (type === undefined) {
      note(
        this.#firsts,
        'type',
        `Invalid attribute type name found; type: ${name}, valid types: {${attributeTypes.join(',')}}`,
      );
    }
    return type ?? 'S';
  }
}

function formatBound(value: AttributeValue): string {
  const type = typeOf(value);
  const text = (value as Readonly<Record<string, unknown>>)[type];
  return `AttributeValue: {${type}:${typeof text === 'string' ? text : JSON.stringify(text)}}`;
}
