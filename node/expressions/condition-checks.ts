/**
 * From the raw tree of a condition to the tree that is evaluated, comparison by comparison: the
 * first one with a problem is reported. Depth is bounded by the grammar.
 */
import type { Condition } from './ast.ts';
import { Comparison } from './comparison.ts';
import type { ExpressionContext } from './names-values.ts';
import type { RawCondition } from './raw-tree.ts';

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
