/**
 * One replica's core with its output: the only door for a host.
 *
 *   node.step(message); node.tick();
 *   if (node.hasReady()) {
 *     const ready = node.ready();
 *     …                     // persist, send, apply, in the order of `ready.ts`
 *     node.advance();       // not with asyncStorageWrites: step the responses instead
 *   }
 *
 * Invariant: everything handed out by `ready()` is handed out once and must be carried out.
 */
import { assert } from '../lib/assert.ts';
import type { ConfChange } from './conf-change.ts';
import { resolveRaftConfig } from './config.ts';
import type { RaftConfig } from './config.ts';
import { localAppendThread, localApplyThread, MessageType } from './messages.ts';
import type { ConfState, Entry, HardState, Message, ReplicaId } from './messages.ts';
import { noMessages } from './new-message.ts';
import { confChangeEntry, normalEntry } from './proposal.ts';
import type { ProposalRefusal, ProposalResult } from './proposal.ts';
import { Raft } from './raft.ts';

import type { ReadState } from './read-only.ts';
import {
  applyBytes,
  needsAppendResponse,
  storageAppend,
  storageAppendResponse,
  storageApply,
  storageApplyResponse,
} from './ready.ts';
import type { Ready, Role, SoftState } from './ready.ts';
import { basicStatus, status } from './status.ts';
import type { BasicStatus, Status } from './status.ts';

/** Why a message was not taken in: no message of a peer, a stranger's, or a dropped proposal. */
export type StepRefusal = 'localMessage' | 'unknownPeer' | ProposalRefusal;

const noReadStates: readonly ReadState[] = [];

function isLocalTarget(id: ReplicaId): boolean {
  return id === localAppendThread || id === localApplyThread;
}

/** Types that only the replica itself, or its storage, may produce. */
function isLocalType(type: MessageType): boolean {
  switch (type) {
    case MessageType.hup:
    case MessageType.beat:
    case MessageType.unreachable:
    case MessageType.snapStatus:
    case MessageType.checkQuorum:
    case MessageType.storageAppend:
    case MessageType.storageAppendResp:
    case MessageType.storageApply:
    case MessageType.storageApplyResp:
      return true;
    default:
      return false;
  }
}

/** Types that answer something: from a stranger they mean nothing. */
function isResponseType(type: MessageType): boolean {
  switch (type) {
    case MessageType.appResp:
    case MessageType.voteResp:
    case MessageType.heartbeatResp:
    case MessageType.readIndexResp:
    case MessageType.preVoteResp:
      return true;
    default:
      return false;
  }
}

export class RawNode {
  /** For cheap looks: term, role, leaderId, commitIndex, appliedIndex, lastIndex. */
  readonly raft: Raft;
  readonly #isAsync: boolean;
  #lastLeader: ReplicaId;
  #lastRole: Role;
  #lastHardState: HardState;
  #stepsOnAdvance: Message[] = [];
  #isAdvancePending = false;

  /** Throws `ConfigInvalid` with everything that is wrong. */
  constructor(config: RaftConfig) {
    const resolved = resolveRaftConfig(config);
    this.raft = new Raft(resolved);
    this.#isAsync = resolved.asyncStorageWrites;
    this.#lastLeader = this.raft.leaderId;
    this.#lastRole = this.raft.role;
    this.#lastHardState = this.raft.hardState();
  }

  tick(): void {
    this.raft.tick();
  }

  tickQuiesced(): void {
    this.raft.tickQuiesced();
  }

  /** Starts an election now. */
  campaign(): void {
    this.raft.campaign();
  }

  /** Proposes one entry; its index, if this replica leads. */
  propose(data: Buffer): ProposalResult {
    return this.raft.propose([normalEntry(data)]);
  }

  /** Proposes several entries as one: all or none; the index of the first. */
  proposeBatch(batch: readonly Buffer[]): ProposalResult {
    const entries: Entry[] = [];
    for (const data of batch) {
      entries.push(normalEntry(data));
    }
    return this.raft.propose(entries);
  }

  /**
   * Proposes a configuration change. It gets an index, but turns into an empty entry, if the
   * current configuration forbids it (`disableConfChangeValidation`).
   */
  proposeConfChange(change: ConfChange): ProposalResult {
    return this.raft.propose([confChangeEntry(change)]);
  }

  /** To be called when a configuration entry is applied, for every one. */
  applyConfChange(change: ConfChange): ConfState {
    return this.raft.applyConfChange(change);
  }

  /** Takes in a message of a peer or an answer of local storage. */
  step(message: Message): StepRefusal | undefined {
    const { type, from } = message;
    if (!isLocalTarget(from)) {
      if (isLocalType(type)) {
        return 'localMessage';
      }
      if (isResponseType(type) && this.raft.tracker.get(from) === undefined) {
        return 'unknownPeer';
      }
    }
    return this.raft.step(message);
  }

  reportUnreachable(id: ReplicaId): void {
    this.raft.reportUnreachable(id);
  }

  /** How the sending of a snapshot ended. */
  reportSnapshot(id: ReplicaId, outcome: 'finished' | 'failed'): void {
    this.raft.reportSnapshot(id, outcome === 'failed');
  }

  transferLeader(id: ReplicaId): void {
    this.raft.transferLeader(id);
  }

  forgetLeader(): void {
    this.raft.forgetLeader();
  }

  /** See `Raft.readIndex`: `context` must be fresh for each attempt. */
  readIndex(context: Buffer): boolean {
    return this.raft.readIndex(context);
  }

  status(): Status {
    return status(this.raft);
  }

  basicStatus(): BasicStatus {
    return basicStatus(this.raft);
  }

  /**
   * Index of a snapshot that is being installed; 0 = none. Entries up to it that were handed out
   * before must not be applied any more, configuration changes above all (`ready.ts`).
   */
  get pendingSnapshotIndex(): number {
    return this.raft.log.unstable.snapshot?.metadata.index ?? 0;
  }

  get hasPendingReady(): boolean {
    return this.hasReady();
  }

  /** True if `ready()` has something to hand out. */
  hasReady(): boolean {
    const { raft } = this;
    const { log } = raft;
    return (
      raft.outbox.messages.length > 0 ||
      raft.outbox.afterAppend.length > 0 ||
      raft.hasWaitingMessages ||
      log.unstable.hasNextEntries ||
      log.hasNextCommittedEntries(!this.#isAsync) ||
      raft.readStates.length > 0 ||
      raft.leaderId !== this.#lastLeader ||
      raft.role !== this.#lastRole ||
      this.#isHardStateChanged() ||
      log.unstable.nextSnapshot() !== undefined
    );
  }

  #isHardStateChanged(): boolean {
    const { term, vote, log } = this.raft;
    const last = this.#lastHardState;
    return term !== last.term || vote !== last.vote || log.committed !== last.commit;
  }

  /** Hands out what is to be done. The previous one must have been advanced past. */
  ready(): Ready {
    assert(!this.#isAdvancePending, 'Cannot hand out a Ready: the last one was not advanced past');
    const { raft } = this;
    raft.flush();
    const { log } = raft;
    const last = this.#lastHardState;
    const entries = log.unstable.nextEntries();
    const committedEntries = log.nextCommittedEntries(!this.#isAsync);
    const snapshot = log.unstable.nextSnapshot();
    const hardState = this.#isHardStateChanged() ? raft.hardState() : undefined;
    const mustSync = entries.length > 0 || raft.vote !== last.vote || raft.term !== last.term;
    const softState = this.#takeSoftState();
    const readStates = raft.readStates.length > 0 ? raft.readStates : noReadStates;
    const messages = raft.outbox.takeMessages();
    const afterAppend = raft.outbox.takeAfterAppend();
    if (readStates.length > 0) {
      raft.readStates = [];
    }
    this.#lastHardState = hardState ?? last;
    const isAppendAnswered = needsAppendResponse(log, snapshot);
    const response = isAppendAnswered
      ? storageAppendResponse(raft.id, raft.term, log, snapshot)
      : undefined;
    const ready: Ready = {
      softState,
      hardState,
      readStates,
      entries,
      snapshot,
      committedEntries,
      messages,
      mustSync,
    };
    if (this.#isAsync) {
      this.#addStorageMessages(ready, messages, afterAppend, response);
    } else {
      this.#deferSteps(committedEntries, messages, afterAppend, response);
    }
    log.unstable.acceptInProgress();
    const lastCommitted = committedEntries.at(-1);
    if (lastCommitted !== undefined) {
      const bytes = applyBytes(log, committedEntries);
      log.acceptApplying(lastCommitted.index, bytes, !this.#isAsync);
    }
    return ready;
  }

  #takeSoftState(): SoftState | undefined {
    const { leaderId, role } = this.raft;
    if (leaderId === this.#lastLeader && role === this.#lastRole) {
      return undefined;
    }
    this.#lastLeader = leaderId;
    this.#lastRole = role;
    return { leaderId, role };
  }

  #addStorageMessages(
    { entries, hardState, snapshot, committedEntries }: Ready,
    messages: Message[],
    afterAppend: Message[],
    response: Message | undefined,
  ): void {
    const { id } = this.raft;
    const hasWork = entries.length > 0 || hardState !== undefined || snapshot !== undefined;
    if (hasWork || afterAppend.length > 0) {
      if (response !== undefined) {
        afterAppend.push(response);
      }
      const responses = afterAppend.length > 0 ? afterAppend : noMessages;
      messages.push(storageAppend(id, entries, hardState, snapshot, responses));
    }
    if (committedEntries.length > 0) {
      messages.push(storageApply(id, committedEntries));
    }
  }

  #deferSteps(
    committedEntries: readonly Entry[],
    messages: Message[],
    afterAppend: readonly Message[],
    response: Message | undefined,
  ): void {
    const { id } = this.raft;
    for (const message of afterAppend) {
      (message.to === id ? this.#stepsOnAdvance : messages).push(message);
    }
    if (response !== undefined) {
      this.#stepsOnAdvance.push(response);
    }
    if (committedEntries.length > 0) {
      this.#stepsOnAdvance.push(storageApplyResponse(id, committedEntries));
    }
    this.#isAdvancePending = true;
  }

  /** Everything of the last `ready()` was persisted, sent and applied. */
  advance(): void {
    assert(!this.#isAsync, 'Cannot advance: storage answers by messages');
    this.#isAdvancePending = false;
    const steps = this.#stepsOnAdvance;
    this.#stepsOnAdvance = [];
    for (const message of steps) {
      this.raft.step(message);
    }
  }
}
