/**
 * Goal: each rule of Raft that may never break is seen when it breaks. Method: one small history
 * of a group, and one contradiction of it a test.
 */
import { describe, expect, test } from '@jest/globals';
import { encodeBatch } from '../../items/batch.ts';
import { EntryType } from '../../raft/messages.ts';
import type { ConfState, Entry } from '../../raft/messages.ts';
import { GroupTruth } from './group-truth.ts';

function entry(index: number, term: number, text = 'a'): Entry {
  const data = encodeBatch([{ key: Buffer.from('00000000k'), value: Buffer.from(text) }]);
  return { index, term, type: EntryType.normal, data };
}

function logOf(...terms: number[]): {
  lastIndex(): number;
  firstIndex(): number;
  term(index: number): number;
} {
  return {
    lastIndex: () => terms.length,
    firstIndex: () => 1,
    term: (index) => terms[index - 1] ?? 0,
  };
}

function voters(...ids: number[]): ConfState {
  return { voters: ids, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
}

/** Entry 1 of term 1 is everybody's; entry 2 of term 1 is committed and applied by replica 1. */
function begun(): GroupTruth {
  const truth = new GroupTruth(1);
  truth.begin(1, 1);
  truth.leads(1, 1, logOf(1));
  truth.holds(1, entry(2, 1), 1);
  truth.commits(1, 2, 1, 1);
  truth.applies(1, 2, 1, entry(2, 1).data);
  return truth;
}

describe('GroupTruth', () => {
  test('an ordinary course breaks nothing', () => {
    const truth = begun();
    truth.holds(2, entry(2, 1), 1);
    truth.commits(2, 2, 1, 1);
    truth.applies(2, 2, 1, entry(2, 1).data);
    truth.leads(2, 2, logOf(1, 1));
    expect(truth.isReached(2)).toBe(true);
    expect(truth.isReached(3)).toBe(false);
  });

  test.each<readonly [string, (truth: GroupTruth) => void]>([
    ['election-safety', (truth) => truth.leads(2, 1, logOf(1, 1))],
    ['leader-completeness', (truth) => truth.leads(2, 2, logOf(1))],
    ['leader-completeness', (truth) => truth.leads(2, 3, logOf(1, 2))],
    ['log-matching', (truth) => truth.holds(2, entry(2, 1, 'b'), 1)],
    ['log-matching', (truth) => truth.holds(2, entry(2, 1), 0)],
    ['state-machine-safety', (truth) => truth.commits(2, 2, 2, 2)],
    ['state-machine-safety', (truth) => truth.applies(2, 2, 1, entry(2, 1).data)],
    ['apply-order', (truth) => truth.applies(2, 4, 1, entry(4, 1).data)],
    ['quorum-overlap', (truth) => truth.configured(5, voters(1, 4, 5), voters(1, 2, 3))],
    [
      'member-taken-back',
      (truth) => {
        truth.configured(5, voters(1, 2, 3), undefined);
        truth.takenBack([[3, 3]]);
      },
    ],
    [
      'member-taken-back',
      (truth) => {
        truth.takenBack([[4, 6]]);
        truth.configured(5, { ...voters(1, 2, 3), learners: [5] }, undefined);
      },
    ],
  ])('%s is seen', (check, contradict) => {
    const truth = begun();
    if (check === 'state-machine-safety') {
      truth.holds(2, entry(2, 2), 1);
      expect(() => truth.commits(2, 2, 2, 2)).toThrow(expect.objectContaining({ check }));
      return;
    }
    expect(() => {
      contradict(truth);
    }).toThrow(expect.objectContaining({ check }));
  });

  test('voters change one by one, or through both sets at once', () => {
    const truth = begun();
    truth.configured(5, voters(1, 2, 3, 4), voters(1, 2, 3));
    const joint = { ...voters(1, 5, 6), votersOutgoing: [1, 2, 3, 4] };
    truth.configured(6, joint, voters(1, 2, 3, 4));
    truth.configured(7, voters(1, 5, 6), joint);
    expect(() => truth.configured(7, voters(1, 5), undefined)).toThrow(
      expect.objectContaining({ check: 'configuration' }),
    );
  });

  test('rows of a replica are what the entries made', () => {
    const truth = begun();
    const before = truth.rows.at(2);
    truth.holds(1, entry(3, 1, 'c'), 1);
    truth.commits(1, 3, 1, 1);
    truth.applies(1, 3, 1, entry(3, 1, 'c').data);
    expect(truth.rows.at(3)).not.toBe(before);
    expect(truth.rows.at(4)).toBeUndefined();
  });
});
