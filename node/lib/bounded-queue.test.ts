/** Goal: first in, first out, never above the bound. Method: against a plain array. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BoundedQueue } from './bounded-queue.ts';

describe('BoundedQueue', () => {
  test('does what a bounded array does', () => {
    const step = fc.oneof(fc.integer(), fc.constant('shift'), fc.constant('drain'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new BoundedQueue<number>(5);
        let model: number[] = [];
        for (const one of steps) {
          if (one === 'shift') {
            expect(queue.shift()).toBe(model.shift());
          } else if (one === 'drain') {
            expect(queue.drain()).toEqual(model);
            model = [];
          } else if (typeof one === 'number') {
            const fits = model.length < 5;
            expect(queue.push(one)).toBe(fits);
            model = fits ? [...model, one] : model;
          }
          expect(queue.length).toBe(model.length);
          expect(queue.peek()).toBe(model[0]);
        }
      }),
    );
  });

  test('stays small when it is used for long', () => {
    const queue = new BoundedQueue<number>(3);
    for (let i = 0; i < 10_000; i++) {
      expect(queue.push(i)).toBe(true);
      expect(queue.shift()).toBe(i);
    }
    expect(queue.length).toBe(0);
  });
});
