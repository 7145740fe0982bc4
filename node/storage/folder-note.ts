/**
 * Small JSON files beside a node's stores: what it must know before, or without, opening them. Each
 * is written whole or not at all: a new file, synced, renamed over the name, the name synced.
 */
import { DynakvError } from '../lib/errors.ts';
import { mebibyte } from '../lib/units.ts';
import type { Disk } from '../sys/disk.ts';

export const temporarySuffix = '.new';
/** A plan of a thousand nodes has some 300 KiB. */
const noteBytesMax = 16 * mebibyte;

/** The note, undefined if there is none. One that cannot be read is no reason to act without it. */
export async function readNote(
  disk: Disk,
  folder: string,
  name: string,
): Promise<object | undefined> {
  const path = `${folder}/${name}`;
  if (!(await disk.exists(path))) {
    return undefined;
  }
  const file = await disk.open(path, 'read');
  try {
    const size = await file.size();
    if (size > noteBytesMax) {
      throw new DynakvError('Refused', `Cannot read "${path}": it has ${size} bytes`);
    }
    const bytes = Buffer.alloc(size);
    await file.read(bytes, 0, size, 0);
    return parseNote(path, bytes.toString('utf8'));
  } finally {
    await file.close();
  }
}

function parseNote(path: string, text: string): object {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    note = undefined;
  }
  if (typeof note !== 'object' || note === null) {
    throw new DynakvError('Refused', `Cannot read "${path}": it is damaged`);
  }
  return note;
}

/** Durable when it resolves. */
export async function writeNote(
  disk: Disk,
  folder: string,
  name: string,
  note: object,
): Promise<void> {
  const path = `${folder}/${name}`;
  const temporary = path + temporarySuffix;
  await disk.remove(temporary);
  const file = await disk.open(temporary, 'create');
  try {
    await file.write(Buffer.from(`${JSON.stringify(note, undefined, 2)}\n`, 'utf8'), 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
  await disk.syncDirectory(folder);
}

/** Gone, durably, when it resolves. */
export async function removeNote(disk: Disk, folder: string, name: string): Promise<void> {
  await disk.remove(`${folder}/${name}`);
  await disk.syncDirectory(folder);
}
