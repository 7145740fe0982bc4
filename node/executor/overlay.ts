/**
 * A leader's own proposals that are not applied yet: row name → the row as it will be. With the
 * applied state below, it is exactly the state in which the next proposal will be applied,
 * because a leader's log in its own term is the order in which it evaluated (design §3.3).
 *
 * Invariant: belongs to one (group, term); an entry leaves when its own log index is applied.
 */
import { assert } from '../lib/assert.ts';
import type { RowWrite } from '../items/batch.ts';

interface PendingRow {
  readonly index: number;
  readonly value: Buffer | undefined;
}

export class Overlay {
  readonly #rows = new Map<string, PendingRow>();

  get size(): number {
    return this.#rows.size;
  }

  /** The pending row: bytes, null if it will be absent, undefined if nothing is pending. */
  get(name: string): Buffer | null | undefined {
    const row = this.#rows.get(name);
    return row === undefined ? undefined : (row.value ?? null);
  }

  /** Records what was proposed at `index`. */
  put(name: string, index: number, value: Buffer | undefined): void {
    const known = this.#rows.get(name);
    assert(known === undefined || known.index < index, 'Proposals take rising indexes');
    this.#rows.set(name, { index, value });
  }

  /** The entry at `index` is in the applied state now. */
  applied(index: number, writes: readonly RowWrite[]): void {
    if (this.#rows.size === 0) {
      return;
    }
    for (const write of writes) {
      const name = write.key.toString('latin1');
      const row = this.#rows.get(name);
      if (row?.index === index) {
        assert(sameValue(row.value, write.value), 'What is applied is what was proposed');
        this.#rows.delete(name);
      }
    }
  }
}

function sameValue(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === undefined || other === undefined ? one === other : one.equals(other);
}
