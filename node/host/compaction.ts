/**
 * How far a group's log may be cut (design §4): never above the watermark (rows durable in the
 * engine), and as long as memory allows not above what a live follower still needs, so that it
 * catches up from the log and not by a snapshot.
 */
import { mebibyte } from '../lib/units.ts';
import type { Group } from './group.ts';
import { slowestMatch } from './progress-view.ts';

export interface CompactionLimits {
  /** Below this, a log is not worth a compaction record. */
  readonly keepBytes: number;
  /** A log that a slow follower still needs is kept up to this size. */
  readonly catchUpBytesMax: number;
}

export const compactionDefaults: CompactionLimits = {
  keepBytes: 256 * 1024,
  catchUpBytesMax: 8 * mebibyte,
};

/** A group that has been quiet this long gives its memory back. */
const quietTicksMin = 50;

/** The index up to which to compact now; the present compaction point for "not now". */
export function compactionIndex(
  group: Group,
  watermark: number,
  { keepBytes, catchUpBytesMax } = compactionDefaults,
): number {
  const { storage } = group;
  const quiet = group.asleep || group.quietTicks >= quietTicksMin;
  const limit = Math.min(watermark, group.replica.engineApplied.index);
  if (limit <= storage.compactedIndex) {
    return storage.compactedIndex;
  }
  if (storage.bytes <= keepBytes && !quiet) {
    return storage.compactedIndex;
  }
  const needed = group.isLeader ? slowestMatch(group) : limit;
  const polite = Math.min(limit, needed);
  if (polite > storage.compactedIndex && storage.bytes <= catchUpBytesMax) {
    return polite;
  }
  return storage.bytes <= catchUpBytesMax
    ? storage.compactedIndex
    : Math.max(polite, Math.min(limit, indexKeeping(group, catchUpBytesMax / 2)));
}

/** The index above which the retained entries weigh about `bytes`. */
function indexKeeping(group: Group, bytes: number): number {
  const { retained } = group.storage;
  let kept = 0;
  for (let i = retained.length - 1; i >= 0; i--) {
    const entry = retained[i];
    kept += entry?.data.length ?? 0;
    if (kept > bytes) {
      return entry?.index ?? 0;
    }
  }
  return group.storage.compactedIndex;
}
