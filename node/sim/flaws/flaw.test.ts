/**
 * Goal: a flaw never silently does nothing. Method: every flaw of the list is put into the text of
 * its file as it stands; places that are gone or not the only one are refused by name.
 */
import { describe, expect, test } from '@jest/globals';
import { readText } from '../../test/source-tree.ts';
import { storms } from '../storms/storm-list.ts';
import { flaws } from './flaw-list.ts';
import { changesOf, mutate } from './flaw.ts';
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
    expect(mutate('if (a < b) {', flaw, flaw)).toBe('if (a $& b) {');
  });

  test.each([
    ['a > b', 0],
    ['a < b, a < b', 2],
  ])('is refused where its place is not exactly one: %s', (text, times) => {
    expect(() => mutate(text, flaw, flaw)).toThrow(
      `Cannot put flaw "f" into "node/a.ts": its place stands there ${times} times`,
    );
  });

  test('that changes nothing is refused', () => {
    const idle = { ...flaw, after: flaw.before };
    expect(() => mutate('a < b', idle, idle)).toThrow('it changes nothing');
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
    const files = flaws.flatMap((each) => changesOf(each).map(({ file }) => file));
    expect(files.filter((file) => /\/(sim|test)\/|test\.ts$/.test(file))).toEqual([]);
    expect(flaws.length).toBeGreaterThanOrEqual(30);
  });

  test.each(Array.from({ length: 18 }, (_, i) => `P${i + 1}`))('takes away %s', (rule) => {
    const broken = flaws.filter((each) => new RegExp(`\\b${rule}\\b`).test(each.rule));
    expect(broken.length).toBeGreaterThan(0);
    const page = readText('node/docs/simulator.md');
    const row = page.split('\n').find((line) => line.startsWith(`| ${rule} `));
    for (const { name, storm } of broken) {
      expect(row).toContain(`\`${name}\` (${storm})`);
    }
  });

  test.each(flaws.map((each) => [each.name, each] as const))('%s has its place', (_name, each) => {
    for (const change of changesOf(each)) {
      expect(mutate(readText(change.file), each, change)).toContain(change.after);
    }
    const files = changesOf(each).map(({ file }) => file);
    expect(new Set(files).size).toBe(files.length);
  });
});
