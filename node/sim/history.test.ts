import { describe, expect, test } from '@jest/globals';
import { History, describeOperation, partitionByKey } from './history.ts';

describe('History', () => {
  test('orders events and keeps unsettled writes open', () => {
    const history = new History();
    const a = history.invoke(1, 'x', { kind: 'put', value: 'a' });
    const b = history.invoke(2, 'x', { kind: 'put', value: 'b', condition: { kind: 'absent' } });
    history.ok(a, { kind: 'done', version: '1' });
    history.refused(b);
    const c = history.invoke(1, 'y', { kind: 'put', value: 'c' });
    history.unknown(c);
    const lines = history.operations().map(describeOperation);
    expect(lines).toEqual([
      '#1 client 1 [1, 3] put "a" -> done version 1',
      '#2 client 2 [2, 4] put "b" if absent -> refused',
      '#3 client 1 [5, open] put "c" -> unknown',
    ]);
    expect([...partitionByKey(history.operations()).keys()]).toEqual(['x', 'y']);
  });

  test('forgets what surely was not done and reads without an answer', () => {
    const history = new History();
    history.notDone(history.invoke(1, 'x', { kind: 'put', value: 'a' }));
    history.unknown(history.invoke(1, 'x', { kind: 'read' }));
    history.invoke(2, 'x', { kind: 'read' });
    expect(history.operations()).toEqual([]);
  });

  test('refuses to settle twice and answers of the wrong kind', () => {
    const history = new History();
    const write = history.invoke(1, 'x', { kind: 'put', value: 'a' });
    expect(() => history.ok(write, { kind: 'missing' })).toThrow('fits');
    expect(() => history.refused(write)).toThrow('Only a condition refuses');
    history.ok(write, { kind: 'done' });
    expect(() => history.unknown(write)).toThrow('Cannot settle operation 1 twice');
  });

  test('toPorcupine() closes open operations after everything else', () => {
    const history = new History();
    history.invoke(3, 'x', { kind: 'put', value: 'a' });
    history.ok(history.invoke(4, 'x', { kind: 'read' }), { kind: 'missing' });
    expect(history.toPorcupine()).toEqual([
      {
        ClientId: 3,
        Input: { kind: 'put', value: 'a', key: 'x' },
        Call: 1,
        Output: { kind: 'unknown' },
        Return: 4,
      },
      {
        ClientId: 4,
        Input: { kind: 'read', key: 'x' },
        Call: 2,
        Output: { kind: 'missing' },
        Return: 3,
      },
    ]);
  });
});
