// Goal: conditions mean what DynamoDB says. Method: a table of cases from the developer guide,
// and random trees against a second, dumb evaluator that works on decoded values.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AttributeValue, Item } from '../values/attribute-value.ts';
import { typeOf } from '../values/attribute-value.ts';
import type { Comparator, Condition, DocumentPath, Operand } from './ast.ts';
import { evaluateCondition } from './condition.ts';
import { ExpressionContext } from './names-values.ts';
import { parseCondition } from './parser.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const item: Item = {
  s: { S: 'hello' },
  n: { N: '10' },
  b: { B: base64('hello') },
  t: { BOOL: true },
  nil: { NULL: true },
  ss: { SS: ['a', 'b'] },
  ns: { NS: ['1', '2.5'] },
  bs: { BS: [base64('x')] },
  l: { L: [{ S: 'a' }, { N: '1' }, { L: [] }] },
  m: { M: { x: { N: '1' }, y: { M: { z: { S: 'deep' } } } } },
  blank: { S: '' },
};

function holds(
  text: string,
  values?: Readonly<Record<string, AttributeValue>>,
  of = item,
): boolean {
  return evaluateCondition(parseCondition(text, new ExpressionContext({ values })), of);
}

describe('evaluateCondition', () => {
  const yes: readonly (readonly [string, Readonly<Record<string, AttributeValue>>?])[] = [
    ['s = :v', { ':v': { S: 'hello' } }],
    [':v = s', { ':v': { S: 'hello' } }],
    ['n = :v', { ':v': { N: '10' } }],
    ['n > :v', { ':v': { N: '9' } }],
    ['n <> :v', { ':v': { S: '10' } }],
    ['absent <> :v', { ':v': { S: '10' } }],
    ['absent <> gone'],
    ['s < :v', { ':v': { S: 'hellp' } }],
    ['b >= :v', { ':v': { B: base64('hell') } }],
    ['ss = :v', { ':v': { SS: ['b', 'a'] } }],
    ['ns = :v', { ':v': { NS: ['2.50', '1'] } }],
    ['t = :v', { ':v': { BOOL: true } }],
    ['nil = :v', { ':v': { NULL: true } }],
    ['m.y = :v', { ':v': { M: { z: { S: 'deep' } } } }],
    ['m.y.z = :v', { ':v': { S: 'deep' } }],
    ['l[0] = :v', { ':v': { S: 'a' } }],
    ['l[1] = m.x'],
    ['n between :a and :b', { ':a': { N: '10' }, ':b': { N: '10' } }],
    ['s in (:a, :b)', { ':a': { S: 'x' }, ':b': { S: 'hello' } }],
    ['ss in (:a)', { ':a': { SS: ['b', 'a'] } }],
    ['attribute_exists(nil)'],
    ['attribute_exists(l[2])'],
    ['attribute_not_exists(l[3])'],
    ['attribute_not_exists(m.q)'],
    ['attribute_not_exists(s.q)'],
    ['attribute_not_exists(m[0])'],
    ['attribute_not_exists(l.a)'],
    ['attribute_not_exists(toString)'],
    ['attribute_not_exists(m.toString)'],
    ['attribute_type(nil, :v)', { ':v': { S: 'NULL' } }],
    ['begins_with(s, :v)', { ':v': { S: 'hel' } }],
    ['begins_with(s, :v)', { ':v': { S: '' } }],
    ['begins_with(b, :v)', { ':v': { B: base64('hel') } }],
    ['begins_with(:v, s)', { ':v': { S: 'hello world' } }],
    ['contains(s, :v)', { ':v': { S: 'ell' } }],
    ['contains(b, :v)', { ':v': { B: base64('ell') } }],
    ['contains(ss, :v)', { ':v': { S: 'a' } }],
    ['contains(ns, :v)', { ':v': { N: '2.5' } }],
    ['contains(bs, :v)', { ':v': { B: base64('x') } }],
    ['contains(l, :v)', { ':v': { N: '1' } }],
    ['contains(l, :v)', { ':v': { L: [] } }],
    ['contains(:v, s)', { ':v': { SS: ['hello'] } }],
    ['size(s) = :v', { ':v': { N: '5' } }],
    ['size(b) = size(s)'],
    ['size(ss) = :v', { ':v': { N: '2' } }],
    ['size(m) = :v', { ':v': { N: '2' } }],
    ['size(l) > size(blank)'],
    ['NOT s = :v', { ':v': { S: 'x' } }],
    ['NOT absent = :v', { ':v': { S: 'x' } }],
    ['NOT absent < :v', { ':v': { S: 'x' } }],
    ['s = :v OR n = :v', { ':v': { N: '10' } }],
  ];
  test.each(yes.map(([text, values]) => [text, values] as const))('%s %j', (text, values) => {
    expect(holds(text, values)).toBe(true);
  });

  const no: readonly (readonly [string, Readonly<Record<string, AttributeValue>>?])[] = [
    ['absent = :v', { ':v': { S: 'x' } }],
    ['absent = gone'],
    ['absent < :v', { ':v': { S: 'x' } }],
    ['n < :v', { ':v': { S: 'x' } }],
    ['n = :v', { ':v': { S: '10' } }],
    ['s <> :v', { ':v': { S: 'hello' } }],
    ['t < t2'],
    ['absent between :a and :b', { ':a': { N: '1' }, ':b': { N: '2' } }],
    ['s between :a and :b', { ':a': { N: '1' }, ':b': { N: '2' } }],
    ['absent in (gone)'],
    ['attribute_exists(absent)'],
    ['attribute_exists(m.y.z.q)'],
    ['attribute_type(absent, :v)', { ':v': { S: 'S' } }],
    ['attribute_type(s, :v)', { ':v': { S: 'N' } }],
    ['begins_with(n, :v)', { ':v': { S: '1' } }],
    ['begins_with(ss, :v)', { ':v': { S: 'a' } }],
    ['begins_with(absent, :v)', { ':v': { S: '' } }],
    ['contains(n, :v)', { ':v': { S: '1' } }],
    ['contains(ss, :v)', { ':v': { N: '1' } }],
    ['contains(m, :v)', { ':v': { S: 'x' } }],
    ['contains(absent, :v)', { ':v': { S: 'x' } }],
    ['size(n) = :v', { ':v': { N: '2' } }],
    ['size(absent) = :v', { ':v': { N: '0' } }],
    ['size(t) >= :v', { ':v': { N: '0' } }],
    ['s = :v AND n = :v', { ':v': { N: '10' } }],
    ['NOT attribute_exists(s)'],
  ];
  test.each(no.map(([text, values]) => [text, values] as const))('not: %s %j', (text, values) => {
    expect(holds(text, values)).toBe(false);
  });

  test('an absent item has no attributes', () => {
    const context = new ExpressionContext();
    expect(evaluateCondition(parseCondition('attribute_exists(s)', context), undefined)).toBe(
      false,
    );
    expect(evaluateCondition(parseCondition('attribute_not_exists(s)', context), undefined)).toBe(
      true,
    );
  });

  test('takes any attribute name', () => {
    const context = new ExpressionContext({ names: { '#p': '__proto__' } });
    const exists = parseCondition('attribute_exists(#p)', context);
    expect(evaluateCondition(exists, item)).toBe(false);
    expect(evaluateCondition(exists, JSON.parse('{"__proto__":{"S":""}}') as Item)).toBe(true);
  });
});

/** The dumb evaluator: values become plain data, every rule is written out. */
type Plain =
  | { readonly type: 'N'; readonly key: number }
  | { readonly type: 'S' | 'B'; readonly key: Buffer }
  | { readonly type: string; readonly text: string };

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, below]): unknown[] => [
        name,
        ['SS', 'NS', 'BS'].includes(name) && Array.isArray(below)
          ? (below as string[]).toSorted()
          : sorted(below),
      ])
      .sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
  }
  return value;
}

function plain(value: AttributeValue): Plain {
  if ('N' in value) {
    return { type: 'N', key: Number(value.N) };
  }
  if ('S' in value) {
    return { type: 'S', key: Buffer.from(value.S) };
  }
  if ('B' in value) {
    return { type: 'B', key: Buffer.from(value.B, 'base64') };
  }
  return { type: typeOf(value), text: JSON.stringify(sorted(value)) };
}

function lookUp(path: DocumentPath, root: Item): AttributeValue | undefined {
  let json: unknown = { M: root };
  for (const part of path) {
    const container = json as { readonly M?: Item; readonly L?: readonly AttributeValue[] };
    json = typeof part === 'number' ? container.L?.[part] : container.M?.[part];
    if (json === undefined) {
      return undefined;
    }
  }
  return json as AttributeValue;
}

function naiveOperand(operand: Operand, root: Item): AttributeValue | undefined {
  if (operand.kind === 'value') {
    return operand.value;
  }
  const found = lookUp(operand.path, root);
  if (operand.kind === 'path' || found === undefined) {
    return found;
  }
  const inside: unknown = Object.values(found)[0];
  const type = typeOf(found);
  const lengths: Readonly<Record<string, () => number>> = {
    S: () => String(inside).length,
    B: () => Buffer.from(String(inside), 'base64').length,
    M: () => Object.keys(inside as object).length,
  };
  const length = Array.isArray(inside) ? inside.length : lengths[type]?.();
  return length === undefined ? undefined : { N: String(length) };
}

function naiveCompare(
  comparator: Comparator,
  a: AttributeValue | undefined,
  b: AttributeValue | undefined,
): boolean {
  if (a === undefined || b === undefined) {
    return comparator === '<>';
  }
  const left = plain(a);
  const right = plain(b);
  let order: number;
  if (left.type !== right.type) {
    return comparator === '<>';
  } else if ('text' in left || 'text' in right) {
    const same = JSON.stringify(left) === JSON.stringify(right);
    return comparator === '=' ? same : comparator === '<>' ? !same : false;
  } else if (typeof left.key === 'number' || typeof right.key === 'number') {
    order = Number(left.key) - Number(right.key);
  } else {
    order = Buffer.compare(left.key, right.key);
  }
  return {
    '=': order === 0,
    '<>': order !== 0,
    '<': order < 0,
    '<=': order <= 0,
    '>': order > 0,
    '>=': order >= 0,
  }[comparator];
}

function naive(condition: Condition, root: Item): boolean {
  const of = (operand: Operand): AttributeValue | undefined => naiveOperand(operand, root);
  switch (condition.kind) {
    case 'and':
      return [condition.left, condition.right].every((side) => naive(side, root));
    case 'or':
      return [condition.left, condition.right].some((side) => naive(side, root));
    case 'not':
      return naive(condition.operand, root) ? false : true;
    case 'compare':
      return naiveCompare(condition.comparator, of(condition.left), of(condition.right));
    case 'between':
      return (
        naiveCompare('>=', of(condition.operand), of(condition.low)) &&
        naiveCompare('<=', of(condition.operand), of(condition.high))
      );
    case 'in':
      return condition.candidates.some((one) => naiveCompare('=', of(condition.operand), of(one)));
    case 'exists':
      return lookUp(condition.path, root) !== undefined;
    case 'notExists':
      return lookUp(condition.path, root) === undefined;
    case 'type':
      return Object.hasOwn(lookUp(condition.path, root) ?? {}, condition.type);
    case 'beginsWith':
    case 'contains':
      return naiveFunction(condition, of);
  }
}

function naiveFunction(
  condition: Extract<Condition, { kind: 'beginsWith' | 'contains' }>,
  of: (operand: Operand) => AttributeValue | undefined,
): boolean {
  const whole = of(condition.operand);
  const part = of(condition.kind === 'contains' ? condition.searched : condition.prefix);
  if (whole === undefined || part === undefined) {
    return false;
  }
  const bytes = (value: AttributeValue): Buffer =>
    'S' in value ? Buffer.from(value.S) : Buffer.from('B' in value ? value.B : '', 'base64');
  if (typeOf(whole) === typeOf(part) && ('S' in whole || 'B' in whole)) {
    const at = bytes(whole).indexOf(bytes(part));
    return condition.kind === 'contains' ? at >= 0 : at === 0;
  }
  if (condition.kind === 'beginsWith') {
    return false;
  }
  const members: AttributeValue[] =
    'SS' in whole
      ? whole.SS.map((S) => ({ S }))
      : 'NS' in whole
        ? whole.NS.map((N) => ({ N }))
        : 'BS' in whole
          ? whole.BS.map((B) => ({ B }))
          : 'L' in whole
            ? [...whole.L]
            : [];
  return members.some((member) => naiveCompare('=', member, part));
}

const word = fc.constantFrom('', 'a', 'ab', 'b', 'ü');
const numeral = fc.constantFrom('0', '1', '2', '10', '-1', '0.5');
const binary = word.map(base64);
const set = (of: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.uniqueArray(of, { minLength: 1, maxLength: 3 });
const name = fc.constantFrom('a', 'b', 'c');

const { value: anyValue } = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    word.map((S) => ({ S })),
    numeral.map((N) => ({ N })),
    binary.map((B) => ({ B })),
    fc.boolean().map((BOOL) => ({ BOOL })),
    fc.constant({ NULL: true } as const),
    set(word).map((SS) => ({ SS })),
    set(numeral).map((NS) => ({ NS })),
    set(binary).map((BS) => ({ BS })),
    fc.array(tie('value'), { maxLength: 3 }).map((L) => ({ L })),
    fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }).map((M) => ({ M })),
  ),
}));
const anyItem: fc.Arbitrary<Item> = fc.dictionary(name, anyValue, { noNullPrototype: true });
const anyPath = fc
  .tuple(name, fc.array(fc.oneof(name, fc.nat(2)), { maxLength: 2 }))
  .map(([head, tail]): DocumentPath => [head, ...tail]);
const anyOperand: fc.Arbitrary<Operand> = fc.oneof(
  anyPath.map((path) => ({ kind: 'path', path }) as const),
  anyValue.map((value) => ({ kind: 'value', value }) as const),
  anyPath.map((path) => ({ kind: 'size', path }) as const),
);
const anyType = fc.constantFrom('S', 'N', 'B', 'BOOL', 'NULL', 'SS', 'NS', 'BS', 'L', 'M');

function node<K extends Condition['kind']>(
  kind: K,
  parts: {
    [P in Exclude<keyof Extract<Condition, { kind: K }>, 'kind'>]: fc.Arbitrary<unknown>;
  },
): fc.Arbitrary<Condition> {
  return fc.record({ kind: fc.constant(kind), ...parts }) as unknown as fc.Arbitrary<Condition>;
}

const { condition: anyCondition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    node('compare', {
      comparator: fc.constantFrom('=', '<>', '<', '<=', '>', '>='),
      left: anyOperand,
      right: anyOperand,
    }),
    node('between', { operand: anyOperand, low: anyOperand, high: anyOperand }),
    node('in', { operand: anyOperand, candidates: fc.array(anyOperand, { maxLength: 3 }) }),
    node('exists', { path: anyPath }),
    node('notExists', { path: anyPath }),
    node('type', { path: anyPath, type: anyType }),
    node('beginsWith', { operand: anyOperand, prefix: anyOperand }),
    node('contains', { operand: anyOperand, searched: anyOperand }),
    node('and', { left: tie('condition'), right: tie('condition') }),
    node('or', { left: tie('condition'), right: tie('condition') }),
    node('not', { operand: tie('condition') }),
  ),
}));

test('random conditions agree with the dumb evaluator', () => {
  fc.assert(
    fc.property(anyCondition, anyItem, (condition, root) => {
      expect(evaluateCondition(condition, root)).toBe(naive(condition, root));
    }),
    { numRuns: 3000 },
  );
});
