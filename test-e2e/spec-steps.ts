/**
 * The tests of a spec as steps of one story: each stands on those before it, so after a failure the
 * rest fails at once, and what the failed one leaves is dumped before anything is cleaned up. Steps
 * are told live, as Jest speaks of a spec only when it has ended.
 */
import { test } from '@jest/globals';
import { timeouts } from './lib/timeouts.ts';
import { within } from './lib/waiting.ts';

export class SpecSteps {
  readonly #spec: string;
  readonly #dump: (step: string) => Promise<void>;
  #failed: string | undefined;

  /** `dump` is given the failed step's name as a folder may have it. */
  constructor(spec: string, dump: (step: string) => Promise<void>) {
    this.#spec = spec;
    this.#dump = dump;
  }

  test(name: string, body: () => Promise<void>, timeoutMs: number = timeouts.test): void {
    const run = async (): Promise<void> => {
      if (this.#failed !== undefined) {
        throw new Error(`Not tried, as an earlier step failed: "${this.#failed}"`);
      }
      const began = performance.now();
      try {
        await within(`"${name}"`, timeoutMs, body());
        this.#say(name, 'done', began);
      } catch (error) {
        this.#failed = name;
        this.#say(name, 'FAILED', began);
        await this.#dump(name.replaceAll(/[^\w]+/g, '-'));
        throw error;
      }
    };
    // Its own limit comes first, so that there is time for the dump.
    test(name, run, timeoutMs + timeouts.dump + timeouts.request);
  }

  /** A step that cannot be taken here, shown as skipped. */
  skip(name: string): void {
    const skipped = test.skip;
    skipped(name, () => undefined);
  }

  #say(step: string, outcome: string, began: number): void {
    const seconds = ((performance.now() - began) / 1_000).toFixed(1);
    process.stderr.write(`${this.#spec}: ${step}: ${outcome} in ${seconds} s\n`);
  }
}
