/**
 * The real file system. Hot calls (`read`, `write`, `datasync`) go by file descriptor through the
 * callback API of libuv's pool, which costs less than `FileHandle`; the rest is rare.
 *
 * Invariant: a promise resolves only when the operating system did the whole of what was asked;
 * short writes are continued. `allocate` writes zeros, as Node has no `fallocate`: space is then
 * surely there, and later syncs of the file have no metadata to write. It syncs as it goes, so
 * that the zeros never pile up in front of somebody else's sync.
 */
import * as fs from 'node:fs';
import * as fsPromises from 'node:fs/promises';
import { mebibyte } from '../../lib/units.ts';
import type { Disk, DiskFile } from '../disk.ts';

const allocateStepBytes = mebibyte;
const allocateSyncEverySteps = 4;
const zeros = Buffer.alloc(allocateStepBytes);
const openFlags = { read: 'r', write: 'r+', create: 'wx+' } as const;

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

class RealFile implements DiskFile {
  readonly path: string;
  readonly #descriptor: number;

  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
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
    return new Promise((resolve, reject) => {
      const writeFrom = (offset: number): void => {
        const left = bytes.length - offset;
        fs.write(this.#descriptor, bytes, offset, left, position + offset, (error, count) => {
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

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#descriptor, (error) => {
        if (error) {
          reject(error);
        } else {
          resolve();
        }
      });
    });
  }
}

function openDescriptor(path: string, flags: string): Promise<number> {
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
    await fsPromises.mkdir(path, { recursive: true });
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
    return new RealFile(path, await openDescriptor(path, openFlags[mode]));
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
}
