/**
 * How requests fare on this node, measured where they pass by: how long they took, and how long the
 * Raft log took to sync for them. A window of samples at a time, taken by whoever decides
 * (`pace-controller.ts`). Costs a request two readings of the clock.
 */

/** One kind of measurement over a window. */
export interface LoadSignal {
  readonly count: number;
  /** 19 of 20 took no longer, ms; 0 without any. */
  readonly p95Ms: number;
}

export interface LoadSample {
  readonly requests: LoadSignal;
  readonly syncs: LoadSignal;
}

/** Values kept of a window: enough for a 95th percentile, whatever the load. */
const keptMax = 256;

class Window {
  readonly #kept = new Float64Array(keptMax);
  #count = 0;

  add(ms: number): void {
    // Beyond the room every further one replaces another in turn: the newest are kept.
    this.#kept[this.#count % keptMax] = ms;
    this.#count += 1;
  }

  take(): LoadSignal {
    const count = this.#count;
    const values = this.#kept.subarray(0, Math.min(count, keptMax)).sort();
    this.#count = 0;
    return { count, p95Ms: values[Math.ceil(values.length * 0.95) - 1] ?? 0 };
  }
}

export class ForegroundLoad {
  readonly #requests = new Window();
  readonly #syncs = new Window();

  /** A request was answered after so long. */
  request(ms: number): void {
    this.#requests.add(ms);
  }

  /** An append of the log was durable after so long. */
  sync(ms: number): void {
    this.#syncs.add(ms);
  }

  /** What was measured since the last call. */
  take(): LoadSample {
    return { requests: this.#requests.take(), syncs: this.#syncs.take() };
  }
}
