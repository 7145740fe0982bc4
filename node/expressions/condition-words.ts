/**
 * The checks over a condition as a whole that need neither names nor values, in DynamoDB's order:
 * operators counted, then unknown functions, misplaced functions, list indexes, reserved words.
 */
import { badIndexIn, reservedWordIn } from './document-paths.ts';
import type { Firsts } from './first-problems.ts';
import { firstOf, note } from './first-problems.ts';
import { operandCounts } from './function-operands.ts';
import type { RawCall, RawCondition, RawNode } from './raw-tree.ts';

/** Operators and functions of one expression. */
export const operatorsMax = 300;
/** Known, but for another kind of expression. */
const updateFunctions: ReadonlySet<string> = new Set(['if_not_exists', 'list_append']);

/** Lowest first. */
const ranks = ['unknown', 'disallowed', 'misplaced', 'index', 'reserved'] as const;
type Rank = (typeof ranks)[number];

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
    // Counting stops there.
    return `The expression contains too many operators; operator count: ${operatorsMax + 1}`;
  }
  return firstOf(firsts, ranks);
}
