/**
 * A small seeded generator (xoshiro128**, Blackman and Vigna 2018; seeded through splitmix32)
 * for everything that must replay: simulation, jitter in tests. Not for secrets.
 */
import { assert } from './assert.ts';

export class Prng {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    let state = seed >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** A whole number of 0 … 2^32−1. */
  uint32(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** A whole number of 0 … `limit`−1. */
  below(limit: number): number {
    assert(limit > 0 && limit <= 0x1_0000_0000);
    return Math.floor((this.uint32() / 0x1_0000_0000) * limit);
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.uint32() < p * 0x1_0000_0000;
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0);
    return items[this.below(items.length)] as T;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count);
    for (let i = 0; i < count; i++) {
      bytes[i] = this.uint32() & 0xff;
    }
    return bytes;
  }
}
