/**
 * Shows what a part counts in plain numbers as counters: by how much they grew since the last look.
 */
interface Counter {
  add(value?: number): void;
}

/** Shows a counter that a part keeps as a plain number, by its growth. */
export class Growth {
  readonly #counter: Counter;
  #shown: number;

  constructor(counter: Counter, start = 0) {
    this.#counter = counter;
    this.#shown = start;
  }

  show(total: number): void {
    this.#counter.add(total - this.#shown);
    this.#shown = total;
  }
}

/** Counters of one series by a label whose values come up as things happen. */
export class GrowthByLabel {
  readonly #open: (label: string) => Counter;
  readonly #known = new Map<string, Growth>();

  constructor(open: (label: string) => Counter) {
    this.#open = open;
  }

  show(totals: ReadonlyMap<string | number, number>): void {
    for (const [key, total] of totals) {
      const label = String(key);
      const growth = this.#known.get(label) ?? new Growth(this.#open(label));
      this.#known.set(label, growth);
      growth.show(total);
    }
  }
}
