/** Operations by the second: how many were answered, how many failed, and how long they took. */

/** Latencies kept of one second; more are counted only. */
const latenciesMax = 2_000;

export interface Second {
  readonly answered: number;
  readonly failed: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

interface Bucket {
  answered: number;
  failed: number;
  readonly latenciesMs: number[];
}

export class TimeSamples {
  readonly #startedAt = performance.now();
  readonly #buckets: Bucket[] = [];
  /** Of the seconds that are over, with their latencies forgotten. */
  readonly #seconds: Second[] = [];

  /** Since the start, s. */
  get elapsed(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  add(isAnswered: boolean, latencyMs: number): void {
    const second = Math.floor(this.elapsed);
    let bucket = this.#buckets[second];
    if (bucket === undefined) {
      this.#close(second);
      bucket = { answered: 0, failed: 0, latenciesMs: [] };
      this.#buckets[second] = bucket;
    }
    if (isAnswered) {
      bucket.answered += 1;
      if (bucket.latenciesMs.length < latenciesMax) {
        bucket.latenciesMs.push(latencyMs);
      }
    } else {
      bucket.failed += 1;
    }
  }

  /** Every second so far; one in which nothing ended is all zeros. */
  seconds(): readonly Second[] {
    this.#close(Math.ceil(this.elapsed));
    return this.#seconds;
  }

  #close(end: number): void {
    for (let second = this.#seconds.length; second < end; second++) {
      this.#seconds.push(summarise(this.#buckets[second]));
      // eslint-disable-next-line @typescript-eslint/no-array-delete -- frees its latencies
      delete this.#buckets[second];
    }
  }
}

function summarise(bucket: Bucket | undefined): Second {
  if (bucket === undefined) {
    return { answered: 0, failed: 0, p50Ms: undefined, p99Ms: undefined };
  }
  const sorted = bucket.latenciesMs.sort((a, b) => a - b);
  const at = (part: number): number | undefined =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return {
    answered: bucket.answered,
    failed: bucket.failed,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}
