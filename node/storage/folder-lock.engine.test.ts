/** The real lock of a data folder: exclusive between processes, and gone with its holder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { socketFolderLock } from './folder-lock.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynakv-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('is exclusive, by whatever path, until it is released', async () => {
  const release = await socketFolderLock.acquire(folder);
  const other = `${folder}-link`;
  await symlink(folder, other);
  expect(await socketFolderLock.acquire(folder)).toBeUndefined();
  expect(await socketFolderLock.acquire(other)).toBeUndefined();
  await rm(other);
  await release?.();
  const again = await socketFolderLock.acquire(folder);
  expect(again).toBeDefined();
  await again?.();
});

test('holds between processes, and dies with a killed one', async () => {
  const lockUrl = new URL('./folder-lock.ts', import.meta.url).href;
  const program = `
    const { socketFolderLock } = await import(${JSON.stringify(lockUrl)});
    const release = await socketFolderLock.acquire(${JSON.stringify(folder)});
    process.stdout.write(release === undefined ? 'refused' : 'held');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('held');
  expect(await socketFolderLock.acquire(folder)).toBeUndefined();
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  const release = await socketFolderLock.acquire(folder);
  expect(release).toBeDefined();
  await release?.();
});
