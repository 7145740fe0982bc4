/**
 * From the raw tree of a condition to the tree that is evaluated: names and values filled in,
 * every rule that needs no item checked, with DynamoDB's texts and in DynamoDB's order: over the
 * whole expression unknown functions, misplaced functions, list indexes, reserved words; then
 * comparison by comparison what is undefined, operand counts, distinctness, types.
 * Depth is bounded by the grammar.
 */
import type { AttributeType, AttributeValue } from '../values/attribute-value.ts';
import { typeOf } from '../values/attribute-value.ts';
import { compareValues } from '../values/compare.ts';
import type { Comparator, Condition, DocumentPath, Operand } from './ast.ts';
import {
  badIndexIn,
  equalPaths,
  formatPath,
  reservedWordIn,
  resolvePath,
} from './document-paths.ts';
import type { ExpressionContext } from './names-values.ts';
import type { RawCall, RawCondition, RawNode, RawOperand } from './raw-tree.ts';
import { valueLength } from './value-length.ts';

/** Operators and functions of one expression. */
export const operatorsMax = 300;
/** Candidates of one IN. */
export const inOperandsMax = 100;

const operandCounts: Readonly<Record<string, number>> = {
  attribute_exists: 1,
  attribute_not_exists: 1,
  attribute_type: 2,
  begins_with: 2,
  contains: 2,
  size: 1,
};
/** Known, but for another kind of expression. */
const updateFunctions: ReadonlySet<string> = new Set(['if_not_exists', 'list_append']);

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

/** The messages of the first problem of each sort, by rank: the lowest rank is reported. */
const ranks = ['unknown', 'disallowed', 'misplaced', 'index', 'reserved'] as const;
type Rank = (typeof ranks)[number];
type Firsts<R extends string> = Partial<Record<R, string>>;

function note<R extends string>(firsts: Firsts<R>, rank: R, message: string): void {
  firsts[rank] ??= message;
}

function firstOf<R extends string>(firsts: Firsts<R>, order: readonly R[]): string | undefined {
  for (const rank of order) {
    const message = firsts[rank];
    if (message !== undefined) {
      return message;
    }
  }
  return undefined;
}

/** The nodes below a node, in the order of the text. */
function childrenOf(node: RawNode): readonly RawNode[] {
  switch (node.kind) {
    case 'path':
    case 'value':
      return [];
    case 'call':
      return node.args;
    case 'and':
    case 'or':
    case 'compare':
      return [node.left, node.right];
    case 'not':
      return [node.operand];
    case 'between':
      return [node.operand, node.low, node.high];
    case 'in':
      return [node.operand, ...node.candidates];
  }
}

function checkCall(call: RawCall, place: 'condition' | 'operand', firsts: Firsts<Rank>): void {
  const { name } = call;
  if (updateFunctions.has(name)) {
    note(
      firsts,
      'disallowed',
      `The function is not allowed in a condition expression; function: ${name}`,
    );
  } else if (!Object.hasOwn(operandCounts, name)) {
    note(firsts, 'unknown', `Invalid function name; function: ${name}`);
  } else if ((name === 'size') === (place === 'condition')) {
    note(
      firsts,
      'misplaced',
      `The function is not allowed to be used this way in an expression; function: ${name}`,
    );
  }
}

/** One walk over the whole expression; counts operators and notes what is wrong anywhere. */
function checkWords(node: RawNode, place: 'condition' | 'operand', firsts: Firsts<Rank>): number {
  if (node.kind === 'path') {
    const index = badIndexIn(node);
    if (index !== undefined) {
      note(firsts, 'index', `List index is not within the allowable range; index: [${index}]`);
    }
    const word = reservedWordIn(node);
    if (word !== undefined) {
      note(firsts, 'reserved', `Attribute name is a reserved keyword; reserved keyword: ${word}`);
    }
    return 0;
  }
  if (node.kind === 'value') {
    return 0;
  }
  const below = node.kind === 'and' || node.kind === 'or' || node.kind === 'not';
  let count = 1;
  for (const child of childrenOf(node)) {
    count += checkWords(child, below ? 'condition' : 'operand', firsts);
  }
  if (node.kind === 'call') {
    checkCall(node, place, firsts);
  }
  return count;
}

/** The message about the expression as a whole, if any. */
export function wordsProblem(condition: RawCondition): string | undefined {
  const firsts: Firsts<Rank> = {};
  const count = checkWords(condition, 'condition', firsts);
  if (count > operatorsMax) {
    return `The expression contains too many operators; operator count: ${count}`;
  }
  return firstOf(firsts, ranks);
}

const comparisonRanks = ['undefined', 'count', 'distinct', 'type'] as const;
type ComparisonRank = (typeof comparisonRanks)[number];

/** Stands for an operand that has a problem already noted. */
const brokenOperand: Operand = { kind: 'value', value: { NULL: true } };
const brokenPath: DocumentPath = [''];

/** One comparison or call: makes its node and notes what is wrong with it. */
class Comparison {
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

  #checkDistinct(operator: string, first: Operand, rest: readonly Operand[]): void {
    if (first.kind !== 'path') {
      return;
    }
    if (rest.some((other) => other.kind === 'path' && equalPaths(first.path, other.path))) {
      note(
        this.#firsts,
        'distinct',
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
    this.#checkDistinct('BETWEEN', operand, [low, high]);
    this.#checkTypes('BETWEEN', [operand, low, high], orderedTypes);
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

/** The finished tree; throws what `refuse` makes of the first problem. */
export function resolveCondition(
  raw: RawCondition,
  context: ExpressionContext,
  refuse: (message: string) => Error,
): Condition {
  switch (raw.kind) {
    case 'and':
    case 'or': {
      const left = resolveCondition(raw.left, context, refuse);
      const right = resolveCondition(raw.right, context, refuse);
      return { kind: raw.kind, left, right };
    }
    case 'not':
      return { kind: 'not', operand: resolveCondition(raw.operand, context, refuse) };
    default:
      break;
  }
  const comparison = new Comparison(context);
  const condition = resolveComparison(raw, comparison);
  const { message } = comparison;
  if (message !== undefined) {
    throw refuse(message);
  }
  return condition;
}

function resolveComparison(
  raw: Exclude<RawCondition, { kind: 'and' | 'or' | 'not' }>,
  comparison: Comparison,
): Condition {
  switch (raw.kind) {
    case 'compare':
      return comparison.compare(raw.comparator, raw.left, raw.right);
    case 'between':
      return comparison.between(raw);
    case 'in':
      return comparison.isIn(raw);
    case 'call':
      return comparison.call(raw);
  }
}
