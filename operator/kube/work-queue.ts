/**
 * Keys that wait to be worked on. A key is worked on by one worker at a time; added again
 * meanwhile, it is worked on once more afterwards; added many times, once. A key that failed comes
 * back after a growing wait, and whoever adds it meanwhile does not have to wait.
 *
 * Bounded by the number of distinct keys: there is nothing but keys in it.
 */
import { backoffMs } from '../../node/lib/backoff.ts';
import type { Clock, Timer, Timers } from '../../node/sys/clock.ts';
import type { Logger } from '../../node/sys/log.ts';
import type { Random } from '../../node/sys/random.ts';
import { FailureStreak } from './failure-streak.ts';

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** Works on one key; answers after how many ms it wants to see it again (undefined: not). */
  readonly work: (key: string) => Promise<number | undefined>;
  readonly workers?: number;
}

export interface WorkQueueStats {
  readonly depth: number;
  readonly addsTotal: number;
  readonly retriesTotal: number;
  /** How long the work that runs longest has run, s. */
  readonly longestRunningSeconds: number;
}

const workersDefault = 4;
const backoff = { baseMs: 100, maxMs: 30_000 };

interface Delayed {
  readonly atMs: number;
  readonly timer: Timer;
}

export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #ready = new Set<string>();
  readonly #running = new Map<string, { readonly sinceMs: number; readonly end: Promise<void> }>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, FailureStreak>();
  #addsTotal = 0;
  #retriesTotal = 0;
  #isOpen = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  get stats(): WorkQueueStats {
    const nowMs = this.#options.clock.monotonicMs();
    const longestMs = Math.max(0, ...[...this.#running.values()].map((run) => nowMs - run.sinceMs));
    return {
      depth: this.#ready.size,
      addsTotal: this.#addsTotal,
      retriesTotal: this.#retriesTotal,
      longestRunningSeconds: longestMs / 1_000,
    };
  }

  /** Work begins; keys may have been added before. */
  start(): void {
    this.#isOpen = true;
    this.#pump();
  }

  /** No new work begins; resolves when what runs has ended. Keys stay for another start. */
  async stop(): Promise<void> {
    this.#isOpen = false;
    await Promise.all([...this.#running.values()].map((run) => run.end));
  }

  /** Forgets everything that waits. */
  clear(): void {
    for (const { timer } of this.#delayed.values()) {
      timer.cancel();
    }
    this.#delayed.clear();
    this.#ready.clear();
    this.#failures.clear();
  }

  add(key: string): void {
    this.#addsTotal += 1;
    this.#delayed.get(key)?.timer.cancel();
    this.#delayed.delete(key);
    this.#ready.add(key);
    this.#pump();
  }

  /** Adds it later; the earliest of several wins. */
  addAfter(key: string, delayMs: number): void {
    const atMs = this.#options.clock.monotonicMs() + delayMs;
    const known = this.#delayed.get(key);
    if (this.#ready.has(key) || (known !== undefined && known.atMs <= atMs)) {
      return;
    }
    known?.timer.cancel();
    const timer = this.#options.timers.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { atMs, timer });
  }

  #pump(): void {
    const { workers = workersDefault, clock } = this.#options;
    for (const key of this.#ready) {
      if (!this.#isOpen || this.#running.size >= workers) {
        return;
      }
      if (!this.#running.has(key)) {
        this.#ready.delete(key);
        // Noted before it begins: it may end, and add itself, at once.
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#running.set(key, { sinceMs: clock.monotonicMs(), end: promise });
        void this.#work(key).finally(() => {
          this.#running.delete(key);
          resolve();
          this.#pump();
        });
      }
    }
  }

  async #work(key: string): Promise<void> {
    const { work, random } = this.#options;
    try {
      const againMs = await work(key);
      this.#failures.get(key)?.worked({ key });
      this.#failures.delete(key);
      if (againMs !== undefined) {
        this.addAfter(key, againMs);
      }
    } catch (error) {
      const failures = this.#failures.get(key) ?? new FailureStreak('Work', this.#options);
      this.#failures.set(key, failures);
      this.#retriesTotal += 1;
      const waitMs = backoffMs(backoff, failures.count, random.uint32() / 2 ** 32);
      failures.failed(error, { key, waitMs });
      this.addAfter(key, waitMs);
    }
  }
}
