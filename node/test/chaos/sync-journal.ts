/**
 * The record of what a node has surely made durable, for the power-loss mode: a file outside its
 * data folder, one JSON line a note, written before or after each step as the note says. The
 * kernel keeps it when the process is killed, so it names all that a power cut might have taken.
 *
 * Invariant: a write is noted with the bytes that it replaces before it begins, and as durable
 * after the disk said so and before the node hears of it.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mebibyte } from '../../lib/units.ts';

export type JournalNote =
  /** A write is about to begin; `old` are the bytes there, base64 (or a count of zeros). */
  | {
      readonly kind: 'write';
      readonly id: number;
      readonly path: string;
      readonly position: number;
      readonly length: number;
      readonly old: string | number;
      /** Of the file before. */
      readonly size: number;
    }
  /** These writes are on stable storage. */
  | { readonly kind: 'durable'; readonly ids: readonly number[] }
  /** Names of a folder changed; `barrier`: what cannot be undone, nor anything before it. */
  | { readonly kind: 'create'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'barrier'; readonly folder: string; readonly removed?: string }
  | { readonly kind: 'folder-synced'; readonly folder: string }
  /** A log file of RocksDB is durable up to `size`. */
  | { readonly kind: 'wal'; readonly path: string; readonly size: number };

/** Above so many bytes it is begun anew, at a moment when nothing is pending. */
const journalBytesMax = 16 * mebibyte;

type WriteNote = Extract<JournalNote, { kind: 'write' }>;

/** Writes that no sync has covered, under the names that their files have now. */
export class PendingWrites {
  readonly writes = new Map<number, { readonly path: string; readonly note: WriteNote }>();

  apply(note: JournalNote): void {
    switch (note.kind) {
      case 'write':
        this.writes.set(note.id, { path: note.path, note });
        return;
      case 'durable':
        for (const id of note.ids) {
          this.writes.delete(id);
        }
        return;
      case 'create':
        this.#forget(note.path);
        return;
      case 'barrier':
        this.#forget(note.removed);
        return;
      case 'rename':
        for (const [id, { path, note: write }] of this.writes) {
          if (path === note.from) {
            this.writes.set(id, { path: note.to, note: write });
          }
        }
        return;
      default:
        return;
    }
  }

  idsOf(path: string): readonly number[] {
    return [...this.writes].filter(([, write]) => write.path === path).map(([id]) => id);
  }

  #forget(path: string | undefined): void {
    for (const [id, write] of this.writes) {
      if (write.path === path) {
        this.writes.delete(id);
      }
    }
  }
}

export class SyncJournal {
  readonly #descriptor: number;
  readonly #wals = new Map<string, number>();
  readonly #pending = new PendingWrites();
  /** Of an earlier life of the node: a sync of their file covers them too. */
  readonly #inherited: ReadonlySet<number>;
  readonly #namesPending = new Set<string>();
  #bytes: number;
  #nextId = 1;

  /** Goes on with the journal of the node's earlier lives, if there is one. */
  constructor(path: string) {
    const earlier = existsSync(path) ? readJournal(path) : [];
    for (const note of earlier) {
      this.#pending.apply(note);
      if (note.kind === 'write') {
        this.#nextId = Math.max(this.#nextId, note.id + 1);
      } else if (note.kind === 'wal') {
        this.#wals.set(note.path, note.size);
      }
    }
    this.#inherited = new Set(this.#pending.writes.keys());
    this.#descriptor = openSync(path, existsSync(path) ? 'r+' : 'w');
    this.#bytes = fstatSync(this.#descriptor).size;
    this.#line('\n'); // The last line may have broken off.
  }

  /** Notes a write that is about to begin; returns its id. */
  write(place: {
    readonly path: string;
    readonly position: number;
    readonly length: number;
    readonly old: Uint8Array;
    readonly size: number;
  }): number {
    const id = this.#nextId++;
    this.#note({ kind: 'write', id, ...place, old: encodeOld(place.old) });
    return id;
  }

  /** A sync of `path` that covers the writes `ids`, and those that an earlier life left there. */
  synced(path: string, ids: readonly number[]): void {
    const inherited = this.#pending.idsOf(path).filter((id) => this.#inherited.has(id));
    this.durable([...ids, ...inherited]);
  }

  durable(ids: readonly number[]): void {
    this.#note({ kind: 'durable', ids });
  }

  name(note: Extract<JournalNote, { kind: 'create' | 'rename' }>, folder: string): void {
    this.#namesPending.add(folder);
    this.#note(note);
  }

  /** What happens in the folder now cannot be undone, nor what happened before. */
  barrier(folder: string, removed?: string): void {
    this.#namesPending.delete(folder);
    this.#note({ kind: 'barrier', folder, ...(removed === undefined ? {} : { removed }) });
  }

  folderSynced(folder: string): void {
    this.#namesPending.delete(folder);
    this.#note({ kind: 'folder-synced', folder });
  }

  wal(path: string, size: number): void {
    if ((this.#wals.get(path) ?? -1) < size) {
      this.#wals.delete(path); // The newest stands last.
      this.#wals.set(path, size);
      this.#note({ kind: 'wal', path, size });
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #note(note: JournalNote): void {
    this.#pending.apply(note);
    this.#line(`${JSON.stringify(note)}\n`);
    if (
      this.#bytes > journalBytesMax &&
      this.#pending.writes.size === 0 &&
      this.#namesPending.size === 0
    ) {
      this.#renew();
    }
  }

  #line(text: string): void {
    const bytes = Buffer.from(text);
    writeSync(this.#descriptor, bytes, 0, bytes.length, this.#bytes);
    this.#bytes += bytes.length;
  }

  /** Forgets all that is durable, except how far RocksDB's newest logs are. */
  #renew(): void {
    const text = Buffer.from(walLines([...this.#wals].slice(-walsKept)));
    // First the new beginning, then the cut: a kill between leaves notes of what is durable.
    writeSync(this.#descriptor, text, 0, text.length, 0);
    ftruncateSync(this.#descriptor, text.length);
    this.#bytes = text.length;
  }
}

function walLines(wals: readonly (readonly [string, number])[]): string {
  const notes = wals.map(([path, size]) => JSON.stringify({ kind: 'wal', path, size }));
  return `\n${notes.map((note) => `${note}\n`).join('')}`;
}

/** Begins a journal anew: nothing is pending any more. RocksDB's logs are as durable as before. */
export function resetJournal(path: string): void {
  const wals = new Map<string, number>();
  for (const note of readJournal(path)) {
    if (note.kind === 'wal') {
      wals.set(note.path, note.size);
    }
  }
  writeFileSync(path, walLines([...wals].slice(-walsKept)));
}

const walsKept = 8;

function encodeOld(old: Uint8Array): string | number {
  return old.every((byte) => byte === 0) ? old.length : Buffer.from(old).toString('base64');
}

/** The bytes that a write replaced. */
export function oldBytes(old: string | number): Buffer {
  return typeof old === 'number' ? Buffer.alloc(old) : Buffer.from(old, 'base64');
}

/** All notes; a last line that broke off with the process is no note: its step had not begun. */
export function readJournal(path: string): readonly JournalNote[] {
  const notes: JournalNote[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    try {
      notes.push(JSON.parse(line) as JournalNote);
    } catch {
      continue;
    }
  }
  return notes;
}
