// Goal: no text crashes, hangs or exhausts the stack; whatever parses evaluates, and survives
// JSON (it travels in commands). Method: token soup, mutated good expressions, deep nesting.
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import type { Item } from '../values/attribute-value.ts';
import { evaluateCondition } from './condition.ts';
import type { Condition } from './ast.ts';
import { isExpressionProblem } from './expression-problem.ts';
import { ExpressionContext } from './names-values.ts';
import { parseCondition, parseProjection } from './parser.ts';
import { project } from './projection.ts';

const item: Item = { a: { M: { b: { L: [{ N: '1' }] } } }, c: { SS: ['x'] }, d: { S: 'text' } };

const soup =
  'a a.b a[0] c d #n :v :s ( ( ) ) , . [ ] 0 = <> < <= > >= AND OR NOT BETWEEN IN ' +
  'attribute_exists( attribute_type( begins_with( contains( size( nope( SET name _ - " é 😀 \0';
const tokens = soup.split(' ');

const good = [
  'attribute_exists(a.b[0]) AND NOT (c = :v OR size(d) > :v)',
  'a.b[0] BETWEEN :v AND :v AND contains(c, :s)',
  '#n IN (:v, :s, a.b) OR begins_with(d, :s)',
];

function context(): ExpressionContext {
  return new ExpressionContext({
    names: { '#n': 'n' },
    values: { ':v': { N: '1' }, ':s': { S: 'S' } },
  });
}

/** True if the text parsed; anything thrown but a problem is a failure. */
function tryBoth(text: string): boolean {
  let parsed = false;
  try {
    const condition = parseCondition(text, context());
    const copy = JSON.parse(JSON.stringify(condition)) as Condition;
    expect(evaluateCondition(copy, item)).toBe(evaluateCondition(condition, item));
    parsed = true;
  } catch (error) {
    if (!isExpressionProblem(error)) {
      throw error;
    }
    expect(error.message).toMatch(/^Invalid ConditionExpression: ./);
  }
  try {
    project(parseProjection(text, context()), item);
  } catch (error) {
    if (!isExpressionProblem(error)) {
      throw error;
    }
  }
  return parsed;
}

describe('expressions', () => {
  test('token soup', () => {
    const prng = new Prng(1);
    for (let i = 0; i < 4_000; i++) {
      const length = prng.below(12) + 1;
      const words = Array.from({ length }, () => prng.pick(tokens));
      tryBoth(words.join(prng.chance(0.5) ? ' ' : ''));
    }
  });

  test('good expressions with one thing changed', () => {
    const prng = new Prng(2);
    let parsed = 0;
    for (let i = 0; i < 2_000; i++) {
      const words = prng.pick(good).split(/(?=[ (),.[\]])/);
      const at = prng.below(words.length);
      words.splice(at, prng.below(2), ...(prng.chance(0.5) ? [` ${prng.pick(tokens)} `] : []));
      parsed += tryBoth(words.join('')) ? 1 : 0;
    }
    expect(parsed).toBeGreaterThan(100);
  });

  test.each([
    '(',
    ')',
    'NOT ',
    'NOT(',
    'size(',
    'a(',
    'a AND ',
    'a=b AND ',
    'a=b OR (',
    'a IN (',
    'a.',
    'a[0]',
    '[',
    '((a).',
    'a=(',
    'a,',
    '#',
    ':v',
    '"',
  ])('%s again and again', (text) => {
    expect(tryBoth(text.repeat(Math.floor(4096 / text.length)))).toBe(false);
  });

  test('nesting within the limits works', () => {
    const depth = 140;
    const text = 'a = c AND ('.repeat(depth) + 'a = c' + ')'.repeat(depth);
    expect(tryBoth(text)).toBe(true);
    expect(tryBoth(`${'NOT '.repeat(299)}a = c`)).toBe(true);
    expect(tryBoth(`${'NOT '.repeat(300)}a = c`)).toBe(false);
  });
});
