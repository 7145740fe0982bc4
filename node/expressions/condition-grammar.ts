/**
 * The grammar of conditions, by recursive descent; binds from loose to tight: OR, AND, NOT,
 * comparison. Makes a raw tree (`raw-tree.ts`) and refuses what is no condition; names, values
 * and types are checked afterwards. Source: DynamoDB developer guide, "Condition and filter
 * expressions, operators, and functions", Syntax.
 *
 * A parenthesis may hold a condition or an operand, which is known only inside: so each level
 * may return a bare operand, and who needs a condition refuses it at the token after it.
 */
import type { Comparator } from './ast.ts';
import type { Parse } from './operand-grammar.ts';
import { parseLeaf, parseOperand, parseOperandList } from './operand-grammar.ts';
import type { RawCondition, RawNode, RawOperand } from './raw-tree.ts';
import { isRawCondition, isRawOperand } from './raw-tree.ts';

const comparators: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);

/** The whole text. */
export function parseWholeCondition(parse: Parse): RawCondition {
  const condition = needCondition(parse, parseOr(parse));
  if (parse.tokens.peek().kind !== 'end') {
    throw parse.tokens.syntaxProblem();
  }
  return condition;
}

/** A bare operand is no condition: something should have followed it. */
function needCondition(parse: Parse, node: RawNode): RawCondition {
  if (!isRawCondition(node)) {
    throw parse.tokens.syntaxProblem();
  }
  return node;
}

function parseOr(parse: Parse): RawNode {
  let left = parseAnd(parse);
  while (parse.tokens.isKeyword('OR')) {
    const condition = needCondition(parse, left);
    parse.tokens.take();
    left = { kind: 'or', left: condition, right: needCondition(parse, parseAnd(parse)) };
  }
  return left;
}

function parseAnd(parse: Parse): RawNode {
  let left = parseNot(parse);
  while (parse.tokens.isKeyword('AND')) {
    const condition = needCondition(parse, left);
    parse.tokens.take();
    left = { kind: 'and', left: condition, right: needCondition(parse, parseNot(parse)) };
  }
  return left;
}

function parseNot(parse: Parse): RawNode {
  if (!parse.tokens.skipKeyword('NOT')) {
    return parseComparison(parse);
  }
  const operand = parse.deeper(() => parseNot(parse));
  return { kind: 'not', operand: needCondition(parse, operand) };
}

function parseComparison(parse: Parse): RawNode {
  const left = parse.tokens.isSymbol('(') ? parse.group(() => parseOr(parse)) : parseLeaf(parse);
  if (!isRawOperand(left)) {
    return left;
  }
  const { tokens } = parse;
  const next = tokens.peek();
  if (next.kind === 'symbol' && comparators.has(next.text)) {
    tokens.take();
    const comparator = next.text as Comparator;
    return { kind: 'compare', comparator, left, right: parseOperand(parse) };
  }
  if (tokens.skipKeyword('BETWEEN')) {
    return parseBetween(parse, left);
  }
  if (tokens.skipKeyword('IN')) {
    tokens.expectSymbol('(');
    return { kind: 'in', operand: left, candidates: parseOperandList(parse) };
  }
  return left;
}

function parseBetween(parse: Parse, operand: RawOperand): RawCondition {
  const low = parseOperand(parse);
  parse.tokens.expectKeyword('AND');
  return { kind: 'between', operand, low, high: parseOperand(parse) };
}
