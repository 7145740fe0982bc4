/**
 * What the core wants done, as data. The order of work (etcd raft doc.go): persist `snapshot`,
 * `entries` and `hardState` in one synced write; then send `messages`; then apply
 * `committedEntries`; then `advance()`.
 *
 * With asynchronous storage the same work travels as messages to `localAppendThread` and
 * `localApplyThread`, whose `responses` are delivered once the work is done: those of an append
 * once it is durable. Messages to one thread are worked off in order.
 *
 * A snapshot may come in while entries below it are still being applied: the configuration is
 * the snapshot's from then on, so that work is dropped (its responses are delivered all the same).
 *
 * Invariant: messages that promise something about the log or the vote (append and vote answers)
 * leave only after the write that makes the promise true.
 */
import { entriesSize } from './entry-size.ts';
import { localAppendThread, localApplyThread, MessageType } from './messages.ts';
import type { Entry, HardState, Message, ReplicaId, Snapshot } from './messages.ts';
import { newMessage } from './new-message.ts';
import type { MessageDraft } from './new-message.ts';
import type { ReadState } from './read-only.ts';
import type { RaftLog } from './log.ts';

export type Role = 'follower' | 'candidate' | 'leader' | 'preCandidate';

/** What is worth knowing and need not be persisted. */
export interface SoftState {
  readonly leaderId: ReplicaId;
  readonly role: Role;
}

export interface Ready {
  /** Set if it changed. */
  readonly softState: SoftState | undefined;
  /** Set if it changed. */
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  /** To be appended to the log. */
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  /**
   * False if the log write need not be synced: nothing but the commit index changed. A snapshot
   * is not counted here; installing it must be durable in any case.
   */
  readonly mustSync: boolean;
}

/** Delivered when the log holds everything handed out so far. */
export function storageAppendResponse(
  id: ReplicaId,
  term: number,
  log: RaftLog,
  snapshot: Snapshot | undefined,
): Message {
  const message = newMessage(MessageType.storageAppendResp, id);
  message.from = localAppendThread;
  // Answers of an earlier term do not count: an entry may have been overwritten and come back.
  message.term = term;
  if (log.unstable.entries.length > 0) {
    message.index = log.lastIndex();
    message.logTerm = log.lastTerm();
  }
  message.snapshot = snapshot;
  return message;
}

/** True if the log write must be answered to the core itself. */
export function needsAppendResponse(log: RaftLog, snapshot: Snapshot | undefined): boolean {
  return log.unstable.entries.length > 0 || snapshot !== undefined;
}

export function storageAppend(
  id: ReplicaId,
  entries: readonly Entry[],
  hardState: HardState | undefined,
  snapshot: Snapshot | undefined,
  responses: readonly Message[],
): Message {
  const message: MessageDraft = newMessage(MessageType.storageAppend, localAppendThread);
  message.from = id;
  message.entries = entries;
  if (hardState !== undefined) {
    message.term = hardState.term;
    message.vote = hardState.vote;
    message.commit = hardState.commit;
  }
  message.snapshot = snapshot;
  message.responses = responses;
  return message;
}

export function storageApplyResponse(id: ReplicaId, entries: readonly Entry[]): Message {
  const message = newMessage(MessageType.storageApplyResp, id);
  message.from = localApplyThread;
  message.entries = entries;
  return message;
}

export function storageApply(id: ReplicaId, entries: readonly Entry[]): Message {
  const message = newMessage(MessageType.storageApply, localApplyThread);
  message.from = id;
  message.entries = entries;
  message.responses = [storageApplyResponse(id, entries)];
  return message;
}

/** Bytes of `entries` as the log's apply limit counts them. */
export function applyBytes(log: RaftLog, entries: readonly Entry[]): number {
  return log.applyingBytesMax === Infinity ? 0 : entriesSize(entries);
}
