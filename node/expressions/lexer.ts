/**
 * Expression text to tokens, for every kind of expression. Knows no grammar: keywords are plain
 * words here (they are names in some places), and a character that starts no token becomes a
 * token of its own, so that the parser reports it where it stands.
 * Source: DynamoDB developer guide, "Using expressions".
 */

export type TokenKind =
  | 'word' // a name, a function or a keyword
  | 'name' // #name
  | 'value' // :value
  | 'number' // a whole number, without leading zeros
  | 'symbol' // one of the operators and brackets, or a stray character
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** What error messages call the end of the text. */
export const endText = '<EOF>';

// One alternative a kind, in the order of `kinds`; the last takes any character, so that every
// position matches. Sticky, without nested repetition: linear in the length of the text.
const alternatives = [
  '([A-Za-z][A-Za-z0-9_]*)',
  '(#[A-Za-z0-9_]+)',
  '(:[A-Za-z0-9_]+)',
  '(0|[1-9][0-9]*)',
  '(<=|>=|<>|[^ \\t\\r\\n])',
];
const kinds: readonly TokenKind[] = ['word', 'name', 'value', 'number', 'symbol'];
const tokenPattern = new RegExp(`[ \\t\\r\\n]*(?:${alternatives.join('|')})`, 'uy');

/** The tokens of a text, the last being `end`. The caller bounds the length of the text. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  for (;;) {
    tokenPattern.lastIndex = offset;
    const match = tokenPattern.exec(text);
    if (match === null) {
      tokens.push({ kind: 'end', text: endText, start: text.length, end: text.length });
      return tokens;
    }
    const group = match.findIndex((found, i) => i > 0 && found !== undefined);
    const found = match[group] ?? '';
    const end = offset + match[0].length;
    tokens.push({
      kind: kinds[group - 1] ?? 'symbol',
      text: found,
      start: end - found.length,
      end,
    });
    offset = end;
  }
}
