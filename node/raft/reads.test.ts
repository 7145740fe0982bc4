/**
 * ReadIndex of a whole group: the rules that keep a paused, deposed or fresh leader from answering
 * with old data (thesis §6.4; etcd#20418).
 */
import { describe, expect, test } from '@jest/globals';

import { RaftGroup } from '../test/raft-group.ts';
import type { GroupOptions } from '../test/raft-group.ts';
import { MessageType } from './messages.ts';

const options: GroupOptions = { random: () => 0.5, electionTicks: 10 };
const context = (text: string): Buffer => Buffer.from(text);

function groupOf(voters: readonly number[], more: Partial<GroupOptions> = {}): RaftGroup {
  const group = new RaftGroup(voters, { ...options, ...more });
  group.elect(1);
  return group;
}

const answers = (group: RaftGroup, id: number): string[] =>
  group.member(id).reads.map(({ index, context: name }) => `${name.toString()}@${index}`);

describe('ReadIndex', () => {
  test('is answered with the commit index after a quorum round', () => {
    const group = groupOf([1, 2, 3]);
    expect(group.raw(1).readIndex(context('a'))).toBe(true);
    expect(answers(group, 1)).toEqual([]);
    group.settle();
    expect(answers(group, 1)).toEqual(['a@2']);
  });

  test('is not answered without a quorum', () => {
    const group = groupOf([1, 2, 3]);
    group.isolate(1);
    group.raw(1).readIndex(context('a'));
    group.settle();
    group.tick(3, 1);
    group.settle();
    expect(answers(group, 1)).toEqual([]);
  });

  test('one round answers all that waited for it', () => {
    const group = groupOf([1, 2, 3], { coalesceMessages: true });
    for (const name of ['a', 'b', 'c']) {
      group.raw(1).readIndex(context(name));
    }
    const { messages } = group.raw(1).ready();
    group.raw(1).advance();
    expect(messages.map(({ type }) => type)).toEqual([
      MessageType.heartbeat,
      MessageType.heartbeat,
    ]);
    group.send(messages);
    group.settle();
    expect(answers(group, 1)).toEqual(['a@2', 'b@2', 'c@2']);
  });

  test('a lost round is repeated by the next heartbeat', () => {
    const group = groupOf([1, 2, 3]);
    group.filter = ({ type }) => type !== MessageType.heartbeat;
    group.raw(1).readIndex(context('a'));
    group.settle();
    expect(answers(group, 1)).toEqual([]);
    group.filter = () => true;
    group.tick(1, 1);
    group.settle();
    expect(answers(group, 1)).toEqual(['a@2']);
  });

  test('waits for the first commit of the term', () => {
    const group = groupOf([1, 2, 3]);
    group.filter = ({ type }) => type !== MessageType.app;
    group.raw(2).campaign();
    group.settle();
    expect(group.raw(2).raft.role).toBe('leader');
    group.raw(2).readIndex(context('early'));
    group.settle();
    expect([answers(group, 2), group.raw(2).raft.pendingReadCount]).toEqual([[], 1]);
    group.filter = () => true;
    group.tick(1, 2);
    group.settle();
    expect(answers(group, 2)).toEqual(['early@3']);
  });

  test('a single replica answers at once, but not before its first commit either', () => {
    const group = groupOf([1]);
    group.raw(1).readIndex(context('a'));
    group.settle();
    expect(answers(group, 1)).toEqual(['a@2']);
    group.member(1).storage.setHardState({ term: 1, vote: 1, commit: 1 });
    group.member(1).restart();
    group.raw(1).campaign();
    group.member(1).process();
    expect(group.raw(1).raft.role).toBe('leader');
    group.raw(1).readIndex(context('b'));
    expect(answers(group, 1)).toEqual([]);
    group.settle();
    expect(answers(group, 1)).toEqual(['b@3']);
  });

  test('is dropped when the leader changes, answered ones included (etcd#20418)', () => {
    const group = groupOf([1, 2, 3]);
    group.isolate(1);
    group.raw(1).readIndex(context('old'));
    group.settle();
    group.raw(2).campaign();
    group.settle();
    group.heal();
    group.tick(1, 2);
    group.settle();
    expect(group.raw(1).raft.leaderId).toBe(2);
    expect([answers(group, 1), group.raw(1).raft.pendingReadCount]).toEqual([[], 0]);
  });

  test('an answer that was not handed out is dropped with the term', () => {
    const group = groupOf([1, 2, 3], { asyncStorageWrites: false });
    const { raft } = group.raw(1);
    group.raw(1).readIndex(context('a'));
    const round = group.raw(1).ready().messages;
    group.raw(1).advance();
    for (const message of round) {
      group.raw(message.to).step(message);
      for (const response of group.member(message.to).process()) {
        group.raw(1).step(response);
      }
    }
    expect(raft.readStates.length).toBe(1);
    group.raw(1).step({ ...(round[0] as (typeof round)[number]), to: 1, from: 3, term: 9 });
    expect(raft.readStates.length).toBe(0);
  });

  test('a retry with a fresh id is not confirmed by the round of the first try (etcd#20418)', () => {
    const group = groupOf([1, 2, 3]);
    // The first round goes out; its answers are held back.
    group.raw(1).readIndex(context('try-1'));
    group.work(group.member(1));
    const held = group.network.splice(0);
    // Something commits, and the retry comes.
    group.filter = ({ type }) => type !== MessageType.heartbeat;
    group.raw(1).propose(context('x'));
    group.settle();
    group.raw(1).readIndex(context('try-2'));
    for (const message of held) {
      group.deliver(message);
    }
    group.settle();
    expect(answers(group, 1)).toEqual(['try-1@2']);
    group.filter = () => true;
    group.tick(1, 1);
    group.settle();
    expect(answers(group, 1)).toEqual(['try-1@2', 'try-2@3']);
  });

  test('of a follower goes to the leader, and comes back', () => {
    const group = groupOf([1, 2, 3]);
    expect(group.raw(2).readIndex(context('f'))).toBe(true);
    group.settle();
    expect(answers(group, 2)).toEqual(['f@2']);
  });

  test('is refused without a leader', () => {
    const group = new RaftGroup([1, 2, 3], options);
    expect(group.raw(1).readIndex(context('a'))).toBe(false);
  });

  test('is answered when a configuration change makes the quorum smaller', () => {
    const group = groupOf([1, 2]);
    group.filter = ({ type }) => type !== MessageType.heartbeatResp;
    group.raw(1).readIndex(context('a'));
    group.settle();
    expect(answers(group, 1)).toEqual([]);
    const change = { type: 1, id: 2 } as const;
    group.raw(1).applyConfChange({
      version: 1,
      transition: 0,
      changes: [change],
      context: Buffer.alloc(0),
    });
    group.work(group.member(1));
    expect(answers(group, 1)).toEqual(['a@2']);
  });
});

describe('ReadIndex by lease', () => {
  const lease = { readOnly: 'lease', checkQuorum: true } as const;

  test('is answered at once', () => {
    const group = groupOf([1, 2, 3], lease);
    group.raw(1).readIndex(context('a'));
    expect(group.raw(1).raft.readStates.length).toBe(1);
  });

  test('falls back to a quorum round once a transfer was tried in the term', () => {
    const group = groupOf([1, 2, 3], lease);
    group.filter = ({ type }) => type !== MessageType.timeoutNow;
    group.raw(1).transferLeader(2);
    group.raw(1).readIndex(context('a'));
    expect(group.raw(1).raft.readStates.length).toBe(0);
    group.settle();
    expect(answers(group, 1)).toEqual(['a@2']);
  });
});
