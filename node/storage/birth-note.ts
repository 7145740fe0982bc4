/**
 * The note of a birth under way: `birth.json` beside the identity, with the plan. It is durable
 * before the stores get their first byte and removed when they are whole. A node that finds it
 * empties its stores and starts the birth over: nothing in them was ever served.
 */
import { DynakvError } from '../lib/errors.ts';
import type { Disk } from '../sys/disk.ts';

const noteName = 'birth.json';
const temporarySuffix = '.new';
const noteBytesMax = 16 * 1024 * 1024;

/** The noted plan, undefined if no birth is under way. */
export async function readBirthNote(disk: Disk, folder: string): Promise<object | undefined> {
  const path = `${folder}/${noteName}`;
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

/** A note is renamed into place whole; one that cannot be read is no reason to empty anything. */
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

export async function writeBirthNote(disk: Disk, folder: string, plan: object): Promise<void> {
  const path = `${folder}/${noteName}`;
  const temporary = path + temporarySuffix;
  await disk.remove(temporary);
  const file = await disk.open(temporary, 'create');
  try {
    await file.write(Buffer.from(JSON.stringify(plan), 'utf8'), 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
  await disk.syncDirectory(folder);
}

/** The birth is complete: from here on the stores are what the node is. */
export async function removeBirthNote(disk: Disk, folder: string): Promise<void> {
  await disk.remove(`${folder}/${noteName}`);
  await disk.syncDirectory(folder);
}

/** Removes every file of a store's folder. */
export async function emptyFolder(disk: Disk, folder: string): Promise<void> {
  for (const name of await disk.list(folder)) {
    await disk.remove(`${folder}/${name}`);
  }
  if (await disk.exists(folder)) {
    await disk.syncDirectory(folder);
  }
}
