/**
 * Failures in a row of one piece of work that is tried again and again, as the log tells them: the
 * first, second, fourth, eighth … as warnings and the others for who debugs, and once that it
 * works again. An API server that is gone for an hour is worth a dozen lines, not thousands.
 */
import { messageOf } from '../../node/lib/errors.ts';
import type { Clock } from '../../node/sys/clock.ts';
import type { LogFields, Logger } from '../../node/sys/log.ts';

export class FailureStreak {
  readonly #parts: { readonly clock: Clock; readonly log: Logger };
  readonly #what: string;
  #count = 0;
  #sinceMs = 0;

  /** `what`: the work, as a line of the log begins (`A watch`). */
  constructor(what: string, parts: { readonly clock: Clock; readonly log: Logger }) {
    this.#what = what;
    this.#parts = parts;
  }

  /** Failures since it worked last. */
  get count(): number {
    return this.#count;
  }

  failed(error: unknown, fields: LogFields = {}): void {
    const { clock, log } = this.#parts;
    this.#sinceMs = this.#count === 0 ? clock.monotonicMs() : this.#sinceMs;
    this.#count += 1;
    const told = { ...fields, failures: this.#count, why: messageOf(error) };
    const isPowerOfTwo = (this.#count & (this.#count - 1)) === 0;
    log[isPowerOfTwo ? 'warn' : 'debug'](`${this.#what} failed and is tried again`, told);
  }

  worked(fields: LogFields = {}): void {
    if (this.#count === 0) {
      return;
    }
    const { clock, log } = this.#parts;
    const seconds = Math.round((clock.monotonicMs() - this.#sinceMs) / 100) / 10;
    log.info(`${this.#what} works again`, { ...fields, failures: this.#count, seconds });
    this.#count = 0;
  }
}
