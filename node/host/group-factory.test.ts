/** What log and engine may say of one replica at start, and the verdict (P10, P11, P14). */
import { describe, expect, test } from '@jest/globals';
import { EntryType } from '../raft/messages.ts';
import type { ConfState } from '../raft/messages.ts';
import { hardStateAt, reconcile } from './group-factory.ts';
import type { EngineState, LogState } from './group-factory.ts';

const confState: ConfState = {
  voters: [1],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/** Compacted at (10, 2), entries 11 … 14 of term 3, watermark 12. */
const log: LogState = {
  replicaId: 1,
  hardState: { term: 3, vote: 1, commit: 12 },
  snapshotMetadata: { index: 10, term: 2, confState },
  entries: [11, 12, 13, 14].map((index) => ({
    index,
    term: 3,
    type: EntryType.normal,
    data: Buffer.alloc(0),
  })),
  watermark: 12,
};

function engine(index: number, term: number, installed = false, replicaId = 1): EngineState {
  const configuration = { index: 0, state: confState, incarnation: 1 };
  return { replicaId, generation: 4, applied: { index, term }, configuration, installed };
}

describe('reconcile()', () => {
  test.each<[string, EngineState, string]>([
    ['applied at the watermark', engine(12, 3), 'open'],
    ['applied above the watermark', engine(13, 3), 'open'],
    ['applied at the end of the log', engine(14, 3), 'open'],
    ['applied below the watermark', engine(11, 3), 'quarantine'],
    ['applied below the compaction point', engine(9, 2), 'quarantine'],
    ['applied above the end of the log', engine(15, 3), 'quarantine'],
    ['applied with another term than the log', engine(13, 2), 'quarantine'],
    ['another replica in the engine', engine(12, 3, false, 2), 'quarantine'],
    ['an installed state that the log has', engine(12, 3, true), 'open'],
    ['an installed state above the log', engine(40, 5, true), 'restartLog'],
    ['an installed state over a conflicting tail', engine(13, 5, true), 'restartLog'],
  ])('%s', (_name, state, kind) => {
    expect(reconcile(log, state).kind).toBe(kind);
  });

  test('a log at its compaction point opens without entries', () => {
    const bare = { ...log, entries: [], watermark: 10 };
    expect(reconcile(bare, engine(10, 2))).toEqual({ kind: 'open' });
    expect(reconcile(bare, engine(10, 1)).kind).toBe('quarantine');
  });

  test('the log restarts at the exact installed pair, with its configuration', () => {
    const state = engine(40, 5, true);
    expect(reconcile(log, state)).toEqual({
      kind: 'restartLog',
      metadata: { index: 40, term: 5, confState },
    });
  });
});

describe('hardStateAt()', () => {
  const metadata = { index: 40, term: 5, confState };

  test('raises a term below the snapshot and drops its vote', () => {
    const known = { term: 3, vote: 2, commit: 12 };
    expect(hardStateAt(known, metadata)).toEqual({ term: 5, vote: 0, commit: 40 });
  });

  test('keeps a term that is not below, with its vote', () => {
    const known = { term: 6, vote: 2, commit: 12 };
    expect(hardStateAt(known, metadata)).toEqual({ term: 6, vote: 2, commit: 40 });
  });
});
