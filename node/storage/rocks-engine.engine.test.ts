/** RocksDB passes the suite of all engines; and what is its own: log sync, locks, its errors. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { kibibyte } from '../lib/units.ts';
import { engineSuite } from './engine-suite.ts';
import { openRocksEngine, strayBindingError } from './rocks-engine.ts';

const small = { blockCacheBytes: 1 << 20, writeBufferBytes: 64 * kibibyte, readsMax: 2 };

async function inFolder(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'dynakv-rocks-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

engineSuite('RocksDB engine', () => {
  let directory: string | undefined;
  return {
    open: async () => {
      directory ??= await mkdtemp(join(tmpdir(), 'dynakv-rocks-'));
      return await openRocksEngine({ directory, ...small });
    },
    dispose: () => rm(directory ?? '', { recursive: true, force: true }),
  };
});

describe('openRocksEngine()', () => {
  test('says that another process has the store', () =>
    inFolder(async (directory) => {
      const engine = await openRocksEngine({ directory, ...small });
      await expect(openRocksEngine({ directory, ...small })).rejects.toMatchObject({
        code: 'Refused',
        message: `Cannot open store ${directory}: another process has it`,
      });
      await engine.close();
    }));
  test('says why a folder cannot be made', async () => {
    await expect(openRocksEngine({ directory: '/dev/null/store' })).rejects.toMatchObject({
      code: 'StoreFailed',
      message: expect.stringMatching(/^Cannot open store \/dev\/null\/store: ENOTDIR/),
    });
  });
  test('refuses a damaged store', () =>
    inFolder(async (directory) => {
      const engine = await openRocksEngine({ directory, ...small });
      await engine.close();
      await rm(join(directory, 'CURRENT'));
      await rm(join(directory, 'IDENTITY'));
      await writeFile(join(directory, 'CURRENT'), 'MANIFEST-999999\n');
      await expect(openRocksEngine({ directory, ...small })).rejects.toMatchObject({
        code: 'StoreFailed',
      });
    }));
});

describe('RocksEngine', () => {
  test('a damaged table fails reads as what it is, and refuses writes', () =>
    inFolder(async (directory) => {
      const write = (i: number) =>
        ({ column: 'data', key: Buffer.from(`k${i}`), value: Buffer.alloc(4096, i) }) as const;
      let engine = await openRocksEngine({ directory, ...small });
      const tables = async (): Promise<string[]> =>
        (await readdir(directory)).filter((name) => name.endsWith('.sst'));
      // The second is begun when the first is complete: a flush cut off by a close leaves no table.
      for (let i = 0; (await tables()).length < 2; i++) {
        engine.write([write(i)]);
      }
      await engine.close();
      for (const name of await tables()) {
        const table = await readFile(join(directory, name));
        table.fill(0xee, 50, 150);
        await writeFile(join(directory, name), table);
      }
      engine = await openRocksEngine({ directory, ...small });
      const range = { column: 'data', from: Buffer.from('k'), to: Buffer.from('l') } as const;
      const iterator = engine.iterate(range);
      await expect(iterator.next(1000, 1 << 30)).rejects.toMatchObject({ code: 'StoreFailed' });
      await iterator.close();
      expect(() => {
        engine.write([write(0)]);
      }).toThrow(/^Cannot read store: Corruption/);
      await expect(engine.syncWal()).rejects.toMatchObject({ code: 'StoreFailed' });
      await engine.close();
    }));
  test('syncWal() follows the log through many files, while writes go on', () =>
    inFolder(async (directory) => {
      const engine = await openRocksEngine({ directory, ...small });
      const value = Buffer.alloc(16 * kibibyte, 7);
      const syncs: Promise<void>[] = [];
      for (let i = 0; i < 120; i++) {
        engine.write([{ column: 'data', key: Buffer.from(`k${i}`), value }]);
        if (i % 3 === 0) {
          const sync = engine.syncWal();
          syncs.push(sync);
          if (i % 30 === 0) {
            await sync;
          }
        }
      }
      await Promise.all(syncs);
      expect(engine.health().backgroundErrors).toBe(0);
      await engine.close();
    }));
  test('health() and memory() report the replicated rows', () =>
    inFolder(async (directory) => {
      const engine = await openRocksEngine({ directory, ...small });
      const value = Buffer.alloc(32 * kibibyte, 7);
      let seen = 0;
      for (let i = 0; i < 2000 && seen === 0; i++) {
        engine.write([{ column: 'data', key: Buffer.from(`k${i}`), value }]);
        if (i % 20 === 0) {
          await engine.syncWal();
          seen = engine.health().liveDataBytes;
        }
      }
      expect(seen).toBeGreaterThan(0);
      engine.write([{ column: 'data', key: Buffer.from('last'), value }]);
      expect(engine.memory().writeBuffers).toBeGreaterThan(value.length);
      await engine.close();
    }));
});

describe('strayBindingError()', () => {
  test('knows an error of the binding by its code', () => {
    const error = Object.assign(new Error('Corruption: x'), { code: 'LEVEL_CORRUPTION' });
    expect(strayBindingError(error)).toMatchObject({ code: 'StoreFailed' });
  });
  test('knows nothing of other errors', () => {
    expect(strayBindingError(new Error('x'))).toBeUndefined();
    expect(strayBindingError(undefined)).toBeUndefined();
  });
});
