/**
 * Bounds the time in which nothing happens: a promise that is given up when `touch` was not called
 * for so long. What it waited for may still end later, unheard.
 */
import { DynakvError } from '../lib/errors.ts';
import type { Timer, Timers } from '../sys/clock.ts';

export class IdleGuard {
  readonly #timers: Timers;
  readonly #idleMsMax: number;
  readonly #what: string;
  #timer: Timer | undefined;
  #giveUp: (error: DynakvError) => void = () => undefined;

  constructor(timers: Timers, idleMsMax: number, what: string) {
    this.#timers = timers;
    this.#idleMsMax = idleMsMax;
    this.#what = what;
  }

  /** Something happened: the time starts anew. */
  touch(): void {
    this.#timer?.cancel();
    this.#timer = this.#timers.after(this.#idleMsMax, () => {
      this.#giveUp(
        new DynakvError('Unavailable', `${this.#what}: nothing moved for ${this.#idleMsMax} ms`),
      );
    });
  }

  /** Settles as `work` does, or rejects `Unavailable` when it stands still. */
  async watch<T>(work: Promise<T>): Promise<T> {
    const idle = new Promise<never>((_resolve, reject) => {
      this.#giveUp = reject;
    });
    this.touch();
    try {
      return await Promise.race([work, idle]);
    } finally {
      this.#timer?.cancel();
      idle.catch(() => undefined);
      work.catch(() => undefined);
    }
  }
}
