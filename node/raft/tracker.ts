/**
 * The group as one replica sees it: the active configuration, the progress of every member (used
 * while leading) and the votes of the running election.
 *
 * Invariant: `members` holds one progress per id of the configuration, sorted by id.
 */
import { Inflights } from './inflights.ts';
import { jointCommittedIndex, jointVoteResult } from './joint-quorum.ts';
import type { JointVoters } from './joint-quorum.ts';
import type { ConfState, ReplicaId } from './messages.ts';
import type { Progress } from './progress.ts';
import type { AckedIndexer, VoteResult } from './quorum.ts';

/** All lists sorted by id. */
export interface GroupConfig {
  readonly voters: JointVoters;
  readonly learners: readonly ReplicaId[];
  /** Outgoing voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly ReplicaId[];
  readonly autoLeave: boolean;
}

export const emptyGroupConfig: GroupConfig = {
  voters: { incoming: [], outgoing: [] },
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export class Tracker implements AckedIndexer {
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  config: GroupConfig = emptyGroupConfig;
  /** Sorted by id; iterate this. */
  members: readonly Progress[] = [];
  readonly votes = new Map<ReplicaId, boolean>();
  readonly #byId = new Map<ReplicaId, Progress>();

  constructor(inflightMessagesMax: number, inflightBytesMax: number) {
    this.inflightMessagesMax = inflightMessagesMax;
    this.inflightBytesMax = inflightBytesMax;
  }

  newInflights(): Inflights {
    return new Inflights(this.inflightMessagesMax, this.inflightBytesMax);
  }

  /** Replaces the configuration; `members` must match it. */
  switchTo(config: GroupConfig, members: readonly Progress[]): void {
    this.config = config;
    this.members = members;
    this.#byId.clear();
    for (const progress of members) {
      this.#byId.set(progress.id, progress);
    }
  }

  get(id: ReplicaId): Progress | undefined {
    return this.#byId.get(id);
  }

  ackedIndex(id: ReplicaId): number | undefined {
    return this.#byId.get(id)?.match;
  }

  /** The highest index that a quorum has on disk. */
  committedIndex(): number {
    return jointCommittedIndex(this.config.voters, this);
  }

  /** True if one replica decides alone. */
  get isSingleton(): boolean {
    const { incoming, outgoing } = this.config.voters;
    return incoming.length === 1 && outgoing.length === 0;
  }

  /** True if a quorum was heard of since the last check. */
  isQuorumActive(): boolean {
    const active = new Map<ReplicaId, boolean>();
    for (const progress of this.members) {
      if (!progress.isLearner) {
        active.set(progress.id, progress.recentActive);
      }
    }
    return jointVoteResult(this.config.voters, active) === 'won';
  }

  resetVotes(): void {
    this.votes.clear();
  }

  /** Only the first vote of a replica counts. */
  recordVote(id: ReplicaId, granted: boolean): void {
    if (!this.votes.has(id)) {
      this.votes.set(id, granted);
    }
  }

  tallyVotes(): { granted: number; rejected: number; result: VoteResult } {
    let granted = 0;
    let rejected = 0;
    for (const progress of this.members) {
      const vote = progress.isLearner ? undefined : this.votes.get(progress.id);
      if (vote === true) {
        granted += 1;
      } else if (vote === false) {
        rejected += 1;
      }
    }
    return { granted, rejected, result: jointVoteResult(this.config.voters, this.votes) };
  }

  confState(): ConfState {
    const { voters, learners, learnersNext, autoLeave } = this.config;
    return {
      voters: voters.incoming,
      votersOutgoing: voters.outgoing,
      learners,
      learnersNext,
      autoLeave,
    };
  }
}
