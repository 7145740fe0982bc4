/** A promise of the system that a step of it has broken: which check saw it, and what it saw. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** The check's name, such as `election-safety`. */
  readonly check: string;

  constructor(check: string, message: string) {
    super(message);
    this.check = check;
  }
}

/** Throws a `Violation` unless `holds`; the sentence is made only then. */
export function demand(holds: boolean, check: string, sentence: () => string): void {
  if (!holds) {
    throw new Violation(check, sentence());
  }
}
