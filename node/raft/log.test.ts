import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { entriesSize } from './entry-size.ts';
import { RaftLog } from './log.ts';
import { silentLogger } from './logger.ts';
import { MemoryStorage } from './memory-storage.ts';
import { EntryType } from './messages.ts';
import type { Entry } from './messages.ts';

const entry = (index: number, term: number, bytes = 4): Entry => ({
  term,
  index,
  type: EntryType.normal,
  data: Buffer.alloc(bytes),
});
const terms = (...list: number[]): Entry[] => list.map((term, i) => entry(i + 1, term));

/** A log whose first `stable` entries are in storage. */
function logOf(entries: readonly Entry[], stable: number, applyingBytesMax = Infinity): RaftLog {
  const storage = new MemoryStorage();
  storage.append(entries.slice(0, stable));
  const log = new RaftLog(storage, silentLogger, applyingBytesMax);
  log.append(entries.slice(stable));
  return log;
}

describe('RaftLog', () => {
  test('slice() over storage and unstable tail is the longest prefix within the limit', () => {
    const scenario = fc.record({
      sizes: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 12 }),
      stable: fc.nat(12),
      low: fc.nat(11),
      bytesMax: fc.nat(120),
    });
    fc.assert(
      fc.property(scenario, ({ sizes, stable, low, bytesMax }) => {
        const entries = sizes.map((size, i) => entry(i + 1, 1, size));
        const from = Math.min(low, entries.length - 1);
        const log = logOf(entries, stable);
        let count = 1;
        while (
          from + count < entries.length &&
          entriesSize(entries.slice(from, from + count + 1)) <= bytesMax
        ) {
          count += 1;
        }
        const expected = entries.slice(from, from + count);
        expect(log.slice(from + 1, entries.length + 1, bytesMax)).toEqual(expected);
      }),
    );
  });

  test.each([
    // log, index, term → the last place where logs may agree
    [[2, 2, 5, 5, 5], 5, 5, 5],
    [[2, 2, 5, 5, 5], 5, 4, 2],
    [[2, 2, 5, 5, 5], 4, 2, 2],
    [[2, 2, 5, 5, 5], 5, 1, 0],
    [[1, 1], 9, 1, 9],
  ])('findConflictByTerm() in %j from (%i, %i)', (list, index, term, expected) => {
    expect(logOf(terms(...list), 2).findConflictByTerm(index, term)).toBe(expected);
  });

  test('maybeAppend() refuses to overwrite what is committed', () => {
    const log = logOf(terms(1, 1, 1), 3);
    log.commitTo(2);
    expect(() => log.maybeAppend(1, 1, [entry(2, 2)], 2)).toThrow('conflict with committed entry');
  });

  test('maybeAppend() keeps a longer log that agrees', () => {
    const log = logOf(terms(1, 1, 1), 1);
    expect(log.maybeAppend(0, 0, [entry(1, 1)], 9)).toBe(1);
    expect([log.lastIndex(), log.committed]).toEqual([3, 1]);
  });

  test('commitTo() beyond the log is a broken invariant', () => {
    expect(() => {
      logOf(terms(1), 1).commitTo(2);
    }).toThrow('tocommit(2) is out of range [lastIndex(1)]');
  });

  test('nextCommittedEntries() hands out unstable entries only if allowed', () => {
    const log = logOf(terms(1, 1, 1), 2);
    log.commitTo(3);
    expect(log.nextCommittedEntries(false).length).toBe(2);
    expect(log.nextCommittedEntries(true).length).toBe(3);
  });

  test('applying stops at the byte limit, and goes on when some is applied', () => {
    const entries = terms(1, 1, 1);
    const size = entriesSize(entries.slice(0, 1));
    const log = logOf(entries, 3, size);
    log.commitTo(3);
    const [first] = log.nextCommittedEntries(false);
    expect(first?.index).toBe(1);
    log.acceptApplying(1, size, false);
    expect(log.hasNextCommittedEntries(false)).toBe(false);
    log.appliedTo(1, size);
    expect(log.nextCommittedEntries(false).map(({ index }) => index)).toEqual([2]);
  });

  test('term() tells compacted from unavailable', () => {
    const storage = new MemoryStorage();
    storage.append(terms(1, 1, 2));
    storage.compact(2);
    const log = new RaftLog(storage, silentLogger, Infinity);
    expect([log.term(1), log.term(2), log.term(3), log.term(4)]).toEqual([
      'compacted',
      1,
      2,
      'unavailable',
    ]);
    expect(log.slice(2, 4, Infinity)).toBe('compacted');
  });
});
