/**
 * The node's byte rate for snapshots, one bucket for each direction: whoever sends or takes rows
 * waits here. The limit is the setting of the moment, the rate what `pace-controller.ts` makes of
 * it. The two ends pace themselves by what each measures; the slower one counts.
 */
import type { Clock, Timer, Timers } from '../sys/clock.ts';
import type { ForegroundLoad } from './foreground-load.ts';
import { PaceController, pacePeriodMs } from './pace-controller.ts';
import { TokenBucket } from './token-bucket.ts';

/** A direction counts as moving until so long after its last byte. */
const movingMs = 2_000;

export interface SnapshotPaceParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly load: ForegroundLoad;
  /** Bytes a second, the setting. */
  readonly limit: () => number;
}

export class SnapshotPace {
  readonly #parts: SnapshotPaceParts;
  readonly #controller = new PaceController();
  readonly #buckets: { readonly out: TokenBucket; readonly in: TokenBucket };
  #timer: Timer | undefined;
  #rate: number;
  #movedAtMs = -Infinity;

  constructor(parts: SnapshotPaceParts) {
    this.#parts = parts;
    const nowMs = parts.clock.monotonicMs();
    this.#buckets = { out: new TokenBucket(nowMs), in: new TokenBucket(nowMs) };
    this.#rate = parts.limit();
  }

  /** Bytes a second that each direction may move now. */
  get rate(): number {
    return Math.min(this.#rate, this.#parts.limit());
  }

  get halvings(): number {
    return this.#controller.halvings;
  }

  start(): void {
    this.#timer = this.#parts.timers.every(pacePeriodMs, () => {
      const { load, limit, clock } = this.#parts;
      const isMoving = clock.monotonicMs() - this.#movedAtMs < movingMs;
      this.#rate = this.#controller.observe(load.take(), limit(), isMoving);
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Resolves when so many bytes may go; undefined: now. */
  take(direction: 'in' | 'out', bytes: number): Promise<void> | undefined {
    const { clock, timers } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#movedAtMs = nowMs;
    const waitMs = this.#buckets[direction].take(bytes, this.rate, nowMs);
    if (waitMs < 1) {
      return undefined; // Timers are no finer: the debt is carried over.
    }
    return new Promise((resolve) => {
      timers.after(waitMs, resolve);
    });
  }
}
