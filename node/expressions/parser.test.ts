// What DynamoDB answers to expressions that cannot be used, and the trees of those that can.
import { describe, expect, test } from '@jest/globals';
import { isExpressionProblem } from './expression-problem.ts';
import { ExpressionContext } from './names-values.ts';
import { parseCondition, parseProjection } from './parser.ts';

interface Given {
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, unknown>>;
}

function messageOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (isExpressionProblem(error)) {
      return error.message;
    }
    throw error;
  }
  return 'accepted';
}

function condition(text: string, given: Given = {}): string {
  return messageOf(() => parseCondition(text, new ExpressionContext(given))).replace(
    /^Invalid ConditionExpression: /,
    '',
  );
}

function projection(text: string, given: Given = {}): string {
  return messageOf(() => parseProjection(text, new ExpressionContext(given))).replace(
    /^Invalid ProjectionExpression: /,
    '',
  );
}

describe('parseCondition: syntax', () => {
  test.each([
    ['things are not gonna be ok', 'are', 'things are not'],
    ['a > 4', '4', '> 4'],
    ['attribute_exists(Pictures-RearView)', '-', 'Pictures-RearView'],
    ['attribute_exists("Pictures.RearView")', '"', '("Pictures'],
    ['attribute_exists(Pictures..RearView)', '.', '..RearView'],
    ['attribute_exists(Pi#ctures.RearView)', '#ctures', 'Pi#ctures.'],
    ['attribute_exists(asdf[a])', 'a', '[a]'],
    ['attribute_exists(', '<EOF>', '('],
    ['attribute_type()', ')', '()'],
    ['a in b, c', 'b', 'in b,'],
    ['a in b', 'b', 'in b'],
    ['a in (b,c,)', ')', ',)'],
    ['a > between', 'between', '> between'],
    ['(a)between(b.(c.d))and(c)', '(', '.(c'],
    ['(a)between(b.c.d)and((c)', '<EOF>', ')'],
    ['#$.b > a', '#', '#$'],
    ['a > :things.stuff', '.', ':things.stuff'],
    ['b[:a] > a', ':a', '[:a]'],
    ['b[#_] > a', '#_', '[#_]'],
    ['ü > a', 'ü', 'ü >'],
    ['(a)between(b.c[4.5].#d)and(:a)', '.', '4.5'],
    ['size(a).b > a', '.', ').b'],
    ['(size(a)).b > a', '.', ').b'],
    ['size(a)[0] > a', '[', ')[0'],
    ['(size(a))[0] > a', '[', ')[0'],
    ['a < < b', '<', '< < b'],
    ['a = = :v', '=', '= = :v'],
    ['foo', '<EOF>', 'foo'],
    ['(foo)', '<EOF>', ')'],
    ['NOT foo', '<EOF>', 'foo'],
    ['a AND b = c', 'AND', 'a AND b'],
    ['a = b OR c', '<EOF>', 'c'],
    ['(a = b AND c) OR a = b', ')', 'c) OR'],
    ['(a = b) = c', '=', ') = c'],
    ['a = (b = c)', '=', 'b = c'],
    ['a = b c', 'c', 'b c'],
    ['a = b)', ')', 'b)'],
    ['(a = b', '<EOF>', 'b'],
    ['a = b AND', '<EOF>', 'AND'],
    ['_hidden = a', '_', '_hidden'],
    ['a # b', '#', 'a # b'],
    ['a = :', ':', '= :'],
    ['a != b', '!', 'a !='],
    ['a[-1] = b', '-', '[-1'],
    ['a[01] = b', '1', '01]'],
    ['a = 00', '0', '= 00'],
    ['foo  ', '<EOF>', 'foo  '],
    ['a = b c  ', 'c', 'b c  '],
    ['  ) = b', ')', '  ) ='],
    ['(a.b).c = d', '.', ').c'],
    ['a = (b)[0]', '[', ')[0'],
    ['a = ((b)', '<EOF>', ')'],
    ['a = 😀', '😀', '= 😀'],
  ])('%s', (text, token, near) => {
    expect(condition(text)).toBe(`Syntax error; token: "${token}", near: "${near}"`);
  });

  test('size limits', () => {
    expect(condition('')).toBe('The expression can not be empty;');
    expect(condition(' \t\n')).toBe('Syntax error; token: "<EOF>", near: " \t\n"');
    expect(condition(`attribute_exists(${'a'.repeat(4078)})`)).toBe('accepted');
    expect(condition(`attribute_exists(${'a'.repeat(4079)})`)).toBe(
      'Expression size has exceeded the maximum allowed size; expression size: 4097',
    );
    expect(condition('é'.repeat(2049))).toContain('expression size: 4098');
  });

  test('the request member is named', () => {
    const context = new ExpressionContext();
    expect(messageOf(() => parseCondition('', context, 'FilterExpression'))).toBe(
      'Invalid FilterExpression: The expression can not be empty;',
    );
  });
});

describe('parseCondition: the whole expression', () => {
  test.each([
    'a=a and a > ((foo))',
    'a = ((b)) c',
    '((a = b)) AND',
    '(a)between(((b.c)).d)and(c)',
    'a > whatever((:things), ((a)))',
    'a=a AND ((a=a AND a=a)) AND a=a',
    'a=a OR ((a=a OR a=a)) OR a=a',
    'a=a AND ((a=a AND (a=a AND a=a)))',
    'a=a OR ((a=a OR (a=a OR a=a)))',
    '((a = b))',
    '((a)) = b',
    'NOT ((a = b))',
    '((attribute_exists(a)))',
  ])('redundant parentheses: %s', (text) => {
    expect(condition(text)).toBe('The expression has redundant parentheses;');
  });

  test.each([
    '(a = b)',
    '(a) = (b)',
    '((a) = (b))',
    '((a = b) AND (b = c))',
    '(NOT (a = b))',
    '(size((a))) > b',
    'a in ((b), (c))',
    '(a)between(b.c)and(d)',
    'NOT NOT a = b',
    'a=b and\tb=c OR\nnot c=d',
  ])('parentheses with a use: %s', (text) => {
    expect(condition(text)).toBe('accepted');
  });

  test.each([
    ['a=a and whatever((:things)) > a', 'whatever'],
    ['attRIbute_exIsts((views), #a)', 'attRIbute_exIsts'],
    ['toString(a) = b', 'toString'],
  ])('unknown function: %s', (text, name) => {
    expect(condition(text)).toBe(`Invalid function name; function: ${name}`);
  });

  test('functions of update expressions', () => {
    expect(condition('a = if_not_exists(b, c)')).toBe(
      'The function is not allowed in a condition expression; function: if_not_exists',
    );
  });

  test.each([
    ['a=a and attribute_exists((views), (#a)) > b', 'attribute_exists'],
    ['attribute_not_exists(things) > b', 'attribute_not_exists'],
    ['attribute_type(things, :a) > b', 'attribute_type'],
    ['begins_with(things, a) > b', 'begins_with'],
    ['contains(:things, c) > b', 'contains'],
    ['size(contains(a, b)) > a', 'contains'],
    ['size(things)', 'size'],
    ['a between b and attribute_exists(things)', 'attribute_exists'],
    ['a in (b, attribute_exists(things))', 'attribute_exists'],
  ])('misplaced function: %s', (text, name) => {
    expect(condition(text)).toBe(
      `The function is not allowed to be used this way in an expression; function: ${name}`,
    );
  });

  test.each([
    ['attribute_exists(views, #a)', 'views'],
    [':a < abOrT', 'abOrT'],
    ['m.COMMENT = :v', 'COMMENT'],
  ])('reserved word: %s', (text, word) => {
    expect(condition(text)).toBe(`Attribute name is a reserved keyword; reserved keyword: ${word}`);
  });

  test('list indexes', () => {
    expect(condition('a[2147483647] = b')).toBe('accepted');
    expect(condition('a[2147483648] = b')).toBe(
      'List index is not within the allowable range; index: [2147483648]',
    );
    expect(condition(`a[${'9'.repeat(4000)}] = b`)).toContain('List index');
  });

  test('operators are counted', () => {
    const chain = (n: number): string => Array(n).fill('a=b').join(' OR ');
    expect(condition(chain(150))).toBe('accepted');
    expect(condition(chain(151))).toBe(
      'The expression contains too many operators; operator count: 301',
    );
  });
});

describe('parseCondition: one comparison after the other', () => {
  test.each([
    ['attribute_exists(#Pictures.RearView, :a) and a=a', '#Pictures'],
    ['begins_with(Pictures.#RearView)', '#RearView'],
    ['(#P between :lo and :hi) and (#PC in (:cat1, :cat2))', '#P'],
    ['#4g > a', '#4g'],
    ['#_ > a', '#_'],
    ['(a)between(b.c[45].#d)and(:a)', '#d'],
  ])('undefined name: %s', (text, name) => {
    expect(condition(text)).toBe(
      `An expression attribute name used in the document path is not defined; attribute name: ${name}`,
    );
  });

  test.each([
    ['begins_with(:hello, #a, #b)', ':hello'],
    [':a < :b', ':a'],
    [':_ > a', ':_'],
  ])('undefined value: %s', (text, name) => {
    expect(condition(text)).toBe(
      `An expression attribute value used in expression is not defined; attribute value: ${name}`,
    );
  });

  test.each([
    ['attribute_exists(things, a) and a=a', 'attribute_exists', 2],
    ['attribute_not_exists(things, b)', 'attribute_not_exists', 2],
    ['attribute_type(things)', 'attribute_type', 1],
    ['begins_with(things)', 'begins_with', 1],
    ['begins_with(things, size(a), b)', 'begins_with', 3],
    ['contains(things)', 'contains', 1],
    ['size(things, a) > b', 'size', 2],
  ])('operand count: %s', (text, name, count) => {
    expect(condition(text)).toBe(
      `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${count}`,
    );
  });

  const noString = [
    { N: '1' },
    { BOOL: true },
    { NULL: true },
    { L: [] },
    { M: {} },
    { SS: ['1'] },
    { NS: ['1'] },
    { BS: ['YQ=='] },
  ];
  const noOrder = noString.slice(1);
  test.each([
    ['attribute_type(a, size(a)) and a=a and a=:a', 'attribute_type', [{ N: '1' }]],
    ['attribute_type(a, :a)', 'attribute_type', [{ B: 'YQ==' }, ...noString]],
    ['begins_with(a, size(a)) and a=:a', 'begins_with', [{ N: '1' }]],
    ['begins_with(a, :a)', 'begins_with', noString],
    ['begins_with(:a, a)', 'begins_with', noString],
    ['size(size(a)) > :a', 'size', [{ N: '1' }]],
    ['attribute_not_exists(size(:a))', 'size', [{ N: '1' }]],
    ['size(:a) > a', 'size', [{ BOOL: true }, { NULL: true }]],
    ['a < :a', '<', noOrder],
    [':a >= a', '>=', noOrder],
    [':a between a and b', 'BETWEEN', noOrder],
    ['a between b and :a', 'BETWEEN', noOrder],
    ['a between a and :a', 'BETWEEN', noOrder],
  ])('operand type: %s', (text, name, values) => {
    for (const value of values) {
      expect(condition(text, { values: { ':a': value } })).toBe(
        `Incorrect operand type for operator or function; operator or function: ${name}, operand type: ${Object.keys(value)[0]}`,
      );
    }
  });

  test('attribute_type takes the name of a type, given as a value', () => {
    expect(condition('attribute_type(a, :a)', { values: { ':a': { S: '1' } } })).toBe(
      'Invalid attribute type name found; type: 1, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}',
    );
    expect(condition('attribute_type(a.b, SS)')).toContain('attribute_type, operand type: {');
    expect(condition('attribute_type(a, :a)', { values: { ':a': { S: 'NULL' } } })).toBe(
      'accepted',
    );
  });

  test.each([
    ['attribute_exists(:a) and a=a', 'attribute_exists'],
    ['attribute_not_exists(size(:a))', 'attribute_not_exists'],
    ['attribute_type(:a, :a)', 'attribute_type'],
  ])('needs a path: %s', (text, name) => {
    expect(condition(text, { values: { ':a': { S: '1' } } })).toBe(
      `Operator or function requires a document path; operator or function: ${name}`,
    );
  });

  test.each([
    ['a = #a AND #a = b AND :foo > a', '=', '[a]'],
    ['#a <> a', '<>', '[a]'],
    ['a > #a', '>', '[a]'],
    ['((a=#a) OR (a=#a))', '=', '[a]'],
    ['a in (b, #a)', 'IN', '[a]'],
    ['contains(ab.bc[1].a, ab.bc[1].#a)', 'contains', '[ab, bc, [1], a]'],
    ['attribute_type(ab.bc[1].#a, ab.bc[1].a)', 'attribute_type', '[ab, bc, [1], a]'],
    ['begins_with(ab.bc[1].a, ab.bc[1].#a)', 'begins_with', '[ab, bc, [1], a]'],
  ])('operands that are one: %s', (text, operator, path) => {
    expect(condition(text, { names: { '#a': 'a' } })).toBe(
      `The first operand must be distinct from the remaining operands for this operator or function; operator: ${operator}, first operand: ${path}`,
    );
  });

  test('a list index is no name that looks like one', () => {
    expect(condition('a[1] = a.#i', { names: { '#i': '[1]' } })).toBe('accepted');
    expect(condition(':a > :a', { values: { ':a': { N: '1' } } })).toBe('accepted');
  });

  test('bounds of BETWEEN', () => {
    const between = (low: unknown, high: unknown): string =>
      condition('a between :l and :h', { values: { ':l': low, ':h': high } });
    const tail = (low: string, high: string): string =>
      `lower bound operand: AttributeValue: {${low}}, upper bound operand: AttributeValue: {${high}}`;
    expect(between({ N: '5' }, { N: '5' })).toBe('accepted');
    expect(between({ N: '5' }, { N: '4' })).toBe(
      `The BETWEEN operator requires upper bound to be greater than or equal to lower bound; ${tail('N:5', 'N:4')}`,
    );
    expect(between({ B: 'eg==' }, { B: 'YQ==' })).toContain(tail('B:eg==', 'B:YQ=='));
    expect(between({ S: '1' }, { N: '1' })).toBe(
      `The BETWEEN operator requires same data type for lower and upper bounds; ${tail('S:1', 'N:1')}`,
    );
  });

  test('candidates of IN are counted', () => {
    const values = { ':v': { N: '1' } };
    const text = (n: number): string => `a in (${Array(n).fill(':v').join()})`;
    expect(condition(text(100), { values })).toBe('accepted');
    expect(condition(text(101), { values })).toBe(
      'The IN operator is provided with too many operands; number of operands: 101',
    );
  });

  test('depth of paths', () => {
    expect(condition(`a${'.b'.repeat(31)} = c`)).toBe('accepted');
    expect(condition(`a${'.b'.repeat(32)} = c`)).toBe(
      'The document path has too many nesting levels; nesting levels: 33',
    );
  });
});

describe('parseCondition: trees', () => {
  const values = { ':v': { N: '1.0' }, ':t': { S: 'SS' } };
  const names = { '#a': 'a.b' };
  const tree = (text: string): unknown =>
    parseCondition(text, new ExpressionContext({ names, values }));
  const path = (...parts: (string | number)[]): unknown => ({ kind: 'path', path: parts });
  const value = { kind: 'value', value: { N: '1' } };

  test('AND binds closer than OR, NOT closer than both', () => {
    const equal = (name: string): unknown => ({
      kind: 'compare',
      comparator: '=',
      left: path(name),
      right: value,
    });
    expect(tree('a=:v OR NOT b=:v AND c=:v')).toEqual({
      kind: 'or',
      left: equal('a'),
      right: { kind: 'and', left: { kind: 'not', operand: equal('b') }, right: equal('c') },
    });
    expect(tree('(a=:v OR b=:v) AND c=:v')).toEqual({
      kind: 'and',
      left: { kind: 'or', left: equal('a'), right: equal('b') },
      right: equal('c'),
    });
    expect(tree('a=:v AND b=:v AND c=:v')).toEqual({
      kind: 'and',
      left: { kind: 'and', left: equal('a'), right: equal('b') },
      right: equal('c'),
    });
  });

  test('BETWEEN takes its own AND', () => {
    expect(tree('a between :v and b and attribute_exists(#a[0].c)')).toEqual({
      kind: 'and',
      left: { kind: 'between', operand: path('a'), low: value, high: path('b') },
      right: { kind: 'exists', path: ['a.b', 0, 'c'] },
    });
  });

  test('functions', () => {
    expect(tree('attribute_not_exists(a)')).toEqual({ kind: 'notExists', path: ['a'] });
    expect(tree('attribute_type(a, :t)')).toEqual({ kind: 'type', path: ['a'], type: 'SS' });
    expect(tree('begins_with(a, :t)')).toEqual({
      kind: 'beginsWith',
      operand: path('a'),
      prefix: { kind: 'value', value: { S: 'SS' } },
    });
    expect(tree('contains(a, :v)')).toEqual({
      kind: 'contains',
      operand: path('a'),
      searched: value,
    });
    expect(tree('size(a.b) >= size(:t)')).toEqual({
      kind: 'compare',
      comparator: '>=',
      left: { kind: 'size', path: ['a', 'b'] },
      right: { kind: 'value', value: { N: '2' } },
    });
    expect(tree(':v IN (a, :v)')).toEqual({
      kind: 'in',
      operand: value,
      candidates: [path('a'), value],
    });
  });
});

describe('parseProjection', () => {
  test.each([
    ['', 'The expression can not be empty;'],
    ['a,', 'Syntax error; token: "<EOF>", near: ","'],
    ['a b', 'Syntax error; token: "b", near: "a b"'],
    ['!!!', 'Syntax error; token: "!", near: "!!"'],
    ['a[].b', 'Syntax error; token: "]", near: "[]."'],
    ['(a)', 'Syntax error; token: "(", near: "(a"'],
    ['a, :b', 'Syntax error; token: ":b", near: ", :b"'],
    ['abc, list[0]', 'Attribute name is a reserved keyword; reserved keyword: list'],
    [
      'a,b,a,#a',
      'An expression attribute name used in the document path is not defined; attribute name: #a',
    ],
    [`a${'.b'.repeat(32)}`, 'The document path has too many nesting levels; nesting levels: 33'],
    ['a[2147483648]', 'List index is not within the allowable range; index: [2147483648]'],
  ])('%j', (text, message) => {
    expect(projection(text)).toBe(message);
  });

  const overlap = (kind: string, one: string, two: string): string =>
    `Two document paths ${kind} with each other; must remove or rewrite one of these paths; path one: ${one}, path two: ${two}`;
  test.each([
    ['b[1], b.a, #a.b, a', 'overlap', '[a, b]', '[a]'],
    ['a, #a[1]', 'overlap', '[a]', '[a, [1]]'],
    ['b, a, a', 'overlap', '[a]', '[a]'],
    ['a.b, #a[1], #b', 'conflict', '[a, b]', '[a, [1]]'],
    ['a.b[1], #a[1], #b', 'conflict', '[a, b, [1]]', '[a, [1]]'],
    ['a[3].b, #a.#b.b', 'conflict', '[a, [3], b]', '[a, [3], b]'],
  ])('%s', (text, kind, one, two) => {
    expect(projection(text, { names: { '#a': 'a', '#b': '[3]' } })).toBe(overlap(kind, one, two));
  });

  test('reads paths', () => {
    const context = new ExpressionContext({ names: { '#n': '__proto__' } });
    expect(parseProjection('a, b.#n[0][12].c ,#n', context)).toEqual([
      ['a'],
      ['b', '__proto__', 0, 12, 'c'],
      ['__proto__'],
    ]);
  });
});
