/** Goal: while a seed runs nobody reaches a real clock, timer or random source; then all can. */
import { describe, expect, test } from '@jest/globals';
import crypto from 'node:crypto';
import timers from 'node:timers';
import { forbidWorld } from './world-guard.ts';

describe('forbidWorld', () => {
  const calls: readonly (readonly [string, () => unknown])[] = [
    ['setTimeout', () => setTimeout(() => undefined, 0)],
    ['setImmediate', () => setImmediate(() => undefined)],
    ['setTimeout of node:timers', () => timers.setTimeout(() => undefined, 0)],
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date()],
    ['performance.now', () => performance.now()],
    ['Math.random', () => Math.random()],
    ['randomBytes of node:crypto', () => crypto.randomBytes(4)],
  ];

  test.each(calls)('%s throws meanwhile and works again after', (_name, call) => {
    const allow = forbidWorld();
    try {
      expect(call).toThrow('must not use');
    } finally {
      allow();
    }
    expect(call).not.toThrow();
  });

  test('a date of a given moment is no look at the clock', () => {
    const allow = forbidWorld();
    try {
      expect(new Date(0).toISOString()).toBe('1970-01-01T00:00:00.000Z');
    } finally {
      allow();
    }
  });
});
