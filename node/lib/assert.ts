/**
 * Assertions that stay on in production: a broken invariant stops the process before it can
 * harm data. For programmer errors only; operating errors are typed values (`errors.ts`).
 */

/** Thrown by `assert`: the process must not go on with the object concerned. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws `AssertionError` unless `condition` holds. One fact a call. */
export function assert(condition: boolean, message = 'Assertion failed'): asserts condition {
  if (!condition) {
    throw new AssertionError(message);
  }
}

/** Returns `value`, which must be neither null nor undefined. */
export function must<T>(value: T | null | undefined, message = 'Expected a value'): T {
  if (value === null || value === undefined) {
    throw new AssertionError(message);
  }
  return value;
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionError(`Unreachable value: ${JSON.stringify(value)}`);
}
