/**
 * A small file system in memory (tmpfs) for one node's data, where this program may mount one, and
 * a file beside the data that fills it. Where it may not, the caller has to tell the node that its
 * disk is full (`node-shim.ts`).
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { mebibyte } from '../../lib/units.ts';

const stepBytes = mebibyte;

const mounted = new Set<SmallDisk>();

/** What is still mounted when this program ends, for whatever reason but SIGKILL. */
process.on('exit', () => {
  for (const disk of mounted) {
    disk.unmount();
  }
});

export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Undefined if nothing can be mounted here. */
  static mount(folder: string, bytes: number): SmallDisk | undefined {
    mkdirSync(folder, { recursive: true });
    try {
      const options = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder];
      execFileSync('mount', options, { stdio: 'ignore' });
      const disk = new SmallDisk(folder);
      mounted.add(disk);
      return disk;
    } catch {
      return undefined;
    }
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Fills it until `leftBytes` are free. */
  fill(leftBytes: number): void {
    const descriptor = openSync(this.#filler, 'a');
    try {
      while (this.freeBytes > leftBytes) {
        const count = Math.min(stepBytes, this.freeBytes - leftBytes);
        writeSync(descriptor, Buffer.alloc(count, 1));
      }
    } finally {
      closeSync(descriptor);
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  unmount(): void {
    mounted.delete(this);
    execFileSync('umount', ['-l', this.folder], { stdio: 'ignore' });
  }

  get #filler(): string {
    return join(this.folder, 'filler');
  }
}
