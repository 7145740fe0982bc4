/**
 * Loaded before the program of a node (`node --import`), by chaos runs alone: notes in a journal
 * what the node makes durable, sets the wall clock wrong and makes the disk full when a control
 * file says so. The program itself is the one that users run.
 *
 * Environment: `CHAOS_JOURNAL` and `CHAOS_CONTROL`, two files; `CHAOS_WAL`, the folder of RocksDB's
 * logs. Without them it does nothing.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { RocksEngine } from '../../storage/rocks-engine.ts';
import type { Disk } from '../../sys/disk.ts';
import type { EngineWrite } from '../../sys/engine.ts';
import { RealDisk } from '../../sys/real/disk.ts';
import { observeDisk } from './observed-disk.ts';
import type { ShimControl } from './shim-control.ts';
import { calmControl } from './shim-control.ts';
import { SyncJournal } from './sync-journal.ts';

type EngineWriter = (
  this: RocksEngine,
  writes: readonly EngineWrite[],
  options?: { readonly sync?: boolean },
) => void;

/** How soon a change of the control file is seen, ms. */
const controlMs = 50;
const walName = /^\d+\.log$/;

function watchControl(path: string): () => ShimControl {
  let control = calmControl;
  const read = (): void => {
    try {
      control = { ...calmControl, ...(JSON.parse(readFileSync(path, 'utf8')) as ShimControl) };
    } catch {
      return; // It is being written: the next look sees it.
    }
  };
  read();
  setInterval(read, controlMs).unref();
  return () => control;
}

/** All of this process's JavaScript reads the wall clock through `Date`. */
function shiftWallClock(control: () => ShimControl): void {
  const RealDate = Date;
  const now = (): number => RealDate.now() + control().wallOffsetMs;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, values, newTarget) =>
      Reflect.construct(target, values.length === 0 ? [now()] : values, newTarget) as object,
    apply: () => new RealDate(now()).toString(),
    get: (target, name, receiver) =>
      name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown),
  });
}

function observeRealDisk(journal: SyncJournal, control: () => ShimControl): void {
  // The disk as it was: `RealDisk` has no state but its methods.
  const before = Object.create(
    null,
    Object.getOwnPropertyDescriptors(RealDisk.prototype),
  ) as object;
  const original = Object.create(before) as Disk;
  Object.assign(RealDisk.prototype, observeDisk(original, journal, control));
}

/** A method as it is now, to be called on any object of its class. */
function methodOf<T>(prototype: object, name: string): T {
  return Object.getOwnPropertyDescriptor(prototype, name)?.value as T;
}

/** All that stands in the logs now is durable. */
function noteWholeWals(journal: SyncJournal, walFolder: string): void {
  for (const name of readdirSync(walFolder).filter((each) => walName.test(each))) {
    const path = join(walFolder, name);
    journal.wal(path, statSync(path).size);
  }
}

/** The engine's own syncs: `WalSync` by file handles, synced writes by RocksDB itself. */
async function observeWal(journal: SyncJournal, walFolder: string): Promise<void> {
  const some = await open(process.execPath, 'r');
  const handles = Object.getPrototypeOf(some) as FileHandle;
  await some.close();
  const paths = new Map<string, string>();
  const datasync = methodOf<(this: FileHandle) => Promise<void>>(handles, 'datasync');
  handles.datasync = async function (this: FileHandle): Promise<void> {
    const { size, ino } = await this.stat();
    await datasync.call(this);
    const path = paths.get(String(ino)) ?? findByInode(walFolder, ino, paths);
    if (path !== undefined) {
      journal.wal(path, size);
    }
  };
  const write = methodOf<EngineWriter>(RocksEngine.prototype, 'write');
  RocksEngine.prototype.write = function (
    this: RocksEngine,
    writes: readonly EngineWrite[],
    options?: { readonly sync?: boolean },
  ): void {
    write.call(this, writes, options);
    if (options?.sync === true) {
      noteWholeWals(journal, walFolder);
    }
  };
}

function findByInode(
  folder: string,
  inode: number,
  paths: Map<string, string>,
): string | undefined {
  for (const name of readdirSync(folder).filter((each) => walName.test(each))) {
    const path = join(folder, name);
    paths.set(String(statSync(path).ino), path);
  }
  return paths.get(String(inode));
}

const {
  CHAOS_JOURNAL: journalFile,
  CHAOS_CONTROL: controlFile,
  CHAOS_WAL: walFolder,
} = process.env;
if (journalFile !== undefined && controlFile !== undefined && walFolder !== undefined) {
  const control = watchControl(controlFile);
  const isFirstLife = !existsSync(journalFile);
  const journal = new SyncJournal(journalFile);
  if (isFirstLife) {
    noteWholeWals(journal, walFolder); // Of lives that nobody watched.
  }
  shiftWallClock(control);
  observeRealDisk(journal, control);
  await observeWal(journal, walFolder);
}
