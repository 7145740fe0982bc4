/** A logger that calls back when a message was said for the n-th time: a moment to strike at. */
import type { Logger } from '../../sys/log.ts';

export class LogTrap implements Logger {
  #message = '';
  #left = 0;
  #spring: () => void = () => undefined;

  /** `spring` is called when `message` is said for the `count`-th time from now on. */
  set(message: string, count: number, spring: () => void): void {
    [this.#message, this.#left, this.#spring] = [message, count, spring];
  }

  child(): Logger {
    return this;
  }

  #said(message: string): void {
    if (message === this.#message && this.#left > 0) {
      this.#left -= 1;
      if (this.#left === 0) {
        this.#spring();
      }
    }
  }

  debug(message: string): void {
    this.#said(message);
  }

  info(message: string): void {
    this.#said(message);
  }

  warn(message: string): void {
    this.#said(message);
  }

  error(message: string): void {
    this.#said(message);
  }
}
