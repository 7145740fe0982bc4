/**
 * The steps of every kind of move, from every place where one can stand. Goal: the same look gives
 * the same step, each step leads to the next, and what does not fit is dropped instead of done.
 * Method: groups as data; a step's change is carried out on paper, and the next one asked for.
 */
import { describe, expect, test } from '@jest/globals';
import type { GroupFacts } from '../host/group-commands.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import { makeMove } from '../shards/move.ts';
import type { MoveParts } from '../shards/move.ts';
import type { GroupRecord } from './catalog-records.ts';
import { nextStep } from './move-steps.ts';
import type { MoveStep } from './move-steps.ts';
import type { MoveRecord } from './plan-records.ts';

const { addLearner, addVoter, remove } = ConfChangeType;

/** A group on paper: replica r lives on node r. */
class Paper {
  voters: number[] = [1, 2, 3];
  outgoing: number[] = [];
  learners: number[] = [];
  /** Given out. */
  ids: number[] = [1, 2, 3];
  leader = 1;
  /** Replicas that lack entries. */
  behind = new Set<number>();
  silent = new Set<number>();
  /** Nodes that are not to lead. */
  spared = new Set<number>();
  groupId = 7;

  get record(): GroupRecord {
    return {
      groupId: this.groupId,
      replicas: this.ids.map((id) => ({ replicaId: id, nodeId: id })),
      ...{ removed: [], nextReplicaId: 20, preferredLeader: 1, revision: 1 },
    };
  }

  get facts(): GroupFacts {
    const members = [...new Set([...this.voters, ...this.outgoing, ...this.learners])];
    return {
      ...{ groupId: this.groupId, replicaId: this.leader, led: true, term: 3 },
      ...{ commitIndex: 10_000, configurationIndex: 9, bytes: 0, asleep: false },
      confState: {
        ...{ voters: this.voters, votersOutgoing: this.outgoing, learners: this.learners },
        ...{ learnersNext: [], autoLeave: this.outgoing.length > 0 },
      },
      members: members.map((replicaId) => ({
        replicaId,
        match: this.behind.has(replicaId) ? 10 : 9_999,
        state: this.behind.has(replicaId) ? 'probe' : 'replicate',
        active: !this.silent.has(replicaId),
      })),
    };
  }

  next(move: MoveRecord, copies = 3): MoveStep {
    return nextStep(move, this.record, this.facts, { copies, spared: this.spared });
  }
}

function moveOf(parts: Partial<MoveParts>, startedAtMs = 1): MoveRecord {
  const rest = { groupId: 7, from: [], to: [], bytes: 0, reason: 'Balance', kind: 'swap' } as const;
  return { ...makeMove({ ...rest, ...parts }), order: 0, startedAtMs };
}

const swap = { kind: 'swap', from: [3], to: [4] } as const;

describe('a swap', () => {
  test('begins, adds a learner, waits for the copy, swaps, and forgets', () => {
    const paper = new Paper();
    expect(paper.next(moveOf(swap, 0))).toMatchObject({ kind: 'begin', reuse: [] });
    paper.ids.push(4);
    const changes = [{ type: addLearner, id: 4 }];
    expect(paper.next(moveOf(swap))).toEqual({ kind: 'configure', state: 'adding', changes });
    paper.learners = [4];
    paper.behind.add(4);
    expect(paper.next(moveOf(swap))).toMatchObject({ kind: 'wait', state: 'copying' });
    paper.behind.clear();
    const joint = [
      { type: addVoter, id: 4 },
      { type: remove, id: 3 },
    ];
    const step = paper.next(moveOf(swap));
    expect(step).toEqual({ kind: 'configure', state: 'swapping', changes: joint });
    [paper.voters, paper.outgoing, paper.learners] = [[1, 2, 4], [1, 2, 3], []];
    expect(paper.next(moveOf(swap))).toMatchObject({ kind: 'wait', state: 'swapping' });
    paper.outgoing = [];
    expect(paper.next(moveOf(swap))).toEqual({ kind: 'finish', state: 'removing', gone: [3] });
  });

  test('a leader that leaves hands over to a voter that stays and answers, and is not preferred', () => {
    const paper = new Paper();
    const away = { kind: 'swap', from: [1], to: [4] } as const;
    paper.silent.add(2);
    expect(paper.next(moveOf(away, 0))).toMatchObject({ kind: 'begin', preferMeanwhile: 3 });
    paper.ids.push(4);
    paper.learners = [4];
    expect(paper.next(moveOf(away))).toMatchObject({ kind: 'transfer', to: 3 });
    paper.silent.add(3);
    expect(paper.next(moveOf(away))).toMatchObject({ kind: 'wait', why: /no other voter/ });
    paper.leader = 3;
    expect(paper.next(moveOf(away))).toMatchObject({ kind: 'configure', state: 'swapping' });
  });

  test('a node that is to be spared takes the leadership only if no other can', () => {
    const paper = new Paper();
    const away = moveOf({ kind: 'swap', from: [1], to: [4] });
    [paper.ids, paper.learners] = [[1, 2, 3, 4], [4]];
    paper.spared.add(2);
    expect(paper.next(away)).toMatchObject({ kind: 'transfer', to: 3 });
    expect(paper.next({ ...away, startedAtMs: 0, to: [5] })).toMatchObject({ preferMeanwhile: 3 });
    paper.silent.add(3);
    expect(paper.next(away)).toMatchObject({ kind: 'transfer', to: 2 });
  });

  test('the only voter gets the new one beside it before it hands over', () => {
    const paper = new Paper();
    [paper.voters, paper.ids, paper.learners] = [[1], [1, 4], [4]];
    const move = moveOf({ kind: 'swap', from: [1], to: [4] });
    const step = paper.next(move, 1);
    expect(step).toMatchObject({ kind: 'configure', changes: [{ type: addVoter, id: 4 }] });
    [paper.voters, paper.learners] = [[1, 4], []];
    expect(paper.next(move, 1)).toMatchObject({ kind: 'transfer', to: 4 });
    paper.leader = 4;
    const last = paper.next(move, 1);
    expect(last).toMatchObject({ kind: 'configure', changes: [{ type: remove, id: 1 }] });
    paper.voters = [4];
    expect(paper.next(move, 1)).toMatchObject({ kind: 'finish', gone: [1] });
  });

  test('is dropped if it was planned on something else', () => {
    const paper = new Paper();
    paper.ids.push(4);
    expect(paper.next(moveOf(swap, 0))).toMatchObject({ kind: 'drop', why: /node 4 has a copy/ });
    paper.learners = [4];
    expect(paper.next(moveOf(swap, 0))).toMatchObject({ kind: 'begin', reuse: [4] });
    const gone = moveOf({ kind: 'swap', from: [9], to: [5] }, 0);
    expect(paper.next(gone)).toMatchObject({ kind: 'drop', why: /node 9 has no vote/ });
  });

  test('P17: is dropped rather than leave a shard with fewer copies than it is to have', () => {
    const paper = new Paper();
    // The target votes already, by whatever: what is left of the swap is a removal.
    [paper.ids, paper.voters] = [
      [1, 2, 4],
      [1, 2, 4],
    ];
    const move = moveOf({ kind: 'swap', from: [2], to: [4] });
    expect(paper.next(move)).toMatchObject({ kind: 'drop', why: 'it would leave 2 of 3 copies' });
    expect(paper.next(move, 1)).toMatchObject({ kind: 'configure' });
  });
});

describe('other moves', () => {
  test('an addition makes voters of both new copies in one change: never an even number', () => {
    const paper = new Paper();
    [paper.voters, paper.ids] = [[1], [1, 4, 5]];
    const move = moveOf({ kind: 'add', to: [4, 5], reason: 'Upreplicate' });
    expect(paper.next(move)).toMatchObject({ changes: [{ type: addLearner, id: 4 }] });
    paper.learners = [4];
    expect(paper.next(move)).toMatchObject({ changes: [{ type: addLearner, id: 5 }] });
    paper.learners = [4, 5];
    paper.behind.add(5);
    expect(paper.next(move)).toMatchObject({ kind: 'wait', state: 'copying' });
    paper.behind.clear();
    const both = [
      { type: addVoter, id: 4 },
      { type: addVoter, id: 5 },
    ];
    expect(paper.next(move)).toMatchObject({ kind: 'configure', changes: both });
    [paper.voters, paper.learners] = [[1, 4, 5], []];
    expect(paper.next(move)).toEqual({ kind: 'finish', state: 'removing', gone: [] });
  });

  test('a removal takes learners at once, and voters only down to what is wanted', () => {
    const paper = new Paper();
    [paper.ids, paper.learners] = [[1, 2, 3, 4], [4]];
    const learner = moveOf({ kind: 'remove', from: [4], reason: 'Extra' });
    expect(paper.next(learner)).toMatchObject({ changes: [{ type: remove, id: 4 }] });
    paper.learners = [];
    expect(paper.next(learner)).toMatchObject({ kind: 'finish', gone: [4] });
    const voter = moveOf({ kind: 'remove', from: [3], reason: 'Extra' });
    expect(paper.next(voter)).toMatchObject({ kind: 'drop' });
    paper.voters = [1, 2, 3, 5];
    expect(paper.next(voter)).toMatchObject({ changes: [{ type: remove, id: 3 }] });
  });

  test('system voters are not taken by halves: what was planned on more voters is dropped', () => {
    const paper = new Paper();
    [paper.groupId, paper.ids, paper.learners] = [0, [1, 2, 3, 4, 5], [4, 5]];
    const move = moveOf({ groupId: 0, kind: 'promote', from: [2, 4], to: [], reason: 'Drain' }, 0);
    expect(paper.next(move)).toMatchObject({ kind: 'drop', why: /node 4 has no vote/ });
    paper.voters = [1, 2, 3, 4, 5];
    paper.learners = [];
    expect(paper.next(move)).toMatchObject({ kind: 'begin' });
  });

  test('nor when a late change of an earlier move took one of them after it was begun', () => {
    const paper = new Paper();
    [paper.groupId, paper.ids] = [0, [1, 2, 3, 4, 5]];
    const less = moveOf({ groupId: 0, kind: 'promote', from: [2, 4], to: [], reason: 'Drain' });
    [paper.voters, paper.learners] = [
      [1, 3, 4],
      [2, 5],
    ];
    const why = 'others vote than it was planned on';
    expect(paper.next(less)).toMatchObject({ kind: 'drop', why });
    const more = moveOf({ groupId: 0, kind: 'promote', to: [4, 5], reason: 'Upreplicate' });
    expect(paper.next(more)).toMatchObject({ kind: 'drop', why });
    const other = moveOf({ groupId: 0, kind: 'promote', from: [2], to: [5], reason: 'Drain' });
    expect(paper.next(other)).toMatchObject({ kind: 'drop', why });
    const third = moveOf({ groupId: 0, kind: 'promote', from: [3], to: [4], reason: 'Drain' });
    expect(paper.next(third)).toMatchObject({ kind: 'drop', why });
  });

  test('system voters change places with learners, and keep their copies', () => {
    const paper = new Paper();
    [paper.groupId, paper.ids, paper.learners] = [0, [1, 2, 3, 4], [4]];
    const move = moveOf({ groupId: 0, kind: 'promote', from: [3], to: [4], reason: 'Drain' });
    const changes = [
      { type: addVoter, id: 4 },
      { type: addLearner, id: 3 },
    ];
    expect(paper.next(move)).toMatchObject({ kind: 'configure', changes });
    [paper.voters, paper.learners] = [[1, 2, 4], [3]];
    expect(paper.next(move)).toEqual({ kind: 'finish', state: 'removing', gone: [] });
    paper.voters = [1, 2, 3];
    paper.learners = [4];
    paper.leader = 3;
    expect(paper.next(move)).toMatchObject({ kind: 'transfer' });
  });

  test('the only system voter gets the new one beside it before it hands over', () => {
    const paper = new Paper();
    [paper.groupId, paper.voters, paper.ids, paper.learners] = [0, [1], [1, 4], [4]];
    const move = moveOf({ groupId: 0, kind: 'promote', from: [1], to: [4], reason: 'Drain' });
    expect(paper.next(move, 1)).toMatchObject({ changes: [{ type: addVoter, id: 4 }] });
    [paper.voters, paper.learners] = [[1, 4], []];
    expect(paper.next(move, 1)).toMatchObject({ kind: 'transfer', to: 4 });
    paper.leader = 4;
    expect(paper.next(move, 1)).toMatchObject({ changes: [{ type: addLearner, id: 1 }] });
    [paper.voters, paper.learners] = [[4], [1]];
    expect(paper.next(move, 1)).toMatchObject({ kind: 'finish', gone: [] });
  });

  test('a node that joins is a learner of the system group, and done without having caught up', () => {
    const paper = new Paper();
    [paper.groupId, paper.ids] = [0, [1, 2, 3, 4]];
    const move = moveOf({ groupId: 0, kind: 'addLearner', to: [4], reason: 'Upreplicate' });
    expect(paper.next(move)).toMatchObject({ changes: [{ type: addLearner, id: 4 }] });
    paper.learners = [4];
    paper.behind.add(4);
    expect(paper.next(move)).toMatchObject({ kind: 'finish', gone: [] });
  });

  test('a transfer goes to a voter; a preference is only noted', () => {
    const paper = new Paper();
    const move = moveOf({ kind: 'transfer', from: [1], to: [2], reason: 'Evict' });
    expect(paper.next(move)).toMatchObject({ kind: 'transfer', to: 2 });
    paper.leader = 2;
    expect(paper.next(move)).toMatchObject({ kind: 'finish' });
    paper.leader = 3; // The node that was to lead died, and another took over.
    expect(paper.next(move)).toMatchObject({ kind: 'finish' });
    const moved = moveOf({ kind: 'transfer', from: [9], to: [2], reason: 'LeaderBalance' });
    expect(paper.next(moved)).toMatchObject({ kind: 'finish' }); // Node 9 has no copy any more.
    const prefer = moveOf({ kind: 'prefer', to: [2], reason: 'LeaderBalance' }, 0);
    expect(paper.next(prefer)).toEqual({ kind: 'finish', state: 'removing', gone: [] });
  });
});
