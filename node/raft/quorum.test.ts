import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { slowCommittedIndex } from '../test/raft-quorum-commands.ts';
import { jointCommittedIndex, jointVoterIds, jointVoteResult } from './joint-quorum.ts';
import { majorityCommittedIndex, majorityVoteResult } from './quorum.ts';
import type { VoteResult } from './quorum.ts';

const runs = { numRuns: 500 };
const ids = fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { maxLength: 9 });
const voters = ids.map((list) => list.sort((a, b) => a - b));
const acks = fc.dictionary(
  fc.integer({ min: 1, max: 20 }).map(String),
  fc.integer({ min: 1, max: 12 }),
);
const votes = fc.dictionary(fc.integer({ min: 1, max: 20 }).map(String), fc.boolean());

const indexer = (byId: Record<string, number>) => ({
  ackedIndex: (id: number): number | undefined => byId[String(id)],
});

/** Every way in which the missing votes may still fall, counted. */
function slowVoteResult(list: readonly number[], cast: ReadonlyMap<number, boolean>): VoteResult {
  if (list.length === 0) {
    return 'won';
  }
  const missing = list.filter((id) => !cast.has(id));
  const outcomes = new Set<boolean>();
  for (let granted = 0; granted <= missing.length; granted++) {
    const yes = granted + list.filter((id) => cast.get(id) === true).length;
    outcomes.add(yes * 2 > list.length);
  }
  return outcomes.size === 2 ? 'pending' : outcomes.has(true) ? 'won' : 'lost';
}

const voteMap = (byId: Record<string, boolean>): Map<number, boolean> =>
  new Map(Object.entries(byId).map(([id, vote]) => [Number(id), vote]));

describe('majority quorum', () => {
  test('majorityCommittedIndex() equals the definition counted out', () => {
    fc.assert(
      fc.property(voters, acks, (list, byId) => {
        const acked = indexer(byId);
        expect(majorityCommittedIndex(list, acked)).toBe(slowCommittedIndex(list, acked));
      }),
      runs,
    );
  });

  test('majorityCommittedIndex() never decreases when a voter acknowledges more', () => {
    fc.assert(
      fc.property(voters, acks, fc.nat(8), (list, byId, at) => {
        const before = majorityCommittedIndex(list, indexer(byId));
        const id = list[at % Math.max(list.length, 1)] ?? 1;
        const more = { ...byId, [String(id)]: (byId[String(id)] ?? 0) + 1 };
        expect(majorityCommittedIndex(list, indexer(more))).toBeGreaterThanOrEqual(before);
      }),
      runs,
    );
  });

  test('majorityVoteResult() equals the count of all possible outcomes', () => {
    fc.assert(
      fc.property(voters, votes, (list, byId) => {
        const cast = voteMap(byId);
        expect(majorityVoteResult(list, cast)).toBe(slowVoteResult(list, cast));
      }),
      runs,
    );
  });
});

describe('joint quorum', () => {
  test('jointCommittedIndex() is the lower of both halves, in either order', () => {
    fc.assert(
      fc.property(voters, voters, acks, (incoming, outgoing, byId) => {
        const acked = indexer(byId);
        const lower = Math.min(
          slowCommittedIndex(incoming, acked),
          slowCommittedIndex(outgoing, acked),
        );
        expect(jointCommittedIndex({ incoming, outgoing }, acked)).toBe(lower);
        expect(jointCommittedIndex({ incoming: outgoing, outgoing: incoming }, acked)).toBe(lower);
      }),
      runs,
    );
  });

  test('jointVoteResult() wins only with both halves and loses with either', () => {
    fc.assert(
      fc.property(voters, voters, votes, (incoming, outgoing, byId) => {
        const cast = voteMap(byId);
        const halves = [slowVoteResult(incoming, cast), slowVoteResult(outgoing, cast)];
        const expected = halves.includes('lost')
          ? 'lost'
          : halves.includes('pending')
            ? 'pending'
            : 'won';
        expect(jointVoteResult({ incoming, outgoing }, cast)).toBe(expected);
      }),
      runs,
    );
  });

  test('jointVoterIds() lists each voter once, sorted', () => {
    expect(jointVoterIds({ incoming: [1, 4], outgoing: [1, 2, 3] })).toEqual([1, 2, 3, 4]);
    expect(jointVoterIds({ incoming: [2], outgoing: [] })).toEqual([2]);
  });
});
