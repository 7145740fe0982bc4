/** What may begin beside what is under way: repair first, one copy in and out of a node, zones. */
import { describe, expect, test } from '@jest/globals';
import { makeMove } from '../shards/move.ts';
import type { MoveParts } from '../shards/move.ts';
import { chooseMoves } from './move-schedule.ts';
import type { RunningMove } from './move-schedule.ts';
import type { MoveRecord } from './plan-records.ts';

function moveOf(groupId: number, parts: Partial<MoveParts>, order = groupId): MoveRecord {
  const rest = { groupId, from: [], to: [], bytes: 1, reason: 'Balance', kind: 'swap' } as const;
  return { ...makeMove({ ...rest, ...parts }), order, startedAtMs: 0 };
}

interface Case {
  readonly waiting: readonly MoveRecord[];
  readonly running?: readonly RunningMove[];
  readonly copiesMax?: number;
  readonly busy?: readonly number[];
  readonly zones?: Readonly<Record<number, string>>;
}

/** Group g is led by node 100 + g unless said otherwise by `leads`. */
function chosen(options: Case, leads: Readonly<Record<number, number>> = {}): number[] {
  return chooseMoves({
    ...{ waiting: options.waiting, running: options.running ?? [] },
    copiesMax: options.copiesMax ?? 10,
    busyGroups: new Set(options.busy ?? []),
    allows: () => true,
    sourceOf: (groupId) => (groupId === 99 ? undefined : (leads[groupId] ?? 100 + groupId)),
    zoneOf: (nodeId) => options.zones?.[nodeId],
  }).map((move) => move.groupId);
}

describe('chooseMoves()', () => {
  test('repair before balance, also while a repair is under way', () => {
    const repair = moveOf(1, { to: [4], reason: 'Repair' });
    const balance = moveOf(2, { to: [5] });
    expect(chosen({ waiting: [balance, repair] })).toEqual([1]);
    expect(chosen({ waiting: [balance], running: [{ move: repair, state: 'copying' }] })).toEqual(
      [],
    );
    expect(chosen({ waiting: [balance] })).toEqual([2]);
  });

  test('a group that nobody leads keeps no other waiting, nor does anything the system group', () => {
    const stuck = moveOf(99, { to: [4], reason: 'Repair' });
    const system = moveOf(0, { to: [5], kind: 'addLearner', reason: 'Upreplicate' });
    const balance = moveOf(2, { to: [6] });
    expect(chosen({ waiting: [stuck, balance] })).toEqual([2]);
    const running = [{ move: stuck, state: 'copying' }] as const;
    expect(chosen({ waiting: [balance], running })).toEqual([2]);
    // Nor does it hold the places that its copies would take: of a zone, of a node.
    const elsewhere = moveOf(3, { to: [4], reason: 'Repair' });
    expect(chosen({ waiting: [elsewhere], running, copiesMax: 1 })).toEqual([3]);
    const repair = moveOf(1, { to: [4], reason: 'Repair' });
    expect(chosen({ waiting: [repair, system] })).toEqual([1, 0]);
  });

  test('one copy into a node and one out of it; a swap that has its copy holds no place', () => {
    const [one, two, three] = [
      moveOf(1, { to: [4] }),
      moveOf(2, { to: [4] }),
      moveOf(3, { to: [5] }),
    ];
    expect(chosen({ waiting: [one, two, three] })).toEqual([1, 3]);
    expect(chosen({ waiting: [one, three] }, { 1: 7, 3: 7 })).toEqual([1]);
    const running = [{ move: one, state: 'swapping' }] as const;
    expect(chosen({ waiting: [two], running })).toEqual([2]);
  });

  test('so many copies into one zone; nodes without a zone count as one', () => {
    const waiting = [4, 5, 6, 7].map((nodeId, i) => moveOf(i + 1, { to: [nodeId] }));
    expect(chosen({ waiting, copiesMax: 2 })).toEqual([1, 2]);
    const zones = { 4: 'a', 5: 'a', 6: 'b', 7: 'b' };
    expect(chosen({ waiting, copiesMax: 1, zones })).toEqual([1, 3]);
  });

  test('a group has one move at a time, and none where nobody leads or something else is done', () => {
    const waiting = [
      moveOf(1, { to: [4] }, 0),
      moveOf(1, { to: [5] }, 1),
      moveOf(2, { to: [6] }),
      moveOf(99, { to: [7] }),
    ];
    expect(chosen({ waiting, busy: [2] })).toEqual([1]);
  });

  test('changes without a copy are many at a time, but not all', () => {
    const waiting = Array.from({ length: 40 }, (_, i) =>
      moveOf(i + 1, { kind: 'prefer', to: [1], reason: 'LeaderBalance' }),
    );
    expect(chosen({ waiting })).toHaveLength(16);
  });

  test('a move by hand goes first, whatever else is planned', () => {
    const byHand: MoveRecord = { ...moveOf(2, { to: [5] }), manual: true };
    const repair = moveOf(1, { to: [4], reason: 'Repair' });
    expect(chosen({ waiting: [repair, byHand] })).toEqual([2, 1]);
  });
});
