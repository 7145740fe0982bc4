/**
 * Who needs a group's log longer than compaction would keep it: snapshots under way and followers
 * that just got one. A pin holds the entries above its index, in memory like all retained entries
 * (decision 0022), so each has a budget: a pin whose entries weigh more is given up and its owner
 * told. A receiver that is dead or too slow can hold no log for ever.
 *
 * Invariant: `floor` never lies above a live pin.
 */
import type { Group } from './group.ts';

interface Pin {
  index: number;
  readonly bytesMax: number;
  readonly lost: () => void;
}

export interface PinTerms {
  /** What the entries above it may weigh. */
  readonly bytesMax: number;
  /** It was given up: its owner must do without those entries. */
  readonly lost?: () => void;
}

export class LogPins {
  readonly #pins = new Map<Group, Map<object, Pin>>();

  /** Keeps entries above `index` until `unpin`; for a known token it moves the pin. */
  pin(group: Group, token: object, index: number, terms: PinTerms): void {
    const pins = this.#pins.get(group) ?? new Map<object, Pin>();
    const known = pins.get(token);
    if (known === undefined) {
      const { bytesMax, lost = () => undefined } = terms;
      pins.set(token, { index, bytesMax, lost });
    } else {
      known.index = index;
    }
    this.#pins.set(group, pins);
  }

  unpin(group: Group, token: object): void {
    const pins = this.#pins.get(group);
    if (pins?.delete(token) === true && pins.size === 0) {
      this.#pins.delete(group);
    }
  }

  forget(group: Group): void {
    this.#pins.delete(group);
  }

  /** The index above which the group's log must stay; gives up what is over its budget. */
  floor(group: Group): number {
    const pins = this.#pins.get(group);
    let floor = Infinity;
    for (const [token, pin] of pins ?? []) {
      if (group.storage.bytesAbove(pin.index) > pin.bytesMax) {
        this.unpin(group, token);
        pin.lost();
      } else {
        floor = Math.min(floor, pin.index);
      }
    }
    return floor;
  }
}
