// Goal: an epoch with a fault in it is refused, whichever oracle sees it. Method: histories written
// by hand: one that is right, and each with one thing wrong.
import { describe, expect, test } from '@jest/globals';
import type { RegisterAnswer, RegisterInput } from '../../sim/history.ts';
import { Epoch } from './epoch.ts';

type Step = readonly [key: string, input: RegisterInput, answer: RegisterAnswer | 'unknown'];

let stamp = 0;
const put = (value: string, version?: string): RegisterInput => ({
  kind: 'put',
  value,
  ...(version === undefined ? {} : { condition: { kind: 'version', version } }),
});
const done = (version: string): RegisterAnswer => ({ kind: 'done', version });
const found = (value: string, version: string): RegisterAnswer => ({
  kind: 'found',
  value,
  version,
});
const read: RegisterInput = { kind: 'read' };

function epochOf(steps: readonly Step[]): Epoch {
  const epoch = new Epoch(++stamp);
  for (const [key, input, answer] of steps) {
    const id = epoch.begin(1, key, input);
    epoch.end(
      id,
      answer === 'unknown' ? { kind: 'unknown', why: 'lost' } : { kind: 'answer', answer },
    );
  }
  return epoch;
}

describe('Epoch', () => {
  test('judge() counts what is right', () => {
    const epoch = epochOf([
      ['register-1', put('a'), done('1')],
      ['register-1', { kind: 'delete' }, { kind: 'done' }],
      ['register-1', read, { kind: 'missing' }],
      ['counter-1', put('1#1'), done('2')],
      ['counter-1', put('2#2', '2'), 'unknown'],
      ['counter-1', read, found('2#2', '3')],
      ['list-1', put('e1'), done('4')],
      ['list-1', put('e1 e2', '4'), done('5')],
      ['list-1', read, found('e1 e2', '5')],
    ]);
    expect(epoch.judge()).toBe(9);
    expect(epoch.versionOf('list-1')).toBe('5');
  });

  test('judge() refuses a stale read', () => {
    const epoch = epochOf([
      ['register-1', put('a'), done('1')],
      ['register-1', put('b'), done('2')],
      ['register-1', read, found('a', '1')],
    ]);
    expect(() => epoch.judge()).toThrow('register-1');
  });

  test('judge() refuses a counter that lost an increment though each register looks right', () => {
    const epoch = epochOf([
      ['counter-1', put('1#1'), done('1')],
      ['counter-1', put('1#2'), done('2')],
      ['counter-1', read, found('1#2', '2')],
    ]);
    expect(() => epoch.judge()).toThrow('Counter "counter-1" is 1: acknowledged 2, at most 2');
  });

  test.each([
    ['e2', 'lost [e1]'],
    ['e1 e2 e2', '1 elements twice'],
    ['e1 e2 e9 e8', 'holds [e9] from nowhere'],
  ])('judge() refuses a list that ends as "%s"', (value, problem) => {
    const epoch = epochOf([
      ['list-1', put('e1'), done('1')],
      ['list-1', put('e1 e2'), done('2')],
      // An open write explains the value to the other oracle.
      ['list-1', put(value), 'unknown'],
      ['list-1', read, found(value, '3')],
    ]);
    expect(() => epoch.judge()).toThrow(problem);
  });

  test('settle() says what may never change again, but for open writes', () => {
    const epoch = epochOf([
      ['register-1', put('a'), done('1')],
      ['register-1', put('b'), 'unknown'],
      ['register-1', read, found('a', '1')],
    ]);
    epoch.judge();
    const [key] = epoch.settle();
    expect(() => key?.assertStill(found('a', '1'))).not.toThrow();
    expect(() => key?.assertStill(found('b', '2'))).not.toThrow();
    expect(() => key?.assertStill({ kind: 'missing' })).toThrow('"register-1" changed');
  });
});
