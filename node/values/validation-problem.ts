/**
 * Why a request's value is refused, in DynamoDB's words. `serialization`: the JSON has the wrong
 * shape for the API (SerializationException); `validation`: the shape is right and the value is
 * not allowed (ValidationException). A serialization problem anywhere in a request comes first.
 */

export type ProblemKind = 'validation' | 'serialization';

export class ValidationProblem extends Error {
  override readonly name = 'ValidationProblem';
  readonly kind: ProblemKind;

  constructor(kind: ProblemKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** True for a `ValidationProblem`, of one kind if given. Works across module realms (Jest). */
export function isValidationProblem(
  error: unknown,
  kind?: ProblemKind,
): error is ValidationProblem {
  const candidate = error as Partial<ValidationProblem> | null | undefined;
  return candidate?.name === 'ValidationProblem' && (kind === undefined || candidate.kind === kind);
}
