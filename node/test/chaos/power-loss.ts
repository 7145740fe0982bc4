/**
 * What a power cut would have left of the data of a node that was killed: writes that no sync had
 * covered are lost whole, in part or not at all, as the seed says; so are the last unsynced names
 * of a folder; RocksDB's newest log is cut to its last sync. Its older logs stay whole: RocksDB
 * syncs them by itself before it writes tables that count on them.
 *
 * Invariant: nothing that the journal calls durable is touched.
 */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Prng } from '../../lib/prng.ts';
import type { JournalNote } from './sync-journal.ts';
import { oldBytes, PendingWrites, readJournal, resetJournal } from './sync-journal.ts';

/** A write, under the name that its file has now. */
interface LostWrite {
  readonly path: string;
  readonly note: Extract<JournalNote, { kind: 'write' }>;
}
type NameNote = Extract<JournalNote, { kind: 'create' | 'rename' }>;

export interface PowerLoss {
  /** Writes that had not been synced, and sectors of them taken back. */
  readonly writes: number;
  readonly sectors: number;
  readonly names: number;
  /** Bytes cut from RocksDB's newest log. */
  readonly walBytes: number;
}

const sectorBytes = 512;

/** Writes without a later sync, in order. */
function unsyncedWrites(notes: readonly JournalNote[]): readonly LostWrite[] {
  const pending = new PendingWrites();
  for (const note of notes) {
    pending.apply(note);
  }
  return [...pending.writes].sort(([a], [b]) => a - b).map(([, write]) => write);
}

/** By folder: the changes of names since its last sync, behind what cannot be undone. */
function unsyncedNames(notes: readonly JournalNote[]): Map<string, NameNote[]> {
  const folders = new Map<string, NameNote[]>();
  for (const note of notes) {
    if (note.kind === 'barrier' || note.kind === 'folder-synced') {
      folders.delete(note.folder);
    } else if (note.kind === 'create' || note.kind === 'rename') {
      const folder = dirname(note.kind === 'create' ? note.path : note.to);
      folders.set(folder, [...(folders.get(folder) ?? []), note]);
    }
  }
  return folders;
}

function undoName(note: NameNote): void {
  if (note.kind === 'create' && existsSync(note.path)) {
    unlinkSync(note.path);
  } else if (note.kind === 'rename' && existsSync(note.to) && !existsSync(note.from)) {
    renameSync(note.to, note.from);
  }
}

/** Lost whole, kept whole, or each sector by itself: drawn once a write. */
function chooseLost(prng: Prng): () => boolean {
  const mood = prng.below(3);
  return mood === 2 ? () => prng.chance(0.5) : () => mood === 0;
}

/** Takes sectors of one write back; `settled` holds those that a later write kept. */
function undoWrite({ path, note }: LostWrite, prng: Prng, settled: Set<string>): number {
  if (!existsSync(path)) {
    return 0;
  }
  const lost = chooseLost(prng);
  const old = oldBytes(note.old);
  let sectors = 0;
  let all = true;
  const descriptor = openSync(path, 'r+');
  for (let at = note.position; at < note.position + note.length; at += sectorBytes) {
    const name = `${path}@${Math.floor(at / sectorBytes)}`;
    const from = at - note.position;
    if (settled.has(name) || !lost()) {
      settled.add(name);
      all = false;
    } else {
      const part = Buffer.alloc(Math.min(sectorBytes, note.length - from));
      old.copy(part, 0, from, from + part.length);
      writeSync(descriptor, part, 0, part.length, at);
      sectors += 1;
    }
  }
  if (all && lost() && statSync(path).size > note.size) {
    ftruncateSync(descriptor, note.size);
  }
  fdatasyncSync(descriptor);
  closeSync(descriptor);
  return sectors;
}

/** Cuts RocksDB's newest log to what was synced of it; returns the bytes lost. */
function cutWal(notes: readonly JournalNote[], walFolder: string): number {
  const names = existsSync(walFolder)
    ? readdirSync(walFolder).filter((name) => /^\d+\.log$/.test(name))
    : [];
  const newest = names.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1);
  if (newest === undefined) {
    return 0;
  }
  const path = join(walFolder, newest);
  let synced = 0;
  for (const note of notes) {
    synced = note.kind === 'wal' && note.path === path ? note.size : synced;
  }
  const { size } = statSync(path);
  if (size <= synced) {
    return 0;
  }
  const descriptor = openSync(path, 'r+');
  ftruncateSync(descriptor, synced);
  fdatasyncSync(descriptor);
  closeSync(descriptor);
  return size - synced;
}

/** Takes back what was not durable, and begins the journal anew. The node must be dead. */
export function losePower(place: {
  readonly journal: string;
  readonly walFolder: string;
  readonly prng: Prng;
}): PowerLoss {
  const { journal, walFolder, prng } = place;
  const notes = readJournal(journal);
  const writes = unsyncedWrites(notes);
  const settled = new Set<string>();
  let sectors = 0;
  for (const write of [...writes].reverse()) {
    sectors += undoWrite(write, prng, settled);
  }
  let names = 0;
  for (const changes of unsyncedNames(notes).values()) {
    // A journal keeps a prefix of the changes of names.
    for (const change of changes.slice(prng.below(changes.length + 1)).reverse()) {
      undoName(change);
      names += 1;
    }
  }
  const walBytes = cutWal(notes, walFolder);
  resetJournal(journal);
  return { writes: writes.length, sectors, names, walBytes };
}
