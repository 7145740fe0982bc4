/**
 * Expression text to checked syntax trees. Everything that can be refused without an item is
 * refused here, as an `ExpressionProblem` in DynamoDB's words. Any text is safe: length, depth
 * and count are bounded, nothing is tried twice.
 */
import type { Condition, DocumentPath, Projection } from './ast.ts';
import { resolveCondition } from './condition-checks.ts';
import { parseWholeCondition } from './condition-grammar.ts';
import { wordsProblem } from './condition-words.ts';
import { badIndexIn, reservedWordIn, resolvePath } from './document-paths.ts';
import type { ExpressionContext } from './names-values.ts';
import { Parse, parsePath } from './operand-grammar.ts';
import { overlapProblem } from './path-overlap.ts';
import type { RawPath } from './raw-tree.ts';
import type { ExpressionParameter } from './token-stream.ts';
import { TokenStream } from './token-stream.ts';

/** A condition or filter: `parameter` is the member of the request that holds the text. */
export function parseCondition(
  text: string,
  context: ExpressionContext,
  parameter: ExpressionParameter = 'ConditionExpression',
): Condition {
  const tokens = new TokenStream(text, parameter);
  const parse = new Parse(tokens);
  const raw = parseWholeCondition(parse);
  const message = wordsProblem(raw);
  if (message !== undefined) {
    throw tokens.problem(message);
  }
  return resolveCondition(raw, context, (problem) => tokens.problem(problem));
}

function parsePaths(tokens: TokenStream): RawPath[] {
  const paths = [parsePath(tokens)];
  while (tokens.skipSymbol(',')) {
    paths.push(parsePath(tokens));
  }
  if (tokens.peek().kind !== 'end') {
    throw tokens.syntaxProblem();
  }
  return paths;
}

export function parseProjection(text: string, context: ExpressionContext): Projection {
  const tokens = new TokenStream(text, 'ProjectionExpression');
  const raw = parsePaths(tokens);
  for (const path of raw) {
    const index = badIndexIn(path);
    if (index !== undefined) {
      throw tokens.problem(`List index is not within the allowable range; index: [${index}]`);
    }
    const word = reservedWordIn(path);
    if (word !== undefined) {
      throw tokens.problem(`Attribute name is a reserved keyword; reserved keyword: ${word}`);
    }
  }
  const paths: DocumentPath[] = raw.map((path) => {
    const resolved = resolvePath(path, context);
    if ('message' in resolved) {
      throw tokens.problem(resolved.message);
    }
    return resolved.path;
  });
  const overlap = overlapProblem(paths);
  if (overlap !== undefined) {
    throw tokens.problem(overlap);
  }
  return paths;
}
