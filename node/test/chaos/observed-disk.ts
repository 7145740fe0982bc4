/**
 * A real disk whose steps are noted in a `SyncJournal`, and that can be told to be full. It changes
 * nothing else: every call goes to the disk below.
 */
import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../../sys/disk.ts';
import type { SyncJournal } from './sync-journal.ts';

export interface DiskControl {
  /** Refuse to allocate and create, and report no free bytes. */
  readonly diskFull: boolean;
  /** Say that bytes are durable which a power loss takes: to prove that a run sees it. */
  readonly lies?: boolean;
}

/** A lying disk calls so many writes durable too early. */
const earlyWrites = 20;

function noSpace(path: string): Error {
  const error = new Error(`ENOSPC: no space left on device (told so), '${path}'`);
  return Object.assign(error, { code: 'ENOSPC' });
}

class ObservedFile implements DiskFile {
  readonly path: string;
  /** The name that the file has now: a segment was opened as the spare that it was. */
  name: string;
  readonly #file: DiskFile;
  readonly #journal: SyncJournal;
  readonly #control: () => DiskControl;
  readonly #closed: () => void;
  /** Durable writes whose note is held back: none, unless the disk lies. */
  readonly #early: number[] = [];
  /** Writes that the disk has taken and not yet made durable. */
  #taken: number[] = [];

  constructor(
    file: DiskFile,
    journal: SyncJournal,
    control: () => DiskControl,
    closed: () => void,
  ) {
    this.path = file.path;
    this.name = file.path;
    this.#file = file;
    this.#journal = journal;
    this.#control = control;
    this.#closed = closed;
  }

  async read(target: Buffer, offset: number, length: number, position: number): Promise<number> {
    return await this.#file.read(target, offset, length, position);
  }

  async write(bytes: Uint8Array, position: number): Promise<void> {
    const id = await this.#note(position, bytes.length);
    await this.#file.write(bytes, position);
    this.#taken.push(id);
  }

  async writeDurably(bytes: Uint8Array, position: number): Promise<void> {
    const id = await this.#note(position, bytes.length);
    await this.#file.writeDurably(bytes, position);
    this.#early.push(id);
    const early = this.#control().lies === true ? earlyWrites : 0;
    this.#journal.durable(this.#early.splice(0, Math.max(0, this.#early.length - early)));
  }

  async datasync(): Promise<void> {
    const ids = this.#taken;
    this.#taken = [];
    await this.#file.datasync();
    this.#journal.synced(this.name, ids);
  }

  async allocate(size: number): Promise<void> {
    if (this.#control().diskFull) {
      throw noSpace(this.path);
    }
    const id = await this.#note(await this.#file.size(), 0);
    await this.#file.allocate(size);
    this.#taken.push(id);
  }

  async truncate(size: number): Promise<void> {
    const before = await this.#file.size();
    const id = await this.#note(Math.min(size, before), Math.max(0, before - size));
    await this.#file.truncate(size);
    this.#taken.push(id);
  }

  async size(): Promise<number> {
    return await this.#file.size();
  }

  async close(): Promise<void> {
    this.#closed();
    await this.#file.close();
  }

  async #note(position: number, length: number): Promise<number> {
    const size = await this.#file.size();
    const old = Buffer.alloc(Math.max(0, Math.min(length, size - position)));
    await this.#file.read(old, 0, old.length, position);
    return this.#journal.write({ path: this.name, position, length, old, size });
  }
}

/** Watches what goes through `disk`, whose own methods `original` holds. */
export function observeDisk(
  original: Disk,
  journal: SyncJournal,
  control: () => DiskControl,
): Disk {
  const opened = new Set<ObservedFile>();
  return {
    makeDirectory: async (path) => await original.makeDirectory(path),
    list: async (path) => await original.list(path),
    exists: async (path) => await original.exists(path),
    async open(path, mode) {
      if (mode === 'create' && control().diskFull) {
        throw noSpace(path);
      }
      if (mode === 'create') {
        journal.name({ kind: 'create', path }, dirname(path));
      }
      const file = await original.open(path, mode);
      if (mode === 'read') {
        return file;
      }
      const observed = new ObservedFile(file, journal, control, () => opened.delete(observed));
      opened.add(observed);
      return observed;
    },
    async rename(from, to) {
      if (await original.exists(to)) {
        journal.barrier(dirname(to), to); // What stood under the name could not be brought back.
      } else {
        journal.name({ kind: 'rename', from, to }, dirname(to));
      }
      await original.rename(from, to);
      for (const file of opened) {
        file.name = file.name === from ? to : file.name;
      }
    },
    async remove(path) {
      journal.barrier(dirname(path), path);
      await original.remove(path);
    },
    async syncDirectory(path) {
      await original.syncDirectory(path);
      journal.folderSynced(path);
    },
    sizeBytes: async (path) => await original.sizeBytes(path),
    freeBytes: async (path) => (control().diskFull ? 0 : await original.freeBytes(path)),
  };
}
