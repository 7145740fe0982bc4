/** The agreement to sleep (protocols.md P15), seen from the leader and from a follower. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { encodeBatch } from '../items/batch.ts';
import { MessageType } from '../raft/messages.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import { Sleep } from './sleep.ts';
import type { SleepTerms, WakeCall } from './sleep.ts';

let lone: LoneGroup;
let asked: number[];
let agreed: number[];
let calls: [number, WakeCall][];
let live: Set<number>;
let mayCall: boolean;
let terms: SleepTerms;
let sleep: Sleep;

beforeEach(() => {
  lone = new LoneGroup();
  [asked, agreed, calls, live] = [[], [], [], new Set([2, 3])];
  mayCall = true;
  sleep = new Sleep({
    askSleep: (to, asking) => {
      asked.push(to);
      terms = asking;
    },
    agreeSleep: (to) => agreed.push(to),
    mayCall: () => mayCall,
    callAwake: (to, call) => calls.push([to, call]),
    isLive: (nodeId) => live.has(nodeId),
  });
});

/** A leader at rest, all of whose followers hold its log. */
function quietLeader(): void {
  lone.lead();
  lone.receive(MessageType.appResp, 3, { index: lone.group.lastIndex });
  lone.sync();
  lone.takeSent();
  lone.group.quietTicks = 20;
}

function agree(from: number, of: SleepTerms = terms): void {
  sleep.agreed(lone.group, from, of);
}

describe('Sleep: leader', () => {
  test('asks when quiet, sends no heartbeat meanwhile, sleeps when all agreed', () => {
    quietLeader();
    expect(sleep.tick(lone.group)).toBe(true);
    expect(asked).toEqual([2, 3]);
    agree(2);
    agree(2);
    expect(lone.group.asleep).toBe(false);
    agree(3);
    expect(lone.group.asleep).toBe(true);
  });

  test('does not ask before it is quiet, or while a follower lacks something', () => {
    quietLeader();
    lone.group.quietTicks = 19;
    expect(sleep.tick(lone.group)).toBe(false);
    const writes = [{ key: Buffer.from('a'), value: Buffer.alloc(1) }];
    lone.group.propose(encodeBatch(writes), lone.group.openTerm, () => undefined);
    lone.commit();
    lone.group.quietTicks = 20;
    expect(sleep.tick(lone.group)).toBe(false);
    expect(asked).toEqual([]);
  });

  test('does not ask while a node is not live, or its place is not known', () => {
    quietLeader();
    live.delete(3);
    expect(sleep.tick(lone.group)).toBe(false);
    live.add(3);
    lone.group.nodes.delete(3);
    expect(sleep.tick(lone.group)).toBe(false);
    expect(asked).toEqual([]);
  });

  test('does not ask while it hands over, or reads wait', () => {
    quietLeader();
    lone.group.transferring = true;
    expect(sleep.tick(lone.group)).toBe(false);
    lone.group.transferring = false;
    lone.group.readBarrier(() => undefined);
    lone.group.quietTicks = 20;
    expect(sleep.tick(lone.group)).toBe(false);
  });

  test('without all answers in time it ticks on, and asks again much later', () => {
    quietLeader();
    sleep.tick(lone.group);
    agree(2);
    expect([1, 2, 3].map(() => sleep.tick(lone.group))).toEqual([true, true, true]);
    expect(sleep.tick(lone.group)).toBe(false);
    agree(3);
    expect(lone.group.asleep).toBe(false);
    let ticks = 0;
    while (asked.length === 2 && ticks < 200) {
      sleep.tick(lone.group);
      ticks += 1;
    }
    expect(ticks).toBeGreaterThan(40);
    expect(asked).toEqual([2, 3, 2, 3]);
  });

  test('an answer to other terms does not count', () => {
    quietLeader();
    sleep.tick(lone.group);
    agree(2, { ...terms, commit: terms.commit - 1 });
    agree(2, { ...terms, term: terms.term - 1 });
    agree(3);
    expect(lone.group.asleep).toBe(false);
  });

  test('what happened since it asked keeps it awake', () => {
    quietLeader();
    sleep.tick(lone.group);
    agree(2);
    lone.group.wake();
    agree(3);
    expect(lone.group.asleep).toBe(false);
  });
});

describe('Sleep: follower', () => {
  function follow(): SleepTerms {
    lone.receive(MessageType.heartbeat, 3, { term: 2, commit: 1 });
    lone.sync();
    lone.takeSent();
    return { groupId: 1, term: 2, commit: 1 };
  }

  test('agrees with its leader on exactly its state, and sleeps', () => {
    sleep.asked(lone.group, 3, follow());
    expect([agreed, lone.group.asleep]).toEqual([[3], true]);
  });

  test.each<[string, number, Partial<SleepTerms>]>([
    ['another node than its leader', 2, {}],
    ['another term', 3, { term: 1 }],
    ['a commit index that it has not', 3, { commit: 2 }],
  ])('refuses %s', (_name, from, change) => {
    const own = follow();
    sleep.asked(lone.group, from, { ...own, ...change });
    expect([agreed, lone.group.asleep]).toEqual([[], false]);
  });

  test('refuses with something not committed in its log', () => {
    const own = follow();
    lone.depose(1, 1, [Buffer.alloc(0)], 1);
    sleep.asked(lone.group, 3, { ...own, term: lone.group.term });
    expect(agreed).toEqual([]);
  });

  test.each([MessageType.heartbeat, MessageType.preVote, MessageType.app])(
    'message %i wakes it',
    (type) => {
      sleep.asked(lone.group, 3, follow());
      lone.receive(type, 3, { term: 2, index: 1, logTerm: 1, commit: 1 });
      expect(lone.group.asleep).toBe(false);
    },
  );

  test('asleep, its clock stands: no election however long', () => {
    sleep.asked(lone.group, 3, follow());
    for (let tick = 0; tick < 100; tick++) {
      lone.group.tick();
    }
    expect([lone.takeSent(), lone.group.leader]).toEqual([[], 3]);
  });

  test('a pre-vote of the believed leader ends the lease: the half-done transfer (P15)', () => {
    sleep.asked(lone.group, 3, follow());
    lone.receive(MessageType.preVote, 3, { term: 3, index: 1, logTerm: 1 });
    lone.sync();
    const answers = lone.takeSent().filter(({ type }) => type === MessageType.preVoteResp);
    expect(answers).toMatchObject([{ to: 3, reject: false }]);
  });

  test('a pre-vote of another is refused while the leader is believed in', () => {
    sleep.asked(lone.group, 3, follow());
    lone.receive(MessageType.preVote, 2, { term: 3, index: 1, logTerm: 1 });
    lone.sync();
    const granted = lone
      .takeSent()
      .filter(({ type, reject }) => type === MessageType.preVoteResp && !reject);
    expect(granted).toEqual([]);
  });
});

describe('Sleep: without a leader', () => {
  function ticks(count: number): void {
    for (let tick = 0; tick < count; tick++) {
      sleep.tickFollower(lone.group);
    }
  }

  const call: WakeCall = { groupId: 1, replicaId: 1 };

  test('calls all members awake once an election had its time, and again', () => {
    ticks(19);
    expect(calls).toEqual([]);
    ticks(1);
    expect(calls).toEqual([
      [2, call],
      [3, call],
    ]);
    ticks(20);
    expect(calls).toHaveLength(4);
  });

  test('calls nobody while the cluster may have nodes that do not know the call', () => {
    mayCall = false;
    ticks(40);
    expect(calls).toEqual([]);
    mayCall = true;
    ticks(20);
    expect(calls).toHaveLength(2);
  });

  test('a leader that is heard of ends it, and the count begins anew', () => {
    ticks(19);
    lone.receive(MessageType.heartbeat, 3, { term: 2, commit: 1 });
    ticks(40);
    lone.group.raw.forgetLeader();
    ticks(19);
    expect(calls).toEqual([]);
    ticks(1);
    expect(calls).toHaveLength(2);
  });

  test('a member whose place is not known is not called', () => {
    lone.group.nodes.delete(2);
    ticks(20);
    expect(calls).toEqual([[3, call]]);
  });

  test('a call of a member wakes a leader and a follower', () => {
    quietLeader();
    lone.group.asleep = true;
    sleep.called(lone.group, 3, { groupId: 1, replicaId: 3 });
    expect([lone.group.asleep, lone.group.quietTicks]).toEqual([false, 0]);
    lone.depose(lone.group.commitIndex, lone.group.term, [], lone.group.commitIndex);
    lone.group.asleep = true;
    sleep.called(lone.group, 2, { groupId: 1, replicaId: 2 });
    expect(lone.group.asleep).toBe(false);
  });

  test.each([
    ['a replica that is no member', 2, 4],
    ['another node than the replica’s', 2, 3],
  ])('a call of %s wakes nobody', (_name, from, replicaId) => {
    quietLeader();
    lone.group.asleep = true;
    lone.group.nodes.set(4, 2);
    sleep.called(lone.group, from, { groupId: 1, replicaId });
    expect(lone.group.asleep).toBe(true);
  });
});
