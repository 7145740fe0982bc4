import { describe, expect, test } from '@jest/globals';

import { UnstableLog } from './log-unstable.ts';
import { silentLogger } from './logger.ts';
import { emptySnapshot } from './memory-storage.ts';
import { EntryType } from './messages.ts';
import type { Entry, Snapshot } from './messages.ts';

const entry = (index: number, term: number): Entry => ({
  term,
  index,
  type: EntryType.normal,
  data: Buffer.from(`${term}/${index}`),
});
const snapshotAt = (index: number, term: number): Snapshot => ({
  ...emptySnapshot,
  metadata: { ...emptySnapshot.metadata, index, term },
});

function logWith(offset: number, ...entries: Entry[]): UnstableLog {
  const log = new UnstableLog(offset, silentLogger);
  if (entries.length > 0) {
    log.truncateAndAppend(entries);
  }
  return log;
}

const state = (log: UnstableLog): unknown[] => [
  log.offset,
  log.offsetInProgress,
  log.entries.map(({ term, index }) => `${term}/${index}`).join(' '),
];

describe('UnstableLog', () => {
  test('nextEntries() hands out each entry once', () => {
    const log = logWith(5, entry(5, 1), entry(6, 1));
    expect(log.nextEntries().length).toBe(2);
    log.acceptInProgress();
    expect([log.nextEntries().length, log.hasNextEntries]).toEqual([0, false]);
    log.truncateAndAppend([entry(7, 1)]);
    expect(log.nextEntries()).toEqual([entry(7, 1)]);
  });

  test('stableTo() drops what is on disk', () => {
    const log = logWith(5, entry(5, 1), entry(6, 1));
    log.acceptInProgress();
    log.stableTo(5, 1);
    expect(state(log)).toEqual([6, 7, '1/6']);
    log.stableTo(6, 1);
    expect(state(log)).toEqual([7, 7, '']);
  });

  test('stableTo() ignores an index that is unknown or of another term', () => {
    const log = logWith(5, entry(5, 2));
    log.stableTo(5, 1);
    log.stableTo(9, 2);
    log.stableTo(3, 1);
    expect(state(log)).toEqual([5, 5, '2/5']);
  });

  test('stableTo() ignores an entry that is covered by a pending snapshot', () => {
    const log = logWith(5);
    log.restore(snapshotAt(4, 1));
    log.stableTo(4, 1);
    expect(log.snapshot?.metadata.index).toBe(4);
    log.stableSnapshotTo(3);
    expect(log.snapshot?.metadata.index).toBe(4);
    log.stableSnapshotTo(4);
    expect(log.snapshot).toBeUndefined();
  });

  test('truncateAndAppend() replaces everything from below the offset', () => {
    const log = logWith(5, entry(5, 1), entry(6, 1));
    log.acceptInProgress();
    log.truncateAndAppend([entry(4, 2), entry(5, 2)]);
    expect(state(log)).toEqual([4, 4, '2/4 2/5']);
  });

  test('truncateAndAppend() hands out an overwritten entry again', () => {
    const log = logWith(5, entry(5, 1), entry(6, 1), entry(7, 1));
    log.acceptInProgress();
    log.truncateAndAppend([entry(6, 2)]);
    expect(state(log)).toEqual([5, 6, '1/5 2/6']);
    expect(log.nextEntries()).toEqual([entry(6, 2)]);
  });

  test('truncateAndAppend() refuses a gap', () => {
    expect(() => {
      logWith(5, entry(5, 1)).truncateAndAppend([entry(7, 1)]);
    }).toThrow('Cannot append 7: the log ends at 5');
  });

  test('arrays handed out or taken in stay as they were', () => {
    const added = [entry(5, 1), entry(6, 1)];
    const log = logWith(5, ...added);
    const handedOut = log.nextEntries();
    log.truncateAndAppend([entry(6, 2), entry(7, 2)]);
    log.truncateAndAppend([entry(8, 2)]);
    log.stableTo(7, 2);
    expect(handedOut).toEqual([entry(5, 1), entry(6, 1)]);
    expect(added).toEqual([entry(5, 1), entry(6, 1)]);
  });

  test('restore() starts behind the snapshot and knows its term', () => {
    const log = logWith(5, entry(5, 1));
    log.restore(snapshotAt(9, 3));
    expect(state(log)).toEqual([10, 10, '']);
    expect([log.firstIndex(), log.lastIndex(), log.term(9), log.term(8)]).toEqual([
      10,
      9,
      3,
      undefined,
    ]);
    expect(log.nextSnapshot()?.metadata.index).toBe(9);
    log.acceptInProgress();
    expect(log.nextSnapshot()).toBeUndefined();
  });
});
