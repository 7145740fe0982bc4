/** Bytes a second over the last seconds, from a running total. Pure: the caller gives the time. */

/** What lies further back does not count. */
const windowMs = 5_000;
const marksMax = 64;

export class RateMeter {
  /** Totals at moments, oldest first. */
  #marks: { readonly atMs: number; readonly total: number }[] = [];

  note(total: number, nowMs: number): void {
    const last = this.#marks.at(-1);
    if (last === undefined || nowMs - last.atMs >= windowMs / marksMax) {
      this.#marks.push({ atMs: nowMs, total });
    }
    while ((this.#marks[1]?.atMs ?? Infinity) <= nowMs - windowMs) {
      this.#marks.shift();
    }
  }

  bytesPerSecond(total: number, nowMs: number): number {
    const first = this.#marks[0];
    const passedMs = first === undefined ? 0 : nowMs - first.atMs;
    return first === undefined || passedMs <= 0 ? 0 : ((total - first.total) * 1_000) / passedMs;
  }
}
