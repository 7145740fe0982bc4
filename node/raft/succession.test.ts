/**
 * Goal: however a joint configuration ends, somebody who is left can be elected: also when those
 * who leave with its outgoing half hold entries that nobody else has, and nobody else knows of the
 * end (record 0070). Method: a group of cores in memory, messages lost at chosen moments.
 */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { RaftGroup } from '../test/raft-group.ts';
import type { GroupOptions } from '../test/raft-group.ts';
import { confChange, ConfChangeType, leaveJointChange } from './conf-change.ts';
import { EntryType, MessageType } from './messages.ts';
import type { ConfState, Entry } from './messages.ts';
import { newMessage } from './new-message.ts';
import { confChangeEntry } from './proposal.ts';

const options: GroupOptions = {
  random: () => 0.5,
  electionTicks: 10,
  preVote: true,
  checkQuorum: true,
  stepDownOnRemoval: true,
  leaderVoteEndsLease: true,
};
const ticksMax = 400;

/** Voters 1, 2, 3 become 1, 4, 5: replicas 2 and 3 are on their way out. */
const joint: ConfState = {
  ...{ voters: [1, 4, 5], votersOutgoing: [1, 2, 3] },
  ...{ learners: [], learnersNext: [], autoLeave: false },
};

let group: RaftGroup;

function isJoint(id: number): boolean {
  return group.raw(id).raft.tracker.config.voters.outgoing.length > 0;
}

/** Time passes until one of them leads and commits in its term. */
function elects(ids: readonly number[]): boolean {
  const leads = (): boolean =>
    ids.some((id) => {
      const { role, log, term } = group.raw(id).raft;
      return role === 'leader' && log.termOrZero(log.committed) === term;
    });
  for (let tick = 0; tick < ticksMax && !leads(); tick++) {
    for (const { id } of group.members) {
      if ((tick + id) % 5 !== 0) {
        group.tick(1, id); // Each at a pace of its own: they do not split the vote for ever.
      }
    }
    group.settle();
  }
  return leads();
}

/** `leader` ends the joint configuration; all that are reached hold the end, none knows of it. */
function proposeEnd(leader: number): void {
  group.elect(leader);
  group.filter = ({ to }) => to !== leader;
  group.raw(leader).proposeConfChange(leaveJointChange);
  group.settle();
}

/** The acknowledgements of the end, which were lost on their way to the leader. */
function acknowledgeEnd(leader: number, ids: readonly number[]): void {
  const { raft } = group.raw(leader);
  const index = raft.lastIndex;
  group.raw(leader).propose(Buffer.from('tail'));
  for (const from of ids) {
    const fields = { from, term: raft.term, index };
    group.raw(leader).step(Object.assign(newMessage(MessageType.appResp, leader), fields));
  }
  group.work(group.member(leader));
}

beforeEach(() => {
  group = new RaftGroup([], options);
  for (const id of [1, 2, 3, 4, 5]) {
    group.add(id, options, joint);
  }
});

describe('the end of a joint configuration', () => {
  test('its leader leaves with a tail, unheard, and one more is gone: the rest elects', () => {
    group.isolate(3);
    proposeEnd(2);
    group.filter = ({ from }) => from !== 2;
    acknowledgeEnd(2, [1, 4, 5]);
    expect(group.raw(2).raft.role).toBe('follower');
    expect([1, 2, 4, 5].map(isJoint)).toEqual([true, false, true, true]);
    expect(group.raw(2).raft.lastIndex).toBeGreaterThan(group.raw(1).raft.lastIndex);
    group.network = [];
    group.filter = () => true;
    expect(elects([1, 4, 5])).toBe(true);
    expect([1, 4, 5].map(isJoint)).toEqual([false, false, false]);
  });

  test('its leader tells only one that leaves of it, and is gone: the rest elects', () => {
    proposeEnd(1);
    group.filter = ({ from, to }) => from === 1 && to === 2;
    acknowledgeEnd(1, [2, 4, 5]);
    group.settle();
    expect([1, 2, 3, 4, 5].map(isJoint)).toEqual([false, false, true, true, true]);
    expect(group.raw(2).raft.lastIndex).toBeGreaterThan(group.raw(4).raft.lastIndex);
    group.isolate(1);
    group.filter = () => true;
    expect(elects([4, 5])).toBe(true);
    expect([3, 4, 5].map(isJoint)).toEqual([false, false, false]);
  });
});

describe('a change of one replica', () => {
  test('who is removed by it may have been counted on for its tail, and refuses', () => {
    group = new RaftGroup([1, 2, 3], { ...options, asyncStorageWrites: true });
    group.elect(1);
    const [first, third] = [group.member(1), group.member(3)];
    const { raft } = first.raw;
    const acknowledge = (index: number): void => {
      const fields = { from: 3, term: raft.term, index };
      first.raw.step(Object.assign(newMessage(MessageType.appResp, 1), fields));
      group.send(first.process()); // It does not apply yet.
    };
    group.filter = ({ to }) => to !== 1;
    first.raw.proposeConfChange(confChange([{ type: ConfChangeType.remove, id: 3 }]));
    group.settle();
    // Replica 3 gets a write behind its removal, 2 does not.
    group.filter = ({ to }) => to === 3;
    first.raw.propose(Buffer.from('kept'));
    group.settle();
    // The removal is committed, and 3 hears of it and is out; 1 is slow to apply it.
    acknowledge(raft.lastIndex - 1);
    for (const message of group.network.splice(0)) {
      group.deliver(message);
    }
    group.work(third);
    expect([third.raw.raft.tracker.get(3), third.raw.raft.commitIndex]).toEqual([
      undefined,
      raft.lastIndex - 1,
    ]);
    // So it counts 3 once more, and the write is acknowledged to its client.
    group.filter = () => false;
    acknowledge(raft.lastIndex);
    group.work(first);
    expect(first.applied).toContain('kept');
    group.isolate(1);
    group.network = [];
    group.filter = () => true;
    expect(elects([2])).toBe(false);
    group.heal();
    expect(elects([1, 2])).toBe(true);
    expect(group.member(2).applied).toContain('kept');
  });
});

describe('a vote of a replica that does not vote', () => {
  const left: ConfState = { ...joint, voters: [1, 4, 5], votersOutgoing: [] };
  const four: ConfState = { ...left, voters: [1, 2, 3, 4] };
  const normal = (index: number): Entry => ({
    ...{ term: 1, index, type: EntryType.normal, data: Buffer.from(`${index}`) },
  });
  const end: Entry = { ...confChangeEntry(leaveJointChange), term: 1, index: 2 };
  const change = (type: ConfChangeType, index: number): Entry => ({
    ...confChangeEntry(confChange([{ type, id: 2 }])),
    ...{ term: 1, index },
  });

  /** What replica 2 answers a candidate whose log ends at `index`. */
  function answer(state: ConfState, tail: readonly Entry[], commit: number, index: number): string {
    group = new RaftGroup([], options);
    const member = group.add(2, options, state);
    const append = { from: 1, term: 1, index: 1, logTerm: 1, entries: tail, commit };
    member.raw.step(Object.assign(newMessage(MessageType.app, 2), append));
    group.work(member);
    member.raw.forgetLeader();
    group.network = [];
    const request = { from: 4, term: 2, index, logTerm: 1 };
    member.raw.step(Object.assign(newMessage(MessageType.vote, 2), request));
    group.work(member);
    const { reject } = must(group.network.find(({ type }) => type === MessageType.voteResp));
    return reject ? 'refused' : 'granted';
  }

  test('after a joint configuration: what is committed counts, the tail does not', () => {
    const tail = [end, normal(3), normal(4)];
    expect([2, 3].map((index) => answer(joint, tail, 3, index))).toEqual(['refused', 'granted']);
  });

  test('while the joint configuration holds, it votes: its whole log counts', () => {
    expect(answer(joint, [end, normal(3)], 1, 2)).toBe('refused');
  });

  test('with another change behind, it may vote again: its whole log counts', () => {
    const tail = [end, change(ConfChangeType.addVoter, 3), normal(4)];
    expect([3, 4].map((index) => answer(joint, tail, 2, index))).toEqual(['refused', 'granted']);
  });

  test('after a change of one replica its whole log counts', () => {
    const tail = [change(ConfChangeType.remove, 2), normal(3)];
    expect([2, 3].map((index) => answer(four, tail, 2, index))).toEqual(['refused', 'granted']);
  });

  test('if its log has forgotten by what it left, its whole log counts', () => {
    expect(answer(left, [normal(2), normal(3)], 2, 2)).toBe('refused');
  });
});
