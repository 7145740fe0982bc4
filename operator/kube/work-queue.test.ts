// Goal: one worker a key, no key lost, no key twice for nothing, failures wait longer each time.
import { describe, expect, jest, test } from '@jest/globals';
import { until, world } from './testing-kube.ts';
import { WorkQueue } from './work-queue.ts';

jest.setTimeout(60_000);

function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, open: resolve };
}

describe('WorkQueue', () => {
  test('a key added many times is worked on once; added during work, once more', async () => {
    const first = gate();
    const seen: string[] = [];
    const work = async (key: string): Promise<undefined> => {
      seen.push(key);
      await (seen.length === 1 ? first.promise : undefined);
      return undefined;
    };
    const queue = new WorkQueue({ ...world, work });
    queue.add('a');
    queue.add('a');
    queue.start();
    queue.add('a');
    queue.add('a');
    expect(seen).toEqual(['a']);
    first.open();
    await until('the second round', () => seen.length === 2);
    await queue.stop();
    expect(seen).toEqual(['a', 'a']);
    expect(queue.stats.addsTotal).toBe(4);
  });

  test('keys run side by side, up to the number of workers', async () => {
    const end = gate();
    let running = 0;
    let most = 0;
    const work = async (): Promise<undefined> => {
      running += 1;
      most = Math.max(most, running);
      await end.promise;
      running -= 1;
      return undefined;
    };
    const queue = new WorkQueue({ ...world, work, workers: 2 });
    queue.start();
    for (const key of ['a', 'b', 'c']) {
      queue.add(key);
    }
    expect(running).toBe(2);
    expect(queue.stats.depth).toBe(1);
    end.open();
    await until('all to be done', () => queue.stats.depth === 0 && running === 0);
    expect(most).toBe(2);
    await queue.stop();
  });

  test('a failure is tried again, later each time, and success forgets it', async () => {
    const waits: number[] = [];
    const timers = {
      ...world.timers,
      after: (ms: number, callback: () => void) => {
        waits.push(ms);
        return world.timers.after(1, callback);
      },
    };
    let attempts = 0;
    const work = async (): Promise<undefined> => {
      attempts += 1;
      if (attempts < 5) {
        throw new Error('not yet');
      }
      return undefined;
    };
    const queue = new WorkQueue({ ...world, timers, work });
    queue.start();
    queue.add('a');
    await until('it to succeed', () => attempts === 5);
    const [first = 0, , , last = 0] = waits;
    expect(waits.length).toBe(4);
    expect(last).toBeGreaterThan(first * 2);
    expect(queue.stats.retriesTotal).toBe(4);
    await queue.stop();
  });

  test('work may ask to come again; whoever adds the key meanwhile does not wait', async () => {
    let rounds = 0;
    const work = async (): Promise<number | undefined> => {
      rounds += 1;
      return rounds === 1 ? 3_600_000 : undefined;
    };
    const queue = new WorkQueue({ ...world, work });
    queue.start();
    queue.add('a');
    await until('the first round', () => rounds === 1);
    await new Promise<void>((resolve) => setImmediate(resolve));
    queue.add('a');
    await until('the second round', () => rounds === 2);
    await queue.stop();
    queue.clear();
  });

  test('nothing begins after stop(), and it waits for what runs', async () => {
    const end = gate();
    const done: string[] = [];
    const work = async (key: string): Promise<undefined> => {
      await end.promise;
      done.push(key);
      return undefined;
    };
    const queue = new WorkQueue({ ...world, work });
    queue.start();
    queue.add('a');
    const stopped = queue.stop();
    queue.add('b');
    end.open();
    await stopped;
    expect(done).toEqual(['a']);
    queue.start();
    await until('b after the next start', () => done.length === 2);
    await queue.stop();
  });
});
