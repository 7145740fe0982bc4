/**
 * How long a move's loop waits before it looks at its group again: soon after a step, later while
 * nothing happens, and while rows are copied about when the copy should be over. The next copy into
 * the node waits for that look, so each tenth of a second too late is a tenth in which nothing
 * moves; and a look at each of many long copies ten times a second would be wasted.
 *
 * Pure: the caller owns clock and timer. Invariant: between `soonMs` and `lateMs`, whatever a copy
 * says of itself.
 */

/** After a step: it has taken effect in a few round trips. */
export const soonMs = 20;
/** However little happens: nobody else says that a group got further. */
export const lateMs = 500;
const growth = 1.5;
/** A step that failed is tried again less eagerly. */
const failedGrowth = 3;
/** Of the time that a copy should still take: what is slower than thought is looked at again. */
const remainingShare = 0.5;

/** How far a copy is. */
export interface CopyLook {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly nowMs: number;
}

export class LookInterval {
  #waitMs = soonMs;
  #first: CopyLook | undefined;
  #hasArrived = false;

  /** Something was done. */
  stepped(): number {
    this.#waitMs = soonMs;
    return soonMs;
  }

  failed(): number {
    return this.#grow(failedGrowth);
  }

  /** There is nothing to do but wait. `copy`: rows are on their way, and so far. */
  waits(copy?: CopyLook): number {
    const hasArrived =
      copy !== undefined && copy.bytesTotal > 0 && copy.bytesDone >= copy.bytesTotal;
    if (hasArrived && !this.#hasArrived) {
      // As after a step: what is left is to install. Growing again if that does not happen.
      this.#waitMs = soonMs;
    }
    this.#hasArrived = hasArrived;
    const untilMs = copy === undefined || hasArrived ? lateMs : this.#remainingMs(copy);
    return Math.max(soonMs, Math.min(this.#grow(growth), untilMs));
  }

  /** Until the look that should find the copy half as far from its end, by its rate so far. */
  #remainingMs(copy: CopyLook): number {
    const { bytesDone, bytesTotal, nowMs } = copy;
    if (this.#first === undefined || bytesDone < this.#first.bytesDone) {
      this.#first = bytesDone > 0 ? copy : undefined;
      return lateMs;
    }
    const arrived = bytesDone - this.#first.bytesDone;
    const elapsedMs = nowMs - this.#first.nowMs;
    return arrived > 0 ? ((bytesTotal - bytesDone) / arrived) * elapsedMs * remainingShare : lateMs;
  }

  #grow(factor: number): number {
    this.#waitMs = Math.min(this.#waitMs * factor, lateMs);
    return this.#waitMs;
  }
}
