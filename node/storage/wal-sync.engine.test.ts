/** Log sync on plain files: which are synced, which let go, what a failure does. */
import { mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WalSync } from './wal-sync.ts';

let folder = '';
let walSync: WalSync;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynakv-wal-'));
  walSync = new WalSync(folder);
});
afterEach(async () => {
  await walSync.close();
  await rm(folder, { recursive: true, force: true });
});

/** Names of the files of the folder that this process holds open. */
async function held(): Promise<string[]> {
  const names: string[] = [];
  for (const descriptor of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${descriptor}`).catch(() => '');
    if (target.startsWith(`${folder}/`)) {
      names.push(target.slice(folder.length + 1));
    }
  }
  return names.sort();
}

describe('WalSync', () => {
  test('holds every log file, and no other file', async () => {
    for (const name of ['000004.log', '1000001.log', '000007.sst', 'LOCK', 'x.log.old']) {
      await writeFile(join(folder, name), 'x');
    }
    await walSync.sync();
    expect(await held()).toEqual(['000004.log', '1000001.log']);
  });
  test('lets go of a file that was removed, and takes a new one', async () => {
    await writeFile(join(folder, '000004.log'), 'x');
    await walSync.sync();
    await rm(join(folder, '000004.log'));
    await writeFile(join(folder, '000009.log'), 'x');
    for (let round = 0; round < 4; round++) {
      await walSync.sync();
    }
    expect(await held()).toEqual(['000009.log']);
  });
  test('calls made during a round share the one that follows it', async () => {
    await writeFile(join(folder, '000004.log'), 'x');
    const first = walSync.sync();
    const second = walSync.sync();
    expect(second).not.toBe(first);
    expect(walSync.sync()).toBe(second);
    await Promise.all([first, second]);
    expect(walSync.sync()).not.toBe(second);
  });
  test('close() lets go of everything', async () => {
    await writeFile(join(folder, '000004.log'), 'x');
    void walSync.sync();
    await walSync.close();
    expect(await held()).toEqual([]);
  });
  test('a folder that cannot be read fails the call', async () => {
    const missing = new WalSync(join(folder, 'missing'));
    await expect(missing.sync()).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
