/**
 * Goal: a flaw never silently does nothing. Method: every flaw of the list is put into the text of
 * its file as it stands; places that are gone or not the only one are refused by name.
 */
import { describe, expect, test } from '@jest/globals';
import { readText } from '../../test/source-tree.ts';
import { storms } from '../storms/storm-list.ts';
import { flaws } from './flaw-list.ts';
import { mutate } from './flaw.ts';
import type { Flaw } from './flaw.ts';

const flaw: Flaw = {
  name: 'f',
  rule: 'none',
  file: 'node/a.ts',
  before: 'a < b',
  after: 'a $& b',
  storm: 'raft',
  seed: 1,
};

describe('a flaw', () => {
  test('replaces its place, and takes no character for a pattern', () => {
    expect(mutate('if (a < b) {', flaw)).toBe('if (a $& b) {');
  });

  test.each([
    ['a > b', 0],
    ['a < b, a < b', 2],
  ])('is refused where its place is not exactly one: %s', (text, times) => {
    expect(() => mutate(text, flaw)).toThrow(
      `Cannot put flaw "f" into "node/a.ts": its place stands there ${times} times`,
    );
  });

  test('that changes nothing is refused', () => {
    expect(() => mutate('a < b', { ...flaw, after: flaw.before })).toThrow('it changes nothing');
  });
});

describe('the list', () => {
  test('has each name once, and knows every storm', () => {
    const names = flaws.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const known = storms.map(({ name }) => name);
    expect(flaws.filter(({ storm }) => !known.includes(storm))).toEqual([]);
  });

  test('is of product code, and has at least thirty', () => {
    expect(flaws.filter(({ file }) => /\/(sim|test)\/|test\.ts$/.test(file))).toEqual([]);
    expect(flaws.length).toBeGreaterThanOrEqual(30);
  });

  test.each(flaws.map((each) => [each.name, each] as const))('%s has its place', (_name, each) => {
    expect(mutate(readText(each.file), each)).toContain(each.after);
  });
});
