/**
 * Whether a candidate's log may follow on a replica's own: the judgement of logs in a vote. Whether
 * the replica has a vote left in the term is the core's matter (`raft.ts`).
 *
 * The rule is that of Raft §5.4.1, with one exception. Configurations count here from when they are
 * applied, so those who do not know yet that a joint one ended need votes of its outgoing half. A
 * replica that left with that half knows more, and may hold entries behind the end that no voter
 * has. It must not refuse for their sake: nobody could be elected ever again (record 0070).
 *
 * Invariant: whoever an entry may have been committed by refuses every log without it.
 */
import { confChangeOfEntry, isLeaveJoint } from './conf-change.ts';
import { isJointVoter } from './joint-quorum.ts';
import type { RaftLog } from './log.ts';
import type { ReplicaId } from './messages.ts';
import type { Tracker } from './tracker.ts';

/** Where a candidate's log ends. */
export interface LogEnd {
  readonly index: number;
  readonly logTerm: number;
}

/** What the replica knows. */
export interface Predecessor {
  readonly id: ReplicaId;
  readonly log: RaftLog;
  readonly tracker: Tracker;
}

export function maySucceed(own: Predecessor, { index, logTerm }: LogEnd): boolean {
  const { log } = own;
  return (
    log.isUpToDate(index, logTerm) ||
    (log.hasAllCommitted(index, logTerm) && isOut(own) && wasJointBefore(log))
  );
}

/** By its applied configuration it does not vote. */
function isOut({ id, tracker }: Predecessor): boolean {
  return !isJointVoter(tracker.config.voters, id);
}

/**
 * The last change in the log is the end of a joint configuration, and applied: what lies behind it
 * was committed by a majority of those who stay, if at all. Not so after a change of one replica,
 * nor with another change behind, nor if the log has forgotten what the last one was.
 */
function wasJointBefore(log: RaftLog): boolean {
  const entry = log.lastConfChange();
  const change = entry === undefined ? undefined : confChangeOfEntry(entry);
  const isApplied = entry !== undefined && entry.index <= log.applied;
  return isApplied && change !== undefined && isLeaveJoint(change);
}
