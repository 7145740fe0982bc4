/**
 * Texts of expressions, each read as a condition and as a projection.
 *
 * Promise: parsed, or refused as an `ExpressionProblem`; what parsed survives the JSON in which it
 * travels, and evaluates the same before and after.
 */
import { deepStrictEqual } from 'node:assert';
import type { Condition, Projection } from '../../../expressions/ast.ts';
import { evaluateCondition } from '../../../expressions/condition.ts';
import { isExpressionProblem } from '../../../expressions/expression-problem.ts';
import { ExpressionContext } from '../../../expressions/names-values.ts';
import { parseCondition, parseProjection } from '../../../expressions/parser.ts';
import { project } from '../../../expressions/projection.ts';
import type { Prng } from '../../../lib/prng.ts';
import type { Item } from '../../../values/attribute-value.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { shapeOf } from '../fuzz-target.ts';

const item: Item = {
  a: { M: { b: { L: [{ N: '1' }, { S: 'x' }] }, b2: { BOOL: true } } },
  c: { SS: ['x', 'y'] },
  d: { S: 'text' },
  e: { B: 'AQID' },
  n: { N: '-12.5' },
  z: { NULL: true },
};

const untouched = JSON.stringify(item);

function context(): ExpressionContext {
  return new ExpressionContext({
    names: { '#n': 'n', '#a': 'a', '#size': 'size' },
    values: {
      ':v': { N: '1' },
      ':s': { S: 'S' },
      ':l': { L: [{ N: '1' }] },
      ':b': { B: 'AQ==' },
      ':ss': { SS: ['x'] },
      ':t': { BOOL: true },
    },
  });
}

function refusal(error: unknown): string {
  if (!isExpressionProblem(error)) {
    throw error;
  }
  return shapeOf(error.message);
}

function readCondition(text: string): string {
  let condition: Condition;
  try {
    condition = parseCondition(text, context());
  } catch (error) {
    return refusal(error);
  }
  const copy = JSON.parse(JSON.stringify(condition)) as Condition;
  const holds = evaluateCondition(condition, item);
  deepStrictEqual(evaluateCondition(copy, item), holds);
  deepStrictEqual(evaluateCondition(copy, undefined), evaluateCondition(condition, undefined));
  return `${condition.kind} ${holds}`;
}

function readProjection(text: string): string {
  try {
    const projection = parseProjection(text, context());
    const copy = JSON.parse(JSON.stringify(projection)) as Projection;
    deepStrictEqual(project(copy, item), project(projection, item));
    deepStrictEqual(JSON.stringify(item), untouched);
    return `projection ${Math.min(4, projection.length)}`;
  } catch (error) {
    return refusal(error);
  }
}

function run(input: Buffer): string {
  // Requests are UTF-8 that was checked; what is not becomes U+FFFD there too.
  const text = input.toString('utf8');
  return `${readCondition(text)} | ${readProjection(text)}`;
}

const operands = ['a', 'a.b', 'a.b[0]', '#a.b[1]', 'c', 'd', 'e', '#n', 'z', 'size(d)', 'size(c)'];
const values = [':v', ':s', ':l', ':b', ':ss', ':t'];

function drawOperand(prng: Prng): string {
  return prng.pick(prng.chance(0.6) ? operands : values);
}

function drawCondition(prng: Prng, depth: number): string {
  if (depth > 0 && prng.chance(0.5)) {
    const left = drawCondition(prng, depth - 1);
    const right = drawCondition(prng, depth - 1);
    return prng.pick([`${left} AND ${right}`, `${left} OR (${right})`, `NOT (${left})`]);
  }
  const [x, y, z] = [drawOperand(prng), drawOperand(prng), drawOperand(prng)];
  return prng.pick([
    `${x} ${prng.pick(['=', '<>', '<', '<=', '>', '>='])} ${y}`,
    `${x} BETWEEN ${y} AND ${z}`,
    `${x} IN (${y}, ${z})`,
    `attribute_exists(${prng.pick(operands.slice(0, 6))})`,
    `attribute_type(${prng.pick(operands.slice(0, 6))}, :s)`,
    `begins_with(${x}, ${y})`,
    `contains(${x}, ${y})`,
  ]);
}

function generate(prng: Prng): Buffer {
  const text = prng.chance(0.3)
    ? Array.from({ length: 1 + prng.below(4) }, () => prng.pick(operands.slice(0, 9))).join(', ')
    : drawCondition(prng, prng.below(4));
  return Buffer.from(text, 'utf8');
}

const dictionary = (
  'a a.b a[0] c d #n :v :s :l ( ) , . [ ] 0 = <> < <= > >= AND OR NOT BETWEEN IN ' +
  'attribute_exists( attribute_not_exists( attribute_type( begins_with( contains( size( nope( ' +
  'SET REMOVE name _ - " \xc3\xa9 \xf0\x9f\x98\x80 \0 [99999999999] #nope :nope'
).split(' ');

export function expressions(): FuzzTarget {
  return { generate, dictionary: [...dictionary, ' ', '\n'], run };
}
