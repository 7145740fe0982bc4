/**
 * Tests as text (the format of cockroachdb/datadriven): a file is a sequence of
 *
 *   command arg key=value key=(value, value)
 *   input lines, if any
 *   ----
 *   expected output, up to a blank line
 *
 * Output with blank lines stands between two pairs of `----` lines. `#` begins a comment line, a
 * trailing backslash continues a directive. `subtest name` … `subtest end` only group.
 * `rewritten` is the file with the actual outputs in place: accept it (REWRITE=1) only if you can
 * say why each line changed.
 */

export interface DirectiveArg {
  readonly key: string;
  /** Empty for a bare word. */
  readonly values: readonly string[];
}

export interface Directive {
  /** Line of the command, from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly DirectiveArg[];
  readonly input: string;
  readonly expected: string;
}

export interface DirectiveFailure {
  readonly line: number;
  readonly command: string;
  readonly expected: string;
  readonly actual: string;
}

export interface DatadrivenResult {
  /** In order; a run stops at the first, as what follows depends on it. */
  readonly failures: readonly DirectiveFailure[];
  readonly directiveCount: number;
  readonly rewritten: string;
}

/** One piece of a file: lines to keep, and the directive that they end with, if any. */
interface Piece {
  readonly kept: readonly string[];
  readonly directive: Directive | undefined;
}

const separator = '----';

function parseValues(line: string, start: number): { values: string[]; end: number } {
  const values: string[] = [];
  let depth = 1;
  let from = start;
  let at = start;
  while (depth > 0) {
    if (at >= line.length) {
      throw new Error(`Cannot parse the directive, as a parenthesis is open: ${line}`);
    }
    const character = line[at];
    at += 1;
    if (character === ',' && depth === 1) {
      values.push(line.slice(from, at - 1));
      while (line[at] === ' ') {
        at += 1;
      }
      from = at;
    } else if (character === '(') {
      depth += 1;
    } else if (character === ')') {
      depth -= 1;
    }
  }
  values.push(line.slice(from, at - 1));
  return { values, end: at };
}

/** The command and arguments of a directive line. */
export function parseDirectiveLine(text: string): { command: string; args: DirectiveArg[] } {
  const line = text.trim();
  const command = /^[^ ]*/.exec(line)?.[0] ?? '';
  const args: DirectiveArg[] = [];
  let at = command.length;
  for (;;) {
    while (line[at] === ' ') {
      at += 1;
    }
    if (at >= line.length) {
      return { command, args };
    }
    const key = /^[^ =]*/.exec(line.slice(at))?.[0] ?? '';
    if (key === '') {
      throw new Error(`Cannot parse the directive at column ${at + 1}: ${line}`);
    }
    at += key.length;
    if (line[at] !== '=') {
      args.push({ key, values: [] });
    } else if (line[at + 1] === '(') {
      const { values, end } = parseValues(line, at + 2);
      args.push({ key, values });
      at = end;
    } else {
      const value = /^[^ ]*/.exec(line.slice(at + 1))?.[0] ?? '';
      args.push({ key, values: [value] });
      at += 1 + value.length;
    }
  }
}

/** Splits a file into its directives. */
class DatadrivenReader {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(text: string) {
    const lines = text.split('\n');
    if (lines.at(-1) === '') {
      lines.pop();
    }
    this.#lines = lines;
  }

  #next(): string | undefined {
    const line = this.#lines[this.#at];
    this.#at += 1;
    return line;
  }

  pieces(): Piece[] {
    const pieces: Piece[] = [];
    let kept: string[] = [];
    for (let raw = this.#next(); raw !== undefined; raw = this.#next()) {
      const lineNumber = this.#at;
      kept.push(raw);
      let line = raw.trim();
      if (line.startsWith('#')) {
        continue;
      }
      while (line.endsWith('\\')) {
        const more = this.#next();
        if (more === undefined) {
          break;
        }
        kept.push(more);
        line = `${line.slice(0, -1)} ${more.trim()}`;
      }
      const { command, args } = parseDirectiveLine(line);
      if (command === '' || command === 'subtest') {
        continue;
      }
      const { input, isSeparated } = this.#input(kept);
      const expected = isSeparated ? this.#expected() : '';
      pieces.push({ kept, directive: { line: lineNumber, command, args, input, expected } });
      kept = [];
    }
    pieces.push({ kept, directive: undefined });
    return pieces;
  }

  #input(kept: string[]): { input: string; isSeparated: boolean } {
    const lines: string[] = [];
    for (let line = this.#next(); line !== undefined; line = this.#next()) {
      if (line === separator) {
        return { input: lines.join('\n').trim(), isSeparated: true };
      }
      kept.push(line);
      lines.push(line);
    }
    return { input: lines.join('\n').trim(), isSeparated: false };
  }

  #expected(): string {
    const lines: string[] = [];
    let line = this.#next();
    if (line === separator) {
      for (line = this.#next(); line !== undefined; line = this.#next()) {
        if (line === separator && this.#lines[this.#at] === separator) {
          this.#at += 1;
          // The blank line after the block belongs to it.
          if ((this.#next() ?? '') !== '') {
            throw new Error(`Expected a blank line after the output at line ${this.#at}`);
          }
          break;
        }
        lines.push(line);
      }
    } else {
      for (; line !== undefined && line.trim() !== ''; line = this.#next()) {
        lines.push(line);
      }
    }
    return lines.map((text) => `${text}\n`).join('');
  }
}

/** The directives of a file. */
export function parseDatadriven(text: string): Directive[] {
  return new DatadrivenReader(text)
    .pieces()
    .map(({ directive }) => directive)
    .filter((directive) => directive !== undefined);
}

/** Runs every directive through `handle`, until one answers otherwise than expected. */
export function runDatadriven(
  text: string,
  handle: (directive: Directive) => string,
  options: { readonly keepGoing: boolean } = { keepGoing: false },
): DatadrivenResult {
  const failures: DirectiveFailure[] = [];
  let directiveCount = 0;
  let rewritten = '';
  for (const { kept, directive } of new DatadrivenReader(text).pieces()) {
    rewritten += kept.map((line) => `${line}\n`).join('');
    if (directive === undefined) {
      continue;
    }
    directiveCount += 1;
    let actual = handle(directive);
    if (actual !== '' && !actual.endsWith('\n')) {
      actual += '\n';
    }
    const isBlank = /^[\t ]*\n/m.test(actual);
    rewritten += isBlank
      ? `${separator}\n${separator}\n${actual}${separator}\n${separator}\n\n`
      : `${separator}\n${actual}\n`;
    if (actual !== directive.expected) {
      const { line, command, expected } = directive;
      failures.push({ line, command, expected, actual });
      if (!options.keepGoing) {
        break;
      }
    }
  }
  return { failures, directiveCount, rewritten: rewritten.replace(/\n\n$/, '\n') };
}

/** A failure as text: the lines around the first difference. */
export function describeFailure({ line, command, expected, actual }: DirectiveFailure): string {
  const wanted = expected.split('\n');
  const found = actual.split('\n');
  let at = 0;
  while (at < wanted.length && wanted[at] === found[at]) {
    at += 1;
  }
  const context = wanted.slice(Math.max(0, at - 3), at).map((text) => `    ${text}`);
  const missing = wanted.slice(at, at + 4).map((text) => `  - ${text}`);
  const extra = found.slice(at, at + 4).map((text) => `  + ${text}`);
  return [`line ${line}: ${command}`, ...context, ...missing, ...extra].join('\n');
}

/** Bare words that are numbers. */
export function numbersOf(directive: Directive): number[] {
  const words = directive.args.filter(({ values }) => values.length === 0);
  return words.map(({ key }) => {
    if (!/^[0-9]+$/.test(key)) {
      throw new Error(`Expected a number at line ${directive.line}: ${key}`);
    }
    return Number(key);
  });
}

/** The first value of an argument. */
export function valueOf(directive: Directive, key: string): string | undefined {
  return directive.args.find((arg) => arg.key === key)?.values[0];
}
