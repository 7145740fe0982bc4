/**
 * The checked workload of a chaos run: registers with conditional puts and deletes, counters and
 * append lists by compare-and-set, strong reads, through every node. Keys are used for a while (an
 * epoch) and then never again; a closed epoch is read back and judged while the run goes on: its
 * history must be linearizable, its counters and lists hold what was acknowledged. At the end all
 * keys of the run are read once more: nothing may have gone since.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { must } from '../../lib/assert.ts';
import type { Prng } from '../../lib/prng.ts';
import type { RegisterAnswer, RegisterCondition, RegisterInput } from '../../sim/history.ts';
import { KeyClient } from '../processes/key-client.ts';
import type { Conclusion } from '../processes/key-client.ts';
import { Epoch } from './epoch.ts';
import type { SettledKey } from './epoch.ts';
import type { TimeSamples } from './time-samples.ts';

export interface ChaosWorkloadOptions {
  readonly prng: Prng;
  /** One a node. */
  readonly urls: readonly string[];
  readonly clients: number;
  readonly samples: TimeSamples;
  /** Longest pause of a client between operations, ms. */
  readonly thinkMsMax: number;
}

const operationsPerEpoch = 2_000;
/** Shorter than a long pause of a node: its clients have to live with lost answers. */
const timeoutMs = 5_000;
const failureWaitMs = 100;
/** Chance that a client asks another node than its own. */
const straying = 0.2;
const readBackTriesMax = 40;
const registers = 20;
const counters = 6;
const lists = 6;
const listElementsMax = 60;

export class ChaosWorkload {
  readonly #options: ChaosWorkloadOptions;
  readonly #client = new KeyClient(timeoutMs);
  readonly #settled: SettledKey[] = [];
  #epoch: Epoch;
  #closed: Epoch[] = [];
  #operations = 0;
  #unknown = 0;
  #notDone = 0;
  #judged = 0;
  #answered = 0;
  #nextValue = 1;
  #stopped = false;
  #running: Promise<void>[] = [];
  #failure: Error | undefined;

  constructor(options: ChaosWorkloadOptions) {
    this.#options = options;
    this.#epoch = new Epoch(1);
  }

  start(): void {
    for (let client = 1; client <= this.#options.clients; client++) {
      this.#running.push(this.#run(client));
    }
  }

  get answered(): number {
    return this.#answered;
  }

  /** One line of counts. */
  describe(): string {
    return (
      `${this.#operations} operations, ${this.#answered} answered, ${this.#notDone} surely not done, ` +
      `${this.#unknown} unknown, ${this.#judged} judged linearizable, ${this.#settled.length} keys settled`
    );
  }

  /** Throws what a client met that may never happen. */
  assertHealthy(): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
  }

  /** Reads closed epochs back and judges them. Needs a cluster that serves through every node. */
  async judgeClosed(): Promise<void> {
    const closed = this.#closed;
    this.#closed = [];
    for (const epoch of closed) {
      await epoch.quiet();
      for (const key of epoch.keys()) {
        await this.#readBack(epoch, key);
      }
      this.#judged += epoch.judge();
      this.#settled.push(...epoch.settle());
    }
    this.assertHealthy();
  }

  /** Stops the clients, judges the rest, and reads everything once more. */
  async finish(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
    this.#closed.push(this.#epoch);
    await this.judgeClosed();
    for (const settled of this.#settled) {
      const answer = await this.#ask(settled.key);
      settled.assertStill(answer);
    }
  }

  close(): void {
    this.#stopped = true;
    this.#client.close();
  }

  async #run(client: number): Promise<void> {
    try {
      while (!this.#stopped) {
        const went = await this.#step(client);
        await wait(went ? this.#options.prng.below(this.#options.thinkMsMax + 1) : failureWaitMs);
      }
    } catch (error) {
      this.#failure ??= Error.isError(error) ? error : new Error(String(error));
      this.#stopped = true;
    }
  }

  async #step(client: number): Promise<boolean> {
    const { prng, urls } = this.#options;
    if (this.#operations >= this.#epoch.number * operationsPerEpoch) {
      this.#closed.push(this.#epoch);
      this.#epoch = new Epoch(this.#epoch.number + 1);
    }
    const epoch = this.#epoch;
    const own = must(urls[client % urls.length]);
    const url = prng.chance(straying) ? prng.pick(urls) : own;
    const dice = prng.below(registers + counters + lists);
    const key = `${epoch.number}-${dice}`;
    if (dice < registers) {
      const input = this.#registerInput(epoch, `register-${key}`);
      return (await this.#execute(epoch, client, url, `register-${key}`, input)) !== undefined;
    }
    return dice < registers + counters
      ? await this.#increment(epoch, client, url, `counter-${key}`)
      : await this.#append(epoch, client, url, `list-${key}`);
  }

  #registerInput(epoch: Epoch, key: string): RegisterInput {
    const { prng } = this.#options;
    if (prng.chance(0.4)) {
      return { kind: 'read' };
    }
    const version = epoch.versionOf(key);
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

  /** Reads and puts one more, on condition that nobody came between. */
  async #increment(epoch: Epoch, client: number, url: string, key: string): Promise<boolean> {
    const found = await this.#execute(epoch, client, url, key, { kind: 'read' });
    if (found === undefined || found.kind === 'done') {
      return false;
    }
    const count = found.kind === 'missing' ? 0 : Number(found.value.split('#')[0]);
    // The suffix tells two clients apart that put the same count.
    const value = `${count + 1}#${this.#nextValue++}`;
    return await this.#compareAndSet(epoch, { client, url, key, found, value });
  }

  async #append(epoch: Epoch, client: number, url: string, key: string): Promise<boolean> {
    const found = await this.#execute(epoch, client, url, key, { kind: 'read' });
    if (found === undefined || found.kind === 'done') {
      return false;
    }
    const elements = found.kind === 'missing' ? [] : found.value.split(' ');
    if (elements.length >= listElementsMax) {
      return true;
    }
    const value = [...elements, `e${this.#nextValue++}`].join(' ');
    return await this.#compareAndSet(epoch, { client, url, key, found, value });
  }

  async #compareAndSet(
    epoch: Epoch,
    put: {
      readonly client: number;
      readonly url: string;
      readonly key: string;
      readonly found: RegisterAnswer;
      readonly value: string;
    },
  ): Promise<boolean> {
    const { client, url, key, found, value } = put;
    const condition: RegisterCondition =
      found.kind === 'found'
        ? { kind: 'version', version: must(found.version) }
        : { kind: 'absent' };
    const input: RegisterInput = { kind: 'put', value, condition };
    return (await this.#execute(epoch, client, url, key, input)) !== undefined;
  }

  /** Runs, records and samples one operation; its answer, if it got one. */
  async #execute(
    epoch: Epoch,
    client: number,
    url: string,
    key: string,
    input: RegisterInput,
  ): Promise<RegisterAnswer | undefined> {
    this.#operations++;
    const id = epoch.begin(client, key, input);
    const startedAt = performance.now();
    let conclusion: Conclusion;
    try {
      conclusion = await this.#client.call(url, key, input);
    } catch (error) {
      epoch.end(id, { kind: 'unknown', why: 'an answer that may not be' });
      throw error;
    }
    epoch.end(id, conclusion);
    const isAnswered = conclusion.kind === 'answer' || conclusion.kind === 'refused';
    this.#options.samples.add(isAnswered, performance.now() - startedAt);
    this.#answered += isAnswered ? 1 : 0;
    this.#unknown += conclusion.kind === 'unknown' ? 1 : 0;
    this.#notDone += conclusion.kind === 'notDone' ? 1 : 0;
    return conclusion.kind === 'answer' ? conclusion.answer : undefined;
  }

  /** Strong reads of a key through nodes in turn until one answers. */
  async #readBack(epoch: Epoch, key: string): Promise<void> {
    for (let tries = 1; tries <= readBackTriesMax; tries++) {
      const url = this.#options.prng.pick(this.#options.urls);
      if ((await this.#execute(epoch, 0, url, key, { kind: 'read' })) !== undefined) {
        return;
      }
      await wait(failureWaitMs);
    }
    throw new Error(`Cannot read "${key}" back: ${readBackTriesMax} reads got no answer`);
  }

  async #ask(key: string): Promise<RegisterAnswer> {
    for (let tries = 1; tries <= readBackTriesMax; tries++) {
      const url = this.#options.prng.pick(this.#options.urls);
      const conclusion = await this.#client.call(url, key, { kind: 'read' });
      if (conclusion.kind === 'answer') {
        return conclusion.answer;
      }
      await wait(failureWaitMs);
    }
    throw new Error(`Cannot read "${key}" at the end: ${readBackTriesMax} reads got no answer`);
  }
}
