/**
 * One test per sentence of the Raft paper (Ongaro and Ousterhout, "In Search of an Understandable
 * Consensus Algorithm", extended version) and of the thesis where it goes further. Each has three
 * parts: init, step, check.
 */
import { describe, expect, test } from '@jest/globals';

import { must } from '../lib/assert.ts';
import { RaftGroup } from '../test/raft-group.ts';
import type { GroupOptions } from '../test/raft-group.ts';
import { emptySnapshot, MemoryStorage } from './memory-storage.ts';
import { EntryType, MessageType } from './messages.ts';
import type { Entry, HardState, Message } from './messages.ts';
import { newMessage } from './new-message.ts';
import { RawNode } from './raw-node.ts';
import type { Ready } from './ready.ts';

const options: GroupOptions = { random: () => 0.5, electionTicks: 10 };
const quietOptions = { ...options, electionTicks: 1000 };

const entry = (index: number, term: number, text = ''): Entry => ({
  term,
  index,
  type: EntryType.normal,
  data: Buffer.from(text),
});

interface NodeState {
  readonly voters?: readonly number[];
  readonly entries?: readonly Entry[];
  readonly hardState?: HardState;
  readonly random?: () => number;
}

const storages = new WeakMap<RawNode, MemoryStorage>();

/** Replica 1 with a given past. */
function nodeWith({ voters = [1, 2, 3], entries = [], hardState, random }: NodeState): RawNode {
  const storage = new MemoryStorage();
  const confState = { ...emptySnapshot.metadata.confState, voters };
  storage.createSnapshot(0, confState, Buffer.alloc(0));
  storage.append(entries);
  if (hardState !== undefined) {
    storage.setHardState(hardState);
  }
  const node = new RawNode({ ...options, random: random ?? options.random, id: 1, storage });
  storages.set(node, storage);
  return node;
}

/** Does the storage work of `ready`. */
function finish(node: RawNode, ready: Ready): void {
  must(storages.get(node)).append(ready.entries);
  node.advance();
}

/** Does all storage work; the messages come back. */
function drain(node: RawNode): Message[] {
  const messages: Message[] = [];
  while (node.hasReady()) {
    const ready = node.ready();
    messages.push(...ready.messages);
    finish(node, ready);
  }
  return messages;
}

function messageFrom(from: number, type: MessageType, fields: Partial<Message>): Message {
  return Object.assign(newMessage(type, 1), { from }, fields);
}

/** Makes replica 1 of `size` the leader of its next term. */
function leaderOf(size: number, entries: readonly Entry[] = []): RawNode {
  const voters = Array.from({ length: size }, (_, i) => i + 1);
  const node = nodeWith({ voters, entries });
  node.campaign();
  drain(node);
  for (const id of voters.slice(1)) {
    node.step(messageFrom(id, MessageType.voteResp, { term: node.raft.term }));
  }
  expect(node.raft.role).toBe('leader');
  return node;
}

describe('§5.1 Raft basics', () => {
  test.each(['follower', 'candidate', 'leader'])(
    'a %s with a smaller term takes the larger one and turns follower',
    (role) => {
      const node = role === 'leader' ? leaderOf(3) : nodeWith({});
      if (role === 'candidate') {
        node.campaign();
      }
      node.step(messageFrom(2, MessageType.app, { term: 7 }));
      expect([node.raft.term, node.raft.role, node.raft.leaderId]).toEqual([7, 'follower', 2]);
    },
  );

  test('a message with a stale term is not acted on', () => {
    const node = nodeWith({ hardState: { term: 5, vote: 0, commit: 0 } });
    node.step(messageFrom(2, MessageType.app, { term: 4, entries: [entry(1, 4)] }));
    expect([node.raft.lastIndex, node.raft.leaderId]).toEqual([0, 0]);
  });
});

describe('§5.2 Leader election', () => {
  test('servers start as followers', () => {
    expect(nodeWith({}).raft.role).toBe('follower');
  });

  test('a leader sends heartbeats to all followers to keep its authority', () => {
    const node = leaderOf(3);
    drain(node);
    node.tick();
    const beats = drain(node).filter(({ type }) => type === MessageType.heartbeat);
    expect(beats.map(({ to, term }) => [to, term])).toEqual([
      [2, 1],
      [3, 1],
    ]);
  });

  test.each(['follower', 'candidate'])(
    'a %s that hears of no leader over the election timeout starts an election',
    (role) => {
      const node = nodeWith({});
      if (role === 'candidate') {
        node.campaign();
        drain(node);
      }
      const { term } = node.raft;
      for (let i = 0; i < 20; i++) {
        node.tick();
      }
      const requests = drain(node).filter(({ type }) => type === MessageType.vote);
      expect([node.raft.term, node.raft.role, node.raft.vote]).toEqual([term + 1, 'candidate', 1]);
      expect(requests.map(({ to, term: asked }) => [to, asked])).toEqual([
        [2, term + 1],
        [3, term + 1],
      ]);
    },
  );

  test.each([
    // size, granted by, refused by → role
    [1, [], [], 'leader'],
    [3, [2], [], 'leader'],
    [3, [], [2, 3], 'follower'],
    [3, [], [2], 'candidate'],
    [5, [2, 3], [4, 5], 'leader'],
    [5, [2], [3, 4], 'candidate'],
    [5, [2], [3, 4, 5], 'follower'],
  ] as const)('votes in a group of %i, granted %j, refused %j: %s', (size, yes, no, role) => {
    const node = nodeWith({ voters: Array.from({ length: size }, (_, i) => i + 1) });
    node.campaign();
    drain(node);
    for (const id of yes) {
      node.step(messageFrom(id, MessageType.voteResp, { term: 1 }));
    }
    for (const id of no) {
      node.step(messageFrom(id, MessageType.voteResp, { term: 1, reject: true }));
    }
    expect([node.raft.role, node.raft.term]).toEqual([role, 1]);
  });

  test.each([
    [0, 2, false],
    [0, 3, false],
    [2, 2, false],
    [3, 3, false],
    [2, 3, true],
    [3, 2, true],
  ])('a follower votes for one candidate a term: voted %i, asked by %i', (vote, from, reject) => {
    const node = nodeWith({ hardState: { term: 1, vote, commit: 0 } });
    node.step(messageFrom(from, MessageType.vote, { term: 1 }));
    const [response] = drain(node);
    expect([response?.type, response?.reject]).toEqual([MessageType.voteResp, reject]);
  });

  test.each([0, 1])('a candidate falls back for a leader of a term %i higher', (above) => {
    const node = nodeWith({});
    node.campaign();
    const term = node.raft.term + above;
    node.step(messageFrom(2, MessageType.app, { term }));
    expect([node.raft.role, node.raft.term, node.raft.leaderId]).toEqual(['follower', term, 2]);
  });

  test('election timeouts are drawn from [timeout, 2 × timeout)', () => {
    const timeouts = new Set<number>();
    for (let i = 0; i < 10; i++) {
      const node = nodeWith({ random: () => i / 10 });
      let ticks = 0;
      while (node.raft.role === 'follower') {
        node.tick();
        ticks += 1;
      }
      timeouts.add(ticks);
    }
    expect([...timeouts]).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });
});

describe('§5.3 Log replication', () => {
  test('the leader appends a proposal, sends it with its predecessor, and stores it', () => {
    const node = leaderOf(3);
    drain(node);
    node.step(messageFrom(2, MessageType.appResp, { term: 1, index: 1 }));
    drain(node);
    expect(node.propose(Buffer.from('x'))).toBe(2);
    const ready = node.ready();
    expect(ready.entries).toEqual([entry(2, 1, 'x')]);
    const append = must(ready.messages.find(({ to }) => to === 2));
    expect([append.index, append.logTerm, append.commit]).toEqual([1, 1, 1]);
    expect(append.entries).toEqual([entry(2, 1, 'x')]);
    expect(node.raft.commitIndex).toBe(1);
  });

  test.each([
    [1, [], true],
    [3, [], false],
    [3, [2], true],
    [5, [2], false],
    [5, [2, 3], true],
  ] as const)(
    'an entry is committed once a majority of %i has it: %j',
    (size, acks, isCommitted) => {
      const node = leaderOf(size);
      drain(node);
      const index = node.propose(Buffer.from('x')) as number;
      drain(node);
      for (const id of acks) {
        node.step(messageFrom(id, MessageType.appResp, { term: 1, index }));
      }
      expect(node.raft.commitIndex >= index).toBe(isCommitted);
    },
  );

  test('committing an entry commits all before it, of earlier leaders too', () => {
    const node = leaderOf(3, [entry(1, 0), entry(2, 0)]);
    drain(node);
    node.propose(Buffer.from('x'));
    drain(node);
    node.step(messageFrom(2, MessageType.appResp, { term: 1, index: 4 }));
    const { committedEntries } = node.ready();
    expect(committedEntries.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  });

  test('a follower applies an entry once it learns that it is committed, in order', () => {
    const node = nodeWith({});
    const entries = [entry(1, 1, 'a'), entry(2, 1, 'b')];
    node.step(messageFrom(2, MessageType.app, { term: 1, entries, commit: 1 }));
    const ready = node.ready();
    expect(ready.committedEntries).toEqual([entry(1, 1, 'a')]);
    finish(node, ready);
    node.step(messageFrom(2, MessageType.app, { term: 1, index: 2, logTerm: 1, commit: 2 }));
    expect(node.ready().committedEntries).toEqual([entry(2, 1, 'b')]);
  });

  test.each([
    // prevTerm, prevIndex → rejected, hint
    [1, 1, false, 0],
    [2, 2, false, 0],
    [1, 2, true, 1],
    [3, 3, true, 2],
  ])('a follower accepts only after (%i, %i) in its log', (logTerm, index, reject, rejectHint) => {
    const entries = [entry(1, 1), entry(2, 2)];
    const node = nodeWith({ entries, hardState: { term: 2, vote: 0, commit: 1 } });
    node.step(messageFrom(2, MessageType.app, { term: 2, logTerm, index }));
    const [response] = drain(node);
    expect(response?.type).toBe(MessageType.appResp);
    expect([response?.reject, response?.rejectHint]).toEqual([reject, rejectHint]);
  });

  test.each([
    [2, 2, [entry(3, 3)], [1, 2, 3]],
    [1, 1, [entry(2, 3), entry(3, 4)], [1, 3, 4]],
    [0, 0, [entry(1, 1)], [1, 2]],
    [0, 0, [entry(1, 3)], [3]],
  ])(
    'after (%i, %i) it deletes what conflicts and appends the rest',
    (logTerm, index, added, terms) => {
      const node = nodeWith({ entries: [entry(1, 1), entry(2, 2)] });
      node.step(messageFrom(2, MessageType.app, { term: 4, logTerm, index, entries: added }));
      const all = node.raft.log.entries(1, Infinity) as readonly Entry[];
      expect(all.map(({ term }) => term)).toEqual(terms);
    },
  );

  test('an empty append with a conflicting predecessor is rejected and deletes nothing', () => {
    const node = nodeWith({ entries: [entry(1, 1), entry(2, 1)] });
    node.step(messageFrom(2, MessageType.app, { term: 3, logTerm: 2, index: 2 }));
    expect([drain(node)[0]?.reject, node.raft.lastIndex]).toEqual([true, 2]);
  });

  // Figure 7, with the leader's log 1 1 1 4 4 5 5 6 6 6.
  test.each([
    [[1, 1, 1, 4, 4, 5, 5, 6, 6]],
    [[1, 1, 1, 4]],
    [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    [[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    [[1, 1, 1, 4, 4, 4, 4]],
    [[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])('the leader brings a log %j into consistency with its own', (terms) => {
    const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    const group = new RaftGroup([1, 2, 3], quietOptions);
    const write = (id: number, list: readonly number[]): void => {
      const { storage } = group.member(id);
      storage.append(list.map((term, i) => entry(i + 2, term)));
      storage.setHardState({ term: 7, vote: 0, commit: 1 });
      group.member(id).restart();
    };
    write(1, leaderTerms);
    write(2, terms);
    // The third gives the vote and has nothing.
    write(3, []);
    group.elect(1);
    const log = (id: number): unknown => group.raw(id).raft.log.entries(2, Infinity);
    expect(log(2)).toEqual(log(1));
    expect(log(3)).toEqual(log(1));
  });
});

describe('§5.4 Safety', () => {
  test.each([
    // last of the voter, last of the candidate → rejected
    [[entry(1, 1)], 1, 1, false],
    [[entry(1, 1)], 1, 2, false],
    [[entry(1, 1), entry(2, 1)], 1, 1, true],
    [[entry(1, 1)], 2, 1, false],
    [[entry(1, 1), entry(2, 1)], 2, 1, false],
    [[entry(1, 2)], 1, 1, true],
    [[entry(1, 2)], 1, 2, true],
    [[entry(1, 2), entry(2, 1)], 1, 1, true],
  ])('§5.4.1 a voter refuses a less complete log: %#', (entries, logTerm, index, reject) => {
    const node = nodeWith({ entries });
    node.step(messageFrom(2, MessageType.vote, { term: 3, logTerm, index }));
    expect(drain(node)[0]?.reject).toBe(reject);
  });

  test('§5.4.2 only entries of the own term are committed by counting replicas', () => {
    const node = leaderOf(3, [entry(1, 0), entry(2, 0)]);
    drain(node);
    node.step(messageFrom(2, MessageType.appResp, { term: 1, index: 2 }));
    expect(node.raft.commitIndex).toBe(0);
    node.step(messageFrom(2, MessageType.appResp, { term: 1, index: 3 }));
    expect(node.raft.commitIndex).toBe(3);
  });
});

describe('§6 Membership, §7 snapshots, §8 clients', () => {
  test('§6 a server that hears of a leader disregards vote requests', () => {
    const group = new RaftGroup([1, 2, 3], { ...options, checkQuorum: true });
    group.elect(1);
    group.raw(2).step(Object.assign(newMessage(MessageType.vote, 2), { from: 3, term: 9 }));
    expect([group.raw(2).raft.term, group.raw(2).raft.leaderId]).toEqual([1, 1]);
  });

  test('§7 a follower too far behind gets a snapshot, then what follows it', () => {
    const group = new RaftGroup([1, 2, 3], quietOptions);
    group.elect(1);
    group.isolate(3);
    for (const text of ['a', 'b', 'c']) {
      group.raw(1).propose(Buffer.from(text));
      group.settle();
    }
    group.member(1).compact();
    group.heal();
    group.raw(1).propose(Buffer.from('d'));
    group.settle();
    group.tick(1, 1);
    group.settle();
    expect(group.member(3).appliedIndex).toBe(group.member(1).appliedIndex);
    expect(group.member(3).applied).toEqual(['d']);
  });

  test('§7 a snapshot of what the log holds only moves the commit index', () => {
    const node = nodeWith({ entries: [entry(1, 1), entry(2, 1), entry(3, 1)] });
    const confState = { ...emptySnapshot.metadata.confState, voters: [1, 2, 3] };
    const snapshot = { ...emptySnapshot, metadata: { index: 2, term: 1, confState } };
    node.step(messageFrom(2, MessageType.snap, { term: 1, snapshot }));
    expect([node.raft.commitIndex, node.raft.lastIndex]).toEqual([2, 3]);
    expect(node.ready().snapshot).toBeUndefined();
  });

  test('§8 a leader commits a no-op at the start of its term', () => {
    const group = new RaftGroup([1, 2, 3], quietOptions);
    group.elect(1);
    const entries = group.raw(1).raft.log.entries(2, Infinity);
    expect(entries).toEqual([entry(2, 1)]);
    expect(group.raw(1).raft.commitIndex).toBe(2);
  });
});
