/**
 * Decides how fast snapshots may move, from how requests fare (design §6: a byte rate that yields
 * to foreground latency). Pure: samples in, a rate out.
 *
 * While nothing moves it learns what is usual. While something moves and a measure is well above
 * its usual, the rate is halved, at most once a second, down to a floor; otherwise it grows back
 * slowly. A node without requests moves at the full limit. If requests are slow even at the floor,
 * it is not the snapshots' doing: the slowness slowly becomes the usual.
 */
import { mebibyte } from '../lib/units.ts';
import type { LoadSample, LoadSignal } from './foreground-load.ts';

/** The controller is asked about this often. */
export const pacePeriodMs = 500;

/** Fewer requests in a window say nothing. */
const requestsMin = 5;
/** Nor do fewer syncs of the log: a move's own steps make a few. */
const syncsMin = 20;
/** Suffering is this many times the usual … */
const sufferFactor = 2;
/** … and at least this much more, ms: what is usual may be a fraction of a millisecond. */
const sufferMs = 3;
/** What is usual before anything was measured, ms. */
const usualDefaultMs = 5;
/** How fast the usual follows, a period, while nothing moves … */
const learnShare = 0.2;
/** … and while the floor is reached and it does not help. */
const resignShare = 0.05;
/** Periods between two halvings: the first must have shown its effect. */
const halvePeriods = 2;
/** Share of the limit by which the rate grows a period: back from the floor in ten seconds. */
const growShare = 1 / 20;
/** With requests around, a movement begins with this share of the limit. */
const startShare = 1 / 4;
/** The rate never falls below this … */
const floorBytesPerSecond = mebibyte;
/** … or this share of the limit, whichever is more: a move must end some day. */
const floorShare = 1 / 32;

export class PaceController {
  #rate = 0;
  #usualRequestMs: number | undefined;
  #usualSyncMs: number | undefined;
  #periodsSinceHalving = 0;
  /** Times that the rate was halved, for `/metrics`. */
  halvings = 0;

  /** Bytes a second until the next call. `limit`: the setting. `isMoving`: a snapshot is under way. */
  observe(sample: LoadSample, limit: number, isMoving: boolean): number {
    const { requests, syncs } = sample;
    const isBusy = requests.count >= requestsMin || syncs.count >= syncsMin;
    const floor = Math.min(limit, Math.max(floorBytesPerSecond, limit * floorShare));
    if (!isMoving) {
      this.#learn(sample, learnShare);
      this.#rate = isBusy ? Math.max(floor, limit * startShare) : limit;
      this.#periodsSinceHalving = halvePeriods;
      return this.#rate;
    }
    this.#periodsSinceHalving += 1;
    if (!isBusy) {
      this.#rate = limit;
    } else if (this.#suffers(sample)) {
      this.#yield(sample, floor);
    } else {
      this.#rate += limit * growShare;
    }
    this.#rate = Math.max(floor, Math.min(limit, this.#rate));
    return this.#rate;
  }

  #suffers({ requests, syncs }: LoadSample): boolean {
    return (
      (requests.count >= requestsMin && isSlow(requests, this.#usualRequestMs)) ||
      (syncs.count >= syncsMin && isSlow(syncs, this.#usualSyncMs))
    );
  }

  #yield(sample: LoadSample, floor: number): void {
    if (this.#rate <= floor) {
      this.#learn(sample, resignShare);
    } else if (this.#periodsSinceHalving >= halvePeriods) {
      this.#rate /= 2;
      this.#periodsSinceHalving = 0;
      this.halvings += 1;
    }
  }

  #learn({ requests, syncs }: LoadSample, share: number): void {
    if (requests.count >= requestsMin) {
      this.#usualRequestMs = follow(this.#usualRequestMs, requests, share);
    }
    if (syncs.count >= syncsMin) {
      this.#usualSyncMs = follow(this.#usualSyncMs, syncs, share);
    }
  }
}

function isSlow({ p95Ms }: LoadSignal, usualMs = usualDefaultMs): boolean {
  return p95Ms > Math.max(usualMs * sufferFactor, usualMs + sufferMs);
}

function follow(usualMs: number | undefined, { p95Ms }: LoadSignal, share: number): number {
  return usualMs === undefined ? p95Ms : usualMs + (p95Ms - usualMs) * share;
}
