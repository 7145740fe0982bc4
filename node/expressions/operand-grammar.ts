/**
 * The grammar of document paths, values and calls: the leaves of every kind of expression.
 *
 *   path    = name { "." name | "[" digits "]" }       name = word | #name
 *   operand = path | :value | word "(" operand { "," operand } ")" | "(" operand ")"
 *
 * Depth is bounded (`Depth`), so that no text can exhaust the stack.
 */
import type { Token } from './lexer.ts';
import type { RawCall, RawOperand, RawPath, RawPathPart } from './raw-tree.ts';
import type { TokenStream } from './token-stream.ts';

/** Nested parentheses, calls and NOTs. Beyond it the expression has too many operators anyway. */
const depthMax = 300;

/** Words that are operators: no name, no function. */
const keywords: ReadonlySet<string> = new Set(['AND', 'OR', 'NOT', 'BETWEEN', 'IN']);

/** One parse: where it reads, how deep it is, and where it last met parentheses. */
export class Parse {
  readonly tokens: TokenStream;
  #depth = 0;
  /** Token positions of the last closed pair of parentheses: its first, and the one after it. */
  #groupStart = -1;
  #groupEnd = -1;

  constructor(tokens: TokenStream) {
    this.tokens = tokens;
  }

  /** Runs `parse` one level deeper. */
  deeper<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > depthMax) {
      throw this.tokens.problem(
        `The expression contains too many operators; operator count: ${this.#depth}`,
      );
    }
    const result = parse();
    this.#depth -= 1;
    return result;
  }

  /** What `parse` reads, in parentheses; a pair directly around another pair has no use. */
  group<T>(parse: () => T): T {
    const { tokens } = this;
    const start = tokens.position;
    tokens.expectSymbol('(');
    const result = this.deeper(parse);
    const redundant = this.#groupStart === start + 1 && this.#groupEnd === tokens.position;
    tokens.expectSymbol(')');
    if (redundant) {
      throw tokens.problem('The expression has redundant parentheses;');
    }
    this.#groupStart = start;
    this.#groupEnd = tokens.position;
    return result;
  }
}

export function isKeyword(token: Token): boolean {
  return keywords.has(token.text.toUpperCase());
}

function parsePathName(tokens: TokenStream): RawPathPart {
  const token = tokens.peek();
  if (token.kind === 'name') {
    return { kind: 'name', key: tokens.take().text };
  }
  if (token.kind !== 'word' || isKeyword(token)) {
    throw tokens.syntaxProblem();
  }
  return { kind: 'word', text: tokens.take().text };
}

export function parsePath(tokens: TokenStream): RawPath {
  const parts = [parsePathName(tokens)];
  for (;;) {
    if (tokens.skipSymbol('.')) {
      parts.push(parsePathName(tokens));
    } else if (tokens.skipSymbol('[')) {
      parts.push({ kind: 'index', text: tokens.expectKind('number').text });
      tokens.expectSymbol(']');
    } else {
      return { kind: 'path', parts };
    }
  }
}

function parseCall(parse: Parse): RawCall {
  const { tokens } = parse;
  const name = tokens.take().text;
  tokens.expectSymbol('(');
  return parse.deeper(() => ({ kind: 'call', name, args: parseOperandList(parse) }));
}

/** Operands up to and with the closing parenthesis, at least one. */
export function parseOperandList(parse: Parse): RawOperand[] {
  const operands = [parseOperand(parse)];
  while (parse.tokens.skipSymbol(',')) {
    operands.push(parseOperand(parse));
  }
  parse.tokens.expectSymbol(')');
  return operands;
}

/** An operand that does not begin with a parenthesis. */
export function parseLeaf(parse: Parse): RawOperand {
  const { tokens } = parse;
  const token = tokens.peek();
  if (token.kind === 'value') {
    return { kind: 'value', key: tokens.take().text };
  }
  if (token.kind === 'word' && !isKeyword(token) && tokens.isSymbol('(', 1)) {
    return parseCall(parse);
  }
  return parsePath(tokens);
}

export function parseOperand(parse: Parse): RawOperand {
  return parse.tokens.isSymbol('(') ? parse.group(() => parseOperand(parse)) : parseLeaf(parse);
}
