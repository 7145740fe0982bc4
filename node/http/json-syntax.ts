/**
 * Where a text stops being JSON (RFC 8259): for error messages, as `JSON.parse` does not always
 * tell. Called only after `JSON.parse` has refused the text; builds nothing, and keeps the open
 * brackets in a list, so that depth costs no stack.
 */

export interface SyntaxPosition {
  /** In UTF-16 units from 0; the text's length if it ends too early. */
  readonly position: number;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
}

const space = /[ \t\n\r]*/y;
// eslint-disable-next-line no-control-regex -- JSON forbids exactly these characters.
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
// eslint-disable-next-line no-control-regex -- as above, up to the first bad character.
const stringStart = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
const scalar = /(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)/y;

/** What may come next. */
type Expected = 'value' | 'valueOrEnd' | 'name' | 'nameOrEnd' | 'commaOrEnd';

class Scanner {
  readonly #text: string;
  readonly #open: ('[' | '{')[] = [];
  #at = 0;
  #expected: Expected = 'value';

  constructor(text: string) {
    this.#text = text;
  }

  /** The offset of the first character that no JSON text has there; undefined if there is none. */
  firstError(): number | undefined {
    for (;;) {
      this.#skip(space);
      if (this.#expected === 'commaOrEnd' && this.#open.length === 0) {
        return this.#at === this.#text.length ? undefined : this.#at;
      }
      if (!this.#step()) {
        return this.#at;
      }
    }
  }

  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) {
      return false;
    }
    this.#at = pattern.lastIndex;
    return true;
  }

  #close(): boolean {
    this.#open.pop();
    this.#at += 1;
    this.#expected = 'commaOrEnd';
    return true;
  }

  #step(): boolean {
    const character = this.#text.charAt(this.#at);
    const inside = this.#open.at(-1);
    switch (this.#expected) {
      case 'value':
        return this.#value(character);
      case 'valueOrEnd':
        return character === ']' ? this.#close() : this.#value(character);
      case 'name':
        return this.#memberName();
      case 'nameOrEnd':
        return character === '}' ? this.#close() : this.#memberName();
      case 'commaOrEnd':
        if (character === (inside === '[' ? ']' : '}')) {
          return this.#close();
        }
        if (character !== ',') {
          return false;
        }
        this.#at += 1;
        this.#expected = inside === '[' ? 'value' : 'name';
        return true;
    }
  }

  #value(character: string): boolean {
    if (character === '[' || character === '{') {
      this.#open.push(character);
      this.#at += 1;
      this.#expected = character === '[' ? 'valueOrEnd' : 'nameOrEnd';
      return true;
    }
    this.#expected = 'commaOrEnd';
    return character === '"' ? this.#string() : this.#skip(scalar);
  }

  #string(): boolean {
    if (this.#skip(string)) {
      return true;
    }
    this.#skip(stringStart);
    return false;
  }

  #memberName(): boolean {
    if (this.#text.charAt(this.#at) !== '"' || !this.#string()) {
      return false;
    }
    this.#skip(space);
    if (this.#text.charAt(this.#at) !== ':') {
      return false;
    }
    this.#at += 1;
    this.#expected = 'value';
    return true;
  }
}

/** Undefined if the text is JSON. */
export function findSyntaxError(text: string): SyntaxPosition | undefined {
  const position = new Scanner(text).firstError();
  if (position === undefined) {
    return undefined;
  }
  const before = text.slice(0, position);
  const lineStart = before.lastIndexOf('\n') + 1;
  return {
    position,
    line: before.split('\n').length,
    column: position - lineStart + 1,
  };
}
