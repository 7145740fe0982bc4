/**
 * The parser's view of the tokens: look ahead, take, and refuse with DynamoDB's syntax error,
 * which names the token and the text from the token before it to the one after it, blanks at
 * the ends of the expression included.
 */
import type { Token, TokenKind } from './lexer.ts';
import { tokenize } from './lexer.ts';
import { ExpressionProblem } from './expression-problem.ts';

/** The longest expression, in bytes of UTF-8. */
export const expressionBytesMax = 4096;

/** The request's members that hold expressions; error texts begin with them. */
export type ExpressionParameter =
  | 'ConditionExpression'
  | 'FilterExpression'
  | 'KeyConditionExpression'
  | 'ProjectionExpression'
  | 'UpdateExpression';

export class TokenStream {
  readonly parameter: ExpressionParameter;
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string, parameter: ExpressionParameter) {
    this.parameter = parameter;
    this.#text = text;
    const bytes = Buffer.byteLength(text, 'utf8');
    if (bytes === 0) {
      throw this.problem('The expression can not be empty;');
    }
    if (bytes > expressionBytesMax) {
      throw this.problem(
        `Expression size has exceeded the maximum allowed size; expression size: ${bytes}`,
      );
    }
    this.#tokens = tokenize(text);
  }

  /** How many tokens were taken. */
  get position(): number {
    return this.#position;
  }

  /** A refusal of this expression. */
  problem(message: string): ExpressionProblem {
    return new ExpressionProblem(`Invalid ${this.parameter}: ${message}`);
  }

  /** The token `ahead` places on; the end repeats. */
  peek(ahead = 0): Token {
    const last = this.#tokens.length - 1;
    return this.#tokens[Math.min(this.#position + ahead, last)] as Token;
  }

  /** Takes the next token. */
  take(): Token {
    const token = this.peek();
    this.#position += 1;
    return token;
  }

  isSymbol(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.kind === 'symbol' && token.text === text;
  }

  /** Keywords are words of any case. */
  isKeyword(keyword: string): boolean {
    const token = this.peek();
    return token.kind === 'word' && token.text.toUpperCase() === keyword;
  }

  /** Takes the symbol if it is next. */
  skipSymbol(text: string): boolean {
    const found = this.isSymbol(text);
    if (found) {
      this.#position += 1;
    }
    return found;
  }

  /** Takes the keyword if it is next. */
  skipKeyword(keyword: string): boolean {
    const found = this.isKeyword(keyword);
    if (found) {
      this.#position += 1;
    }
    return found;
  }

  expectSymbol(text: string): void {
    if (!this.skipSymbol(text)) {
      throw this.syntaxProblem();
    }
  }

  expectKeyword(keyword: string): void {
    if (!this.skipKeyword(keyword)) {
      throw this.syntaxProblem();
    }
  }

  expectKind(kind: TokenKind): Token {
    if (this.peek().kind !== kind) {
      throw this.syntaxProblem();
    }
    return this.take();
  }

  /** The next token does not fit. */
  syntaxProblem(): ExpressionProblem {
    const token = this.peek();
    const before = this.#tokens[this.#position - 1];
    const near = this.#text.slice(before?.start ?? 0, this.peek(1).end);
    return this.problem(`Syntax error; token: "${token.text}", near: "${near}"`);
  }
}
