/**
 * SnapshotReceiver and SnapshotIntake. Goal: a replica, empty or not, is the old one or the new one
 * and never half; what was received is gone on with exactly where it ended; every refusal has its
 * name and leaves the node as it was. Method: `testing-receiver.ts`, streams fed chunk by chunk,
 * power cuts of every outcome at every write.
 */
import { describe, expect, test } from '@jest/globals';
import { DynakvError } from '../lib/errors.ts';
import { mebibyte, minuteMs } from '../lib/units.ts';
import { MessageType } from '../raft/messages.ts';
import { newMessage } from '../raft/new-message.ts';
import { encodeSnapshotChunk } from './snapshot-codec.ts';
import type { SnapshotChunk } from './snapshot-codec.ts';
import type { Feed } from './testing-receiver.ts';
import {
  TestReceiver,
  deltaChunk,
  endChunk,
  groupId,
  members,
  nobody,
  rowsChunk,
} from './testing-receiver.ts';

const broken = new DynakvError('Unavailable', 'the connection broke');

/** A whole snapshot of rows a, b, c, d with a change on the way. */
const whole: readonly SnapshotChunk[] = [
  rowsChunk(10, ['a=1', 'b=1']),
  deltaChunk(12, ['a=2', 'b']),
  rowsChunk(12, ['c=1', 'd=1'], true),
  deltaChunk(13, ['c', 'e=1']),
  endChunk(13),
];
const wholeRows = ['a=2', 'd=1', 'e=1'];

function giveAll(feed: Feed, chunks: readonly SnapshotChunk[]): Feed {
  for (const chunk of chunks) {
    feed.give(chunk);
  }
  return feed.end();
}

describe('SnapshotReceiver: installing', () => {
  test('an empty replica gets its first state: rows, applied pair, configuration', async () => {
    const node = await TestReceiver.open();
    expect([node.group.replica.applied.index, node.group.replica.confState]).toEqual([0, nobody]);
    const feed = giveAll(node.stream(), whole);
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('installed');
    expect(feed.answers[0]).toMatchObject({ index: 0, isComplete: false });
    expect(await node.rows()).toEqual(wholeRows);
    const { replica, raw } = node.group;
    expect(replica.applied).toEqual({ index: 13, term: 4 });
    expect(replica.configuration).toEqual({ index: 9, state: members, incarnation: 1 });
    expect(raw.raft.tracker.get(2)?.isLearner).toBe(true);
    expect(node.logged).toEqual([{ index: 13, term: 4, confState: members }]);
    const { generations } = node;
    expect(generations.stagings.list()).toEqual([]);
    expect(generations.unreferenced()).toEqual([]);
    expect(generations.readApplied(replica.generation)).toMatchObject({
      index: 13,
      configurationIndex: 9,
      installStamp: replica.generation,
    });
  });

  test('a replica with rows gets the new ones instead, and the old ones go', async () => {
    const node = await TestReceiver.open();
    const first = giveAll(node.stream(), [rowsChunk(5, ['old=1'], true), endChunk(5)]);
    await node.until(() => first.outcome !== undefined);
    const old = node.group.replica.generation;
    const feed = giveAll(node.stream(), whole);
    await node.until(() => feed.outcome !== undefined);
    expect(await node.rows()).toEqual(wholeRows);
    await node.run(100);
    expect(await node.rows(old)).toEqual([]);
    expect(node.generations.unreferenced()).toEqual([]);
  });

  test('rows are durable before the flip, which blocks the loop and has little left to sync', async () => {
    const node = await TestReceiver.open();
    const unsynced: number[] = [];
    const write = node.engine.write.bind(node.engine);
    node.engine.write = (writes, options) => {
      if (options?.sync === true) {
        unsynced.push(node.store.unsyncedWrites);
      }
      write(writes, options);
    };
    const feed = giveAll(node.stream(), whole);
    await node.until(() => feed.outcome !== undefined);
    expect([feed.outcome, unsynced]).toEqual(['installed', [0]]);
  });

  test('one that is not needed any more is let go of, and is no failure', async () => {
    const node = await TestReceiver.open(20);
    const feed = giveAll(node.stream(), whole);
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('installed');
    expect([node.group.replica.applied.index, node.logged]).toEqual([20, []]);
    expect(node.generations.stagings.list()).toEqual([]);
  });

  test('power cuts at every write, of every outcome: what is staged is exact and gone on with', async () => {
    for (let cut = 0; cut < whole.length - 1; cut++) {
      for (let lost = 0; lost <= cut + 1; lost++) {
        const node = await TestReceiver.open();
        const feed = node.stream();
        for (const chunk of whole.slice(0, cut)) {
          feed.give(chunk);
        }
        await node.until(() => feed.untaken === 0 && feed.answers.length > 0);
        await node.run(5);
        node.crash(node.store.unsyncedWrites - Math.min(lost, node.store.unsyncedWrites));
        await node.boot();
        const again = node.stream();
        await node.until(() => again.answers.length > 0);
        const point = again.answers[0];
        const done = [0, 10, 12, 12, 13].indexOf(point?.index ?? -1);
        // Chunk 2 and 3 end at the same index: the last key tells them apart.
        const taken = done === 2 && point?.lastKey.toString() === 'd' ? 3 : done;
        expect(taken).toBeGreaterThanOrEqual(0);
        const staged = node.generations.stagings.get(groupId)?.generation ?? 0;
        const expected = [[], ['a=1', 'b=1'], ['a=2'], ['a=2', 'c=1', 'd=1'], wholeRows];
        expect(await node.rows(staged)).toEqual(expected[taken]);
        giveAll(again, whole.slice(taken));
        await node.until(() => again.outcome !== undefined);
        expect([cut, lost, again.outcome]).toEqual([cut, lost, 'installed']);
        expect(await node.rows()).toEqual(wholeRows);
      }
    }
  });
});

describe('SnapshotReceiver: going on', () => {
  test('a stream that breaks leaves what it brought; the next goes on from there', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1', 'b=1']));
    await node.run();
    feed.end(broken);
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('Unavailable');
    const again = giveAll(node.stream({ from: 3, term: 6 }, 3), whole.slice(1));
    await node.until(() => again.outcome !== undefined);
    expect(again.answers[0]).toMatchObject({ index: 10, lastKey: Buffer.from('b'), rows: 2 });
    expect([again.outcome, await node.rows()]).toEqual(['installed', wholeRows]);
    expect(node.receiver.counts).toMatchObject({ installed: 1, failed: 1, resumed: 1 });
  });

  test('a sender that cannot go on says so: what was staged goes, under a new generation', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1', 'gone=1']));
    await node.run();
    feed.end(broken);
    await node.until(() => feed.outcome !== undefined);
    const before = node.generations.stagings.get(groupId)?.generation ?? 0;
    const again = giveAll(node.stream(), [{ kind: 'fresh' }, ...whole]);
    await node.until(() => again.outcome !== undefined);
    expect(again.outcome).toBe('installed');
    expect(node.group.replica.generation).toBeGreaterThan(before);
    expect(await node.rows()).toEqual(wholeRows);
    await node.run(100);
    expect(await node.rows(before)).toEqual([]);
  });

  test('what is staged of another life of the group is of no use, whatever its point (P19)', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1', 'gone=1']));
    await node.run();
    feed.end(broken);
    await node.until(() => feed.outcome !== undefined);
    const again = giveAll(node.stream({ incarnation: 2 }), whole);
    await node.until(() => again.outcome !== undefined);
    expect([again.answers[0]?.index, again.outcome]).toEqual([0, 'installed']);
    expect(await node.rows()).toEqual(wholeRows);
    expect(node.group.replica.configuration.incarnation).toBe(2);
  });

  test('a newer stream takes the place of one that hangs', async () => {
    const node = await TestReceiver.open();
    const hanging = node.stream().give(rowsChunk(10, ['a=1', 'b=1']));
    await node.run();
    const newer = node.stream({ term: 6, from: 3 }, 3);
    await node.until(() => newer.answers.length > 0);
    await node.run();
    expect(node.receiver.receiving.map(({ intake }) => intake.head.term)).toEqual([6]);
    giveAll(newer, whole.slice(1));
    await node.until(() => newer.outcome !== undefined && hanging.outcome !== undefined);
    expect([hanging.outcome, newer.outcome]).toEqual(['Unavailable', 'installed']);
    hanging.give(rowsChunk(10, ['x=1']));
    await node.run(100);
    expect(await node.rows()).toEqual(wholeRows);
  });

  test('a stream of an older term does not take it', async () => {
    const node = await TestReceiver.open();
    const running = node.stream({ term: 6 }).give(rowsChunk(10, ['a=1', 'b=1']));
    await node.run();
    const older = node.stream({ term: 5, from: 3 }, 3);
    await node.until(() => older.outcome !== undefined);
    expect(older.outcome).toBe('Unavailable');
    giveAll(running, whole.slice(1));
    await node.until(() => running.outcome !== undefined);
    expect(running.outcome).toBe('installed');
  });

  test('a term that passed on the way keeps it for the next leader', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream();
    for (const chunk of whole) {
      feed.give(chunk);
    }
    await node.run(5);
    node.group.step({ ...newMessage(MessageType.heartbeat, 2), from: 3, term: 6 });
    feed.end();
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('Unavailable StaleTerm');
    const stale = node.stream({ term: 5 });
    await node.until(() => stale.outcome !== undefined);
    expect(stale.outcome).toBe('Unavailable StaleTerm');
    const next = giveAll(node.stream({ term: 6, from: 3 }, 3), [endChunk(13)]);
    await node.until(() => next.outcome !== undefined);
    expect([next.outcome, await node.rows()]).toEqual(['installed', wholeRows]);
  });

  test('what is durable is told, about once a second or every few megabytes', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1']));
    await node.run(1_100);
    feed.give(rowsChunk(10, ['b=1']));
    await node.run(10);
    expect(feed.answers.map(({ rows }) => rows)).toEqual([0, 2]);
    const large = 'x'.repeat(mebibyte);
    for (let i = 0; i < 9; i++) {
      feed.give(rowsChunk(10, [`c${i}=${large}`]));
    }
    await node.run(500);
    expect(feed.answers.length).toBeGreaterThan(2);
    node.crash(0);
    await node.boot();
    const again = node.stream();
    await node.until(() => again.answers.length > 0);
    expect(again.answers[0]).toEqual(feed.answers.at(-1));
  });
});

describe('SnapshotReceiver: refusals', () => {
  test('a damaged chunk: refused by name, and nothing of the stream is trusted', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1', 'b=1']));
    const damaged = encodeSnapshotChunk(1, rowsChunk(10, ['c=1']));
    damaged[damaged.length - 1] = 0;
    feed.giveBytes(damaged);
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('BadFrame ChunkDamaged');
    expect(node.generations.stagings.list()).toEqual([]);
    const again = giveAll(node.stream(), whole);
    await node.until(() => again.outcome !== undefined);
    expect(again.answers[0]?.index).toBe(0);
    expect(await node.rows()).toEqual(wholeRows);
  });

  const ordered = rowsChunk(10, ['b=1', 'c=1']);
  const misfits: readonly (readonly [string, readonly SnapshotChunk[]])[] = [
    ['a row again', [ordered, rowsChunk(10, ['c=1'])]],
    ['a row before the last one', [ordered, rowsChunk(10, ['a=1'])]],
    ['rows of another index', [ordered, rowsChunk(11, ['d=1'])]],
    ['rows behind the last', [rowsChunk(10, ['b=1'], true), rowsChunk(10, ['c=1'])]],
    ['changes of an earlier index', [ordered, deltaChunk(9, ['b'])]],
    ['an end before the last row', [ordered, endChunk(10)]],
    ['an end at another index', [rowsChunk(10, ['b=1'], true), endChunk(11)]],
    ['a chunk behind the end', [rowsChunk(10, ['b=1'], true), endChunk(10), endChunk(10)]],
    ['no end', [rowsChunk(10, ['b=1'], true)]],
  ];

  test.each(misfits)('%s: refused by name', async (_what, chunks) => {
    const node = await TestReceiver.open();
    const feed = giveAll(node.stream(), chunks);
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('BadFrame ChunkOutOfOrder');
    expect([node.logged, node.generations.stagings.list()]).toEqual([[], []]);
  });

  test('no space at the start, none on the way: by name, with the numbers; later there is', async () => {
    const node = await TestReceiver.open();
    node.freeBytes = 300 * mebibyte;
    const refused = node.stream({ bytesTotal: 100 * mebibyte });
    await node.until(() => refused.outcome !== undefined);
    expect(refused.outcome).toBe('NoSpace InsufficientFreeSpace');
    expect(refused.error).toMatchObject({
      facts: { free: 300 * mebibyte, needed: 376 * mebibyte },
    });
    node.freeBytes = Infinity;
    const feed = node.stream({ bytesTotal: 100 * mebibyte });
    await node.until(() => feed.answers.length > 0);
    const large = 'x'.repeat(mebibyte);
    for (let i = 10; i < 90; i++) {
      feed.give(rowsChunk(10, [`a${i}=${large}`]));
    }
    node.freeBytes = 300 * mebibyte;
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('NoSpace InsufficientFreeSpace');
    await node.run(100);
    // The room is given back.
    expect([node.generations.stagings.list(), node.generations.unreferenced()]).toEqual([[], []]);
    node.freeBytes = Infinity;
    const again = giveAll(node.stream(), whole);
    await node.until(() => again.outcome !== undefined);
    expect(again.outcome).toBe('installed');
  });

  test('no room in the log: nothing large is begun', async () => {
    const node = await TestReceiver.open();
    node.diskFull = true;
    const refused = node.stream();
    await node.until(() => refused.outcome !== undefined);
    expect(refused.outcome).toBe('NoSpace InsufficientFreeSpace');
  });

  test('another replica, another sender, a stopped group', async () => {
    const node = await TestReceiver.open();
    for (const [head, from] of [
      [{ to: 9 }, 1],
      [{ from: 3 }, 1],
      [{ groupId: 8 }, 1],
    ] as const) {
      const feed = node.stream(head, from);
      await node.until(() => feed.outcome !== undefined);
      expect(feed.outcome).toBe('NoReplica');
    }
    node.group.stop(new Error('broken'));
    const feed = node.stream();
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('Unavailable');
  });

  test('more than the limit at a time: a throttle by name', async () => {
    const node = await TestReceiver.open();
    node.receivesMax = 0;
    const feed = node.stream();
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('Throttled SnapshotsIn');
  });

  test('a store that fails is reported', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream();
    await node.until(() => feed.answers.length > 0);
    node.engine.failNextWrite();
    feed.give(rowsChunk(10, ['a=1']));
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('StoreFailed');
    expect(node.failures).toHaveLength(1);
  });
});

describe('SnapshotReceiver: pressure and time', () => {
  test('nothing is taken while the engine is near a stall; the sender hears that it lives', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream();
    await node.until(() => feed.answers.length > 0);
    node.engine.setHealth({ stalled: true });
    const large = 'x'.repeat(mebibyte);
    for (let i = 0; i < 5; i++) {
      feed.give(rowsChunk(10, [`a${i}=${large}`]));
    }
    await node.run(20_000);
    expect(feed.untaken).toBe(4);
    expect(node.receiver.receiving[0]?.intake.waitsFor).toBe('engine');
    expect(feed.answers.length).toBeGreaterThan(3);
    node.engine.setHealth({ stalled: false });
    await node.run(500);
    expect(feed.untaken).toBe(0);
  });

  test('a byte rate holds it back', async () => {
    const node = await TestReceiver.open();
    node.bytesPerSecond = 2 * mebibyte;
    const feed = node.stream();
    const large = 'x'.repeat(mebibyte);
    for (let i = 0; i < 9; i++) {
      feed.give(rowsChunk(10, [`a${i}=${large}`]));
    }
    await node.run(2_000);
    expect(feed.untaken).toBeGreaterThanOrEqual(3);
    await node.run(3_000);
    expect(feed.untaken).toBe(0);
  });

  test('a stream in which nothing moves is given up, what it brought stays', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1', 'b=1']));
    await node.run(29_000);
    expect(feed.outcome).toBeUndefined();
    await node.run(2_000);
    expect(feed.outcome).toBe('Unavailable');
    const again = giveAll(node.stream(), whole.slice(1));
    await node.until(() => again.outcome !== undefined);
    expect(again.outcome).toBe('installed');
  });

  test('a staged state that nobody goes on with is given up after ten minutes', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1']));
    await node.run();
    feed.end(broken);
    await node.until(() => feed.outcome !== undefined);
    node.crash();
    await node.boot();
    node.receiver.sweep();
    await node.run(9 * minuteMs);
    node.receiver.sweep();
    expect(node.generations.stagings.list()).toHaveLength(1);
    await node.run(2 * minuteMs);
    node.receiver.sweep();
    await node.run(100);
    expect([node.generations.stagings.list(), node.generations.unreferenced()]).toEqual([[], []]);
  });

  test('what was staged for a replica that left goes at once, with its stream', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1']));
    await node.run();
    node.groups.delete(groupId);
    node.receiver.forget(groupId);
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('NoReplica');
    feed.give(rowsChunk(10, ['b=1']));
    await node.run(100);
    expect([node.generations.stagings.list(), node.generations.unreferenced()]).toEqual([[], []]);
  });

  test('a stream is noticed to be for nobody when its replica goes without a word', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1']));
    await node.run();
    node.groups.delete(groupId);
    feed.give(rowsChunk(10, ['b=1']));
    await node.until(() => feed.outcome !== undefined);
    expect(feed.outcome).toBe('NoReplica');
    expect(node.generations.stagings.list()).toEqual([]);
  });

  test('close() ends every stream', async () => {
    const node = await TestReceiver.open();
    const feed = node.stream().give(rowsChunk(10, ['a=1']));
    await node.run();
    node.receiver.close();
    await node.until(() => feed.outcome !== undefined);
    expect(node.receiver.receiving).toEqual([]);
  });
});
