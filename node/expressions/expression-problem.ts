/** Why an expression or its names and values are refused: a ValidationException in full text. */

export class ExpressionProblem extends Error {
  override readonly name = 'ExpressionProblem';
}

/** True for an `ExpressionProblem`. Works across module realms (Jest). */
export function isExpressionProblem(error: unknown): error is ExpressionProblem {
  return (error as Partial<ExpressionProblem> | null | undefined)?.name === 'ExpressionProblem';
}
