/**
 * A deliberate fault: one change of one source file, made while that file is loaded and nowhere
 * else. The program on disk never holds it. A simulator that does not catch it looks at too little.
 *
 * Invariant: `before` stands exactly once in the file, so that a flaw never silently does nothing.
 */
export interface Flaw {
  readonly name: string;
  /** What it breaks: a rule P… of docs/protocol-rules.md, or a section of the Raft thesis. */
  readonly rule: string;
  /** From the root of the repository. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
  /** The storm that catches it (`storms/storm-list.ts`) … */
  readonly storm: string;
  /** … with this seed. */
  readonly seed: number;
}

/** How often `part` stands in `text`. */
function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** The text with the flaw. Throws if the place is not there, or not the only one. */
export function mutate(text: string, flaw: Flaw): string {
  const count = countOf(text, flaw.before);
  if (flaw.before === '' || count !== 1) {
    throw new Error(
      `Cannot put flaw "${flaw.name}" into "${flaw.file}": its place stands there ${count} times`,
    );
  }
  if (flaw.before === flaw.after) {
    throw new Error(`Cannot put flaw "${flaw.name}" into "${flaw.file}": it changes nothing`);
  }
  // A function, so that no "$" of the new text is taken for a pattern.
  return text.replace(flaw.before, () => flaw.after);
}
