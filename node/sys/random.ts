/** Randomness as a port: real bytes in production, a seed in the simulator. */

export interface Random {
  /** A whole number of 0 … 2^32−1. */
  uint32(): number;
  /** `count` bytes, unguessable in production (ids, nonces). */
  bytes(count: number): Buffer;
}
