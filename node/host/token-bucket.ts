/**
 * A byte rate as data: how long to wait before so many bytes may go. The caller owns clock and
 * timer. A burst of a moment's worth is free, debts are paid by waiting, and the rate may change
 * between any two calls.
 */
import { assert } from '../lib/assert.ts';

/** Bytes that may go at once after a pause: this many ms of the rate. */
const burstMs = 100;

export class TokenBucket {
  /** When all that was taken has gone, at the rates of then. */
  #goneMs: number;
  #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
    this.#goneMs = nowMs - burstMs;
  }

  /** Takes `bytes` and returns how long to wait before they go, ms. */
  take(bytes: number, bytesPerSecond: number, nowMs: number): number {
    assert(bytesPerSecond > 0, 'A rate is positive');
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const goneMs = Math.max(this.#goneMs, this.#nowMs - burstMs);
    this.#goneMs = goneMs + (bytes * 1_000) / bytesPerSecond;
    return Math.max(0, this.#goneMs - this.#nowMs);
  }
}
