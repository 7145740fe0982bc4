/**
 * A deliberate fault: a change of one source file, made while that file is loaded and nowhere else;
 * of several, where one rule is kept in more than one place. The program on disk never holds it. A
 * simulator that does not catch it looks at too little.
 *
 * Invariant: `before` stands exactly once in the file, so that a flaw never silently does nothing.
 */
export interface SourceChange {
  /** From the root of the repository. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

export interface Flaw extends SourceChange {
  readonly name: string;
  /** What it breaks: a rule P… of docs/protocol-rules.md, or a section of the Raft thesis. */
  readonly rule: string;
  /** Further lines of defence that must be off, too; each in a file of its own. */
  readonly also?: readonly SourceChange[];
  /** The storm that catches it (`storms/storm-list.ts`) … */
  readonly storm: string;
  /** … with this seed. */
  readonly seed: number;
}

/** How often `part` stands in `text`. */
function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}

/** All its changes, one a file. */
export function changesOf(flaw: Flaw): readonly SourceChange[] {
  return [flaw, ...(flaw.also ?? [])];
}

/** The text with a change of the flaw. Throws if the place is not there, or not the only one. */
export function mutate(text: string, { name }: Flaw, change: SourceChange): string {
  const { file, before, after } = change;
  const count = countOf(text, before);
  if (before === '' || count !== 1) {
    throw new Error(
      `Cannot put flaw "${name}" into "${file}": its place stands there ${count} times`,
    );
  }
  if (before === after) {
    throw new Error(`Cannot put flaw "${name}" into "${file}": it changes nothing`);
  }
  // A function, so that no "$" of the new text is taken for a pattern.
  return text.replace(before, () => after);
}
