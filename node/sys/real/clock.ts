/** The machine's clocks. The only reader of `performance` and `Date` below the doors. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../clock.ts';

export const realClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};
