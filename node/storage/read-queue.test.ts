/** The cap on reads, their order and merging, with native reads that complete when told to. */
import { describe, expect, test } from '@jest/globals';
import type { EngineColumn } from '../sys/engine.ts';
import { ReadQueue } from './read-queue.ts';
import type { ReadValues } from './read-queue.ts';

interface NativeRead {
  readonly column: EngineColumn;
  readonly keys: string[];
  readonly resolve: (values: ReadValues) => void;
  readonly reject: (error: Error) => void;
}

function queueOf(readsMax: number): { queue: ReadQueue; native: NativeRead[] } {
  const native: NativeRead[] = [];
  const queue = new ReadQueue(
    readsMax,
    (column, keys) =>
      new Promise((resolve, reject) => {
        native.push({ column, keys: keys.map(String), resolve, reject });
      }),
  );
  return { queue, native };
}

const key = (text: string): Buffer => Buffer.from(text);
/** Answers the oldest open native read with its own keys, and lets its callers run. */
async function answer(native: NativeRead[]): Promise<NativeRead> {
  const read = native.shift();
  expect(read).toBeDefined();
  read?.resolve(read.keys.map(key));
  await new Promise(setImmediate);
  return read as NativeRead;
}

describe('ReadQueue', () => {
  test('runs at most the reads allowed', async () => {
    const { queue, native } = queueOf(2);
    const calls = ['a', 'b', 'c'].map((text) => queue.get('data', [key(text)]));
    expect(native).toHaveLength(2);
    expect([queue.running, queue.waiting]).toEqual([2, 1]);
    await answer(native);
    expect([queue.running, queue.waiting]).toEqual([2, 0]);
    await answer(native);
    await answer(native);
    expect(await Promise.all(calls)).toEqual([[key('a')], [key('b')], [key('c')]]);
    expect(queue.running).toBe(0);
  });
  test('merges waiting point reads of one column, each caller gets its own', async () => {
    const { queue, native } = queueOf(1);
    void queue.get('data', [key('first')]);
    const calls = [queue.get('data', [key('a'), key('b')]), queue.get('data', [key('c')])];
    const other = queue.get('default', [key('d')]);
    await answer(native);
    expect(native[0]).toMatchObject({ column: 'data', keys: ['a', 'b', 'c'] });
    await answer(native);
    expect(await Promise.all(calls)).toEqual([[key('a'), key('b')], [key('c')]]);
    expect(native[0]).toMatchObject({ column: 'default', keys: ['d'] });
    await answer(native);
    expect(await other).toEqual([key('d')]);
  });
  test('merges no more than 256 keys', async () => {
    const { queue, native } = queueOf(1);
    void queue.get('data', [key('first')]);
    for (let i = 0; i < 300; i++) {
      void queue.get('data', [key(`k${i}`)]);
    }
    await answer(native);
    expect(native[0]?.keys).toHaveLength(256);
    await answer(native);
    expect(native[0]?.keys).toHaveLength(44);
    await answer(native);
  });
  test('a failed read fails its callers and frees its place', async () => {
    const { queue, native } = queueOf(1);
    void queue.get('data', [key('first')]);
    const calls = ['a', 'b'].map((text) => queue.get('data', [key(text)]));
    const failed = Promise.allSettled(calls);
    await answer(native);
    native.shift()?.reject(new Error('broken'));
    expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const next = queue.get('data', [key('c')]);
    await answer(native);
    expect(await next).toEqual([key('c')]);
  });
  test('run() takes a place in turn', async () => {
    const { queue, native } = queueOf(1);
    void queue.get('data', [key('first')]);
    let ran = false;
    const job = queue.run(() => {
      ran = true;
      return Promise.resolve(7);
    });
    expect(ran).toBe(false);
    await answer(native);
    expect(await job).toBe(7);
  });
  test('idle() waits for everything', async () => {
    const { queue, native } = queueOf(1);
    await queue.idle();
    void queue.get('data', [key('a')]);
    void queue.get('default', [key('b')]);
    let idle = false;
    const waited = queue.idle().then(() => {
      idle = true;
    });
    await answer(native);
    expect(idle).toBe(false);
    await answer(native);
    await waited;
    expect(idle).toBe(true);
  });
});
