/**
 * Puts of 1 KB items of the table `kv`, as a measurement makes them while something else happens:
 * in a closed loop to find the peak, then at fixed times whether or not earlier ones are answered.
 * A late put counts from when it was due, so a pause of the server is seen by all that were due in
 * it.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { must } from '../lib/assert.ts';
import { DynamoClient } from './dynamo-client.ts';

export interface PutTarget {
  readonly urls: readonly string[];
  /** Keys that are there, to be overwritten. */
  readonly keys: readonly string[];
}

/** Puts that were due in one second. */
export interface PutSecond {
  /** When the second began. */
  readonly at: Date;
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
  /** That of the slowest put. */
  readonly slowestUrl: string;
}

interface TimedPut {
  readonly dueMs: number;
  readonly ms: number;
  readonly url: string;
}

export interface PutTimes {
  readonly count: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const connections = 64;
/** Text of an item of a kilobyte. */
const valueBytes = 1_000;
/** A few texts in turn: making one for each put would cost the core that is measured. */
const valueCount = 256;

export class PutLoad {
  readonly #target: PutTarget;
  readonly #client = new DynamoClient();
  readonly #values = Array.from({ length: valueCount }, () =>
    randomBytes((valueBytes * 3) / 4).toString('base64'),
  );
  #number = 0;
  #times: TimedPut[] = [];
  #seconds: PutSecond[] = [];
  #failed = 0;
  #running: Promise<void> | undefined;
  #isOver = false;

  constructor(target: PutTarget) {
    this.#target = target;
  }

  /** Answered puts a second, as many at once as there are connections. */
  async peak(seconds: number): Promise<number> {
    const startedAt = performance.now();
    let answered = 0;
    const worker = async (): Promise<void> => {
      while (performance.now() - startedAt < seconds * 1_000) {
        const isAnswered = await this.#put(this.#nextUrl());
        answered += isAnswered ? 1 : 0;
      }
    };
    await Promise.all(Array.from({ length: connections }, worker));
    return answered / ((performance.now() - startedAt) / 1_000);
  }

  /** From now on so many are due a second, until `stop`. */
  start(perSecond: number): void {
    this.#isOver = false;
    this.#running = this.#run(perSecond);
  }

  /** What was measured since the last call: puts that were answered meanwhile. */
  take(): PutTimes {
    const { count, p50Ms, p99Ms } = summaryOf(this.#times);
    const taken = { count, failed: this.#failed, p50Ms, p99Ms };
    const bySecond = Map.groupBy(this.#times, ({ dueMs }) => Math.floor(dueMs / 1_000));
    for (const [second, times] of [...bySecond].sort(([a], [b]) => a - b)) {
      const at = new Date(performance.timeOrigin + second * 1_000);
      this.#seconds.push({ at, ...summaryOf(times) });
    }
    this.#times = [];
    this.#failed = 0;
    return taken;
  }

  /** All that was taken, second by second; a second in which it was taken comes twice. */
  get seconds(): readonly PutSecond[] {
    return this.#seconds;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#client.close();
  }

  async #run(perSecond: number): Promise<void> {
    const startedAt = performance.now();
    const underWay = new Set<Promise<void>>();
    for (let number = 0; !this.#isOver; number++) {
      const dueAt = startedAt + (number * 1_000) / perSecond;
      const early = dueAt - performance.now();
      if (early > 0) {
        await wait(early);
      }
      const put = this.#timed(dueAt).finally(() => underWay.delete(put));
      underWay.add(put);
    }
    await Promise.all(underWay);
  }

  async #timed(dueAt: number): Promise<void> {
    const url = this.#nextUrl();
    if (await this.#put(url)) {
      this.#times.push({ dueMs: dueAt, ms: performance.now() - dueAt, url });
    } else {
      this.#failed += 1;
    }
  }

  #nextUrl(): string {
    const { urls } = this.#target;
    return must(urls[this.#number % urls.length]);
  }

  async #put(url: string): Promise<boolean> {
    const number = this.#number++;
    const { keys } = this.#target;
    // Neighbours in the list are far from each other in hashes.
    const id = must(keys[(number * 7_919) % keys.length]);
    const json = JSON.stringify(must(this.#values[number % valueCount]));
    try {
      const item = { id: { S: id }, json: { S: json } };
      const answer = await this.#client.call(url, 'PutItem', { TableName: 'kv', Item: item });
      return answer.status === 200;
    } catch {
      return false;
    }
  }
}

function summaryOf(times: TimedPut[]): Omit<PutSecond, 'at'> {
  times.sort((a, b) => a.ms - b.ms);
  const at = (share: number): number => times[Math.floor(times.length * share)]?.ms ?? 0;
  const { ms: mostMs = 0, url: slowestUrl = '' } = times.at(-1) ?? {};
  return { count: times.length, p50Ms: at(0.5), p99Ms: at(0.99), mostMs, slowestUrl };
}
