/** Quantities as people read and write them. */
import { describe, expect, test } from '@jest/globals';
import {
  formatBytes,
  formatDuration,
  formatNodeIds,
  parseBytes,
  parseDuration,
  parseNodeId,
  parseWhole,
} from './quantities.ts';

describe('formatBytes()', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 KB'],
    [9_949, '9.9 KB'],
    [9_950, '10 KB'],
    [999_499, '999 KB'],
    [999_500, '1.0 MB'],
    [1.25e9, '1.3 GB'],
    [5e18, '5000 PB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatDuration()', () => {
  test.each([
    [0, '0.0 s'],
    [9_940, '9.9 s'],
    [34_200, '34 s'],
    [59_700, '1 min 0 s'],
    [125_000, '2 min 5 s'],
    [3_600_000 * 3 + 600_000, '3 h 10 min'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('names', () => {
  test('nodes that a plan assumes are called new', () => {
    expect(formatNodeIds([1, 0xf000_0000, 0xf000_0001])).toBe('n1, new1, new2');
    expect(formatNodeIds([])).toBe('none');
  });
});

describe('parsers', () => {
  test('take what people write', () => {
    expect([parseNodeId('n4'), parseNodeId('4')]).toEqual([4, 4]);
    expect(parseWhole('16', 'a shard')).toBe(16);
    expect(['500ms', '90s', '5m', '5min', '1h'].map(parseDuration)).toEqual([
      ...[500, 90_000, 300_000, 300_000, 3_600_000],
    ]);
    expect(['500KB', '64mb', '1.5 GB', '7B'].map(parseBytes)).toEqual([5e5, 64e6, 1.5e9, 7]);
  });

  test('refuse the rest, with the text and what would do', () => {
    for (const text of ['', 'n0', 'x1', 'n1.5', '-1']) {
      expect(() => parseNodeId(text)).toThrow(`not "${text}"`);
    }
    expect(() => parseWhole('1e3', 'a shard')).toThrow('Cannot understand a shard');
    expect(() => parseDuration('5')).toThrow('90s, 5m, 1h, not "5"');
    expect(() => parseBytes('64')).toThrow('64MB, 1.5GB, not "64"');
  });
});
