import { describe, expect, test } from '@jest/globals';
import type { Item } from '../values/attribute-value.ts';
import { ExpressionContext } from './names-values.ts';
import { parseProjection } from './parser.ts';
import { project } from './projection.ts';

const item: Item = {
  pk: { S: 'key' },
  n: { N: '1' },
  l: { L: [{ S: 'zero' }, { M: { x: { N: '1' }, y: { N: '2' } } }, { L: [{ S: 'in' }] }] },
  m: { M: { a: { M: { b: { S: 'deep' }, c: { S: 'not' } } }, e: { M: {} }, l: { L: [] } } },
};

describe('project', () => {
  test.each<readonly [string, Item]>([
    ['pk', { pk: { S: 'key' } }],
    ['pk, n', { pk: { S: 'key' }, n: { N: '1' } }],
    ['absent', {}],
    ['absent, n', { n: { N: '1' } }],
    ['m.a.b', { m: { M: { a: { M: { b: { S: 'deep' } } } } } }],
    ['m.a.b, m.a.c', { m: { M: { a: { M: { b: { S: 'deep' }, c: { S: 'not' } } } } } }],
    ['m.e', { m: { M: { e: { M: {} } } } }],
    ['m.l', { m: { M: { l: { L: [] } } } }],
    ['m.absent', {}],
    ['m.a.absent, n', { n: { N: '1' } }],
    ['pk.x', {}],
    ['pk[0]', {}],
    ['m[0]', {}],
    ['l.x', {}],
    ['l[0]', { l: { L: [{ S: 'zero' }] } }],
    ['l[7]', {}],
    // List elements keep the order of the item, without gaps.
    ['l[2], l[0]', { l: { L: [{ S: 'zero' }, { L: [{ S: 'in' }] }] } }],
    ['l[1].y, l[1].x', { l: { L: [{ M: { y: { N: '2' }, x: { N: '1' } } }] } }],
    ['l[2][0], l[9]', { l: { L: [{ L: [{ S: 'in' }] }] } }],
    ['toString, m.constructor_', {}],
  ])('%s', (text, expected) => {
    expect(project(parseProjection(text, new ExpressionContext()), item)).toEqual(expected);
  });

  test('takes any attribute name', () => {
    const context = new ExpressionContext({ names: { '#p': '__proto__' } });
    const projection = parseProjection('#p.a, b', context);
    const odd = JSON.parse('{"__proto__":{"M":{"a":{"S":"x"}}},"b":{"S":"y"}}') as Item;
    expect(JSON.stringify(project(projection, odd))).toBe(JSON.stringify(odd));
    expect(project(projection, item)).toEqual({});
  });

  test('does not change the item', () => {
    const before = JSON.stringify(item);
    project(parseProjection('l[1].x, m.a.b', new ExpressionContext()), item);
    expect(JSON.stringify(item)).toBe(before);
  });
});
