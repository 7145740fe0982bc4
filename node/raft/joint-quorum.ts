/**
 * Joint quorums: while a configuration changes, a decision needs a majority of the incoming and of
 * the outgoing voters (Raft thesis §4.3). `outgoing` is empty outside a change.
 */
import type { ReplicaId } from './messages.ts';
import { majorityCommittedIndex, majorityVoteResult } from './quorum.ts';
import type { AckedIndexer, VoteResult } from './quorum.ts';

export interface JointVoters {
  readonly incoming: readonly ReplicaId[];
  readonly outgoing: readonly ReplicaId[];
}

export function jointCommittedIndex(voters: JointVoters, acked: AckedIndexer): number {
  const incoming = majorityCommittedIndex(voters.incoming, acked);
  return voters.outgoing.length === 0
    ? incoming
    : Math.min(incoming, majorityCommittedIndex(voters.outgoing, acked));
}

export function jointVoteResult(
  voters: JointVoters,
  votes: ReadonlyMap<ReplicaId, boolean>,
): VoteResult {
  const incoming = majorityVoteResult(voters.incoming, votes);
  const outgoing = majorityVoteResult(voters.outgoing, votes);
  if (incoming === outgoing) {
    return incoming;
  }
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending';
}

/** The voters of both halves, each once, sorted. */
export function jointVoterIds(voters: JointVoters): readonly ReplicaId[] {
  if (voters.outgoing.length === 0) {
    return voters.incoming;
  }
  const ids = voters.incoming.slice();
  for (const id of voters.outgoing) {
    if (!voters.incoming.includes(id)) {
      ids.push(id);
    }
  }
  return ids.sort((a, b) => a - b);
}

export function isJointVoter(voters: JointVoters, id: ReplicaId): boolean {
  return voters.incoming.includes(id) || voters.outgoing.includes(id);
}
