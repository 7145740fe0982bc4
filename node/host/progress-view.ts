/** What a leader's progress map says of its followers as a whole. */
import type { Group } from './group.ts';

/** The lowest index that a follower heard of lately still needs entries above; commit if none. */
export function slowestMatch(group: Group): number {
  let slowest = group.commitIndex;
  for (const progress of group.raw.raft.tracker.members) {
    if (progress.id !== group.replicaId && progress.recentActive && progress.match < slowest) {
      slowest = progress.match;
    }
  }
  return slowest;
}

/** Every replica holds the whole log and knows that it is committed. */
export function allReplicated(group: Group): boolean {
  const { lastIndex, commitIndex } = group;
  for (const progress of group.raw.raft.tracker.members) {
    if (progress.match !== lastIndex) {
      return false;
    }
  }
  return lastIndex === commitIndex;
}
