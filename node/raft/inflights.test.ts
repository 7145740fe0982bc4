import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Inflights } from './inflights.ts';

describe('Inflights', () => {
  test('add() refuses beyond the count bound', () => {
    const window = new Inflights(2, Infinity);
    window.add(1, 10);
    expect(window.full).toBe(false);
    window.add(2, 10);
    expect(window.full).toBe(true);
    expect(() => {
      window.add(3, 10);
    }).toThrow('Cannot add to a full window');
  });

  test('full is reached by bytes, and the last message may exceed them', () => {
    const window = new Inflights(100, 25);
    window.add(1, 10);
    window.add(2, 100);
    expect(window.full).toBe(true);
    window.freeTo(1);
    expect(window.full).toBe(true);
    window.freeTo(2);
    expect([window.full, window.count, window.bytes]).toEqual([false, 0, 0]);
  });

  test('freeTo() frees everything up to the index and nothing above', () => {
    const window = new Inflights(10, Infinity);
    for (let index = 1; index <= 10; index++) {
      window.add(index * 2, 1);
    }
    window.freeTo(0);
    expect(window.count).toBe(10);
    window.freeTo(7);
    expect(window.count).toBe(7);
    window.freeTo(7);
    expect(window.count).toBe(7);
    window.freeTo(100);
    expect(window.count).toBe(0);
  });

  test('behaves as a plain list under any sequence of operations', () => {
    const operations = fc.array(
      fc.record({ isAdd: fc.boolean(), step: fc.integer({ min: 1, max: 5 }) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(operations, fc.integer({ min: 1, max: 9 }), (list, capacity) => {
        const window = new Inflights(capacity, 20);
        let model: { index: number; bytes: number }[] = [];
        let last = 0;
        for (const { isAdd, step } of list) {
          if (isAdd && !window.full) {
            last += step;
            window.add(last, step);
            model.push({ index: last, bytes: step });
          } else if (!isAdd) {
            const to = (model[0]?.index ?? 0) + step - 1;
            window.freeTo(to);
            model = model.filter(({ index }) => index > to);
          }
          const bytes = model.reduce((sum, item) => sum + item.bytes, 0);
          expect([window.count, window.bytes]).toEqual([model.length, bytes]);
          expect(window.full).toBe(model.length === capacity || bytes >= 20);
        }
      }),
    );
  });
});
