/**
 * The simulated disk: the port `sys/disk.ts` in memory, with power cuts and faults, all drawn from
 * one seeded generator, every completion handed to an injected scheduler. Same seed and scheduler:
 * same run. `writeDurably` is a write and a datasync, so that faults and power cuts fall between.
 *
 * At `crash()` each unsynced sector is lost or kept by itself (so writes are torn and reordered),
 * sizes too; of the unsynced changes of names in a folder a prefix survives, as a journal keeps
 * them. Operations under way at that moment never complete: their process is gone. A failed
 * `datasync` leaves the bytes readable and off the platter, as Linux does (P7).
 */
import { assert } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import type { Disk, DiskFile } from '../sys/disk.ts';
import { SimFile } from './sim-file.ts';
import type { ChooseVersion } from './sim-file.ts';

export type SimDiskOperationKind =
  | 'makeDirectory'
  | 'list'
  | 'exists'
  | 'open'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'freeBytes'
  | 'sizeBytes'
  | 'read'
  | 'write'
  | 'datasync'
  | 'allocate'
  | 'truncate'
  | 'size'
  | 'close';

export interface SimDiskOperation {
  readonly kind: SimDiskOperationKind;
  readonly path: string;
  /** Bytes moved, for a scheduler that models speed. */
  readonly bytes: number;
}

/** Chances of a fault per operation, 0 … 1. */
export interface SimDiskFaults {
  readonly readError: number;
  readonly writeError: number;
  readonly syncError: number;
}

export interface SimDiskOptions {
  readonly seed: number;
  /** Completes an operation now or later (default: in a microtask): how slow the disk is. */
  readonly schedule?: (complete: () => void, operation: SimDiskOperation) => void;
  /** Room for all files together; default unlimited. */
  readonly capacityBytes?: number;
  readonly faults?: SimDiskFaults;
}

/** What a power cut leaves, if the seed is not to decide. */
export interface CrashChoice {
  /** Which version of an unsynced sector survives; −1 = none. */
  readonly version: (path: string, sector: number, versions: number) => number;
  /** How many of the unsynced name changes of a folder survive, oldest first. */
  readonly names: (directory: string, changes: number) => number;
}

interface PlannedFault {
  readonly code: string;
  readonly matches: (operation: SimDiskOperation) => boolean;
}

/** Names of one folder: as seen, and how to make them from those that are kept. */
interface Folder {
  seen: Map<string, SimFile>;
  kept: Map<string, SimFile>;
  changes: ((names: Map<string, SimFile>) => void)[];
}

export const noFaults: SimDiskFaults = { readError: 0, writeError: 0, syncError: 0 };
const mutating: ReadonlySet<SimDiskOperationKind> = new Set<SimDiskOperationKind>([
  'rename',
  'remove',
  'syncDirectory',
  'write',
  'datasync',
  'allocate',
  'truncate',
]);

function diskError(code: string, operation: SimDiskOperation): Error {
  return Object.assign(new Error(`${code}: simulated, ${operation.kind} "${operation.path}"`), {
    code,
  });
}

function splitPath(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { directory: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) };
}

export class SimDisk implements Disk {
  readonly #random: Prng;
  readonly #schedule: (complete: () => void, operation: SimDiskOperation) => void;
  #folders = new Map<string, Folder>();
  #stamp = 0;
  /** Counts power cuts: operations and handles of an earlier life are dead. */
  #life = 0;
  #planned: PlannedFault[] = [];
  #stepsLeft = Infinity;
  #onPowerCut: (() => void) | undefined;
  #off = false;
  /** May be changed while it runs. */
  faults: SimDiskFaults;
  /** May be changed while it runs. */
  capacityBytes: number;
  /** Operations begun so far that change something. */
  mutations = 0;

  constructor(options: SimDiskOptions) {
    this.#random = new Prng(options.seed);
    this.#schedule = options.schedule ?? ((complete) => queueMicrotask(complete));
    this.faults = options.faults ?? noFaults;
    this.capacityBytes = options.capacityBytes ?? Infinity;
  }

  /**
   * The disk as one process sees it until the next `crash()`: what that process calls later, in a
   * continuation that was already under way, never happens. One mount for each boot.
   */
  mount(): Disk {
    const life = this.#life;
    const alive = <T>(call: () => Promise<T>): Promise<T> =>
      life === this.#life ? call() : never<T>();
    return {
      makeDirectory: (path) => alive(() => this.makeDirectory(path)),
      list: (path) => alive(() => this.list(path)),
      exists: (path) => alive(() => this.exists(path)),
      open: (path, mode) => alive(() => this.open(path, mode)),
      rename: (from, to) => alive(() => this.rename(from, to)),
      remove: (path) => alive(() => this.remove(path)),
      syncDirectory: (path) => alive(() => this.syncDirectory(path)),
      freeBytes: (path) => alive(() => this.freeBytes(path)),
      sizeBytes: (path) => alive(() => this.sizeBytes(path)),
    };
  }

  /** The next operation that matches fails with `code`. */
  failNext(code: string, matches: (operation: SimDiskOperation) => boolean): void {
    this.#planned.push({ code, matches });
  }

  /**
   * Cuts the power before the changing operation number `steps` from now on takes effect; nothing
   * completes from then on until `crash()`. Resolves at that moment.
   */
  powerCutAfter(steps: number): Promise<void> {
    this.#stepsLeft = steps;
    return new Promise((resolve) => {
      this.#onPowerCut = resolve;
    });
  }

  /** Power is lost and comes back: open files are dead, what is unsynced survives by chance. */
  crash(choice?: CrashChoice): void {
    this.#life += 1;
    this.#off = false;
    this.#stepsLeft = Infinity;
    for (const file of this.#inodes()) {
      const chooseVersion: ChooseVersion = choice
        ? (sector, versions) => choice.version(this.#pathOf(file), sector, versions)
        : this.#randomVersions();
      file.crash(chooseVersion);
    }
    for (const [directory, folder] of this.#folders) {
      const count = folder.changes.length;
      const kept = choice ? choice.names(directory, count) : this.#random.below(count + 1);
      for (const change of folder.changes.slice(0, kept)) {
        change(folder.kept);
      }
      folder.changes = [];
      folder.seen = new Map(folder.kept);
    }
  }

  /** Lose all, keep all, or each by itself: drawn once a file, so that the extremes are common. */
  #randomVersions(): ChooseVersion {
    const mood = this.#random.below(4);
    return (_sector, versions) => {
      if (mood === 0) {
        return -1;
      }
      return mood === 1 ? versions - 1 : this.#random.below(versions + 1) - 1;
    };
  }

  /**
   * The process dies, the machine lives: handles are dead, what it wrote is in the page cache.
   * After a planned power cut: the power stayed on after all.
   */
  kill(): void {
    this.#life += 1;
    this.#off = false;
    this.#stepsLeft = Infinity;
  }

  /** Every file that there is, sorted. */
  get paths(): readonly string[] {
    return [...this.#folders]
      .flatMap(([directory, folder]) =>
        [...folder.seen.keys()].map((name) => `${directory}/${name}`),
      )
      .sort();
  }

  /** The bytes of a file as programs see them; for checks. */
  contents(path: string): Buffer {
    return Buffer.from(this.#file(path, { kind: 'read', path, bytes: 0 }).bytes);
  }

  unsyncedSectors(path: string): number[] {
    return this.#file(path, { kind: 'read', path, bytes: 0 }).unsyncedSectors;
  }

  /** Damage at rest. */
  flipBit(path: string, position: number, bit: number): void {
    this.#file(path, { kind: 'write', path, bytes: 0 }).flipBit(position, bit);
  }

  /** Replaces or makes a file, durably, behind everybody's back. */
  plant(path: string, bytes: Uint8Array): void {
    const { directory, name } = splitPath(path);
    const file = new SimFile();
    file.write(bytes, 0, this.#stamp);
    file.sync(this.#stamp);
    const folder = this.#folder(directory);
    folder.seen.set(name, file);
    folder.kept.set(name, file);
  }

  /** Another disk with the same files, synced or not; pending name changes count as done. */
  clone(seed: number): SimDisk {
    const copy = new SimDisk({ seed, capacityBytes: this.capacityBytes });
    for (const [directory, folder] of this.#folders) {
      const seen = new Map([...folder.seen].map(([name, file]) => [name, file.clone()] as const));
      copy.#folders.set(directory, { seen, kept: new Map(seen), changes: [] });
    }
    return copy;
  }

  /** All files as they are, for `restore`. */
  image(): SimDisk {
    return this.clone(0);
  }

  /** Back to an earlier `image`; what was under way never completes. */
  restore(image: SimDisk): void {
    this.kill();
    this.#folders = image.clone(0).#folders;
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run({ kind: 'makeDirectory', path, bytes: 0 }, () => {
      this.#folder(path);
    });
  }

  list(path: string): Promise<string[]> {
    return this.#run({ kind: 'list', path, bytes: 0 }, () =>
      [...(this.#folders.get(path)?.seen.keys() ?? [])].sort(),
    );
  }

  exists(path: string): Promise<boolean> {
    const { directory, name } = splitPath(path);
    return this.#run(
      { kind: 'exists', path, bytes: 0 },
      () => this.#folders.has(path) || (this.#folders.get(directory)?.seen.has(name) ?? false),
    );
  }

  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const operation = { kind: 'open', path, bytes: 0 } as const;
    return this.#run(operation, () => {
      const { directory, name } = splitPath(path);
      if (mode === 'create') {
        const folder = this.#folders.get(directory);
        if (folder === undefined) {
          throw diskError('ENOENT', operation);
        }
        if (folder.seen.has(name)) {
          throw diskError('EEXIST', operation);
        }
        const created = new SimFile();
        this.#change(folder, (names) => names.set(name, created));
      }
      return this.#handle(path, this.#file(path, operation));
    });
  }

  rename(from: string, to: string): Promise<void> {
    const operation = { kind: 'rename', path: from, bytes: 0 } as const;
    return this.#run(operation, () => {
      const source = splitPath(from);
      const target = splitPath(to);
      assert(source.directory === target.directory, 'The simulated disk renames within a folder');
      const file = this.#file(from, operation);
      this.#change(this.#folder(source.directory), (names) => {
        names.delete(source.name);
        names.set(target.name, file);
      });
    });
  }

  remove(path: string): Promise<void> {
    return this.#run({ kind: 'remove', path, bytes: 0 }, () => {
      const { directory, name } = splitPath(path);
      const folder = this.#folders.get(directory);
      if (folder?.seen.has(name)) {
        this.#change(folder, (names) => names.delete(name));
      }
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run({ kind: 'syncDirectory', path, bytes: 0 }, () => {
      const folder = this.#folder(path);
      folder.kept = new Map(folder.seen);
      folder.changes = [];
    });
  }

  freeBytes(path: string): Promise<number> {
    return this.#run({ kind: 'freeBytes', path, bytes: 0 }, () => this.#free());
  }

  sizeBytes(path: string): Promise<number> {
    return this.#run({ kind: 'sizeBytes', path, bytes: 0 }, () => this.capacityBytes);
  }

  #handle(path: string, file: SimFile): DiskFile {
    const life = this.#life;
    const run = <T>(
      kind: SimDiskOperationKind,
      bytes: number,
      effect: (operation: SimDiskOperation) => T,
      fail?: () => void,
    ): Promise<T> => {
      const operation = { kind, path, bytes };
      const more = fail === undefined ? {} : { fail };
      return life === this.#life ? this.#run(operation, () => effect(operation), more) : never();
    };
    const write = (bytes: Uint8Array, position: number): Promise<void> =>
      life === this.#life ? this.#write(file, path, bytes, position) : never();
    const datasync = (): Promise<void> => {
      const stamp = this.#stamp;
      const fail = (): void => file.failSync(stamp);
      return run('datasync', 0, () => file.sync(stamp), fail);
    };
    return {
      path,
      read: (target, offset, length, position) =>
        run('read', length, () => file.read(target, offset, length, position)),
      write,
      writeDurably: (bytes, position) => write(bytes, position).then(datasync),
      datasync,
      allocate: (size) =>
        run('allocate', size, (operation) => {
          this.#needRoom(size - file.size, operation);
          file.allocate(size, this.#nextStamp());
        }),
      truncate: (size) => run('truncate', 0, () => file.truncate(size, this.#nextStamp())),
      size: () => run('size', 0, () => file.size),
      close: () => run('close', 0, () => undefined),
    };
  }

  /** The bytes are in the page cache at once; that they rest until it resolves is checked. */
  #write(file: SimFile, path: string, bytes: Uint8Array, position: number): Promise<void> {
    const operation = { kind: 'write', path, bytes: bytes.length } as const;
    const copy = Buffer.from(bytes);
    const grown = position + bytes.length - file.size;
    const fits = grown <= 0 || grown <= this.#free();
    const effect = (): void => {
      assert(copy.equals(bytes), 'Bytes under write must not change');
      if (!fits) {
        throw diskError('ENOSPC', operation);
      }
    };
    const begin = (): void => {
      if (fits) {
        file.write(copy, position, this.#nextStamp());
      }
    };
    return this.#run(operation, effect, { begin });
  }

  /** `begin` happens at the call, `effect` at completion, `fail` instead if a fault is drawn. */
  #run<T>(
    operation: SimDiskOperation,
    effect: () => T,
    more: { readonly begin?: () => void; readonly fail?: () => void } = {},
  ): Promise<T> {
    if (this.#off || this.#stepsOver(operation)) {
      return never();
    }
    const life = this.#life;
    const fault = this.#faultFor(operation);
    if (fault === undefined) {
      more.begin?.();
    }
    return new Promise((resolve, reject) => {
      this.#schedule(() => {
        if (life !== this.#life || this.#off) {
          return;
        }
        if (fault !== undefined) {
          more.fail?.();
          reject(diskError(fault, operation));
          return;
        }
        try {
          resolve(effect());
        } catch (error) {
          reject(error);
        }
      }, operation);
    });
  }

  #stepsOver(operation: SimDiskOperation): boolean {
    if (!mutating.has(operation.kind)) {
      return false;
    }
    this.mutations += 1;
    this.#stepsLeft -= 1;
    if (this.#stepsLeft >= 0) {
      return false;
    }
    this.#off = true;
    this.#onPowerCut?.();
    return true;
  }

  #faultFor(operation: SimDiskOperation): string | undefined {
    const planned = this.#planned.find((one) => one.matches(operation));
    if (planned !== undefined) {
      this.#planned = this.#planned.filter((one) => one !== planned);
      return planned.code;
    }
    const { readError, writeError, syncError } = this.faults;
    const chances = { read: readError, write: writeError, datasync: syncError };
    const chance = chances[operation.kind as keyof typeof chances] ?? 0;
    return chance > 0 && this.#random.chance(chance) ? 'EIO' : undefined;
  }

  #nextStamp(): number {
    this.#stamp += 1;
    return this.#stamp;
  }

  #needRoom(bytes: number, operation: SimDiskOperation): void {
    if (bytes > 0 && bytes > this.#free()) {
      throw diskError('ENOSPC', operation);
    }
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    let used = 0;
    for (const folder of this.#folders.values()) {
      for (const file of folder.seen.values()) {
        used += file.size;
      }
    }
    return used;
  }

  #free(): number {
    return this.capacityBytes === Infinity ? Infinity : this.capacityBytes - this.usedBytes;
  }

  #folder(path: string): Folder {
    const folder = this.#folders.get(path) ?? { seen: new Map(), kept: new Map(), changes: [] };
    this.#folders.set(path, folder);
    return folder;
  }

  #change(folder: Folder, change: (names: Map<string, SimFile>) => void): void {
    change(folder.seen);
    folder.changes.push(change);
  }

  #file(path: string, operation: SimDiskOperation): SimFile {
    const { directory, name } = splitPath(path);
    const file = this.#folders.get(directory)?.seen.get(name);
    if (file === undefined) {
      throw diskError('ENOENT', operation);
    }
    return file;
  }

  /** All files, also those that only a name change to be lost would bring back. */
  #inodes(): Set<SimFile> {
    const files = new Set<SimFile>();
    for (const folder of this.#folders.values()) {
      const names = new Map(folder.kept);
      for (const file of names.values()) {
        files.add(file);
      }
      for (const change of folder.changes) {
        change(names);
        for (const file of names.values()) {
          files.add(file);
        }
      }
    }
    return files;
  }

  #pathOf(file: SimFile): string {
    for (const [directory, folder] of this.#folders) {
      for (const [name, one] of folder.seen) {
        if (one === file) {
          return `${directory}/${name}`;
        }
      }
    }
    return '';
  }
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
