/**
 * Sizes of entries for the limits of `config.ts`. Two measures: the *encoded* size (payload with
 * type, term, index and length, as a varint encoding would have it) bounds messages and batches;
 * the *payload* size alone bounds a leader's uncommitted tail. Estimates for flow control only:
 * nothing on the wire or on disk depends on them.
 */
import { EntryType } from './messages.ts';
import type { Entry } from './messages.ts';

function varintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size += 1;
  }
  return size;
}

/** Encoded size of one entry, bytes. */
export function entrySize(entry: Entry): number {
  const dataLength = entry.data.length;
  return (
    (entry.type === EntryType.normal ? 0 : 2) +
    (1 + varintSize(entry.term)) +
    (1 + varintSize(entry.index)) +
    (dataLength === 0 ? 0 : 1 + varintSize(dataLength) + dataLength)
  );
}

/** Encoded size of all entries, bytes. */
export function entriesSize(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) {
    size += entrySize(entry);
  }
  return size;
}

/** Size of the payloads alone, bytes. */
export function payloadsSize(entries: readonly Entry[]): number {
  let size = 0;
  for (const entry of entries) {
    size += entry.data.length;
  }
  return size;
}

/** How many of entries[start, end) fit into `bytesMax`; at least one if there is any. */
export function countWithin(
  entries: readonly Entry[],
  start: number,
  end: number,
  bytesMax: number,
): number {
  if (bytesMax === Infinity) {
    return end - start;
  }
  let size = 0;
  for (let i = start; i < end; i++) {
    size += entrySize(entries[i] as Entry);
    if (size > bytesMax && i > start) {
      return i - start;
    }
  }
  return end - start;
}

/** The longest prefix within `bytesMax`, at least one entry if there is any. */
export function limitSize(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  const count = countWithin(entries, 0, entries.length, bytesMax);
  return count === entries.length ? entries : entries.slice(0, count);
}
