/** The body of a PUT as the exact text to store: valid UTF-8 and one JSON value, unchanged. */
import { isUtf8 } from 'node:buffer';
import { findSyntaxError } from './json-syntax.ts';
import { Problem } from './problem.ts';

/** Whether a text is one JSON value. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export function jsonTextOf(body: Buffer): string {
  if (body.length === 0) {
    throw new Problem('invalid-json', 'The body is empty: expected a JSON value', {
      position: 0,
      line: 1,
      column: 1,
    });
  }
  if (!isUtf8(body)) {
    const position = body.toString('utf8').indexOf('\ufffd');
    throw new Problem(
      'invalid-json',
      `The body is not valid UTF-8: the first bad bytes come after ${position} characters`,
      { position },
    );
  }
  const text = body.toString('utf8');
  if (!isJson(text)) {
    const error = findSyntaxError(text) ?? { position: text.length, line: 1, column: 1 };
    const { position, line, column } = error;
    const what =
      position >= text.length
        ? 'Unexpected end of the text'
        : `Unexpected ${JSON.stringify(String.fromCodePoint(text.codePointAt(position) ?? 0))}`;
    throw new Problem(
      'invalid-json',
      `${what} at position ${position} (line ${line}, column ${column})`,
      { position, line, column },
    );
  }
  return text;
}
