/**
 * The timers of the process. A periodic timer of Node never catches up in a burst: a late loop
 * gets one beat, as the port promises. Timers keep the process alive until they are cancelled.
 */
import { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } from 'node:timers';
import type { Timer, Timers } from '../clock.ts';

export const realTimers: Timers = {
  after(delayMs: number, callback: () => void): Timer {
    const timeout = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timeout) };
  },
  every(periodMs: number, callback: () => void): Timer {
    const interval = setInterval(callback, periodMs);
    return { cancel: () => clearInterval(interval) };
  },
  endOfTurn(callback: () => void): void {
    setImmediate(callback);
  },
};
