/** Time as a port. Nothing below the doors reads the real clock (tidy test). */

export interface Clock {
  /** Milliseconds since some fixed past moment of this process; only for elapsed time. */
  monotonicMs(): number;
  /** Milliseconds since 1970 by the machine's clock; may jump. Never trusted for correctness. */
  wallMs(): number;
}

export interface Timer {
  /** Stops it; a stopped or fired timer may be cancelled again. */
  cancel(): void;
}

export interface Timers {
  /** Calls `callback` once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` every `periodMs`; a late loop skips beats, it never catches up in a burst. */
  every(periodMs: number, callback: () => void): Timer;
  /** Calls `callback` once at the end of this turn of the loop (`setImmediate`). */
  endOfTurn(callback: () => void): void;
}
