/**
 * Stagings. Goal: after any power cut the staging row says exactly which rows are there (what P13
 * forbids cannot happen), and an install takes the row along. Method: the memory engine loses every
 * possible suffix of what was not synced.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import type { Random } from '../sys/random.ts';
import type { Timers } from '../sys/clock.ts';
import type { Engine } from '../sys/engine.ts';
import { rowKey, rowsRange, stripGeneration } from './generation-rows.ts';
import { Generations } from './generations.ts';
import { MemoryStore } from './memory-store.ts';
import { decodeStaging, emptyPoint, encodeStaging, stagingKey } from './staging-rows.ts';
import type { StagedPoint } from './staging-rows.ts';

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
const owner = { groupId: 7, replicaId: 3, incarnation: 1 };
const configuration = {
  configurationIndex: 0,
  incarnation: 1,
  confState: {
    voters: [1, 2, 3],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  },
};

/** Keeps so many of the unsynced writes. */
function keeping(writes: number): Random {
  return { uint32: () => writes, bytes: (count) => Buffer.alloc(count) };
}

function pointAt(key: string, rows: number): StagedPoint {
  return { ...emptyPoint, index: 9, term: 2, lastKey: Buffer.from(key), rows, bytes: rows };
}

function stage(generations: Generations, generation: number, key: string, rows: number): void {
  const row = {
    column: 'data',
    key: rowKey(generation, Buffer.from(key)),
    value: Buffer.from('v'),
  };
  generations.stagings.write(7, [row as never], pointAt(key, rows));
}

async function rowsOf(engine: Engine, generation: number): Promise<string[]> {
  const iterator = engine.iterate({ column: 'data', ...rowsRange(generation) });
  const rows = await iterator.next(1_000, 1 << 20);
  await iterator.close();
  return rows.map(([key]) => stripGeneration(key).toString());
}

describe('staging rows', () => {
  test('one reads as it was written; one of a newer format is as good as none', () => {
    const staging = { ...owner, generation: 12, point: pointAt('k', 2 ** 40) };
    expect(decodeStaging(7, encodeStaging(staging))).toEqual(staging);
    const newer = encodeStaging(staging);
    newer[0] = 2;
    expect(decodeStaging(7, newer)).toBeUndefined();
  });
});

describe('Stagings', () => {
  test('a power cut leaves row and point of the same write, whichever writes it takes', async () => {
    const keys = ['a', 'b', 'c', 'd'];
    const seen = new Set<number>();
    for (let kept = 0; kept <= keys.length + 1; kept++) {
      const store = new MemoryStore();
      const generations = await Generations.open(store.open({ timers }));
      const { generation } = await generations.beginStaging(owner);
      for (const [i, key] of keys.entries()) {
        stage(generations, generation, key, i + 1);
      }
      expect(store.unsyncedWrites).toBe(keys.length + 1);
      store.crash(keeping(kept));
      const engine = store.open({ timers });
      const again = await Generations.open(engine);
      const found = again.stagings.get(7);
      const rows = await rowsOf(engine, generation);
      expect(rows).toEqual(keys.slice(0, Math.max(0, kept - 1)));
      if (kept === 0) {
        expect(found).toBeUndefined();
        expect(again.unreferenced()).toEqual([generation]);
      } else {
        expect(found).toMatchObject({ replicaId: 3, generation });
        expect(found?.point).toEqual(
          kept === 1 ? emptyPoint : pointAt(must(rows.at(-1)), kept - 1),
        );
        expect(again.unreferenced()).toEqual([]);
      }
      seen.add(rows.length);
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  test('an install and its staging row go together, whatever a power cut takes', async () => {
    for (const kept of [0, 1]) {
      const store = new MemoryStore();
      const engine = store.open({ timers });
      const generations = await Generations.open(engine);
      const { generation } = await generations.beginStaging(owner);
      stage(generations, generation, 'a', 1);
      await engine.syncWal();
      const pointer = { groupId: 7, replicaId: 3, generation };
      // Unsynced here, so that both outcomes of the power cut are possible.
      engine.write(
        generations.flipWrites(pointer, { index: 9, term: 2, ...configuration, installStamp: 1 }),
      );
      store.crash(keeping(kept));
      const again = await Generations.open(store.open({ timers }));
      expect(again.pointer(7)).toEqual(kept === 1 ? pointer : undefined);
      expect(again.stagings.get(7)?.generation).toBe(kept === 1 ? undefined : generation);
      expect(again.unreferenced()).toEqual([]);
    }
  });

  test('flipNow() ends the staging of that generation, and of no other', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    const applied = { index: 9, term: 2, ...configuration, installStamp: 1 };
    const { generation } = await generations.beginStaging(owner);
    const other = await generations.allocate();
    generations.flipNow({ groupId: 7, replicaId: 3, generation: other }, applied);
    expect(generations.stagings.get(7)?.generation).toBe(generation);
    generations.flipNow({ groupId: 7, replicaId: 3, generation }, { ...applied, index: 10 });
    expect(generations.stagings.list()).toEqual([]);
    expect(generations.unreferenced()).toEqual([other]);
  });

  test('what is given up is unreferenced at once, and after a restart', async () => {
    const store = new MemoryStore();
    const generations = await Generations.open(store.open({ timers }));
    const { generation } = await generations.beginStaging(owner);
    stage(generations, generation, 'a', 1);
    expect(generations.abandonStaging(7)).toBe(generation);
    expect(generations.abandonStaging(7)).toBeUndefined();
    expect(generations.unreferenced()).toEqual([generation]);
    store.kill();
    const again = await Generations.open(store.open({ timers }));
    expect(again.stagings.list()).toEqual([]);
    expect(again.unreferenced()).toEqual([generation]);
  });

  test('a replica that is removed takes its staging along', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    const live = await generations.allocate();
    const applied = { index: 1, term: 1, ...configuration, installStamp: undefined };
    await generations.flip({ groupId: 7, replicaId: 3, generation: live }, applied);
    const { generation } = await generations.beginStaging(owner);
    await generations.remove(7, 3);
    expect(generations.unreferenced()).toEqual([live, generation]);
  });

  test('a staging whose generation has no marker, or is in use, is none', async () => {
    const store = new MemoryStore();
    const engine = store.open({ timers });
    const generations = await Generations.open(engine);
    const live = await generations.allocate();
    const applied = { index: 1, term: 1, ...configuration, installStamp: undefined };
    await generations.flip({ groupId: 7, replicaId: 3, generation: live }, applied);
    for (const [groupId, generation] of [
      [7, live],
      [8, 99],
    ] as const) {
      const value = encodeStaging({ ...owner, groupId, generation, point: emptyPoint });
      engine.write([{ column: 'default', key: stagingKey(groupId), value }]);
    }
    store.kill();
    const again = await Generations.open(store.open({ timers }));
    expect(again.stagings.list()).toEqual([]);
    expect(again.pointer(7)?.generation).toBe(live);
  });

  test('one staging a group, and its index never goes back', async () => {
    const generations = await Generations.open(new MemoryStore().open({ timers }));
    await generations.beginStaging(owner);
    await expect(generations.beginStaging(owner)).rejects.toThrow('one snapshot at a time');
    generations.stagings.write(7, [], pointAt('a', 1));
    expect(() => {
      generations.stagings.write(7, [], { ...pointAt('a', 1), index: 8 });
    }).toThrow('never goes back');
    expect(() => {
      generations.stagings.write(8, [], pointAt('a', 1));
    }).toThrow('was begun');
  });
});
