/** RowReader: batches, bounds, and its end. */
import { describe, expect, test } from '@jest/globals';
import { isDynakvError } from '../lib/errors.ts';
import type { Engine } from '../sys/engine.ts';
import { RowReader } from './row-reader.ts';

interface Batch {
  readonly keys: readonly Buffer[];
  readonly resolve: (values: (Buffer | undefined)[]) => void;
  readonly reject: (error: Error) => void;
}

function newReader(): { reader: RowReader; batches: Batch[]; failed: unknown[] } {
  const batches: Batch[] = [];
  const failed: unknown[] = [];
  const engine = {
    getMany: (_column: string, keys: readonly Buffer[]) =>
      new Promise<(Buffer | undefined)[]>((resolve, reject) => {
        batches.push({ keys, resolve, reject });
      }),
  } as unknown as Engine;
  return { reader: new RowReader(engine, (error) => failed.push(error)), batches, failed };
}

const ignore = (): void => undefined;

describe('RowReader', () => {
  test('reads of one turn become one batch, answered in order', async () => {
    const { reader, batches } = newReader();
    const heard: string[] = [];
    reader.read(Buffer.from('a'), (value) => heard.push(`a:${value?.toString()}`));
    reader.read(Buffer.from('b'), (value) => heard.push(`b:${value?.toString()}`));
    expect(batches).toHaveLength(0);
    reader.flush();
    expect(batches).toHaveLength(1);
    batches[0]?.resolve([Buffer.from('1'), undefined]);
    await Promise.resolve();
    await Promise.resolve();
    expect(heard).toEqual(['a:1', 'b:undefined']);
  });

  test('the first queued read asks for a turn, those behind it do not', () => {
    const { reader } = newReader();
    let turns = 0;
    reader.onQueued(() => {
      turns += 1;
    });
    reader.read(Buffer.from('a'), ignore);
    reader.read(Buffer.from('b'), ignore);
    expect(turns).toBe(1);
    reader.flush();
    reader.read(Buffer.from('c'), ignore);
    expect(turns).toBe(2);
  });

  test('no more than two batches are under way; the next starts when one ends', async () => {
    const { reader, batches } = newReader();
    for (let i = 0; i < 700; i++) {
      reader.read(Buffer.from(`${i}`), ignore);
    }
    reader.flush();
    expect(batches.map(({ keys }) => keys.length)).toEqual([256, 256]);
    batches[0]?.resolve([]);
    await Promise.resolve();
    await Promise.resolve();
    expect(batches.map(({ keys }) => keys.length)).toEqual([256, 256, 188]);
  });

  test('a full queue throttles', () => {
    const { reader } = newReader();
    for (let i = 0; i < 20_000; i++) {
      reader.read(Buffer.from('k'), ignore);
    }
    const heard: unknown[] = [];
    reader.read(Buffer.from('k'), (_value, error) => heard.push(error));
    expect(isDynakvError(heard[0], 'Throttled')).toBe(true);
  });

  test('a read error is told to the readers and to the node', async () => {
    const { reader, batches, failed } = newReader();
    const heard: unknown[] = [];
    reader.read(Buffer.from('a'), (_value, error) => heard.push(error));
    reader.flush();
    const broken = new Error('EIO');
    batches[0]?.reject(broken);
    await Promise.resolve();
    await Promise.resolve();
    expect([heard, failed]).toEqual([[broken], [broken]]);
  });

  test('close() starts no batch behind the one under way', async () => {
    const { reader, batches } = newReader();
    for (let i = 0; i < 700; i++) {
      reader.read(Buffer.from(`${i}`), ignore);
    }
    reader.flush();
    reader.close();
    batches[0]?.resolve([]);
    await Promise.resolve();
    await Promise.resolve();
    expect(batches).toHaveLength(2);
  });
});
