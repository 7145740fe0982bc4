/**
 * Majority quorums: which index a majority has acknowledged, and how a vote stands. Voters are
 * arrays sorted by id. An empty configuration commits everything and wins every vote, so that an
 * absent half of a joint configuration behaves as if it were not there. Raft thesis §3.5, §3.4.
 *
 * Invariant: the answer is a function of the set of voters and their acknowledgements alone.
 */
import type { ReplicaId } from './messages.ts';

/** What a voter has acknowledged; undefined if nothing is known. */
export interface AckedIndexer {
  ackedIndex(id: ReplicaId): number | undefined;
}

export type VoteResult = 'pending' | 'lost' | 'won';

/** Reused between calls: the computation is synchronous and never nested. */
const sorted: number[] = [];

/** The highest index that a majority of `voters` has; Infinity without voters. */
export function majorityCommittedIndex(voters: readonly ReplicaId[], acked: AckedIndexer): number {
  const count = voters.length;
  if (count === 0) {
    return Infinity;
  }
  // Insertion sort: configurations are small, and this allocates nothing.
  for (let i = 0; i < count; i++) {
    const index = acked.ackedIndex(voters[i] as ReplicaId) ?? 0;
    let at = i;
    while (at > 0 && (sorted[at - 1] as number) > index) {
      sorted[at] = sorted[at - 1] as number;
      at -= 1;
    }
    sorted[at] = index;
  }
  return sorted[count - (Math.floor(count / 2) + 1)] as number;
}

/** How a vote stands, given the answers so far. */
export function majorityVoteResult(
  voters: readonly ReplicaId[],
  votes: ReadonlyMap<ReplicaId, boolean>,
): VoteResult {
  if (voters.length === 0) {
    return 'won';
  }
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) {
      missing += 1;
    } else if (vote) {
      granted += 1;
    }
  }
  const quorum = Math.floor(voters.length / 2) + 1;
  if (granted >= quorum) {
    return 'won';
  }
  return granted + missing >= quorum ? 'pending' : 'lost';
}
