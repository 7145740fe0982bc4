/**
 * The memory of the linearizability search: which (placed operations, used-up open writes, state)
 * have been tried. Operations of a class (open writes that do the same) are a count, all others a
 * bit, hashed incrementally (Zobrist); equal hashes are compared in full.
 *
 * Invariant: a visit with the same bits and state and no more of any class used up makes a new one
 * pointless, for whatever can follow here could follow there.
 */
import { Prng } from '../../lib/prng.ts';
import type { RegisterState } from './register-model.ts';

interface Visit {
  readonly bits: Uint32Array;
  readonly state: number;
  /** Per class, how many open writes had been used up. */
  readonly used: Uint16Array;
}

export class PlacedSets {
  readonly #bits: Uint32Array;
  readonly #salts: Uint32Array;
  readonly #states = new Map<RegisterState, number>();
  readonly #seen = new Map<number, Visit[]>();
  /** Node → its class and its rank there; undefined: a bit of its own. */
  readonly #ranks: readonly ({ readonly class: number; readonly rank: number } | undefined)[];
  readonly #used: Uint16Array;
  #hashHigh = 0;
  #hashLow = 0;

  constructor(classes: readonly (string | undefined)[]) {
    const count = classes.length;
    this.#bits = new Uint32Array((count + 31) >>> 5);
    this.#salts = new Uint32Array(2 * count);
    const prng = new Prng(count);
    for (let i = 0; i < this.#salts.length; i++) {
      this.#salts[i] = prng.uint32();
    }
    const sizes = new Map<string, number>();
    const numbers = new Map<string, number>();
    this.#ranks = classes.map((name) => {
      if (name === undefined) {
        return undefined;
      }
      const rank = sizes.get(name) ?? 0;
      sizes.set(name, rank + 1);
      const number = numbers.get(name) ?? numbers.size;
      numbers.set(name, number);
      return { class: number, rank };
    });
    this.#used = new Uint16Array(numbers.size);
  }

  /** Adds the operation if what results is new; false: tried before, nothing changed. */
  place(node: number, state: RegisterState): boolean {
    const stateNumber = this.#states.get(state) ?? this.#states.size;
    this.#states.set(state, stateNumber);
    this.#flip(node, 1);
    const hash = (this.#hashHigh >>> 0) * 0x20_0000 + ((this.#hashLow ^ stateNumber) & 0x1f_ffff);
    const visits = this.#seen.get(hash);
    const isOld = (one: Visit): boolean =>
      one.state === stateNumber &&
      one.bits.every((word, index) => word === this.#bits[index]) &&
      one.used.every((used, index) => used <= (this.#used[index] as number));
    if (visits?.some(isOld)) {
      this.#flip(node, -1);
      return false;
    }
    const visit = { bits: this.#bits.slice(), state: stateNumber, used: this.#used.slice() };
    if (visits === undefined) {
      this.#seen.set(hash, [visit]);
    } else {
      visits.push(visit);
    }
    return true;
  }

  remove(node: number): void {
    this.#flip(node, -1);
  }

  /** Whether all open writes of the node's class that were sent before it are placed. */
  isNextOfClass(node: number): boolean {
    const rank = this.#ranks[node];
    return rank === undefined || this.#used[rank.class] === rank.rank;
  }

  #flip(node: number, change: 1 | -1): void {
    const rank = this.#ranks[node];
    if (rank !== undefined) {
      this.#used[rank.class] = (this.#used[rank.class] as number) + change;
      return;
    }
    const word = node >>> 5;
    this.#bits[word] = (this.#bits[word] as number) ^ (1 << (node & 31));
    this.#hashHigh ^= this.#salts[2 * node] as number;
    this.#hashLow ^= this.#salts[2 * node + 1] as number;
  }
}
