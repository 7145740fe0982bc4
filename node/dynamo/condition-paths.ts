/** The document paths a condition reads, in the order written. */
import type { Condition, DocumentPath, Operand } from '../expressions/ast.ts';

function operandPaths(operands: readonly Operand[]): readonly DocumentPath[] {
  const paths: DocumentPath[] = [];
  for (const operand of operands) {
    if (operand.kind !== 'value') {
      paths.push(operand.path);
    }
  }
  return paths;
}

export function conditionPaths(condition: Condition): readonly DocumentPath[] {
  switch (condition.kind) {
    case 'and':
    case 'or':
      return [...conditionPaths(condition.left), ...conditionPaths(condition.right)];
    case 'not':
      return conditionPaths(condition.operand);
    case 'compare':
      return operandPaths([condition.left, condition.right]);
    case 'between':
      return operandPaths([condition.operand, condition.low, condition.high]);
    case 'in':
      return operandPaths([condition.operand, ...condition.candidates]);
    case 'exists':
    case 'notExists':
    case 'type':
      return [condition.path];
    case 'beginsWith':
      return operandPaths([condition.operand, condition.prefix]);
    case 'contains':
      return operandPaths([condition.operand, condition.searched]);
  }
}
