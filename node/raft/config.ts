/**
 * The options of one replica's core: unit, default and range of each, checked all at once.
 *
 * Ticks are whatever the host makes of them (a fixed interval of its own clock); the core knows no
 * other time.
 */
import { DynakvError } from '../lib/errors.ts';
import { silentLogger } from './logger.ts';
import type { RaftLogger } from './logger.ts';
import { localApplyThread } from './messages.ts';
import type { ReplicaId } from './messages.ts';
import type { RaftStorage } from './storage.ts';

export interface RaftConfig {
  /** This replica. 1 … 2^53−3; never reused within a group. */
  readonly id: ReplicaId;
  readonly storage: RaftStorage;
  /** A number in [0, 1) at each call, for the election timeout. */
  readonly random: () => number;
  /** Ticks without a leader before an election, at least; the actual number is drawn from
   * [electionTicks, 2 × electionTicks). Default 10, range > heartbeatTicks. */
  readonly electionTicks?: number;
  /** Ticks between a leader's heartbeats. Default 1, range ≥ 1. */
  readonly heartbeatTicks?: number;
  /** Index up to which the state machine is known to be applied at start. Default 0 = up to the
   * compaction point. */
  readonly applied?: number;
  /** Storage work as messages to `localAppendThread` and `localApplyThread` instead of
   * `advance()`. Default false. */
  readonly asyncStorageWrites?: boolean;
  /** Encoded bytes of entries in one append; at least one entry is sent. Default 1 MiB, range
   * 0 … Infinity. */
  readonly messageBytesMax?: number;
  /** Encoded bytes handed out to be applied and not yet applied; at least one entry is handed
   * out. Default 0 = messageBytesMax, range 0 … Infinity. */
  readonly applyingBytesMax?: number;
  /** Payload bytes of a leader's uncommitted tail beyond which proposals are refused (a proposal
   * on an empty tail always passes). Default 0 = unlimited, range 0 … Infinity. */
  readonly uncommittedBytesMax?: number;
  /** Appends in flight to one follower. Default 256, range ≥ 1. */
  readonly inflightMessagesMax?: number;
  /** Payload bytes in flight to one follower. Default 0 = unlimited, else ≥ messageBytesMax. */
  readonly inflightBytesMax?: number;
  /** The leader steps down when it hears of no quorum for electionTicks, and voters refuse
   * elections while they hear of a leader. Default false. */
  readonly checkQuorum?: boolean;
  /** Ask before raising the term. Default false. */
  readonly preVote?: boolean;
  /** How ReadIndex is confirmed: `safe` by a quorum round, `lease` by the clock (needs
   * checkQuorum). Default `safe`. */
  readonly readOnly?: 'safe' | 'lease';
  /** Followers refuse proposals instead of sending them on to the leader. Default false. */
  readonly disableProposalForwarding?: boolean;
  /** Lets configuration changes into the log whatever is pending. Dangerous: a caller must check
   * them at apply. Default false. */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that its own configuration removes or demotes steps down. Default false. */
  readonly stepDownOnRemoval?: boolean;
  /** Appends, commit indexes and read rounds go out once per `ready()` instead of once per
   * event, and acknowledgements to one replica are merged into the highest. Default false. */
  readonly coalesceMessages?: boolean;
  /** A vote request by the replica believed to lead ends that belief: whoever campaigns does not
   * lead (protocols.md P15). Default false. */
  readonly leaderVoteEndsLease?: boolean;
  /** Default: silent. */
  readonly logger?: RaftLogger;
}

/** Every option filled in; limits of 0 resolved. */
export type ResolvedRaftConfig = Required<RaftConfig>;

const mebibytes = 1024 * 1024;

export const raftConfigDefaults = {
  electionTicks: 10,
  heartbeatTicks: 1,
  applied: 0,
  asyncStorageWrites: false,
  messageBytesMax: mebibytes,
  applyingBytesMax: 0,
  uncommittedBytesMax: 0,
  inflightMessagesMax: 256,
  inflightBytesMax: 0,
  checkQuorum: false,
  preVote: false,
  readOnly: 'safe',
  disableProposalForwarding: false,
  disableConfChangeValidation: false,
  stepDownOnRemoval: false,
  coalesceMessages: false,
  leaderVoteEndsLease: false,
  logger: silentLogger,
} as const;

/** Everything that is wrong with the configuration, a sentence each. */
export function raftConfigProblems(config: RaftConfig): string[] {
  const all: ResolvedRaftConfig = { ...raftConfigDefaults, ...config };
  const problems: string[] = [];
  const check = (holds: boolean, text: string): void => {
    if (!holds) {
      problems.push(text);
    }
  };
  const isBytes = (value: number): boolean =>
    value === Infinity || (Number.isSafeInteger(value) && value >= 0);
  check(
    Number.isSafeInteger(all.id) && all.id > 0 && all.id < localApplyThread,
    `"id" must be a replica id: ${all.id}`,
  );
  check(
    Number.isSafeInteger(all.heartbeatTicks) && all.heartbeatTicks >= 1,
    `"heartbeatTicks" must be at least 1: ${all.heartbeatTicks}`,
  );
  check(
    Number.isSafeInteger(all.electionTicks) && all.electionTicks > all.heartbeatTicks,
    `"electionTicks" must be above "heartbeatTicks": ${all.electionTicks}`,
  );
  check(
    Number.isSafeInteger(all.applied) && all.applied >= 0,
    `"applied" must be an index: ${all.applied}`,
  );
  check(
    Number.isSafeInteger(all.inflightMessagesMax) && all.inflightMessagesMax >= 1,
    `"inflightMessagesMax" must be at least 1: ${all.inflightMessagesMax}`,
  );
  for (const name of ['messageBytesMax', 'applyingBytesMax', 'uncommittedBytesMax'] as const) {
    check(isBytes(all[name]), `"${name}" must be a size in bytes: ${all[name]}`);
  }
  check(
    all.inflightBytesMax === 0 ||
      (isBytes(all.inflightBytesMax) && all.inflightBytesMax >= all.messageBytesMax),
    `"inflightBytesMax" must be 0 or at least "messageBytesMax": ${all.inflightBytesMax}`,
  );
  check(
    all.readOnly === 'safe' || all.checkQuorum,
    '"readOnly" must be "safe" without "checkQuorum": "lease"',
  );
  return problems;
}

/** Fills in the defaults; throws `ConfigInvalid` with all problems. */
export function resolveRaftConfig(config: RaftConfig): ResolvedRaftConfig {
  const problems = raftConfigProblems(config);
  if (problems.length > 0) {
    throw new DynakvError('ConfigInvalid', `Cannot start a replica: ${problems.join('; ')}`);
  }
  const all: ResolvedRaftConfig = { ...raftConfigDefaults, ...config };
  return {
    ...all,
    // A batch of no bytes would never start: one byte admits one entry.
    applyingBytesMax: Math.max(1, all.applyingBytesMax || all.messageBytesMax),
    uncommittedBytesMax: all.uncommittedBytesMax || Infinity,
    inflightBytesMax: all.inflightBytesMax || Infinity,
  };
}
