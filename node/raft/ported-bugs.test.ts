/**
 * Bugs that other Raft implementations had, each as a test here. Links, what each was, and those
 * that are tested elsewhere or do not apply: docs/ported-bugs.md. Method: a group of cores in
 * memory (`test/raft-group.ts`), or messages to one of them.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { RaftGroup } from '../test/raft-group.ts';
import type { GroupMember, GroupOptions } from '../test/raft-group.ts';
import { confChange, ConfChangeType } from './conf-change.ts';
import { EntryType, MessageType } from './messages.ts';
import type { Entry, Message } from './messages.ts';
import { newMessage } from './new-message.ts';

const options: GroupOptions = { random: () => 0.5, electionTicks: 10 };

function entry(index: number, term: number, text = `${index}`): Entry {
  return { term, index, type: EntryType.normal, data: Buffer.from(text) };
}

/** Delivers a message to a replica and does its work; what it answers. */
function tell(group: RaftGroup, to: number, from: number, fields: Partial<Message>): Message {
  const member = group.member(to);
  const type = fields.type ?? MessageType.app;
  member.raw.step(Object.assign(newMessage(type, to), { from }, fields));
  group.network = [];
  group.work(member);
  return must(group.network.find((message) => message.to === from));
}

/** Index and term of everything in the log above the first entry. */
function logOf({ raw }: GroupMember): string[] {
  const found = raw.raft.log.entries(2, Infinity);
  return typeof found === 'string' ? [found] : found.map(({ index, term }) => `${index}/${term}`);
}

/** Three voters; replica 1 leads and all hold `count` entries besides its first. */
function ledGroup(count: number, voters: readonly number[] = [1, 2, 3]): RaftGroup {
  const group = new RaftGroup(voters, options);
  group.elect(1);
  for (let i = 0; i < count; i++) {
    group.raw(1).propose(Buffer.from(`p${i}`));
  }
  group.settle();
  return group;
}

describe('appends', () => {
  // https://github.com/databendlabs/openraft/commit/9540c904da4ae005baec01868e01016f3bc76810
  test('openraft 9540c904: an append that ends inside the log cuts nothing off', () => {
    const group = ledGroup(0);
    const entries = [entry(3, 1), entry(4, 1), entry(5, 1)];
    tell(group, 2, 1, { term: 1, index: 2, logTerm: 1, entries, commit: 2 });
    // The first of them again, late: the later ones may be committed by now.
    const late = { term: 1, index: 2, logTerm: 1, entries: entries.slice(0, 1), commit: 2 };
    const answer = tell(group, 2, 1, late);
    expect(logOf(group.member(2))).toEqual(['2/1', '3/1', '4/1', '5/1']);
    expect(answer.index).toBe(3);
  });

  // The same change: the commit index must not cover what the append did not check.
  test('openraft 9540c904: a commit index beyond the append commits no other entry', () => {
    const group = ledGroup(0);
    const other = [entry(3, 1), entry(4, 1)];
    tell(group, 2, 1, { term: 1, index: 2, logTerm: 1, entries: other, commit: 2 });
    const entries = [entry(3, 1)];
    tell(group, 2, 3, { term: 3, index: 2, logTerm: 1, entries, commit: 4 });
    expect(group.raw(2).raft.commitIndex).toBe(3);
  });

  // https://github.com/databendlabs/openraft/commit/6202138f0766dcfd07a1a825af165f132de6b920
  test('openraft 6202138f: an empty append is checked for its predecessor too', () => {
    const group = ledGroup(0);
    const answer = tell(group, 2, 3, { term: 2, index: 2, logTerm: 2, entries: [], commit: 2 });
    const beyond = tell(group, 2, 3, { term: 2, index: 7, logTerm: 2, entries: [], commit: 2 });
    expect([answer.reject, beyond.reject]).toEqual([true, true]);
  });

  // https://github.com/databendlabs/openraft/issues/511
  test('openraft #511: a predecessor that was compacted is no conflict', () => {
    const group = ledGroup(6);
    const member = group.member(2);
    const last = member.raw.raft.lastIndex;
    member.compact();
    tell(group, 2, 1, {
      term: 1,
      index: last,
      logTerm: 1,
      entries: [entry(last + 1, 1)],
      commit: 3,
    });
    // Sent long ago: what precedes it is in the snapshot.
    const late = [entry(4, 1, 'p1'), entry(5, 1, 'p2')];
    const answer = tell(group, 2, 1, { term: 1, index: 3, logTerm: 1, entries: late, commit: 3 });
    expect([answer.reject, answer.index]).toEqual([false, last]);
    expect(member.raw.raft.lastIndex).toBe(last + 1);
  });
});

describe('elections', () => {
  // https://github.com/databendlabs/openraft/commit/a48a3282c58bdcae3309545a06431aecf3e65db8
  test.each([
    ['longer, of an older term', 9, 1, true],
    ['shorter, of a newer term', 3, 3, false],
    ['shorter, of the same term', 4, 2, true],
    ['equal', 5, 2, false],
  ])('openraft a48a3282: a log that is %s', (_what, index, logTerm, reject) => {
    const group = new RaftGroup([1, 2, 3], options);
    const entries = [entry(2, 1), entry(3, 1), entry(4, 2), entry(5, 2)];
    tell(group, 2, 1, { term: 2, index: 1, logTerm: 1, entries, commit: 1 });
    const type = MessageType.vote;
    expect(tell(group, 2, 3, { type, term: 9, index, logTerm }).reject).toBe(reject);
  });

  // https://github.com/databendlabs/openraft/commit/228077a66d5099fd404ae9c68f0977e5f978f102
  test('openraft 228077a6: a group whose replicas all restarted elects within two timeouts', () => {
    let draws = 0;
    const random = (): number => (draws++ % 7) / 7;
    const group = new RaftGroup([1, 2, 3], {
      ...options,
      random,
      preVote: true,
      checkQuorum: true,
    });
    group.elect(1);
    for (const member of group.members) {
      member.restart();
    }
    group.network = [];
    for (let ticks = 0; group.leaders.length === 0; ticks++) {
      expect(ticks).toBeLessThan(40);
      group.tick();
      group.settle();
    }
  });
});

describe('reads', () => {
  // https://github.com/databendlabs/openraft/commit/d60f1e852d3e5b9455589593067599d261f695b2
  test('openraft d60f1e85: a read of five needs three, not two', () => {
    const group = ledGroup(1, [1, 2, 3, 4, 5]);
    const leader = group.member(1);
    leader.raw.readIndex(Buffer.from('r'));
    group.work(leader);
    const asked = group.network.filter(({ type }) => type === MessageType.heartbeat);
    const answer = (from: number): void => {
      const { context } = must(asked.find(({ to }) => to === from));
      const response = newMessage(MessageType.heartbeatResp, 1);
      leader.raw.step(Object.assign(response, { from, term: 1, context }));
      group.work(leader);
    };
    answer(2);
    expect(leader.reads).toEqual([]);
    answer(3);
    expect(leader.reads).toHaveLength(1);
  });

  // https://github.com/etcd-io/etcd/issues/7331
  test('etcd #7331: a new leader answers no read before it has committed in its term', () => {
    const group = ledGroup(3);
    // The next leader lacks the news that the last entry is committed.
    group.filter = ({ type, to }) => type !== MessageType.app || to !== 2;
    group.raw(1).propose(Buffer.from('last'));
    group.filter = () => true;
    group.settle();
    group.isolate(1);
    group.raw(2).campaign();
    group.filter = ({ type }) => type !== MessageType.appResp;
    group.settle();
    expect(group.raw(2).raft.role).toBe('leader');
    group.raw(2).readIndex(Buffer.from('early'));
    group.settle();
    expect(group.member(2).reads).toEqual([]);
    group.filter = () => true;
    group.tick(1, 2);
    group.settle();
    const [read] = group.member(2).reads;
    expect(must(read).index).toBe(group.raw(2).raft.lastIndex);
  });
});

describe('configurations', () => {
  // https://github.com/databendlabs/openraft/commit/dba24036cda834e8c970d2561b1ff435afd93165
  test('openraft dba24036: a configuration outlives two compactions and a restart', () => {
    const group = ledGroup(2);
    group.add(4, options, { ...group.member(1).confState, voters: [1, 2, 3] });
    group.raw(1).proposeConfChange(confChange([{ type: ConfChangeType.addVoter, id: 4 }]));
    group.settle();
    for (let round = 0; round < 2; round++) {
      group.raw(1).propose(Buffer.from(`more ${round}`));
      group.settle();
      for (const member of group.members) {
        member.compact();
      }
    }
    for (const member of group.members) {
      member.restart();
      expect(member.raw.raft.tracker.config.voters.incoming).toEqual([1, 2, 3, 4]);
    }
  });

  // https://github.com/databendlabs/openraft/commit/39690593a07c6b9ded4b7b8f1aca3191fa7641e4
  test('openraft 39690593: a learner that restarts is a learner', () => {
    const group = ledGroup(1);
    group.add(4, options, { ...group.member(1).confState, voters: [1, 2, 3] });
    group.raw(1).proposeConfChange(confChange([{ type: ConfChangeType.addLearner, id: 4 }]));
    group.settle();
    const learner = group.member(4);
    learner.restart();
    group.tick(50, 4);
    group.settle();
    expect([learner.raw.raft.isLearner, learner.raw.raft.role]).toEqual([true, 'follower']);
    expect(learner.raw.raft.term).toBe(1);
  });
});
