// Goal: the real disk keeps the words of the port, in a temporary folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RealDisk } from './disk.ts';

let folder = '';
const disk = new RealDisk();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dynakv-disk-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('RealDisk', () => {
  test('write() and read() at positions, short only at the end', async () => {
    const file = await disk.open(join(folder, 'a'), 'create');
    await file.write(Buffer.from('hello world'), 3);
    await file.datasync();
    const target = Buffer.alloc(20);
    expect(await file.read(target, 1, 5, 3)).toBe(5);
    expect(target.toString('latin1', 1, 6)).toBe('hello');
    expect(await file.read(target, 0, 20, 9)).toBe(5);
    await file.truncate(4);
    expect(await file.size()).toBe(4);
    await file.close();
  });

  test('writeDurably() writes at a position, also after a rename; not when open for reading', async () => {
    const file = await disk.open(join(folder, 'a'), 'create');
    await file.allocate(1024);
    await disk.rename(join(folder, 'a'), join(folder, 'b'));
    await file.writeDurably(Buffer.from('hello'), 512);
    await file.close();
    const again = await disk.open(join(folder, 'b'), 'read');
    const target = Buffer.alloc(5);
    expect(await again.size()).toBe(1024);
    await again.read(target, 0, 5, 512);
    expect(target.toString('latin1')).toBe('hello');
    expect(() => again.writeDurably(target, 0)).toThrow('The file is open for reading');
    await again.close();
  });

  test('allocate() grows a file by zeros and keeps what is there', async () => {
    const file = await disk.open(join(folder, 'a'), 'create');
    await file.write(Buffer.from('x'), 0);
    await file.allocate(5 * 1024 * 1024 + 3);
    expect(await file.size()).toBe(5 * 1024 * 1024 + 3);
    const target = Buffer.alloc(3, 1);
    await file.read(target, 0, 3, 0);
    expect([...target]).toEqual([120, 0, 0]);
    await file.close();
  });

  test('open() refuses to create what is there and to open what is not', async () => {
    const path = join(folder, 'a');
    await expect(disk.open(path, 'write')).rejects.toMatchObject({ code: 'ENOENT' });
    await (await disk.open(path, 'create')).close();
    await expect(disk.open(path, 'create')).rejects.toMatchObject({ code: 'EEXIST' });
  });

  test('names: list(), rename(), remove(), exists()', async () => {
    await disk.makeDirectory(join(folder, 'x', 'y'));
    await (await disk.open(join(folder, 'x', 'b'), 'create')).close();
    await (await disk.open(join(folder, 'x', 'a'), 'create')).close();
    expect(await disk.list(join(folder, 'x'))).toEqual(['a', 'b', 'y']);
    await disk.rename(join(folder, 'x', 'a'), join(folder, 'x', 'c'));
    await disk.remove(join(folder, 'x', 'b'));
    await disk.remove(join(folder, 'x', 'b'));
    await disk.syncDirectory(join(folder, 'x'));
    expect(await disk.list(join(folder, 'x'))).toEqual(['c', 'y']);
    expect(await disk.exists(join(folder, 'x', 'c'))).toBe(true);
    expect(await disk.exists(join(folder, 'nothing'))).toBe(false);
    expect(await disk.list(join(folder, 'nothing'))).toEqual([]);
    const freeBytes = await disk.freeBytes(folder);
    expect(freeBytes).toBeGreaterThan(0);
    expect(await disk.sizeBytes(folder)).toBeGreaterThanOrEqual(freeBytes);
  });
});
