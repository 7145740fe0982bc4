/**
 * The note of a birth under way: `birth.json` beside the identity, with the plan. It is durable
 * before the stores get their first byte and removed when they are whole. A node that finds it
 * empties its stores and starts the birth over: nothing in them was ever served.
 */
import type { Disk } from '../sys/disk.ts';
import { readNote, removeNote, writeNote } from './folder-note.ts';

const noteName = 'birth.json';

/** The noted plan, undefined if no birth is under way. */
export async function readBirthNote(disk: Disk, folder: string): Promise<object | undefined> {
  return await readNote(disk, folder, noteName);
}

export async function writeBirthNote(disk: Disk, folder: string, plan: object): Promise<void> {
  await writeNote(disk, folder, noteName, plan);
}

/** The birth is complete: from here on the stores are what the node is. */
export async function removeBirthNote(disk: Disk, folder: string): Promise<void> {
  await removeNote(disk, folder, noteName);
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
