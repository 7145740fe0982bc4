/**
 * The real file system. Hot calls (`read`, `write`, `datasync`) go by file descriptor through the
 * callback API of libuv's pool, which costs less than `FileHandle`; the rest is rare. A file open
 * for writing has a second descriptor with O_DSYNC: `writeDurably` then is one trip to the pool
 * instead of two, which halves its time when the loop is busy (decisions/0011-raft-log-writes.md).
 *
 * Invariant: a promise resolves only when the operating system did the whole of what was asked;
 * short writes are continued. `allocate` writes zeros, as Node has no `fallocate`: space is then
 * surely there, and later syncs of the file have no metadata to write. It syncs as it goes, so
 * that the zeros never pile up in front of somebody else's sync.
 */
import * as fs from 'node:fs';
import * as fsPromises from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { must } from '../../lib/assert.ts';
import { mebibyte } from '../../lib/units.ts';
import type { Disk, DiskFile } from '../disk.ts';

const allocateStepBytes = mebibyte;
const allocateSyncEverySteps = 4;
const zeros = Buffer.alloc(allocateStepBytes);
/** Each write is on stable storage when it returns, as by an fdatasync of its bytes. */
const durableFlags = fs.constants.O_WRONLY | fs.constants.O_DSYNC;
const openFlags = { read: 'r', write: 'r+', create: 'wx+' } as const;

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

class RealFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;
  /** The same file with O_DSYNC; undefined if it is open for reading. */
  readonly #durable: number | undefined;

  constructor(path: string, descriptor: number, durable: number | undefined) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#durable = durable;
  }

  async read(target: Buffer, offset: number, length: number, position: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const count = await this.#readOnce(target, offset + done, length - done, position + done);
      if (count === 0) {
        break;
      }
      done += count;
    }
    return done;
  }

  #readOnce(target: Buffer, offset: number, length: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#descriptor, target, offset, length, position, (error, count) => {
        if (error) {
          reject(error);
        } else {
          resolve(count);
        }
      });
    });
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return writeAll(this.#descriptor, bytes, position);
  }

  writeDurably(bytes: Uint8Array, position: number): Promise<void> {
    return writeAll(must(this.#durable, 'The file is open for reading'), bytes, position);
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, (error) => {
        if (error) {
          reject(error);
        } else {
          resolve();
        }
      });
    });
  }

  async allocate(size: number): Promise<void> {
    let position = await this.size();
    for (let step = 1; position < size; step++) {
      const count = Math.min(allocateStepBytes, size - position);
      await this.write(zeros.subarray(0, count), position);
      position += count;
      if (step % allocateSyncEverySteps === 0) {
        await this.datasync();
      }
    }
  }

  truncate(size: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#descriptor, size, (error) => {
        if (error) {
          reject(error);
        } else {
          resolve();
        }
      });
    });
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, stats) => {
        if (error) {
          reject(error);
        } else {
          resolve(stats.size);
        }
      });
    });
  }

  async close(): Promise<void> {
    if (this.#durable !== undefined) {
      await closeDescriptor(this.#durable);
    }
    await closeDescriptor(this.#descriptor);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const writeFrom = (offset: number): void => {
      const left = bytes.length - offset;
      fs.write(descriptor, bytes, offset, left, position + offset, (error, count) => {
        if (error) {
          reject(error);
        } else if (count === left) {
          resolve();
        } else {
          writeFrom(offset + count);
        }
      });
    };
    writeFrom(0);
  });
}

function closeDescriptor(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.close(descriptor, (error) => {
      if (error) {
        reject(error);
      } else {
        resolve();
      }
    });
  });
}

function openDescriptor(path: string, flags: string | number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, (error, descriptor) => {
      if (error) {
        reject(error);
      } else {
        resolve(descriptor);
      }
    });
  });
}

export class RealDisk implements Disk {
  async makeDirectory(path: string): Promise<void> {
    // One level at a time: `recursive` does not end where a file system cannot make folders.
    const missing: string[] = [];
    for (let at = resolve(path); !(await this.exists(at)); at = dirname(at)) {
      missing.push(at);
    }
    for (const folder of missing.reverse()) {
      try {
        await fsPromises.mkdir(folder);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') {
          throw error;
        }
      }
    }
  }

  async list(path: string): Promise<string[]> {
    try {
      return (await fsPromises.readdir(path)).sort();
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        return [];
      }
      throw error;
    }
  }

  async exists(path: string): Promise<boolean> {
    try {
      await fsPromises.stat(path);
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        return false;
      }
      throw error;
    }
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const descriptor = await openDescriptor(path, openFlags[mode]);
    if (mode === 'read') {
      return new RealFile(path, descriptor, undefined);
    }
    try {
      return new RealFile(path, descriptor, await openDescriptor(path, durableFlags));
    } catch (error) {
      await closeDescriptor(descriptor);
      throw error;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await fsPromises.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    try {
      await fsPromises.unlink(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        throw error;
      }
    }
  }

  async syncDirectory(path: string): Promise<void> {
    const handle = await fsPromises.open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async freeBytes(path: string): Promise<number> {
    const stats = await fsPromises.statfs(path);
    return stats.bavail * stats.bsize;
  }

  async sizeBytes(path: string): Promise<number> {
    const stats = await fsPromises.statfs(path);
    const keptBack = stats.bfree - stats.bavail;
    return (stats.blocks - keptBack) * stats.bsize;
  }
}
