/** LogWriter: group commit, and what may be acknowledged when. The log answers when told. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { DynakvError } from '../lib/errors.ts';
import { EntryType, MessageType } from '../raft/messages.ts';
import type { Entry, HardState, Message } from '../raft/messages.ts';
import { newMessage } from '../raft/new-message.ts';
import type { LogBatchBuilder } from '../storage/raft-log/batch-builder.ts';
import type { RaftLog } from '../storage/raft-log/raft-log.ts';
import type { Timers } from '../sys/clock.ts';
import type { Group } from './group.ts';
import { LogWriter } from './log-writer.ts';

interface Append {
  readonly batch: LogBatchBuilder;
  readonly succeed: () => Promise<void>;
  readonly fail: (error: unknown) => Promise<void>;
}

let appends: Append[];
let timers: (() => void)[];
let heard: string[];
let stepped: Message[];
let writer: LogWriter;

/** Lets the continuations of a settled append run. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await Promise.resolve();
  }
}

const log = {
  append: (batch: LogBatchBuilder) =>
    new Promise<void>((resolve, reject) => {
      appends.push({
        batch,
        succeed: () => {
          resolve();
          return settled();
        },
        fail: (error) => {
          reject(error);
          return settled();
        },
      });
    }),
} as unknown as RaftLog;

beforeEach(() => {
  appends = [];
  timers = [];
  heard = [];
  stepped = [];
  const clock = { monotonicMs: () => 0, wallMs: () => 0 };
  const fakeTimers = {
    after: (_ms: number, callback: () => void) => {
      timers.push(callback);
      return { cancel: () => undefined };
    },
  } as unknown as Timers;
  writer = new LogWriter(log, clock, fakeTimers, {
    send: (group, message) => heard.push(`send ${group.groupId} ${message.index}`),
    dirty: (group) => heard.push(`dirty ${group.groupId}`),
    failed: (error) => heard.push(`failed ${(error as Error).message}`),
    space: (full) => heard.push(full ? 'full' : 'room'),
    synced: () => undefined,
  });
});

interface FakeGroup {
  readonly group: Group;
  readonly stored: string[];
}

function newGroup(groupId: number, breaks = false): FakeGroup {
  const stored: string[] = [];
  const fake = {
    groupId,
    replicaId: 1,
    stoppedBecause: undefined as string | undefined,
    queuedHardState: { term: 1, vote: 0, commit: 0 },
    step: (message: Message) => stepped.push(message),
    stop: (error: Error) => {
      heard.push(`stop ${groupId} ${error.message}`);
      fake.stoppedBecause = error.message;
    },
    storage: {
      append: (entries: readonly Entry[]) => {
        if (breaks) {
          throw new Error('hole');
        }
        stored.push(...entries.map(({ index }) => `entry ${index}`));
      },
      restart: () => stored.push('restart'),
      setHardState: ({ term, commit }: HardState) => stored.push(`hard ${term}.${commit}`),
    },
  };
  return { group: fake as unknown as Group, stored };
}

function append(index: number, fields: Partial<Message> = {}): Message {
  const data = Buffer.from('x');
  const entries = [{ index, term: 1, type: EntryType.normal, data }];
  return { ...newMessage(MessageType.storageAppend, 1), entries, ...fields };
}

function ack(index: number, fields: Partial<Message> = {}): Message {
  return { ...newMessage(MessageType.appResp, 2), from: 1, term: 1, index, ...fields };
}

describe('LogWriter', () => {
  test('all groups of a turn go into one append; nothing is told before it is durable', async () => {
    const [one, two] = [newGroup(1), newGroup(2)];
    writer.add(one.group, append(5, { responses: [ack(5)] }));
    writer.add(two.group, append(8, { responses: [ack(8)] }));
    writer.flush();
    expect(appends).toHaveLength(1);
    expect(appends[0]?.batch.records).toHaveLength(2);
    expect([heard, one.stored]).toEqual([[], []]);
    await appends[0]?.succeed();
    expect([one.stored, two.stored]).toEqual([['entry 5'], ['entry 8']]);
    expect(heard).toEqual(['send 1 5', 'dirty 1', 'send 2 8', 'dirty 2']);
  });

  test('one append is under way at a time; the next batch fills meanwhile', async () => {
    const { group } = newGroup(1);
    writer.add(group, append(5));
    writer.flush();
    writer.add(group, append(6));
    writer.flush();
    writer.add(group, append(7));
    writer.flush();
    expect(appends).toHaveLength(1);
    await appends[0]?.succeed();
    writer.flush();
    expect(appends).toHaveLength(2);
    expect(appends[1]?.batch.records).toHaveLength(2);
    expect(writer.idle).toBe(false);
    await appends[1]?.succeed();
    expect(writer.idle).toBe(true);
  });

  test('several acks to one leader become the highest; refusals and own answers all pass', async () => {
    const { group } = newGroup(1);
    writer.add(group, append(5, { responses: [ack(5), ack(4, { reject: true })] }));
    writer.add(group, append(6, { responses: [ack(6), ack(6, { to: 1 })] }));
    writer.flush();
    await appends[0]?.succeed();
    expect(heard).toEqual(['send 1 4', 'dirty 1', 'send 1 6', 'dirty 1']);
    expect(stepped.map(({ index }) => index)).toEqual([6]);
  });

  test('acks of two terms both go out', async () => {
    const { group } = newGroup(1);
    writer.add(group, append(5, { responses: [ack(5)] }));
    writer.add(group, append(5, { responses: [ack(5, { term: 2, to: 3 })] }));
    writer.flush();
    await appends[0]?.succeed();
    expect(heard.filter((line) => line.startsWith('send'))).toEqual(['send 1 5', 'send 1 5']);
  });

  test('a hard state that differs in commit only causes no append, and rides with the next', async () => {
    const { group } = newGroup(1);
    const commitOnly = { ...newMessage(MessageType.storageAppend, 1), term: 1, commit: 4 };
    writer.add(group, commitOnly);
    writer.flush();
    expect(appends).toHaveLength(0);
    expect(writer.lazyCommits).toBe(1);
    writer.add(group, append(5));
    writer.flush();
    expect(appends[0]?.batch.records.map(({ kind }) => kind)).toEqual(['entries', 'hardState']);
    expect(writer.lazyCommits).toBe(0);
  });

  test.each([
    ['a new term', { term: 2, vote: 0 }],
    ['a vote', { term: 1, vote: 2 }],
  ])('%s is appended at once, and drops the waiting commit', async (_name, change) => {
    const { group, stored } = newGroup(1);
    writer.add(group, { ...newMessage(MessageType.storageAppend, 1), term: 1, commit: 4 });
    writer.add(group, { ...newMessage(MessageType.storageAppend, 1), commit: 4, ...change });
    writer.flush();
    expect(appends[0]?.batch.records.map(({ kind }) => kind)).toEqual(['hardState']);
    expect(writer.lazyCommits).toBe(0);
    await appends[0]?.succeed();
    expect(stored).toEqual([`hard ${change.term}.4`]);
  });

  test('answers that need no record go out without an append', () => {
    const { group } = newGroup(1);
    writer.add(group, append(5, { entries: [], responses: [ack(5)] }));
    writer.flush();
    expect(appends).toHaveLength(0);
    expect(heard).toEqual(['send 1 5', 'dirty 1']);
  });

  test('such answers wait behind an append under way', async () => {
    const { group } = newGroup(1);
    writer.add(group, append(5));
    writer.flush();
    writer.add(group, append(5, { entries: [], responses: [ack(5)] }));
    writer.flush();
    expect(heard).toEqual([]);
    await appends[0]?.succeed();
    writer.flush();
    expect(heard).toContain('send 1 5');
  });

  test('after a failure nothing is acknowledged, stored or appended any more', async () => {
    const { group, stored } = newGroup(1);
    writer.add(group, append(5, { responses: [ack(5)] }));
    writer.flush();
    writer.add(group, append(6, { responses: [ack(6)] }));
    await appends[0]?.fail(new Error('EIO'));
    expect(heard).toEqual(['failed EIO']);
    writer.add(group, append(5, { entries: [], responses: [ack(5)] }));
    writer.flush();
    expect([heard, stored, appends.length]).toEqual([['failed EIO'], [], 1]);
  });

  test('without space the same batch is tried again until there is room', async () => {
    const { group } = newGroup(1);
    writer.add(group, append(5, { responses: [ack(5)] }));
    writer.flush();
    const batch = appends[0]?.batch;
    for (let round = 0; round < 2; round++) {
      await appends[round]?.fail(new DynakvError('NoSpace', 'no room'));
      expect(writer.full).toBe(true);
      writer.add(group, append(6 + round));
      writer.flush();
      expect(appends).toHaveLength(round + 1);
      timers.shift()?.();
      expect(appends).toHaveLength(round + 2);
      expect(appends[round + 1]?.batch).toBe(batch);
    }
    await appends[2]?.succeed();
    expect(writer.full).toBe(false);
    expect(heard).toEqual(['full', 'room', 'send 1 5', 'dirty 1']);
  });

  test('close() ends the retries, and errors of a closed log are no failure', async () => {
    const { group } = newGroup(1);
    writer.add(group, append(5, { responses: [ack(5)] }));
    writer.flush();
    await appends[0]?.fail(new DynakvError('NoSpace', 'no room'));
    writer.close();
    timers.shift()?.();
    expect(appends).toHaveLength(1);
  });

  test('an append that ends after close() is not told', async () => {
    const { group, stored } = newGroup(1);
    writer.add(group, append(5, { responses: [ack(5)] }));
    writer.flush();
    writer.close();
    await appends[0]?.succeed();
    expect([heard, stored]).toEqual([[], []]);
    writer = new LogWriter(log, { monotonicMs: () => 0, wallMs: () => 0 }, {} as Timers, {
      send: () => undefined,
      dirty: () => undefined,
      failed: (error) => heard.push(`failed ${String(error)}`),
      space: () => undefined,
      synced: () => undefined,
    });
    writer.add(group, append(5));
    writer.flush();
    writer.close();
    await appends[1]?.fail(new Error('the log is closed'));
    expect(heard).toEqual([]);
  });

  test('bookkeeping is told when durable, and does not strand what was queued behind it', async () => {
    const { group } = newGroup(1);
    let done = 0;
    writer.bookkeep(
      (builder) => builder.watermark(1, 1, 4),
      () => {
        done += 1;
      },
    );
    writer.flush();
    writer.add(group, append(5));
    expect([done, appends.length]).toEqual([0, 1]);
    await appends[0]?.succeed();
    expect([done, appends.length]).toEqual([1, 2]);
  });

  test('a group whose log breaks stops alone', async () => {
    const [broken, sound] = [newGroup(1, true), newGroup(2)];
    writer.add(broken.group, append(5, { responses: [ack(5)] }));
    writer.add(sound.group, append(5, { responses: [ack(5)] }));
    writer.flush();
    await appends[0]?.succeed();
    expect(heard).toEqual(['stop 1 hole', 'send 2 5', 'dirty 2']);
  });
});
