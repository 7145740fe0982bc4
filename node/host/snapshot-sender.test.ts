/**
 * SnapshotSender and SnapshotSending. Goal: followers are served one at a time and in order, nobody
 * is asked in a hot loop, the core hears of every end, and the log is held as long as it helps and
 * no longer. Method: a leader's real group, streams that the test answers and ends, simulated time.
 */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import { mebibyte } from '../lib/units.ts';
import { Prng } from '../lib/prng.ts';
import { encodeBatch } from '../items/batch.ts';
import { MessageType } from '../raft/messages.ts';
import { SimScheduler } from '../sim/clock.ts';
import type { SimTime } from '../sim/clock.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import type { MemoryEngine } from '../storage/memory-engine.ts';
import { MemoryStore } from '../storage/memory-store.ts';
import { emptyPoint } from '../storage/staging-rows.ts';
import type { StagedPoint } from '../storage/staging-rows.ts';
import type { EngineWrite } from '../sys/engine.ts';
import type { Network, SnapshotHeader } from '../sys/network.ts';
import { ForegroundLoad } from './foreground-load.ts';
import { LogPins } from './log-pins.ts';
import { decodeSnapshotChunk, decodeSnapshotHead, encodeSnapshotAnswer } from './snapshot-codec.ts';
import type { SnapshotChunk } from './snapshot-codec.ts';
import { SnapshotPace } from './snapshot-pace.ts';
import { SnapshotSender } from './snapshot-sender.ts';
import type { SnapshotSending } from './snapshot-sending.ts';

/** One stream as the network has it. */
interface Stream {
  readonly to: number;
  /** The size of the shard that its head says. */
  readonly bytesTotal: number;
  answer(point: Partial<StagedPoint>): void;
  answerBytes(bytes: Buffer): void;
  /** Takes the next chunk. */
  take(): Promise<SnapshotChunk | undefined>;
  installed(): void;
  fail(error: unknown): void;
}

let scheduler: SimScheduler;
let time: SimTime;
let engine: MemoryEngine;
let lone: LoneGroup;
let pins: LogPins;
let streams: Stream[];
let sender: SnapshotSender;
let priorities: Map<number, number>;
let bytesOf: () => Promise<number>;

const network = {
  sendSnapshot: (
    to: number,
    { header }: SnapshotHeader,
    chunks: AsyncIterable<Buffer>,
    onAnswer: (bytes: Buffer) => void,
  ) =>
    new Promise<void>((resolve, reject) => {
      const source = chunks[Symbol.asyncIterator]();
      let number = 0;
      streams.push({
        to,
        bytesTotal: decodeSnapshotHead(header).bytesTotal,
        answer: (point) => {
          onAnswer(encodeSnapshotAnswer({ ...emptyPoint, ...point }));
        },
        answerBytes: onAnswer,
        take: async () => {
          const asked = source.next();
          const state = { settled: false };
          const note = (): void => {
            state.settled = true;
          };
          asked.then(note, (error: unknown) => {
            note();
            reject(error); // As the transport does with an error of the source.
          });
          await scheduler.runUntil(() => state.settled, 1_000);
          const next = await asked;
          number += 1;
          return next.done === true ? undefined : decodeSnapshotChunk(number - 1, next.value);
        },
        installed: resolve,
        fail: reject,
      });
    }),
} as unknown as Network;

const rows = {
  rowRange: () => ({ column: 'data', from: Buffer.alloc(0), to: Buffer.from([0xff]) }) as const,
  rowKey: (_generation: number, key: Buffer) => key,
  strip: (key: Buffer) => key,
};

function drain(): void {
  const writes: EngineWrite[] = [];
  lone.group.replica.drain(writes, Infinity)();
  engine.write(writes);
}

function write(bytes = 10): void {
  const writes = [{ key: Buffer.from('k'), value: Buffer.alloc(bytes) }];
  lone.group.propose(encodeBatch(writes), lone.group.openTerm, () => undefined);
  lone.commit();
  drain();
}

beforeEach(() => {
  scheduler = new SimScheduler();
  time = scheduler.openTime();
  engine = new MemoryStore().open({ timers: time });
  lone = new LoneGroup();
  lone.lead();
  drain();
  pins = new LogPins();
  streams = [];
  priorities = new Map();
  bytesOf = () => Promise.resolve(1_000);
  const limit = (): number => 1e12;
  sender = new SnapshotSender({
    ...{ engine, network, rows },
    clock: time,
    timers: time,
    random: new Prng(3),
    keeper: {
      pin: (group, token, index, terms) => {
        pins.pin(group, token, index, terms);
      },
      unpin: (group, token) => {
        pins.unpin(group, token);
      },
      drainGroup: drain,
    },
    pace: new SnapshotPace({ clock: time, timers: time, load: new ForegroundLoad(), limit }),
    bytesOf: () => bytesOf(),
    sendsMax: () => 1,
    priority: (_group, to) => priorities.get(to) ?? 0,
  });
});

/** The core asks for a snapshot to a follower. */
function ask(to: number): void {
  must(lone.group.raw.raft.tracker.get(to)).becomeSnapshot(lone.group.lastIndex);
  sender.send(lone.group, to);
}

function progressOf(to: number): string | undefined {
  return lone.group.raw.raft.tracker.get(to)?.state;
}

/** Time goes on, with the owner's sweeps. */
async function run(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    await scheduler.runFor(Math.min(left, 1_000));
    sender.sweep();
  }
  await scheduler.runFor(1);
}

async function nextStream(count: number): Promise<Stream> {
  await scheduler.runUntil(() => streams.length >= count, 60_000);
  return must(streams[count - 1], `Stream ${count}`);
}

function only(): SnapshotSending {
  expect(sender.sendings).toHaveLength(1);
  return must(sender.sendings[0]);
}

const broken = new DynakvError('Unavailable', 'the connection broke');
const busy = new DynakvError('Throttled', 'busy', { reason: 'SnapshotsIn' });

/** Plays a receiver that takes everything; returns the kinds of the chunks. */
async function takeAll(stream: Stream, from: Partial<StagedPoint> = {}): Promise<string[]> {
  stream.answer(from);
  const kinds: string[] = [];
  for (;;) {
    const chunk = must(await stream.take());
    kinds.push(chunk.kind);
    if (chunk.kind === 'end') {
      expect(await stream.take()).toBeUndefined();
      return kinds;
    }
  }
}

describe('SnapshotSender: turns', () => {
  test('one at a time, the higher priority first, the next when it ended', async () => {
    priorities.set(3, 5);
    ask(2);
    ask(3);
    await scheduler.runFor(10);
    expect(streams.map(({ to }) => to)).toEqual([3]);
    await takeAll(must(streams[0]));
    streams[0]?.installed();
    await scheduler.runFor(10);
    expect(streams.map(({ to }) => to)).toEqual([3, 2]);
    expect(progressOf(3)).toBe('probe');
    expect(sender.counts).toMatchObject({ sent: 1, failed: 0 });
  });

  test('asked again while it is under way, nothing happens twice', async () => {
    ask(3);
    ask(3);
    await scheduler.runFor(10);
    sender.send(lone.group, 3);
    must(streams[0]).fail(broken);
    await scheduler.runFor(10);
    sender.send(lone.group, 3);
    await scheduler.runFor(10);
    expect([streams.length, sender.sendings.length]).toEqual([1, 1]);
  });

  test('a busy receiver is asked a few times a second; the core waits', async () => {
    ask(3);
    let count = 0;
    while (time.monotonicMs() < 120_000) {
      count += 1;
      (await nextStream(count)).fail(busy);
      await scheduler.runFor(1);
      expect([only().blockedBy, only().mode]).toEqual(['SnapshotsIn', 'waiting']);
    }
    expect(count).toBeLessThan(120 * 5);
    expect(progressOf(3)).toBe('snapshot');
    const stream = await nextStream(count + 1);
    await takeAll(stream);
    stream.installed();
    await scheduler.runFor(10);
    expect(progressOf(3)).toBe('probe');
  });

  test('a follower that fails lets another one go before it tries again', async () => {
    ask(3);
    ask(2);
    (await nextStream(1)).fail(broken);
    expect((await nextStream(2)).to).toBe(2);
    await scheduler.runFor(5_000);
    expect(streams).toHaveLength(2);
    must(streams[1]).fail(broken);
    expect((await nextStream(3)).to).toBe(3);
  });

  test('one that gets no further for a minute is given up, and the core told', async () => {
    ask(3);
    let count = 0;
    while (progressOf(3) === 'snapshot' && count < 100) {
      count += 1;
      (await nextStream(count)).fail(broken);
      await run(1_000);
    }
    expect(time.monotonicMs()).toBeGreaterThan(60_000);
    expect(count).toBeLessThan(30);
    expect([progressOf(3), sender.sendings.length]).toEqual(['probe', 0]);
    expect(sender.counts.givenUp).toBe(1);
    ask(3);
    expect((await nextStream(count + 1)).to).toBe(3);
  });

  test('a stream in which nothing moves ends after half a minute', async () => {
    ask(3);
    const stream = await nextStream(1);
    stream.answer({});
    await stream.take();
    await run(29_000);
    expect(only().mode).toBe('sending');
    stream.answer({});
    await run(29_000);
    expect(only().mode).toBe('sending');
    expect(sender.counts.failed).toBe(0);
    await run(2_000);
    expect([streams.length, sender.counts.failed]).toEqual([2, 1]);
  });

  test('each stream says how large the shard is by then, not how large it was', async () => {
    ask(3);
    const first = await nextStream(1);
    bytesOf = () => Promise.resolve(5_000);
    first.fail(broken);
    const second = await nextStream(2);
    expect([first.bytesTotal, second.bytesTotal, only().bytesTotal]).toEqual([1_000, 5_000, 5_000]);
  });

  test('a size that does not come keeps nobody waiting for ever', async () => {
    bytesOf = () => new Promise(() => undefined);
    ask(3);
    await run(31_000);
    expect([streams.length, sender.counts.failed]).toEqual([0, 1]);
    bytesOf = () => Promise.resolve(7);
    sender.forget(lone.group.groupId);
    ask(3);
    expect((await nextStream(1)).bytesTotal).toBe(7);
  });

  test('an answer that makes no sense ends the stream, not the node', async () => {
    ask(3);
    const stream = await nextStream(1);
    stream.answerBytes(Buffer.from([1, 2]));
    await scheduler.runFor(10);
    expect([only().mode, only().blockedBy]).toEqual(['waiting', 'BadFrame']);
  });

  test('a group that is led elsewhere by now is not waited for', async () => {
    ask(3);
    (await nextStream(1)).fail(broken);
    await scheduler.runFor(1);
    lone.depose(lone.group.lastIndex, lone.group.term, [], lone.group.commitIndex);
    await run(2_000);
    expect([streams.length, sender.sendings.length]).toEqual([1, 0]);
  });

  test('forget() and close() end what is under way', async () => {
    ask(3);
    const stream = await nextStream(1);
    stream.answer({});
    await stream.take();
    sender.forget(lone.group.groupId);
    await expect(stream.take()).rejects.toThrow('given up');
    await scheduler.runFor(10);
    expect([sender.sendings.length, pins.floor(lone.group)]).toEqual([0, Infinity]);
    ask(2);
    const second = await nextStream(2);
    sender.close();
    await scheduler.runFor(10);
    second.fail(broken);
    await run(10_000);
    expect(streams).toHaveLength(2);
  });
});

describe('SnapshotSender: the log', () => {
  test('what is read and what could be gone on from is held; after a while only the former', async () => {
    write();
    ask(3);
    const stream = await nextStream(1);
    stream.answer({});
    await stream.take();
    const begun = lone.group.replica.engineApplied.index;
    expect(pins.floor(lone.group)).toBe(begun);
    const { index, term } = lone.group.replica.engineApplied;
    stream.answer({ index, term, lastKey: Buffer.from('k'), rows: 1, bytes: 11 });
    write();
    stream.fail(broken);
    await scheduler.runFor(10);
    // The stream is over, but the receiver may come back with what it has.
    expect(pins.floor(lone.group)).toBe(begun);
    const again = await nextStream(2);
    again.answer({ index, term, lastKey: Buffer.from('k'), rows: 1, bytes: 11 });
    expect((await again.take())?.kind).toBe('delta');
    again.fail(broken);
    for (let count = 3; sender.sendings.length > 0; count++) {
      (await nextStream(count)).fail(broken);
      await run(1_000);
    }
    expect(pins.floor(lone.group)).toBe(Infinity);
    expect(sender.counts).toMatchObject({ resumed: 1, startedOver: 0 });
  });

  test('a log that outgrows its budget is let go of: a dead receiver cannot hold it', async () => {
    write();
    ask(3);
    const stream = await nextStream(1);
    stream.answer({});
    await stream.take();
    expect(pins.floor(lone.group)).toBeLessThan(Infinity);
    for (let i = 0; i < 34; i++) {
      write(mebibyte);
    }
    expect(pins.floor(lone.group)).toBe(Infinity);
    await scheduler.runFor(10);
    expect([only().mode, only().blockedBy]).toEqual(['waiting', 'LogGone']);
  });

  test('behind an installed snapshot it stays until the follower has it', async () => {
    ask(3);
    const stream = await nextStream(1);
    await takeAll(stream);
    const end = lone.group.replica.engineApplied.index;
    write();
    stream.installed();
    await run(2_000);
    expect([only().mode, pins.floor(lone.group)]).toEqual(['catchingUp', end]);
    lone.receive(MessageType.appResp, 3, { index: lone.group.lastIndex });
    await run(2_000);
    expect([sender.sendings.length, pins.floor(lone.group)]).toEqual([0, Infinity]);
  });

  test('… or half a minute: one that does not read it cannot hold it', async () => {
    ask(3);
    const stream = await nextStream(1);
    await takeAll(stream);
    write();
    stream.installed();
    await run(29_000);
    expect(sender.sendings).toHaveLength(1);
    await run(3_000);
    expect([sender.sendings.length, pins.floor(lone.group)]).toEqual([0, Infinity]);
  });

  test('a follower that needs another one while it catches up gets it', async () => {
    ask(3);
    await takeAll(await nextStream(1));
    write();
    must(streams[0]).installed();
    await scheduler.runFor(10);
    ask(3);
    expect((await nextStream(2)).to).toBe(3);
    expect(only().mode).toBe('sending');
    sender.forget(lone.group.groupId);
    expect(pins.floor(lone.group)).toBe(Infinity);
  });

  test('a receiver that is busy for long is waited for, but not with the log', async () => {
    write();
    ask(3);
    const stream = await nextStream(1);
    stream.answer({});
    await stream.take();
    const { index, term } = lone.group.replica.engineApplied;
    stream.answer({ index, term, lastKey: Buffer.from('k'), rows: 1, bytes: 11 });
    stream.fail(broken);
    const until = async (ms: number, from: number): Promise<number> => {
      let count = from;
      while (time.monotonicMs() < ms) {
        (await nextStream(count)).fail(busy);
        await scheduler.runFor(1);
        count += 1;
      }
      return count;
    };
    const next = await until(50_000, 2);
    expect(pins.floor(lone.group)).toBe(index);
    await until(70_000, next);
    expect([sender.sendings.length, pins.floor(lone.group)]).toEqual([1, Infinity]);
  });

  test('only the leader of the term in which it began ends it', async () => {
    write();
    ask(3);
    const stream = await nextStream(1);
    stream.answer({});
    expect((await stream.take())?.kind).toBe('rows');
    lone.depose(lone.group.lastIndex, lone.group.term, [], lone.group.commitIndex);
    // It goes on meanwhile, so that the next leader's log reaches back to what the receiver has.
    expect((await stream.take())?.kind).toBe('rows');
    await expect(stream.take()).rejects.toMatchObject({ code: 'NotLeader' });
    await scheduler.runFor(10);
    expect(sender.sendings).toEqual([]);
  });

  test('… not of a later one either: the receiver would not hear it', async () => {
    ask(3);
    const stream = await nextStream(1);
    stream.answer({});
    expect((await stream.take())?.kind).toBe('rows');
    const { term } = lone.group;
    lone.depose(lone.group.lastIndex, term, [], lone.group.commitIndex);
    lone.lead();
    drain();
    expect(lone.group.isLeader && lone.group.term > term).toBe(true);
    expect((await stream.take())?.kind).toBe('delta');
    await expect(stream.take()).rejects.toMatchObject({ code: 'NotLeader' });
  });
});
