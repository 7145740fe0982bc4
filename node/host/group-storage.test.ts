/** GroupStorage against what a Raft core may ask of a stable log. */
import { describe, expect, test } from '@jest/globals';
import { EntryType } from '../raft/messages.ts';
import type { ConfState, Entry } from '../raft/messages.ts';
import { GroupStorage } from './group-storage.ts';

const confState: ConfState = {
  voters: [1],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

function entry(index: number, term: number, bytes = 10): Entry {
  return { index, term, type: EntryType.normal, data: Buffer.alloc(bytes) };
}

/** Compacted at (4, 2); holds 5 … 7. */
function storage(): GroupStorage {
  return new GroupStorage(
    {
      hardState: { term: 3, vote: 1, commit: 5 },
      compacted: { index: 4, term: 2, confState },
      entries: [entry(5, 2), entry(6, 3), entry(7, 3)],
      confState,
    },
    () => 'unavailable',
  );
}

function indexes(found: readonly Entry[] | string): number[] | string {
  return typeof found === 'string' ? found : found.map(({ index }) => index);
}

describe('GroupStorage', () => {
  test('knows the terms from its compaction point on', () => {
    const log = storage();
    expect([3, 4, 5, 7, 8].map((index) => log.term(index))).toEqual([
      'compacted',
      2,
      2,
      3,
      'unavailable',
    ]);
    expect([log.firstIndex(), log.lastIndex()]).toEqual([5, 7]);
  });

  test('entries() stops at the byte limit, after one at least', () => {
    const log = storage();
    expect(indexes(log.entries(5, 8, Infinity))).toEqual([5, 6, 7]);
    expect(indexes(log.entries(5, 8, 1))).toEqual([5]);
    expect(indexes(log.entries(5, 8, 150))).toEqual([5, 6]);
    expect(indexes(log.entries(6, 6, 150))).toEqual([]);
    expect(log.entries(4, 6, 1)).toBe('compacted');
    expect(log.entries(5, 9, 1)).toBe('unavailable');
  });

  test('append() replaces a conflicting suffix and counts its bytes', () => {
    const log = storage();
    const before = log.bytes;
    log.append([entry(6, 4, 100)]);
    expect([log.lastIndex(), log.term(6), log.term(7)]).toEqual([6, 4, 'unavailable']);
    expect(log.bytes).toBe(before - 10 - 10 + 100 - 64);
    log.append([]);
    expect(log.lastIndex()).toBe(6);
  });

  test('append() refuses a hole and the compacted', () => {
    expect(() => storage().append([entry(9, 4)])).toThrow('hole');
    expect(() => storage().append([entry(4, 4)])).toThrow('compaction');
  });

  test('compact() drops up to its index and never goes back', () => {
    const log = storage();
    log.compact(6);
    log.compact(5);
    expect([log.compactedIndex, log.compactedTerm, log.firstIndex()]).toEqual([6, 3, 7]);
    expect(log.bytes).toBe(74);
    expect(() => {
      log.compact(8);
    }).toThrow('past the end');
  });

  test('restart() begins anew behind a snapshot', () => {
    const log = storage();
    log.restart({ index: 20, term: 5, confState });
    expect([log.firstIndex(), log.lastIndex(), log.term(20), log.bytes]).toEqual([21, 20, 5, 0]);
    log.append([entry(21, 5)]);
    expect(log.lastIndex()).toBe(21);
  });

  test('a term never falls', () => {
    expect(() => {
      storage().setHardState({ term: 2, vote: 1, commit: 5 });
    }).toThrow();
  });

  test('a log with a hole behind its compaction point is refused', () => {
    const hardState = { term: 1, vote: 0, commit: 1 };
    const compacted = { index: 1, term: 1, confState };
    expect(
      () =>
        new GroupStorage(
          { hardState, compacted, entries: [entry(3, 1)], confState },
          () => 'unavailable',
        ),
    ).toThrow('hole');
  });
});
