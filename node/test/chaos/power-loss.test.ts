// Goal: a power loss takes back exactly what no sync covered, in any part, and nothing else.
// Method: a real folder behind an observed disk; steps of writes, syncs and renames; the journal is
// all that `losePower` gets. One run for each of many seeds, so that all moods are met.
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Prng } from '../../lib/prng.ts';
import type { Disk } from '../../sys/disk.ts';
import { RealDisk } from '../../sys/real/disk.ts';
import { observeDisk } from './observed-disk.ts';
import type { PowerLoss } from './power-loss.ts';
import { losePower } from './power-loss.ts';
import { readJournal, SyncJournal } from './sync-journal.ts';

let folder: string;
let journalFile: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dynakv-power-'));
  journalFile = `${folder}.journal`;
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(journalFile, { force: true });
});

function boot(): { readonly disk: Disk; readonly journal: SyncJournal } {
  const journal = new SyncJournal(journalFile);
  return { journal, disk: observeDisk(new RealDisk(), journal, () => ({ diskFull: false })) };
}

function cut(seed: number): PowerLoss {
  return losePower({ journal: journalFile, walFolder: join(folder, 'rows'), prng: new Prng(seed) });
}

const seeds = Array.from({ length: 24 }, (_, index) => index);
const path = (): string => join(folder, 'file');
const sectors = (text: string): Buffer =>
  Buffer.concat([...text].map((letter) => Buffer.alloc(512, letter)));

/** The letter of each sector of the file; `.` for zeros. */
function letters(): string {
  const bytes = readFileSync(path());
  return Array.from({ length: bytes.length / 512 }, (_, index) =>
    String.fromCharCode(bytes[index * 512] ?? 0),
  )
    .join('')
    .replaceAll('\0', '.');
}

describe('losePower()', () => {
  test.each(seeds)('keeps what was synced, tears what was not (seed %i)', async (seed) => {
    const { disk, journal } = boot();
    const file = await disk.open(path(), 'create');
    await file.allocate(512 * 8);
    await file.datasync();
    await disk.syncDirectory(folder);
    await file.writeDurably(sectors('ab'), 0);
    await file.write(sectors('cd'), 1024);
    await file.datasync();
    await file.write(sectors('xyz'), 512 * 3);
    await file.close();
    journal.close();
    expect(letters()).toBe('abcxyz..');
    const { writes } = cut(seed);
    expect(writes).toBe(1);
    expect(letters()).toMatch(/^abc[dx][.y][.z]\.\.$/);
    // Nothing is pending any more.
    expect(cut(seed)).toMatchObject({ writes: 0, sectors: 0, names: 0 });
  });

  test('every way of losing a write is met', async () => {
    const met = new Set<string>();
    for (const seed of seeds) {
      rmSync(path(), { force: true });
      rmSync(journalFile, { force: true });
      const { disk, journal } = boot();
      const file = await disk.open(path(), 'create');
      await file.writeDurably(sectors('....'), 0);
      await disk.syncDirectory(folder);
      await file.write(sectors('wxyz'), 0);
      await file.close();
      journal.close();
      cut(seed);
      met.add(letters());
    }
    expect(met).toContain('....');
    expect(met).toContain('wxyz');
    expect(met.size).toBeGreaterThan(4);
  });

  test.each(seeds)(
    'a sector that a later write kept is not older than it (seed %i)',
    async (seed) => {
      const { disk, journal } = boot();
      const file = await disk.open(path(), 'create');
      await file.writeDurably(sectors('aaaa'), 0);
      await disk.syncDirectory(folder);
      await file.write(sectors('bbbb'), 0);
      await file.write(sectors('cc'), 0);
      await file.close();
      journal.close();
      cut(seed);
      expect(letters()).toMatch(/^[abc][abc][ab][ab]$/);
    },
  );

  test.each(seeds)('names of a folder are lost from the last on (seed %i)', async (seed) => {
    const { disk, journal } = boot();
    const spare = join(folder, 'spare');
    const make = async (name: string): Promise<void> => {
      const file = await disk.open(spare, 'create');
      await file.writeDurably(sectors('s'), 0);
      await file.close();
      await disk.rename(spare, join(folder, name));
    };
    await make('one');
    await disk.syncDirectory(folder);
    await make('two');
    await make('three');
    journal.close();
    cut(seed);
    const names = readdirSync(folder).sort().join(' ');
    expect(['one', 'one spare', 'one two', 'one spare two', 'one three two']).toContain(names);
  });

  test.each(seeds)('an open file is known by the name that it got (seed %i)', async (seed) => {
    const { disk, journal } = boot();
    const spare = join(folder, 'spare');
    const file = await disk.open(spare, 'create');
    await file.writeDurably(sectors('aa'), 0);
    await disk.rename(spare, path());
    await disk.syncDirectory(folder);
    const next = await disk.open(spare, 'create');
    await next.writeDurably(sectors('ss'), 0);
    await disk.syncDirectory(folder);
    await file.writeDurably(sectors('b'), 0);
    await file.write(sectors('x'), 512);
    await Promise.all([file.close(), next.close()]);
    journal.close();
    expect(cut(seed).writes).toBe(1);
    expect(letters()).toMatch(/^b[ax]$/);
    expect(readFileSync(spare).equals(sectors('ss'))).toBe(true);
  });

  test('writes of an earlier life stay pending until their file is synced', async () => {
    const first = boot();
    const file = await first.disk.open(path(), 'create');
    await file.writeDurably(sectors('aa'), 0);
    await first.disk.syncDirectory(folder);
    await file.write(sectors('b'), 0);
    await file.close();
    first.journal.close();
    const second = boot();
    const again = await second.disk.open(path(), 'write');
    await again.datasync();
    await again.close();
    second.journal.close();
    expect(cut(1).writes).toBe(0);
    expect(letters()).toBe('ba');
  });

  test('the newest log of RocksDB is cut to its last sync, older ones are left', () => {
    const { journal } = boot();
    const rows = join(folder, 'rows');
    mkdirSync(rows);
    const [older, newer] = [join(rows, '000004.log'), join(rows, '000009.log')];
    writeFileSync(older, Buffer.alloc(900));
    writeFileSync(newer, Buffer.alloc(700));
    journal.wal(older, 100);
    journal.wal(newer, 600);
    journal.close();
    expect(cut(1).walBytes).toBe(100);
    expect([readFileSync(older).length, readFileSync(newer).length]).toEqual([900, 600]);
    appendFileSync(newer, 'more');
    expect(cut(2).walBytes).toBe(4);
  });

  test('the journal is begun anew when nothing is pending', async () => {
    const { disk, journal } = boot();
    const file = await disk.open(path(), 'create');
    const bytes = new Prng(1).bytes(64 * 1024);
    await file.writeDurably(bytes, 0);
    await disk.syncDirectory(folder);
    for (let left = 220; left > 0; left--) {
      await file.writeDurably(bytes, 0);
    }
    await file.close();
    journal.close();
    expect(readJournal(journalFile).length).toBeLessThan(300);
    expect(cut(1).writes).toBe(0);
  });
});
