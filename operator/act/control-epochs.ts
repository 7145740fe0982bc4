/**
 * The right to change databases. An operator that has won the Lease takes a control epoch from
 * each database before its first change there; from then on whoever has an older one is refused by
 * the database itself. An epoch that was taken away is not taken back while its new holder is
 * active (O15): two operators that both believe in their right would fight for ever.
 */
import { DynakvError } from '../../node/lib/errors.ts';
import type { Clock } from '../../node/sys/clock.ts';
import type { NodeDoor } from '../nodes/database-port.ts';

/** A conflict is left alone for so long, ms; then the other holder had its chance to be ended. */
const conflictMs = 5 * 60 * 1_000;

export class ControlEpochs {
  readonly #holder: string;
  readonly #clock: Clock;
  readonly #epochs = new Map<string, number>();
  readonly #lostAtMs = new Map<string, number>();

  constructor(options: { readonly holder: string; readonly clock: Clock }) {
    this.#holder = options.holder;
    this.#clock = options.clock;
  }

  /** The epoch to name in changes of this database. */
  async epochOf(uid: string, door: NodeDoor): Promise<number> {
    const known = this.#epochs.get(uid);
    if (known !== undefined) {
      return known;
    }
    if (this.isInConflict(uid)) {
      throw new DynakvError('Refused', 'Another controller has taken control of the database', {
        reason: 'ControlConflict',
      });
    }
    const epoch = await door.acquireControl(this.#holder);
    this.#epochs.set(uid, epoch);
    return epoch;
  }

  /** The database says that another has taken control. */
  lost(uid: string): void {
    this.#epochs.delete(uid);
    this.#lostAtMs.set(uid, this.#clock.monotonicMs());
  }

  isInConflict(uid: string): boolean {
    const atMs = this.#lostAtMs.get(uid);
    return atMs !== undefined && this.#clock.monotonicMs() - atMs < conflictMs;
  }

  forget(uid: string): void {
    this.#epochs.delete(uid);
    this.#lostAtMs.delete(uid);
  }

  /** The Lease is held anew: every right is taken anew. */
  clear(): void {
    this.#epochs.clear();
    this.#lostAtMs.clear();
  }
}
