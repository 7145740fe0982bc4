// Goal: the parser reads what was written. Method: random conditions are made as text and as a
// tree at once, with parentheses, spaces and letter case where they make no difference.
import { expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import type { Condition, DocumentPath, Operand } from './ast.ts';
import { ExpressionContext } from './names-values.ts';
import { parseCondition } from './parser.ts';

interface Written<T> {
  readonly text: string;
  readonly tree: T;
}

const values = { ':n': { N: '7' }, ':s': { S: 'x' }, ':b': { B: 'AA==' }, ':t': { S: 'BOOL' } };
const names = { '#order': 'order', '#dots': 'a.b', '#index': '[0]' };

class Writer {
  readonly #prng: Prng;
  #paths = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
  }

  #space(): string {
    return this.#prng.pick(['', ' ', ' \t', '\n']);
  }

  #keyword(word: string): string {
    return ` ${this.#prng.pick([word, word.toLowerCase()])} `;
  }

  /** Each path of an expression is another one, so that operands always differ. */
  #path(): Written<DocumentPath> {
    const head = `p${this.#paths++}`;
    const tree: [string, ...(string | number)[]] = [head];
    let text = head;
    for (let i = this.#prng.below(3); i > 0; i--) {
      const [written, part] = this.#prng.pick<[string, string | number]>([
        ['.q', 'q'],
        ['.#order', 'order'],
        [' . #dots', 'a.b'],
        ['.#index', '[0]'],
        ['[0]', 0],
        ['[ 12 ]', 12],
      ]);
      text += written;
      tree.push(part);
    }
    return { text, tree };
  }

  #operand(): Written<Operand> {
    const choice = this.#prng.below(4);
    let written: Written<Operand>;
    if (choice === 0) {
      const [text, value] = this.#prng.pick(Object.entries(values).slice(0, 3));
      written = { text, tree: { kind: 'value', value } };
    } else {
      const { text, tree: path } = this.#path();
      written =
        choice === 1
          ? { text: `size${this.#space()}(${text})`, tree: { kind: 'size', path } }
          : { text, tree: { kind: 'path', path } };
    }
    const { text, tree } = written;
    return this.#prng.chance(0.2) ? { text: `(${this.#space()}${text})`, tree } : written;
  }

  #pathOperand(): Written<Operand> {
    const { text, tree: path } = this.#path();
    return { text, tree: { kind: 'path', path } };
  }

  #leaf(): Written<Condition> {
    const left = this.#operand();
    const right = this.#operand();
    switch (this.#prng.below(6)) {
      case 0:
        return {
          text: `${left.text}${this.#keyword('IN')}(${right.text},${this.#space()}:n)`,
          tree: {
            kind: 'in',
            operand: left.tree,
            candidates: [right.tree, { kind: 'value', value: values[':n'] }],
          },
        };
      case 1: {
        const high = this.#pathOperand();
        const [between, and] = [this.#keyword('BETWEEN'), this.#keyword('AND')];
        return {
          text: left.text + between + right.text + and + high.text,
          tree: { kind: 'between', operand: left.tree, low: right.tree, high: high.tree },
        };
      }
      case 2:
        return this.#function();
      default: {
        const comparator = this.#prng.pick(['=', '<>', '<', '<=', '>', '>='] as const);
        return {
          text: left.text + this.#space() + comparator + this.#space() + right.text,
          tree: { kind: 'compare', comparator, left: left.tree, right: right.tree },
        };
      }
    }
  }

  #function(): Written<Condition> {
    const { text, tree: path } = this.#path();
    const operand: Operand = { kind: 'path', path };
    const other = this.#pathOperand();
    return this.#prng.pick<Written<Condition>>([
      { text: `attribute_exists (${text})`, tree: { kind: 'exists', path } },
      { text: `attribute_not_exists(${text})`, tree: { kind: 'notExists', path } },
      { text: `attribute_type(${text}, :t)`, tree: { kind: 'type', path, type: 'BOOL' } },
      {
        text: `begins_with(${text},${other.text})`,
        tree: { kind: 'beginsWith', operand, prefix: other.tree },
      },
      {
        text: `contains(${text} , ${other.text})`,
        tree: { kind: 'contains', operand, searched: other.tree },
      },
    ]);
  }

  /** `level`: 0 = may be an OR, 1 = an AND, 2 = a NOT; what binds looser goes in parentheses. */
  condition(depth: number, level = 0): Written<Condition> {
    const choice = depth === 0 ? 3 : this.#prng.below(5);
    if (choice >= 3) {
      return this.#leaf();
    }
    let written: Written<Condition>;
    if (choice === 2) {
      const operand = this.condition(depth - 1, 2);
      written = {
        text: this.#keyword('NOT') + operand.text,
        tree: { kind: 'not', operand: operand.tree },
      };
    } else {
      // To the right of an operator the same operator needs parentheses to be grouped so.
      const left = this.condition(depth - 1, choice);
      const right = this.condition(depth - 1, choice + 1);
      written = {
        text: left.text + this.#keyword(choice === 0 ? 'OR' : 'AND') + right.text,
        tree: { kind: choice === 0 ? 'or' : 'and', left: left.tree, right: right.tree },
      };
    }
    const { text, tree } = written;
    return choice < level || this.#prng.chance(0.2)
      ? { text: `(${this.#space()}${text}${this.#space()})`, tree }
      : written;
  }
}

test('a written condition is read as the tree that was meant', () => {
  let longest = 0;
  for (let seed = 0; seed < 1500; seed++) {
    const { text, tree } = new Writer(seed).condition(4);
    if (text.length <= 4096) {
      longest = Math.max(longest, text.length);
      expect(parseCondition(text, new ExpressionContext({ names, values }))).toEqual(tree);
    }
  }
  expect(longest).toBeGreaterThan(300);
});
