/** Exponential backoff with full jitter, as data: the caller owns the timer and the random. */

export interface BackoffOptions {
  /** First upper bound, ms. */
  readonly baseMs: number;
  /** Largest upper bound, ms. */
  readonly maxMs: number;
}

/**
 * The wait before attempt `attempt` (0 = first retry), in ms: uniform in (half the bound, bound].
 * `unit` is a random number in [0, 1).
 */
export function backoffMs(options: BackoffOptions, attempt: number, unit: number): number {
  const bound = Math.min(options.maxMs, options.baseMs * 2 ** Math.min(attempt, 30));
  return Math.ceil(bound / 2 + (bound / 2) * unit);
}
