/**
 * The checked workload of the process tests: a number of clients that read, put, delete and
 * compare-and-set a few shared keys through all nodes, and record what they were told. One writer
 * beside them puts keys that nobody ever touches again: each one acknowledged must be there at the
 * end. Seeded: the same seed makes the same choices (the timing of real processes differs).
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Prng } from '../../lib/prng.ts';
import type { RegisterCondition, RegisterInput } from '../../sim/history.ts';
import { History } from '../../sim/history.ts';
import { KeyClient } from './key-client.ts';

export interface WorkloadOptions {
  readonly prng: Prng;
  /** Base URLs to choose from, anew for each operation. */
  readonly urls: readonly string[];
  readonly clients: number;
  /** Keys in use at one time. Default 6. */
  readonly keys?: number;
  /** Chance of a read, 0 … 1. Default 0.4. */
  readonly reads?: number;
  /** Longest pause of a client between operations, ms. Default 20. */
  readonly thinkMsMax?: number;
  /** Each client keeps to one node, so that those of a stuck node wait alone. Default false. */
  readonly sticky?: boolean;
  /** Deadline of one request, ms. Default 5 s. */
  readonly timeoutMs?: number;
}

/** Pause after a failure: a node that is down answers at once, and refusals would pile up. */
const failureWaitMs = 50;

export class RegisterWorkload {
  readonly history = new History();
  /** Keys of the lone writer whose put was acknowledged, with their values. */
  readonly acknowledged = new Map<string, string>();
  readonly #options: Required<WorkloadOptions>;
  readonly #client: KeyClient;
  readonly #versions = new Map<string, string>();
  readonly #counts = { answered: 0, refused: 0, notDone: 0, unknown: 0 };
  readonly #reasons = new Map<string, number>();
  #generation = 0;
  #nextValue = 1;
  #stopped = false;
  #running: Promise<void>[] = [];
  #failure: Error | undefined;

  constructor(options: WorkloadOptions) {
    const defaults = { keys: 6, reads: 0.4, thinkMsMax: 20, timeoutMs: 5_000, sticky: false };
    this.#options = { ...defaults, ...options };
    this.#client = new KeyClient(this.#options.timeoutMs);
  }

  start(): void {
    const guard = async (run: Promise<void>): Promise<void> => {
      try {
        await run;
      } catch (error) {
        this.#failure ??= Error.isError(error) ? error : new Error(String(error));
        this.#stopped = true;
      }
    };
    this.#running = [guard(this.#runLoneWriter())];
    for (let client = 1; client <= this.#options.clients; client++) {
      this.#running.push(guard(this.#runClient(client)));
    }
  }

  /** From now on on fresh keys: short lives per key keep the check fast. */
  nextKeys(): void {
    this.#generation++;
  }

  /** Number of operations answered so far, to see that work goes on. */
  get answered(): number {
    return this.#counts.answered;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Throws what a client met that may never happen. */
  assertHealthy(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Strong reads of every key, recorded, through every node in turn; needs all nodes up. */
  async readBack(): Promise<void> {
    const keys = new Set(this.history.operations().map((one) => one.key));
    for (const [index, url] of this.#options.urls.entries()) {
      for (const key of keys) {
        await this.#execute(1_000 + index, url, key, { kind: 'read' });
      }
    }
  }

  /** The keys of the lone writer that were acknowledged and are not there; empty if all is well. */
  async findLost(): Promise<readonly string[]> {
    const lost: string[] = [];
    let turn = 0;
    for (const [key, value] of this.acknowledged) {
      const url = this.#options.urls[turn++ % this.#options.urls.length] as string;
      const answer = await this.#client.send(url, key, { kind: 'read' });
      if (answer.status !== 200 || answer.body !== JSON.stringify(value)) {
        lost.push(`${key}: ${answer.status} ${answer.body.slice(0, 100)}`);
      }
    }
    return lost;
  }

  close(): void {
    this.#client.close();
  }

  /** One line of counts. */
  describe(): string {
    const { answered, refused, notDone, unknown } = this.#counts;
    const reasons = [...this.#reasons].map(([why, count]) => `${why} ×${count}`).join(', ');
    return (
      `${answered} answered, ${refused} refused, ${notDone} not done, ${unknown} unknown` +
      (reasons === '' ? '' : ` (${reasons})`)
    );
  }

  async #runClient(client: number): Promise<void> {
    const { prng, urls, keys, thinkMsMax, sticky } = this.#options;
    const own = urls[client % urls.length] as string;
    while (!this.#stopped) {
      const key = `shared-${this.#generation}-${prng.below(keys)}`;
      const url = sticky ? own : prng.pick(urls);
      const went = await this.#execute(client, url, key, this.#chooseInput(key));
      await wait(went ? prng.below(thinkMsMax + 1) : failureWaitMs);
    }
  }

  async #runLoneWriter(): Promise<void> {
    const { prng, urls, thinkMsMax } = this.#options;
    for (let number = 1; !this.#stopped; number++) {
      const key = `once-${number}`;
      const value = `once-${number}-${prng.uint32()}`;
      const conclusion = await this.#client.call(prng.pick(urls), key, { kind: 'put', value });
      if (conclusion.kind === 'answer') {
        this.acknowledged.set(key, value);
      }
      await wait(conclusion.kind === 'answer' ? prng.below(thinkMsMax + 1) : failureWaitMs);
    }
  }

  #chooseInput(key: string): RegisterInput {
    const { prng, reads } = this.#options;
    if (prng.chance(reads)) {
      return { kind: 'read' };
    }
    const version = this.#versions.get(key);
    const condition = prng.pick<RegisterCondition | undefined>([
      undefined,
      undefined,
      version === undefined ? { kind: 'absent' } : { kind: 'version', version },
      version === undefined ? undefined : { kind: 'version', version },
      prng.pick([{ kind: 'absent' }, { kind: 'exists' }]),
    ]);
    const base: RegisterInput = prng.chance(0.2)
      ? { kind: 'delete' }
      : { kind: 'put', value: `value-${this.#nextValue++}` };
    return condition === undefined ? base : { ...base, condition };
  }

  /** Runs and records one operation; false if it failed. */
  async #execute(client: number, url: string, key: string, input: RegisterInput): Promise<boolean> {
    const id = this.history.invoke(client, key, input);
    const conclusion = await this.#client.call(url, key, input);
    switch (conclusion.kind) {
      case 'answer': {
        this.history.ok(id, conclusion.answer);
        this.#counts.answered++;
        const { answer } = conclusion;
        if (answer.kind !== 'missing' && answer.version !== undefined) {
          this.#versions.set(key, answer.version);
        }
        return true;
      }
      case 'refused':
        this.history.refused(id);
        this.#counts.refused++;
        return true;
      case 'notDone':
      case 'unknown': {
        this.history[conclusion.kind](id);
        this.#counts[conclusion.kind]++;
        const why = conclusion.why.slice(0, 60);
        this.#reasons.set(why, (this.#reasons.get(why) ?? 0) + 1);
        return false;
      }
    }
  }
}
