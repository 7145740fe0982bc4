/**
 * Of all that is wrong with one thing, what is reported: problems have a rank, the lowest rank
 * wins, and within a rank the first that was noted.
 */

/** The first message of each rank. */
export type Firsts<R extends string> = Partial<Record<R, string>>;

export function note<R extends string>(firsts: Firsts<R>, rank: R, message: string): void {
  firsts[rank] ??= message;
}

/** The message to report, if any; `order` is the ranks, lowest first. */
export function firstOf<R extends string>(
  firsts: Firsts<R>,
  order: readonly R[],
): string | undefined {
  for (const rank of order) {
    const message = firsts[rank];
    if (message !== undefined) {
      return message;
    }
  }
  return undefined;
}
