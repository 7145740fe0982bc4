/**
 * Makes RocksDB's write-ahead log durable by file descriptor, on libuv's pool: the binding has
 * no flush of its log, and its sync write would block the loop (rule P10).
 *
 * Every live log file is synced, the closed ones too, since a write of before the call may be in
 * one that was closed since; then the directory, if it names a file it did not name when it was
 * last synced. A file that vanishes between listing and opening held only rows that RocksDB had
 * already synced into tables.
 *
 * A descriptor is kept as long as its file lives: the kernel reports a failed write-back to
 * descriptors that were open then, once. Invariant: bytes count as durable only if every step of
 * one round succeeded; after a failed round the store is finished, nothing is retried.
 */
import { open, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

const walName = /^\d+\.log$/;

/** Rounds a file is synced after a newer one was seen: then RocksDB surely writes to it no more. */
const roundsAfterClose = 2;

interface WalFile {
  readonly handle: FileHandle;
  roundsClosed: number;
}

export class WalSync {
  readonly #directory: string;
  readonly #files = new Map<string, WalFile>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * What was written before the call is durable when it resolves. Calls made during a round
   * share the one that follows it.
   */
  sync(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#round().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.sync();
    });
    return this.#next;
  }

  /** Call after the last `sync` settled. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#running, this.#next]);
    for (const [name, file] of this.#files) {
      this.#files.delete(name);
      await file.handle.close();
    }
  }

  async #round(): Promise<void> {
    // Fixed-width numbers up to 999999, longer ones after that: by value, not by text.
    const names = (await readdir(this.#directory))
      .filter((name) => walName.test(name))
      .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
    await this.#forgetAllBut(new Set(names));
    const newest = names.at(-1);
    const known = new Set(this.#files.keys());
    for (const name of names) {
      await this.#syncFile(name, name !== newest);
    }
    if (names.some((name) => !known.has(name))) {
      await this.#syncDirectory();
    }
  }

  async #syncDirectory(): Promise<void> {
    const directory = await open(this.#directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #forgetAllBut(live: ReadonlySet<string>): Promise<void> {
    for (const [name, file] of this.#files) {
      if (!live.has(name)) {
        this.#files.delete(name);
        await file.handle.close();
      }
    }
  }

  async #syncFile(name: string, closed: boolean): Promise<void> {
    let file = this.#files.get(name);
    if (file === undefined) {
      const handle = await this.#openLive(name);
      if (handle === undefined) {
        return;
      }
      file = { handle, roundsClosed: 0 };
      this.#files.set(name, file);
    }
    if (file.roundsClosed >= roundsAfterClose) {
      return;
    }
    await file.handle.datasync();
    file.roundsClosed = closed ? file.roundsClosed + 1 : 0;
  }

  /** Undefined if RocksDB removed the file meanwhile. */
  async #openLive(name: string): Promise<FileHandle | undefined> {
    try {
      return await open(join(this.#directory, name), 'r+');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
        return undefined;
      }
      throw error;
    }
  }
}
