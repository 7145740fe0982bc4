/**
 * Waiting for what cannot be watched: asks again until the answer is there, and says what was
 * missing when it gives up.
 */
import { timeouts } from './timeouts.ts';

/** Rejects when the time is up; `what` completes "Waited 5000 ms for …". */
export class WaitError extends Error {
  override readonly name = 'WaitError';
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks until something other than undefined comes back. An error counts as "not yet" and is told
 * when the time is up.
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const answer = await ask();
      if (answer !== undefined) {
        return answer;
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) {
      const why = Error.isError(last) ? `: ${last.message}` : '';
      throw new WaitError(`Waited ${timeoutMs} ms for ${what}${why}`, { cause: last });
    }
    await pause(timeouts.poll);
  }
}

/** The promise, or an error when it takes longer. What it was doing goes on. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new WaitError(`Waited ${timeoutMs} ms for ${what}`));
    }, timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
