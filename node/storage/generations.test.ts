/**
 * Generations on the memory engine. Goal: rules P13 and P14 hold through crashes. Method: power
 * cuts of every outcome (seeds) between the steps of an install.
 */
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import type { ConfState } from '../raft/messages.ts';
import type { Timers } from '../sys/clock.ts';
import type { Engine } from '../sys/engine.ts';
import {
  appliedKey,
  decodeApplied,
  encodeApplied,
  generationOf,
  generationRange,
  rowKey,
  rowsRange,
  stripGeneration,
} from './generation-rows.ts';
import type { Applied } from './generation-rows.ts';
import { Generations } from './generations.ts';
import { MemoryStore } from './memory-store.ts';

const timers: Timers = {
  after: (_delayMs, callback) => {
    queueMicrotask(callback);
    return { cancel: () => undefined };
  },
  every: () => ({ cancel: () => undefined }),
  endOfTurn: (callback) => {
    queueMicrotask(callback);
  },
};

const confState: ConfState = {
  voters: [1, 2, 3],
  learners: [4],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
const at = (index: number, installStamp?: number): Applied => ({
  index,
  term: 2,
  confState,
  configurationIndex: 7,
  incarnation: 2,
  installStamp,
});
const row = (generation: number, text: string, value = text) =>
  ({
    column: 'data',
    key: rowKey(generation, Buffer.from(text)),
    value: Buffer.from(value),
  }) as const;

async function rowsOf(engine: Engine, generation: number): Promise<string[]> {
  const iterator = engine.iterate({ column: 'data', ...generationRange(generation) });
  const rows = await iterator.next(100_000, 1 << 30);
  await iterator.close();
  return rows.map(([key]) => stripGeneration(key).toString('latin1'));
}

describe('generation rows', () => {
  test('rowKey() and stripGeneration() are inverse', () => {
    const stored = rowKey(0x01020304, Buffer.from('key'));
    expect(stored.toString('hex')).toBe('010203046b6579');
    expect(generationOf(stored)).toBe(0x01020304);
    expect(stripGeneration(stored).toString()).toBe('key');
  });
  test('a generation is one contiguous range, its applied row behind its rows', () => {
    const last = rowKey(7, Buffer.from('fffffffeffffffff', 'hex'));
    const { from, to } = generationRange(7);
    expect(from.compare(rowKey(7, Buffer.alloc(4)))).toBe(-1);
    expect(last.compare(appliedKey(7))).toBe(-1);
    expect(appliedKey(7).compare(to)).toBe(-1);
    expect(rowsRange(7)).toEqual({ from, to: appliedKey(7) });
    expect(to).toEqual(generationRange(8).from);
  });
  test.each([undefined, 0, 9])('an applied row with install stamp %p comes back', (stamp) => {
    const applied = at(2 ** 40, stamp);
    expect(decodeApplied(encodeApplied(applied))).toEqual(applied);
  });
  test('decodeApplied() refuses what it does not know', () => {
    const encoded = encodeApplied(at(1));
    const newer = Buffer.from(encoded);
    newer[0] = 4;
    expect(() => decodeApplied(newer)).toThrow(/format 4 is newer than 3/);
    newer[0] = 0;
    for (const bad of [newer, encoded.subarray(0, 9), Buffer.concat([encoded, encoded])]) {
      expect(() => decodeApplied(bad)).toThrow(/Cannot read|Expected the end/);
    }
  });
});

describe('Generations', () => {
  test('starts empty and counts from one', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    expect(generations.groups()).toEqual([]);
    expect(await generations.allocate()).toBe(1);
    expect(await generations.allocate()).toBe(2);
    expect(generations.unreferenced()).toEqual([]);
  });
  test('allocate() calls made together get different numbers', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    const calls = Array.from({ length: 20 }, () => generations.allocate());
    expect(new Set(await Promise.all(calls)).size).toBe(20);
  });
  test('allocate() never gives a number again after a power cut (P13)', async () => {
    const store = new MemoryStore();
    const given: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const engine = store.open({ timers });
      const generations = await Generations.open(engine);
      const generation = await generations.allocate();
      engine.write([row(generation, 'half-written')]);
      void generations.allocate(); // under way when the power goes: may be given again
      given.push(generation);
      store.crash(new Prng(seed));
    }
    expect(new Set(given).size).toBe(40);
  });
  test('flip() records a group, and a restart finds it', async () => {
    const store = new MemoryStore();
    const generations = await Generations.open(store.open({ timers }));
    const generation = await generations.allocate();
    const pointer = { groupId: 7, replicaId: 3, generation };
    await generations.flip(pointer, at(0));
    store.crash(new Prng(1));
    const again = await Generations.open(store.open({ timers }));
    expect(again.groups()).toEqual([pointer]);
    expect(again.pointer(7)).toEqual(pointer);
    expect(again.readApplied(generation)).toEqual(at(0));
    expect(again.isCurrent(7, 3, generation)).toBe(true);
    expect(again.isCurrent(7, 4, generation)).toBe(false);
    expect(again.unreferenced()).toEqual([]);
  });
  test('a half-written install is unreferenced after a restart, and goes (P13)', async () => {
    const store = new MemoryStore();
    let engine = store.open({ timers });
    let generations = await Generations.open(engine);
    const staging = await generations.allocate();
    engine.write([row(staging, 'deleted-since')]);
    await engine.syncWal();
    expect(generations.unreferenced()).toEqual([]);
    store.crash(new Prng(1));

    engine = store.open({ timers });
    generations = await Generations.open(engine);
    expect(generations.unreferenced()).toEqual([staging]);
    const newer = await generations.allocate();
    expect(newer).toBeGreaterThan(staging);
    await generations.flip({ groupId: 1, replicaId: 1, generation: newer }, at(5, newer));
    expect(await rowsOf(engine, newer)).toEqual([
      stripGeneration(appliedKey(newer)).toString('latin1'),
    ]);
    await generations.deleteGeneration(staging);
    expect(await rowsOf(engine, staging)).toEqual([]);
    expect(generations.unreferenced()).toEqual([]);
  });
  test('a power cut during flip() leaves the old or the new generation, whole', async () => {
    const outcomes = new Set<number>();
    for (let seed = 1; seed <= 40; seed++) {
      const store = new MemoryStore();
      let engine = store.open({ timers });
      let generations = await Generations.open(engine);
      const old = await generations.allocate();
      await generations.flip({ groupId: 1, replicaId: 1, generation: old }, at(5));
      const staging = await generations.allocate();
      engine.write([row(staging, 'a'), row(staging, 'b')]);
      await engine.syncWal();
      void generations.flip({ groupId: 1, replicaId: 1, generation: staging }, at(9, staging));
      store.crash(new Prng(seed));

      engine = store.open({ timers });
      generations = await Generations.open(engine);
      const current = generations.pointer(1)?.generation ?? 0;
      outcomes.add(current);
      expect(generations.readApplied(current)).toEqual(current === old ? at(5) : at(9, staging));
      expect(generations.unreferenced()).toEqual([current === old ? staging : old]);
      expect(generations.readApplied(staging) === undefined).toBe(current === old);
    }
    expect(outcomes).toEqual(new Set([1, 2]));
  });
  test.each([4, 5])('flip() to snapshot index %d is refused at applied 5 (P14)', async (index) => {
    const store = new MemoryStore();
    const generations = await Generations.open(store.open({ timers }));
    const old = { groupId: 1, replicaId: 1, generation: await generations.allocate() };
    await generations.flip(old, at(5));
    const generation = await generations.allocate();
    await expect(generations.flip({ ...old, generation }, at(index))).rejects.toMatchObject({
      code: 'Refused',
      message: `Cannot switch group 1 to generation 2: snapshot index ${index} is not above applied 5`,
    });
    expect(generations.pointer(1)).toEqual(old);
  });
  test('flip() is refused for another replica until the old one is removed', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    const old = { groupId: 1, replicaId: 1, generation: await generations.allocate() };
    await generations.flip(old, at(5));
    const next = { groupId: 1, replicaId: 2, generation: await generations.allocate() };
    await expect(generations.flip(next, at(9))).rejects.toMatchObject({ code: 'Refused' });
    await generations.remove(1, 2);
    expect(generations.pointer(1)).toEqual(old);
    await generations.remove(1, 1);
    expect(generations.unreferenced()).toEqual([old.generation]);
    await generations.flip(next, at(1));
    expect(generations.groups()).toEqual([next]);
  });
  test('flip() is refused for a generation in use, unknown or abandoned', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    const used = await generations.allocate();
    await generations.flip({ groupId: 1, replicaId: 1, generation: used }, at(1));
    const abandoned = await generations.allocate();
    generations.abandon(abandoned);
    for (const generation of [used, abandoned, 99]) {
      const flip = generations.flip({ groupId: 2, replicaId: 1, generation }, at(9));
      await expect(flip).rejects.toMatchObject({ code: 'Refused' });
    }
    expect(generations.unreferenced()).toEqual([abandoned]);
  });
  test.each([0, 3, 100, 101, 5000])(
    'deleteGeneration() of %d rows spares its neighbours',
    async (count) => {
      const engine = new MemoryStore().open({ timers });
      const generations = await Generations.open(engine);
      const [left, gone, right] = [
        await generations.allocate(),
        await generations.allocate(),
        await generations.allocate(),
      ];
      engine.write([row(left, '\xff\xff\xff\xff\xff'), row(right, ''), row(right, '\x00')]);
      engine.write(Array.from({ length: count }, (_, i) => row(gone, `row${i}`)));
      generations.abandon(gone);
      await generations.deleteGeneration(gone);
      expect(await rowsOf(engine, gone)).toEqual([]);
      expect(await rowsOf(engine, left)).toHaveLength(1);
      expect(await rowsOf(engine, right)).toHaveLength(2);
    },
  );
  test('deleteGeneration() of a referenced generation is a broken invariant', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    const generation = await generations.allocate();
    await expect(generations.deleteGeneration(generation)).rejects.toThrow('unreferenced');
  });
  test('a crash during deleteGeneration() loses no row without a marker', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const store = new MemoryStore();
      let engine = store.open({ timers });
      let generations = await Generations.open(engine);
      const gone = await generations.allocate();
      engine.write(Array.from({ length: 150 }, (_, i) => row(gone, `row${i}`)));
      await engine.syncWal();
      generations.abandon(gone);
      await generations.deleteGeneration(gone);
      store.crash(new Prng(seed));
      engine = store.open({ timers });
      generations = await Generations.open(engine);
      const left = await rowsOf(engine, gone);
      expect(left.length === 0 || generations.unreferenced().includes(gone)).toBe(true);
    }
  });
  test('open() refuses a store that lost its counter', async () => {
    const engine = new MemoryStore().open({ timers });
    engine.write([row(5, 'a')]);
    await expect(Generations.open(engine)).rejects.toMatchObject({ code: 'StoreFailed' });
  });
});
