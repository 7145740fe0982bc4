/**
 * Sizes that the files of the raft log share. Everything that is written starts at a multiple of
 * `sectorBytes`, so a new write never touches a sector that holds what was made durable before.
 * The format is told in docs/raft-log.md.
 */

/** The unit that a disk writes whole or not at all. */
export const sectorBytes = 512;
/** A segment begins with one sector of header. */
export const segmentHeaderBytes = sectorBytes;
/** A batch begins with this many bytes of header, then its records, then zeros to a sector. */
export const batchHeaderBytes = 64;
/** The format written, and the highest that can be read. */
export const formatVersion = 1;

/** `count` rounded up to whole sectors. */
export function alignUp(count: number): number {
  return Math.ceil(count / sectorBytes) * sectorBytes;
}
