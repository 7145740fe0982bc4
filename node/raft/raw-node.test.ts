/** The promises of `RawNode` to its host: results of proposals, refusals, merging, transfers. */
import { describe, expect, test } from '@jest/globals';

import { RaftGroup } from '../test/raft-group.ts';
import type { GroupOptions } from '../test/raft-group.ts';
import { confChange, confChangeV1 } from './conf-change.ts';
import { localAppendThread, MessageType } from './messages.ts';
import type { Entry, Message } from './messages.ts';
import { newMessage } from './new-message.ts';

const options: GroupOptions = { random: () => 0.5, electionTicks: 10 };
const text = (value: string): Buffer => Buffer.from(value);

function groupOf(voters: readonly number[], more: Partial<GroupOptions> = {}): RaftGroup {
  const group = new RaftGroup(voters, { ...options, ...more });
  group.elect(1);
  return group;
}

const termsOf = (group: RaftGroup, id: number): number[] =>
  (group.raw(id).raft.log.entries(2, Infinity) as readonly Entry[]).map(({ term }) => term);

describe('RawNode proposals', () => {
  test('propose() returns the index at once, proposeBatch() the first', () => {
    const group = groupOf([1, 2, 3]);
    expect(group.raw(1).propose(text('a'))).toBe(3);
    expect(group.raw(1).proposeBatch([text('b'), text('c')])).toBe(4);
    expect(group.raw(1).propose(text('d'))).toBe(6);
    group.settle();
    expect(group.member(3).applied).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a follower forwards, or refuses if told so', () => {
    const group = groupOf([1, 2, 3]);
    expect(group.raw(2).propose(text('a'))).toBe('forwarded');
    group.settle();
    expect(group.member(2).applied).toEqual(['a']);
    const strict = groupOf([1, 2, 3], { disableProposalForwarding: true });
    expect(strict.raw(2).propose(text('a'))).toBe('notLeader');
  });

  test('without a leader a proposal is refused', () => {
    const group = new RaftGroup([1, 2, 3], options);
    expect(group.raw(1).propose(text('a'))).toBe('noLeader');
    group.raw(1).campaign();
    expect(group.raw(1).propose(text('a'))).toBe('noLeader');
  });

  test('a leader removed from its group refuses', () => {
    const group = groupOf([1, 2]);
    group.raw(1).proposeConfChange(confChangeV1({ type: 1, id: 1 }));
    group.settle();
    expect(group.raw(1).propose(text('a'))).toBe('removed');
    const polite = groupOf([1, 2], { stepDownOnRemoval: true });
    polite.raw(1).proposeConfChange(confChangeV1({ type: 1, id: 1 }));
    polite.settle();
    expect(polite.raw(1).raft.role).toBe('follower');
  });

  test('the uncommitted tail is bounded, but one proposal always passes', () => {
    const group = groupOf([1, 2, 3], { uncommittedBytesMax: 10 });
    group.isolate(1);
    expect(group.raw(1).propose(text('twenty bytes, at least'))).toBe(3);
    expect(group.raw(1).propose(text('x'))).toBe('uncommittedLimit');
    expect(group.raw(1).propose(Buffer.alloc(0))).toBe(4);
    group.settle();
    group.heal();
    group.tick(1, 1);
    group.settle();
    expect(group.raw(1).propose(text('x'))).toBe(5);
  });

  test('a second configuration change turns into an empty entry', () => {
    const group = groupOf([1, 2, 3]);
    expect(group.raw(1).proposeConfChange(confChange([{ type: 0, id: 4 }]))).toBe(3);
    expect(group.raw(1).proposeConfChange(confChange([{ type: 0, id: 5 }]))).toBe(4);
    group.settle();
    expect(group.raw(1).status().config.voters.incoming).toEqual([1, 2, 3, 4]);
  });

  test('an entry overwritten before it committed is gone, and its index goes to another (P3)', () => {
    const group = groupOf([1, 2, 3]);
    group.isolate(1);
    const index = group.raw(1).propose(text('lost'));
    group.settle();
    group.raw(2).campaign();
    group.settle();
    expect(group.raw(2).propose(text('kept'))).toBe(4);
    group.settle();
    group.heal();
    group.tick(1, 2);
    group.settle();
    expect([index, termsOf(group, 1)]).toEqual([3, [1, 2, 2]]);
    expect(group.member(1).applied).toEqual(['kept']);
  });
});

describe('RawNode messages', () => {
  const step = (group: RaftGroup, fields: Partial<Message>): unknown =>
    group.raw(1).step(Object.assign(newMessage(MessageType.hup, 1), fields));

  test('step() refuses local messages of others and answers of strangers', () => {
    const group = groupOf([1, 2, 3]);
    expect(step(group, { type: MessageType.hup, from: 2 })).toBe('localMessage');
    expect(step(group, { type: MessageType.storageAppendResp, from: 2 })).toBe('localMessage');
    expect(step(group, { type: MessageType.appResp, from: 9, term: 1 })).toBe('unknownPeer');
    expect(
      step(group, { type: MessageType.storageAppendResp, from: localAppendThread, term: 1 }),
    ).toBeUndefined();
  });

  test('ready() may not be called again before advance()', () => {
    const group = new RaftGroup([1], options);
    group.raw(1).campaign();
    group.raw(1).ready();
    expect(() => group.raw(1).ready()).toThrow('Cannot hand out a Ready');
  });

  test('coalesceMessages sends one append per follower and ready, and one answer', () => {
    const group = groupOf([1, 2, 3], { coalesceMessages: true });
    for (let i = 0; i < 20; i++) {
      group.raw(1).propose(text(`p${i}`));
    }
    const leader = group.member(1);
    const sent = leader.process().filter(({ to }) => to === 2);
    expect(sent.map(({ entries }) => entries.length)).toEqual([20]);
    const [message] = sent as [Message];
    // Twice, as after a repetition by the network.
    group.raw(2).step(message);
    group.raw(2).step(message);
    expect(
      group
        .member(2)
        .process()
        .map(({ index }) => index),
    ).toEqual([22]);
    group.settle();
    expect(group.member(2).raw.raft.lastIndex).toBe(22);
  });

  test('coalesceMessages keeps to the size of a message and to the window', () => {
    const limits = { coalesceMessages: true, messageBytesMax: 40, inflightMessagesMax: 2 };
    const group = groupOf([1, 2, 3], limits);
    for (let i = 0; i < 10; i++) {
      group.raw(1).propose(text('0123456789'));
    }
    const sent = group
      .member(1)
      .process()
      .filter(({ to }) => to === 2);
    expect(sent.map(({ entries }) => entries.length)).toEqual([2, 2]);
    group.send(sent);
    group.settle();
    group.tick(1, 1);
    group.settle();
    expect(group.member(3).applied.length).toBe(10);
  });

  test('a change of the commit index alone needs no sync', () => {
    const group = groupOf([1, 2, 3]);
    group.raw(1).propose(text('a'));
    group.member(1).process();
    group
      .raw(1)
      .step(Object.assign(newMessage(MessageType.appResp, 1), { from: 2, term: 1, index: 3 }));
    const ready = group.raw(1).ready();
    expect([ready.hardState?.commit, ready.mustSync]).toEqual([3, false]);
  });
});

describe('RawNode leadership', () => {
  test('transferLeader() moves it, and proposals wait meanwhile', () => {
    const group = groupOf([1, 2, 3]);
    group.raw(1).transferLeader(3);
    expect(group.raw(1).propose(text('a'))).toBe('transferring');
    group.settle();
    expect(group.leaders.map(({ id }) => id)).toEqual([3]);
  });

  test('a transfer to a learner is refused', () => {
    const group = groupOf([1, 2]);
    group.raw(1).proposeConfChange(confChangeV1({ type: 3, id: 4 }));
    group.settle();
    group.raw(1).transferLeader(4);
    expect(group.raw(1).propose(text('a'))).toBe(4);
  });

  test('the wish of a follower reaches the leader', () => {
    const group = groupOf([1, 2, 3]);
    group.raw(2).transferLeader(2);
    group.settle();
    expect(group.leaders.map(({ id }) => id)).toEqual([2]);
  });

  test('with preVote and checkQuorum one cut-off replica does not disturb the others', () => {
    const group = groupOf([1, 2, 3], { preVote: true, checkQuorum: true });
    group.isolate(3);
    for (let i = 0; i < 100; i++) {
      group.tick();
      group.settle();
    }
    group.heal();
    group.tick(2);
    group.settle();
    expect([group.raw(1).raft.role, group.raw(3).raft.term]).toEqual(['leader', 1]);
    expect(group.raw(3).raft.leaderId).toBe(1);
  });

  test('a leader without a quorum steps down within two election timeouts', () => {
    const group = groupOf([1, 2, 3], { checkQuorum: true });
    group.isolate(1);
    group.tick(20, 1);
    group.settle();
    expect(group.raw(1).raft.role).toBe('follower');
  });

  test('a pre-vote of the believed leader ends the belief in it (P15)', () => {
    const more = { preVote: true, checkQuorum: true };
    for (const leaderVoteEndsLease of [false, true]) {
      const group = groupOf([1, 2, 3], { ...more, leaderVoteEndsLease });
      // 1 comes back from a restart; 2 died; 3 slept and still believes in 1.
      group.isolate(2);
      group.member(1).restart();
      group.raw(1).campaign();
      group.settle();
      expect(group.raw(1).raft.role).toBe(leaderVoteEndsLease ? 'leader' : 'preCandidate');
    }
  });

  test('forgetLeader() lets an election pass that the lease would refuse', () => {
    const group = groupOf([1, 2, 3], { preVote: true, checkQuorum: true });
    group.isolate(1);
    group.raw(2).campaign();
    group.settle();
    expect(group.raw(2).raft.role).toBe('preCandidate');
    group.raw(3).forgetLeader();
    group.raw(2).campaign();
    group.settle();
    expect(group.raw(2).raft.role).toBe('leader');
  });

  test('a restart raises a commit index that was not synced to what is applied', () => {
    const group = groupOf([1, 2, 3]);
    group.raw(1).propose(text('a'));
    group.settle();
    group.member(1).storage.setHardState({ term: 1, vote: 1, commit: 1 });
    group.member(1).restart();
    const { commitIndex, appliedIndex } = group.raw(1).raft;
    expect([commitIndex, appliedIndex]).toEqual([3, 3]);
  });
});
