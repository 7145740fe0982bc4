/**
 * Draws inputs for one target: sound ones, the corpus, and mutations of both and of every input
 * so far that had an outcome of its own. That feedback takes the place of coverage: an input that
 * gets one step further fails with another sentence, and is mutated from there.
 *
 * Same seed, corpus and target: same inputs. The pool is bounded.
 */
import type { Prng } from '../../lib/prng.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { mutate } from './mutator.ts';

/** Inputs kept because of their outcome; the messages of a target have fewer shapes. */
const poolMax = 4_000;

export class Fuzzer {
  readonly #prng: Prng;
  readonly #target: FuzzTarget;
  readonly #pool: Buffer[];
  readonly #outcomes = new Set<string>();

  constructor(target: FuzzTarget, corpus: readonly Buffer[], prng: Prng) {
    this.#target = target;
    this.#prng = prng;
    this.#pool = [...corpus];
  }

  /** How many outcomes were told apart. */
  get outcomes(): number {
    return this.#outcomes.size;
  }

  next(): Buffer {
    const prng = this.#prng;
    if (this.#pool.length === 0 || prng.chance(0.1)) {
      return this.#target.generate(prng);
    }
    const base = prng.chance(0.4) ? this.#target.generate(prng) : prng.pick(this.#pool);
    const sources = { other: prng.pick(this.#pool), dictionary: this.#target.dictionary };
    return mutate(prng, base, sources);
  }

  /** Notes what came of an input. */
  learn(input: Buffer, outcome: string): void {
    if (this.#outcomes.size < poolMax && !this.#outcomes.has(outcome)) {
      this.#outcomes.add(outcome);
      this.#pool.push(Buffer.from(input));
    }
  }
}

/** How many smaller inputs are tried. */
const triesMax = 3_000;

/** A smaller input that still `fails`: cuts parts out, large ones first, while it does. */
export async function minimise(
  input: Buffer,
  fails: (candidate: Buffer) => Promise<boolean>,
): Promise<Buffer> {
  let best = input;
  let tries = 0;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.length;) {
      const candidate = Buffer.concat([best.subarray(0, from), best.subarray(from + size)]);
      if (++tries > triesMax) {
        return best;
      }
      if (await fails(candidate)) {
        best = candidate;
      } else {
        from += size;
      }
    }
  }
  return best;
}
