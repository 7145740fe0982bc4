/**
 * The memory engine passes the suite of all engines, and is no kinder than a real disk: a power
 * cut loses a suffix of the unsynced writes, faults are final, a dead process answers nothing.
 */
import { describe, expect, test } from '@jest/globals';
import { isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import type { Timers } from '../sys/clock.ts';
import { engineSuite } from './engine-suite.ts';
import type { MemoryEngine } from './memory-engine.ts';
import { MemoryStore } from './memory-store.ts';

/** Runs callbacks of the end of a turn as microtasks. */
const microtaskTimers: Timers = {
  after: (_delayMs, callback) => {
    queueMicrotask(callback);
    return { cancel: () => undefined };
  },
  every: () => ({ cancel: () => undefined }),
  endOfTurn: (callback) => {
    queueMicrotask(callback);
  },
};

/** Holds every callback until it is told to run it. */
class HeldTimers implements Timers {
  readonly held: { delayMs: number; callback: () => void }[] = [];

  after(delayMs: number, callback: () => void): { cancel(): void } {
    this.held.push({ delayMs, callback });
    return { cancel: () => undefined };
  }

  every(): { cancel(): void } {
    return { cancel: () => undefined };
  }

  endOfTurn(callback: () => void): void {
    this.held.push({ delayMs: 0, callback });
  }

  runAll(): void {
    for (const { callback } of this.held.splice(0)) {
      callback();
    }
  }
}

engineSuite('memory engine', () => {
  const store = new MemoryStore();
  return {
    open: () =>
      new Promise((resolve) => {
        resolve(store.open({ timers: microtaskTimers }));
      }),
    dispose: () => Promise.resolve(),
  };
});

const numberKey = (number: number): Buffer => Buffer.from([number]);

function writeNumbers(engine: MemoryEngine, from: number, to: number): void {
  for (let number = from; number < to; number++) {
    const key = numberKey(number);
    engine.write([
      { column: 'data', key, value: key },
      { column: 'default', key: Buffer.from('applied'), value: key },
    ]);
  }
}

/** How many of the numbers 0 … 99 are there; they must be the first ones, with their marker. */
function survivors(engine: MemoryEngine): number {
  let count = 0;
  while (count < 100 && engine.get('data', numberKey(count)) !== undefined) {
    count += 1;
  }
  for (let number = count; number < 100; number++) {
    expect(engine.get('data', numberKey(number))).toBeUndefined();
  }
  const marker = count === 0 ? undefined : numberKey(count - 1);
  expect(engine.get('default', Buffer.from('applied'))).toEqual(marker);
  return count;
}

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return isDynakvError(error) ? error.code : String(error);
  }
}

describe('MemoryStore', () => {
  test('crash() loses a suffix of the unsynced writes, whole writes only', async () => {
    const counts = new Set<number>();
    for (let seed = 1; seed <= 60; seed++) {
      const store = new MemoryStore();
      const engine = store.open({ timers: microtaskTimers });
      writeNumbers(engine, 0, 5);
      await engine.syncWal();
      writeNumbers(engine, 5, 10);
      store.crash(new Prng(seed));
      const count = survivors(store.open({ timers: microtaskTimers }));
      expect(count).toBeGreaterThanOrEqual(5);
      counts.add(count);
    }
    expect([...counts].sort((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10]);
  });
  test('crash() makes durable what survived it', () => {
    const store = new MemoryStore();
    writeNumbers(store.open({ timers: microtaskTimers }), 0, 10);
    store.crash(new Prng(3));
    const count = survivors(store.open({ timers: microtaskTimers }));
    for (let seed = 1; seed < 10; seed++) {
      store.crash(new Prng(seed));
      expect(survivors(store.open({ timers: microtaskTimers }))).toBe(count);
    }
  });
  test('kill() loses nothing', () => {
    const store = new MemoryStore();
    writeNumbers(store.open({ timers: microtaskTimers }), 0, 10);
    store.kill();
    expect(survivors(store.open({ timers: microtaskTimers }))).toBe(10);
  });
  test('a synced write makes the writes before it durable', () => {
    const store = new MemoryStore();
    const engine = store.open({ timers: microtaskTimers });
    writeNumbers(engine, 0, 10);
    engine.write([], { sync: true });
    expect(store.unsyncedWrites).toBe(0);
  });
  test('syncWal() makes durable what was written before the call, not after it', async () => {
    const timers = new HeldTimers();
    const store = new MemoryStore();
    const engine = store.open({ timers });
    writeNumbers(engine, 0, 4);
    const synced = engine.syncWal();
    writeNumbers(engine, 4, 10);
    expect(store.unsyncedWrites).toBe(10);
    timers.runAll();
    await synced;
    expect(store.unsyncedWrites).toBe(6);
  });
});

describe('MemoryEngine', () => {
  test('asynchronous calls take the delays given', () => {
    const timers = new HeldTimers();
    const delays = { getMany: 3, next: 2, syncWal: 5 };
    const engine = new MemoryStore().open({ timers, delayMs: (call) => delays[call] });
    void engine.getMany('data', [numberKey(1)]);
    const range = { column: 'data', from: numberKey(0), to: numberKey(9) } as const;
    void engine.iterate(range).next(1, 1);
    void engine.syncWal();
    expect(timers.held.map(({ delayMs }) => delayMs)).toEqual([3, 2, 5]);
  });
  test('a dead process answers nothing', async () => {
    const timers = new HeldTimers();
    const store = new MemoryStore();
    const engine = store.open({ timers });
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    engine.syncWal().then(settle, settle);
    store.kill();
    timers.runAll();
    await Promise.resolve();
    expect(settled).toBe(false);
    expect(codeOf(() => engine.get('data', numberKey(1)))).toBe('Unavailable');
  });
  test('a failed write changes nothing and is final', () => {
    const engine = new MemoryStore().open({ timers: microtaskTimers });
    engine.failNextWrite();
    expect(codeOf(() => writeNumbers(engine, 0, 1))).toBe('StoreFailed');
    expect(codeOf(() => writeNumbers(engine, 0, 1))).toBe('StoreFailed');
    expect(survivors(engine)).toBe(0);
  });
  test('a failed sync makes nothing durable and is final', async () => {
    const store = new MemoryStore();
    const engine = store.open({ timers: microtaskTimers });
    writeNumbers(engine, 0, 3);
    engine.failNextSync();
    await expect(engine.syncWal()).rejects.toMatchObject({ code: 'StoreFailed' });
    expect(store.unsyncedWrites).toBe(3);
    expect(codeOf(() => writeNumbers(engine, 3, 4))).toBe('StoreFailed');
  });
  test('a background error fails the next sync', async () => {
    const engine = new MemoryStore().open({ timers: microtaskTimers });
    engine.setHealth({ backgroundErrors: 1, stalled: true });
    expect(engine.health()).toMatchObject({ backgroundErrors: 1, stalled: true });
    await expect(engine.syncWal()).rejects.toMatchObject({ code: 'StoreFailed' });
  });
});
