/**
 * A node's data folder: who it belongs to, and whether this process may use it.
 *
 * Holds `identity.json` (written once, when the node joins), `reserved.json` (before that: the
 * folder is promised to one cluster), `removed.json` (the cluster removed the node for good),
 * `quarantine.json` (written when the store has failed; only a person removes it), and the folders
 * of the engine and the log, which their owners fill. Opening checks in this order: not in use, not
 * quarantined, a known format, the right cluster. A refused open has changed nothing and holds no
 * lock.
 *
 * Invariant: data lies in a folder only after its identity is durable; so data without an
 * identity is refused, never adopted and never overwritten.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { readNote, temporarySuffix, writeNote } from './folder-note.ts';
import { remedy } from './raft-log/quarantine.ts';
import { kibibyte } from '../lib/units.ts';
import type { Disk, DiskFile } from '../sys/disk.ts';

/** The newest format this program writes, and the newest it reads. */
export const dataFormatVersion = 1;

export interface Identity {
  readonly formatVersion: number;
  readonly clusterId: string;
  readonly nodeId: number;
  /** Names this store; also recorded in the log and the engine (P12). */
  readonly storeId: string;
  /** When it was created, ISO 8601. */
  readonly createdAt: string;
}

/**
 * A promise of an empty folder, durable before any group is made: whoever makes a cluster knows by
 * it which store it will have (operator-rules.md O9).
 */
export interface Reservation {
  /** Empty: any, as the node is to join one. */
  readonly clusterId: string;
  /** 0: the cluster gives one. */
  readonly nodeId: number;
  readonly storeId: string;
  /** The first of the store's boot history (P12). */
  readonly bootNonce: string;
}

/** The node's end: its id is tombstoned in the catalog. */
export interface Removal {
  /** ISO 8601. */
  readonly at: string;
  readonly reason: string;
}

/** An exclusive lock that dies with the process (`folder-lock.ts`). */
export interface FolderLock {
  /** Returns how to release it, or undefined if somebody has it. The folder must exist. */
  acquire(path: string): Promise<(() => Promise<void>) | undefined>;
}

export interface DataFolderOptions {
  readonly disk: Disk;
  readonly lock: FolderLock;
  readonly path: string;
  /** The cluster this process is meant for; undefined accepts any. */
  readonly clusterId?: string | undefined;
}

const identityName = 'identity.json';
const quarantineName = 'quarantine.json';
const reservedName = 'reserved.json';
const removedName = 'removed.json';
const smallFileBytesMax = 64 * kibibyte;
/** Names that do not make a folder a used one: of file systems, and of an interrupted start. */
const harmlessNames = new Set([
  'lost+found',
  ...['birth.json', reservedName, removedName, 'join.json', 'recovery.json'].flatMap((name) => [
    name,
    `${name}${temporarySuffix}`,
  ]),
  `${identityName}${temporarySuffix}`,
]);

export class DataFolder {
  readonly path: string;
  readonly #disk: Disk;
  readonly #release: () => Promise<void>;
  #identity: Identity | undefined;
  #reservation: Reservation | undefined;
  #removal: Removal | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    options: DataFolderOptions,
    release: () => Promise<void>,
    found: {
      readonly identity: Identity | undefined;
      readonly reservation: Reservation | undefined;
      readonly removal: Removal | undefined;
    },
  ) {
    this.path = options.path;
    this.#disk = options.disk;
    this.#release = release;
    this.#identity = found.identity;
    this.#reservation = found.reservation;
    this.#removal = found.removal;
  }

  /** Locks the folder, made if it is missing, and checks that this process may use it. */
  static async open(options: DataFolderOptions): Promise<DataFolder> {
    const { disk, path } = options;
    if (!(await disk.exists(path))) {
      await disk.makeDirectory(path);
      await disk.syncDirectory(parentOf(path));
    }
    const release = await options.lock.acquire(path);
    if (release === undefined) {
      throw refused('Refused', path, 'another process has it');
    }
    try {
      await refuseQuarantined(disk, path);
      const identity = await readIdentity(disk, path);
      if (identity === undefined) {
        await refuseUnknownData(disk, path);
      } else if (options.clusterId !== undefined && identity.clusterId !== options.clusterId) {
        const problem = `it belongs to cluster "${identity.clusterId}", not "${options.clusterId}"`;
        throw refused('WrongCluster', path, problem);
      }
      const reservation = (await readNote(disk, path, reservedName)) as Reservation | undefined;
      const removal = (await readNote(disk, path, removedName)) as Removal | undefined;
      return new DataFolder(options, release, { identity, reservation, removal });
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Undefined while the folder is new. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** To whom the new folder is promised. */
  get reservation(): Reservation | undefined {
    return this.#reservation;
  }

  /** The node that this folder belonged to is no member any more: it must not serve. */
  get removal(): Removal | undefined {
    return this.#removal;
  }

  /** The engine's folder. */
  get enginePath(): string {
    return `${this.path}/rows`;
  }

  /** The log's folder. */
  get logPath(): string {
    return `${this.path}/log`;
  }

  /** Promises a new folder; durable when it resolves. Another promise is refused by the caller. */
  async reserve(reservation: Reservation): Promise<void> {
    this.#assertOpen();
    assert(this.#identity === undefined, 'A member has nothing to promise');
    try {
      await writeNote(this.#disk, this.path, reservedName, reservation);
    } catch (error) {
      throw writeError(`${this.path}/${reservedName}`, error);
    }
    this.#reservation = reservation;
  }

  /** Notes that the cluster removed this node; durable when it resolves. */
  async noteRemoval(removal: Removal): Promise<void> {
    this.#assertOpen();
    if (this.#removal !== undefined) {
      return;
    }
    try {
      await writeNote(this.#disk, this.path, removedName, removal);
    } catch (error) {
      throw writeError(`${this.path}/${removedName}`, error);
    }
    this.#removal = removal;
  }

  /** Gives a new folder its identity; durable when it resolves. Before any data is written. */
  async initialise(identity: Omit<Identity, 'formatVersion'>): Promise<Identity> {
    this.#assertOpen();
    assert(this.#identity === undefined, 'An identity is given once');
    const { clusterId, nodeId, storeId, createdAt } = identity;
    const whole = { formatVersion: dataFormatVersion, clusterId, nodeId, storeId, createdAt };
    assert(isIdentity(whole), 'An identity is complete');
    try {
      await writeNote(this.#disk, this.path, identityName, whole);
    } catch (error) {
      throw writeError(`${this.path}/${identityName}`, error);
    }
    this.#identity = whole;
    return whole;
  }

  /**
   * Marks the store as failed, durably: no process opens it again until a person decides. The
   * first mark stays. The bare file is a mark: the reason may not fit on a full or failing disk.
   */
  async quarantine(reason: string, at: string): Promise<void> {
    this.#assertOpen();
    const path = `${this.path}/${quarantineName}`;
    if (await this.#disk.exists(path)) {
      return;
    }
    try {
      const file = await this.#disk.open(path, 'create');
      await this.#disk.syncDirectory(this.path);
      await writeWhole(file, { reason, at });
    } catch (error) {
      throw writeError(path, error);
    }
  }

  /** Releases the folder; after the engine and the log are closed. */
  close(): Promise<void> {
    this.#closing ??= this.#release();
    return this.#closing;
  }

  #assertOpen(): void {
    assert(this.#closing === undefined, 'The data folder is open');
  }
}

async function refuseQuarantined(disk: Disk, path: string): Promise<void> {
  const text = await readSmallFile(disk, path, quarantineName);
  if (text === undefined) {
    return;
  }
  const mark = parseObject(text);
  // A mark that cannot be read is still a mark.
  const reason = typeof mark?.['reason'] === 'string' ? mark['reason'] : 'for an unknown reason';
  const since = typeof mark?.['at'] === 'string' ? ` since ${mark['at']}` : '';
  throw refused('Quarantined', path, `it is quarantined${since}: ${reason}; ${remedy}`);
}

async function readIdentity(disk: Disk, path: string): Promise<Identity | undefined> {
  const text = await readSmallFile(disk, path, identityName);
  if (text === undefined) {
    return undefined;
  }
  const found = parseObject(text);
  const version = found?.['formatVersion'];
  if (typeof version === 'number' && version > dataFormatVersion) {
    const problem = `its format ${version} is newer than this program's ${dataFormatVersion}`;
    throw refused('Refused', path, problem);
  }
  if (!isIdentity(found)) {
    throw refused('Refused', path, `${identityName} cannot be understood`);
  }
  return found;
}

async function refuseUnknownData(disk: Disk, path: string): Promise<void> {
  const names = (await disk.list(path)).filter((name) => !harmlessNames.has(name));
  if (names.length > 0) {
    const some = names.slice(0, 3).join(', ');
    throw refused('Refused', path, `it is not empty (${some}) and has no ${identityName}`);
  }
}

function isIdentity(value: unknown): value is Identity {
  const { formatVersion, clusterId, nodeId, storeId, createdAt } = (value ??
    {}) as Partial<Identity>;
  return (
    Number.isSafeInteger(formatVersion) &&
    typeof clusterId === 'string' &&
    clusterId !== '' &&
    typeof nodeId === 'number' &&
    Number.isSafeInteger(nodeId) &&
    nodeId > 0 &&
    typeof storeId === 'string' &&
    storeId !== '' &&
    typeof createdAt === 'string'
  );
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null
      ? (parsed as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

async function readSmallFile(disk: Disk, path: string, name: string): Promise<string | undefined> {
  if (!(await disk.exists(`${path}/${name}`))) {
    return undefined;
  }
  const file = await disk.open(`${path}/${name}`, 'read');
  try {
    const size = await file.size();
    if (size > smallFileBytesMax) {
      throw refused('Refused', path, `${name} has ${size} bytes`);
    }
    const bytes = Buffer.alloc(size);
    const count = await file.read(bytes, 0, size, 0);
    return bytes.toString('utf8', 0, count);
  } finally {
    await file.close();
  }
}

/** Writes, syncs and closes a new file. */
async function writeWhole(file: DiskFile, value: object): Promise<void> {
  try {
    await file.write(Buffer.from(`${JSON.stringify(value, undefined, 2)}\n`), 0);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function writeError(path: string, error: unknown): DynakvError {
  const code = (error as { code?: unknown }).code === 'ENOSPC' ? 'NoSpace' : 'StoreFailed';
  return new DynakvError(code, `Cannot write ${path}: ${messageOf(error)}`, {}, error);
}

function refused(
  code: 'Refused' | 'Quarantined' | 'WrongCluster',
  path: string,
  problem: string,
): DynakvError {
  return new DynakvError(code, `Cannot open data folder ${path}: ${problem}`, { path });
}

function parentOf(path: string): string {
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  return slash < 0 ? '.' : slash === 0 ? '/' : trimmed.slice(0, slash);
}
