/** Goal: an operating error is known across module realms, by code, with its cause. */
import { describe, expect, test } from '@jest/globals';
import { DynakvError, errorTable, isDynakvError, messageOf } from './errors.ts';

describe('DynakvError', () => {
  test('carries code, facts, cause and what a caller may do', () => {
    const cause = new Error('disk');
    const error = new DynakvError('NoSpace', 'Cannot write', { bytes: 7 }, cause);
    expect(error).toMatchObject({ code: 'NoSpace', facts: { bytes: 7 }, cause, retry: 'later' });
  });

  test('isDynakvError() goes by name and code, not by class', () => {
    const foreign = { name: 'DynakvError', code: 'NotLeader', message: 'x', facts: {} };
    expect(isDynakvError(foreign)).toBe(true);
    expect(isDynakvError(foreign, 'NotLeader')).toBe(true);
    expect(isDynakvError(foreign, 'NotOpen')).toBe(false);
    expect([undefined, null, 'x', new Error('x')].some((other) => isDynakvError(other))).toBe(
      false,
    );
  });

  test('only an unknown outcome may have happened', () => {
    const unknown = Object.entries(errorTable).filter(([, entry]) => entry.retry === 'unknown');
    expect(unknown.map(([code]) => code)).toEqual(['OutcomeUnknown']);
  });

  test('messageOf() takes anything', () => {
    expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual([
      'a',
      'b',
      'undefined',
    ]);
  });
});
