/**
 * The Raft algorithm of one replica (Ongaro's thesis; the shape is etcd raft's): elections with
 * pre-vote and quorum check, replication with flow control, membership by joint consensus,
 * ReadIndex, hand-over. Pure: messages and ticks in, messages and entries out (`raw-node.ts`).
 *
 *   follower --timeout--> preCandidate --quorum--> candidate --quorum--> leader
 *       ^------------------- higher term, or a leader of this term ---------'
 *   (without preVote a follower turns candidate at once)
 *
 * Invariant: a term has at most one vote and, as leader or follower, one leader; the log below
 * `commitIndex` never changes. What a message promises is durable before it leaves (`outbox.ts`).
 */
import { assert } from '../lib/assert.ts';
import {
  changeGroup,
  confChangeObjection,
  mustChange,
  restoreGroup,
  sameConfState,
} from './conf-changer.ts';
import type { NextGroup } from './conf-changer.ts';
import { confChangeOfEntry, leaveJointChange } from './conf-change.ts';
import type { ConfChange } from './conf-change.ts';
import type { ResolvedRaftConfig } from './config.ts';
import {
  describeConfChange,
  describeConfState,
  describeGroupConfig,
  describeProgress,
  messageTypeName,
  roleName,
} from './describe.ts';
import { payloadsSize } from './entry-size.ts';
import { isJointVoter, jointVoterIds } from './joint-quorum.ts';
import { RaftLog } from './log.ts';
import { idText } from './logger.ts';
import type { RaftLogger } from './logger.ts';
import { EntryType, MessageType } from './messages.ts';
import type { ConfState, Entry, HardState, Message, ReplicaId, Snapshot } from './messages.ts';
import { newMessage } from './new-message.ts';
import { Outbox } from './outbox.ts';
import type { Progress } from './progress.ts';
import { confChangeEntry, emptyEntry } from './proposal.ts';
import type { ProposalRefusal, ProposalResult } from './proposal.ts';
import { ReadOnlyQueue } from './read-only.ts';
import type { ReadRequest, ReadState } from './read-only.ts';
import type { Role } from './ready.ts';
import { Replicator } from './replicator.ts';
import { maySucceed } from './succession.ts';
import { emptyGroupConfig, Tracker } from './tracker.ts';
import { applyBytes } from './ready.ts';

type CampaignKind = 'preElection' | 'election' | 'transfer';

/** Context of a vote request that overrides leases: the leader itself asked for the election. */
export const campaignTransferContext = Buffer.from('CampaignTransfer');
const noBytes = Buffer.alloc(0);
const none: ReplicaId = 0;

function voteResponseType(type: MessageType): MessageType {
  return type === MessageType.vote ? MessageType.voteResp : MessageType.preVoteResp;
}

export class Raft {
  readonly id: ReplicaId;
  term = 0;
  vote: ReplicaId = none;
  role: Role = 'follower';
  leaderId: ReplicaId = none;
  isLearner = false;
  /** Whom leadership is being handed to; 0 = nobody. */
  leadTransferee: ReplicaId = none;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly outbox: Outbox;
  /** Answered reads, not yet handed out. */
  readStates: ReadState[] = [];
  /** Drawn anew at each change of role or term. */
  randomizedElectionTicks = 0;

  readonly #config: ResolvedRaftConfig;
  readonly #logger: RaftLogger;
  readonly #reads = new ReadOnlyQueue();
  readonly #replicator: Replicator;
  /** Reads that wait for the first commit of this term. */
  #pendingReads: { from: ReplicaId; context: Buffer }[] = [];
  /** A transfer was tried in this term: a forced election may happen, so no lease holds. */
  #leaseRevoked = false;
  /** Index of the last configuration entry that may be unapplied. */
  #pendingConfIndex = 0;
  /** Payload bytes of this leader's uncommitted tail, an estimate from below. */
  #uncommittedBytes = 0;
  #electionElapsed = 0;
  #heartbeatElapsed = 0;

  constructor(config: ResolvedRaftConfig) {
    this.id = config.id;
    this.#config = config;
    this.#logger = config.logger;
    this.log = new RaftLog(config.storage, config.logger, config.applyingBytesMax);
    this.tracker = new Tracker(config.inflightMessagesMax, config.inflightBytesMax);
    this.outbox = new Outbox(config.id, config.coalesceMessages);
    this.#replicator = new Replicator(config, this.log, this.tracker, this.outbox, this.#reads);
    const { hardState, confState } = config.storage.initialState();
    const lastIndex = this.log.lastIndex();
    const lastTerm = this.log.lastTerm();
    this.#restoreConfiguration(confState, lastIndex);
    this.#loadHardState(hardState, config.applied);
    if (config.applied > 0) {
      this.log.appliedTo(config.applied, 0);
    }
    this.#becomeFollower(this.term, none);
    const peers = jointVoterIds(this.tracker.config.voters).map(idText).join(',');
    this.#logger.info(
      `newRaft ${idText(this.id)} [peers: [${peers}], term: ${this.term}, ` +
        `commit: ${this.log.committed}, applied: ${this.log.applied}, ` +
        `lastindex: ${lastIndex}, lastterm: ${lastTerm}]`,
    );
  }

  get commitIndex(): number {
    return this.log.committed;
  }

  get appliedIndex(): number {
    return this.log.applied;
  }

  get lastIndex(): number {
    return this.log.lastIndex();
  }

  /** Ticks since an election timeout began, for tests and status. */
  get electionElapsed(): number {
    return this.#electionElapsed;
  }

  /** Reads of this leader without an answer yet. */
  get pendingReadCount(): number {
    return this.#pendingReads.length + this.#reads.length;
  }

  /** True if `flush()` may make messages. */
  get hasWaitingMessages(): boolean {
    return this.#replicator.isWaiting;
  }

  /** Makes the messages that `coalesceMessages` held back. */
  flush(): void {
    this.#replicator.flush();
  }

  hardState(): HardState {
    return { term: this.term, vote: this.vote, commit: this.log.committed };
  }

  /**
   * The commit index is not synced: after a crash it may be behind what was applied or compacted,
   * and those are committed for sure.
   */
  #loadHardState({ term, vote, commit }: HardState, applied: number): void {
    const committed = Math.max(commit, applied, this.log.committed);
    const last = this.log.lastIndex();
    assert(
      committed <= last,
      `${idText(this.id)} state.commit ${committed} is out of range [${this.log.committed}, ${last}]`,
    );
    assert(Number.isSafeInteger(term) && Number.isSafeInteger(committed));
    this.log.committed = committed;
    this.term = term;
    this.outbox.term = term;
    this.vote = vote;
  }

  // Time

  tick(): void {
    if (this.role === 'leader') {
      this.#tickLeader();
    } else {
      this.#tickElection();
    }
  }

  /** Lets time pass without consequences, for a replica that sleeps by agreement. */
  tickQuiesced(): void {
    this.#electionElapsed += 1;
  }

  #tickElection(): void {
    this.#electionElapsed += 1;
    if (this.#isPromotable() && this.#electionElapsed >= this.randomizedElectionTicks) {
      this.#electionElapsed = 0;
      this.campaign();
    }
  }

  #tickLeader(): void {
    this.#heartbeatElapsed += 1;
    this.#electionElapsed += 1;
    if (this.#electionElapsed >= this.#config.electionTicks) {
      this.#electionElapsed = 0;
      if (this.#config.checkQuorum) {
        this.#checkQuorum();
      }
      // The transfer had its time: lead on.
      if (this.role === 'leader' && this.leadTransferee !== none) {
        this.#abortTransfer();
      }
    }
    if (this.role === 'leader' && this.#heartbeatElapsed >= this.#config.heartbeatTicks) {
      this.#heartbeatElapsed = 0;
      this.#replicator.broadcastHeartbeat();
    }
  }

  #checkQuorum(): void {
    if (!this.tracker.isQuorumActive()) {
      this.#logger.warn(`${idText(this.id)} stepped down to follower since quorum is not active`);
      this.#becomeFollower(this.term, none);
    }
    for (const progress of this.tracker.members) {
      if (progress.id !== this.id) {
        progress.recentActive = false;
      }
    }
  }

  // Roles

  #reset(term: number): void {
    if (this.term !== term) {
      assert(Number.isSafeInteger(term) && term > this.term, `Cannot go back to term ${term}`);
      this.term = term;
      this.outbox.term = term;
      this.vote = none;
    }
    this.leaderId = none;
    this.#electionElapsed = 0;
    this.#heartbeatElapsed = 0;
    const { electionTicks, random } = this.#config;
    this.randomizedElectionTicks = electionTicks + Math.floor(random() * electionTicks);
    this.#abortTransfer();
    this.tracker.resetVotes();
    const last = this.log.lastIndex();
    for (const progress of this.tracker.members) {
      progress.reset(last + 1);
      if (progress.id === this.id) {
        progress.match = last;
      }
    }
    this.#pendingConfIndex = 0;
    this.#uncommittedBytes = 0;
    this.#leaseRevoked = false;
    this.#replicator.reset();
    // Reads belong to one leadership (database.md c9): whoever waits asks anew, with a fresh id.
    this.#reads.reset();
    this.#pendingReads = [];
    this.readStates = [];
  }

  #becomeFollower(term: number, leaderId: ReplicaId): void {
    this.#reset(term);
    this.leaderId = leaderId;
    this.role = 'follower';
    this.#logger.info(`${idText(this.id)} became follower at term ${this.term}`);
  }

  #becomeCandidate(): void {
    assert(this.role !== 'leader', 'invalid transition [leader -> candidate]');
    this.#reset(this.term + 1);
    this.vote = this.id;
    this.role = 'candidate';
    this.#logger.info(`${idText(this.id)} became candidate at term ${this.term}`);
  }

  #becomePreCandidate(): void {
    assert(this.role !== 'leader', 'invalid transition [leader -> pre-candidate]');
    // Neither term nor vote change: nothing is promised yet.
    this.tracker.resetVotes();
    this.leaderId = none;
    this.role = 'preCandidate';
    this.#logger.info(`${idText(this.id)} became pre-candidate at term ${this.term}`);
  }

  #becomeLeader(): void {
    assert(this.role !== 'follower', 'invalid transition [follower -> leader]');
    this.#reset(this.term);
    this.leaderId = this.id;
    this.role = 'leader';
    const own = this.tracker.get(this.id);
    assert(own !== undefined, 'A leader must be a member');
    own.becomeReplicate();
    own.recentActive = true;
    // There may be an unapplied configuration change anywhere in the tail: assume the worst.
    this.#pendingConfIndex = this.log.lastIndex();
    // Only an entry of its own term tells a leader what is committed. Raft paper §5.4.2, §8.
    assert(this.#appendEntries([emptyEntry]) !== undefined, 'empty entry was dropped');
    this.#logger.info(`${idText(this.id)} became leader at term ${this.term}`);
  }

  // Elections

  /** True if this replica may become leader. */
  #isPromotable(): boolean {
    const own = this.tracker.get(this.id);
    return own !== undefined && !own.isLearner && this.log.unstable.snapshot === undefined;
  }

  /** Starts an election, as on a timeout. */
  campaign(): void {
    this.#startElection(this.#config.preVote ? 'preElection' : 'election');
  }

  #startElection(kind: CampaignKind): void {
    const id = idText(this.id);
    if (this.role === 'leader') {
      this.#logger.debug(`${id} ignoring MsgHup because already leader`);
      return;
    }
    if (!this.#isPromotable()) {
      this.#logger.warn(`${id} is unpromotable and can not campaign`);
      return;
    }
    if (this.log.hasUnappliedConfChange()) {
      this.#logger.warn(
        `${id} cannot campaign at term ${this.term} since there are still pending ` +
          'configuration changes to apply',
      );
      return;
    }
    this.#logger.info(`${id} is starting a new election at term ${this.term}`);
    this.#campaign(kind);
  }

  #campaign(kind: CampaignKind): void {
    let term = this.term + 1;
    let type: MessageType = MessageType.preVote;
    if (kind === 'preElection') {
      this.#becomePreCandidate();
    } else {
      this.#becomeCandidate();
      type = MessageType.vote;
      term = this.term;
    }
    const lastIndex = this.log.lastIndex();
    const lastTerm = this.log.lastTerm();
    for (const voter of jointVoterIds(this.tracker.config.voters)) {
      if (voter === this.id) {
        // The own vote counts once it is durable.
        const own = newMessage(voteResponseType(type), this.id);
        own.term = term;
        this.outbox.send(own);
        continue;
      }
      this.#logger.info(
        `${idText(this.id)} [logterm: ${lastTerm}, index: ${lastIndex}] sent ` +
          `${messageTypeName(type)} request to ${idText(voter)} at term ${this.term}`,
      );
      const request = newMessage(type, voter);
      request.term = term;
      request.index = lastIndex;
      request.logTerm = lastTerm;
      if (kind === 'transfer') {
        request.context = campaignTransferContext;
      }
      this.outbox.send(request);
    }
  }

  #receiveVote(message: Message): void {
    const { from, type, reject } = message;
    const id = idText(this.id);
    const name = messageTypeName(type);
    this.#logger.info(
      `${id} received ${name}${reject ? ' rejection' : ''} from ${idText(from)} ` +
        `at term ${this.term}`,
    );
    this.tracker.recordVote(from, !reject);
    const { granted, rejected, result } = this.tracker.tallyVotes();
    this.#logger.info(
      `${id} has received ${granted} ${name} votes and ${rejected} vote rejections`,
    );
    if (result === 'lost') {
      this.#becomeFollower(this.term, none);
    } else if (result === 'won' && this.role === 'preCandidate') {
      this.#campaign('election');
    } else if (result === 'won') {
      this.#becomeLeader();
      this.#replicator.broadcastAppend();
    }
  }

  /** `[logterm: …, index: …, vote: …] <verdict> <type> from <id> [logterm: …, index: …] at term …` */
  #logVote(verdict: string, message: Message, preposition = 'from', suffix = ''): void {
    this.#logger.info(
      `${idText(this.id)} [logterm: ${this.log.lastTerm()}, index: ${this.log.lastIndex()}, ` +
        `vote: ${idText(this.vote)}] ${verdict} ${messageTypeName(message.type)} ` +
        `${preposition} ${idText(message.from)} [logterm: ${message.logTerm}, ` +
        `index: ${message.index}] at term ${this.term}${suffix}`,
    );
  }

  #handleVoteRequest(message: Message): void {
    const { from, type, term } = message;
    const canVote =
      // A repeated request of the candidate voted for.
      this.vote === from ||
      (this.vote === none && this.leaderId === none) ||
      // A pre-vote promises nothing.
      (type === MessageType.preVote && term > this.term);
    const response = newMessage(voteResponseType(type), from);
    if (canVote && maySucceed(this, message)) {
      this.#logVote('cast', message, 'for');
      // The term of the request, not ours: a pre-candidate asks for the term after.
      response.term = term;
      this.outbox.send(response);
      if (type === MessageType.vote) {
        this.#electionElapsed = 0;
        this.vote = from;
      }
      return;
    }
    this.#logVote('rejected', message);
    response.term = this.term;
    response.reject = true;
    this.outbox.send(response);
  }

  // Receiving

  /** Takes in a message of a peer, or an answer of a local storage thread. */
  step(message: Message): ProposalRefusal | undefined {
    const { term } = message;
    if (term !== 0 && term < this.term) {
      this.#handleLowerTerm(message);
      return undefined;
    }
    if (term > this.term && this.#ignoresHigherTerm(message)) {
      return undefined;
    }
    switch (message.type) {
      case MessageType.hup:
        this.campaign();
        return undefined;
      case MessageType.storageAppendResp:
        if (message.index !== 0) {
          this.log.unstable.stableTo(message.index, message.logTerm);
        }
        if (message.snapshot !== undefined) {
          this.#snapshotStored(message.snapshot);
        }
        return undefined;
      case MessageType.storageApplyResp:
        this.#entriesApplied(message.entries);
        return undefined;
      case MessageType.vote:
      case MessageType.preVote:
        this.#handleVoteRequest(message);
        return undefined;
      case MessageType.prop: {
        const result = this.propose(message.entries, message);
        return typeof result === 'number' || result === 'forwarded' ? undefined : result;
      }
      case MessageType.readIndex:
        this.readIndex(message.context ?? noBytes, message.from);
        return undefined;
      default:
        this.#stepRole(message);
        return undefined;
    }
  }

  #stepRole(message: Message): void {
    if (this.role === 'leader') {
      this.#stepLeader(message);
    } else if (this.role === 'follower') {
      this.#stepFollower(message);
    } else {
      this.#stepCandidate(message);
    }
  }

  /** Adopts the higher term where the message calls for it; true if the message is ignored. */
  #ignoresHigherTerm(message: Message): boolean {
    const { type, from, term } = message;
    if (type === MessageType.vote || type === MessageType.preVote) {
      if (this.#config.leaderVoteEndsLease && from === this.leaderId) {
        this.leaderId = none;
      }
      const isForced = message.context?.equals(campaignTransferContext) === true;
      const isInLease =
        this.#config.checkQuorum &&
        this.leaderId !== none &&
        this.#electionElapsed < this.#config.electionTicks;
      if (!isForced && isInLease) {
        const ticks = this.#config.electionTicks - this.#electionElapsed;
        const suffix = `: lease is not expired (remaining ticks: ${ticks})`;
        this.#logVote('ignored', message, 'from', suffix);
        return true;
      }
    }
    // A pre-vote raises no term, nor does its grant: that is for the term the asker will take.
    const isPreVote =
      type === MessageType.preVote || (type === MessageType.preVoteResp && !message.reject);
    if (!isPreVote) {
      this.#logger.info(
        `${idText(this.id)} [term: ${this.term}] received a ${messageTypeName(type)} message ` +
          `with higher term from ${idText(from)} [term: ${term}]`,
      );
      const isFromLeader =
        type === MessageType.app || type === MessageType.heartbeat || type === MessageType.snap;
      this.#becomeFollower(term, isFromLeader ? from : none);
    }
    return false;
  }

  #handleLowerTerm(message: Message): void {
    const { type, from } = message;
    const { checkQuorum, preVote } = this.#config;
    if ((checkQuorum || preVote) && (type === MessageType.heartbeat || type === MessageType.app)) {
      // A deposed leader that nobody else tells: with leases or pre-votes this replica cannot
      // depose it by an election, so it lets it know the term.
      this.outbox.send(newMessage(MessageType.appResp, from));
    } else if (type === MessageType.preVote) {
      // Without an answer, a candidate with a lower term but a longer log might wait for ever.
      this.#logVote('rejected', message);
      const response = newMessage(MessageType.preVoteResp, from);
      response.term = this.term;
      response.reject = true;
      this.outbox.send(response);
    } else if (type === MessageType.storageAppendResp) {
      if (message.index !== 0) {
        // The entries may have been overwritten since (ABA). A later answer covers them.
        this.#logger.info(
          `${idText(this.id)} [term: ${this.term}] ignored entry appends from a ` +
            `${messageTypeName(type)} message with lower term [term: ${message.term}]`,
        );
      }
      if (message.snapshot !== undefined) {
        // A snapshot is of committed entries, whatever the term.
        this.#snapshotStored(message.snapshot);
      }
    } else {
      this.#logger.info(
        `${idText(this.id)} [term: ${this.term}] ignored a ${messageTypeName(type)} message ` +
          `with lower term from ${idText(from)} [term: ${message.term}]`,
      );
    }
  }

  #stepFollower(message: Message): void {
    const { type, from } = message;
    switch (type) {
      case MessageType.app:
      case MessageType.heartbeat:
      case MessageType.snap:
        this.#electionElapsed = 0;
        this.leaderId = from;
        this.#handleFromLeader(message);
        return;
      case MessageType.transferLeader:
        if (this.leaderId === none) {
          this.#logger.info(
            `${idText(this.id)} no leader at term ${this.term}; dropping leader transfer msg`,
          );
          return;
        }
        this.#forward(message);
        return;
      case MessageType.timeoutNow:
        this.#logger.info(
          `${idText(this.id)} [term ${this.term}] received MsgTimeoutNow from ${idText(from)} ` +
            'and starts an election to get leadership.',
        );
        // No pre-vote: the leader itself asked.
        this.#startElection('transfer');
        return;
      case MessageType.readIndexResp:
        this.readStates.push({ index: message.index, context: message.context ?? noBytes });
        return;
      default:
        return;
    }
  }

  #stepCandidate(message: Message): void {
    const { type, from, term } = message;
    switch (type) {
      case MessageType.app:
      case MessageType.heartbeat:
      case MessageType.snap:
        // The term is ours: somebody else won it.
        this.#becomeFollower(term, from);
        this.#handleFromLeader(message);
        return;
      case MessageType.voteResp:
      case MessageType.preVoteResp:
        // A candidate may still get answers to its pre-votes.
        if ((type === MessageType.preVoteResp) === (this.role === 'preCandidate')) {
          this.#receiveVote(message);
        }
        return;
      case MessageType.timeoutNow:
        this.#logger.debug(
          `${idText(this.id)} [term ${this.term} state ${roleName(this.role)}] ` +
            `ignored MsgTimeoutNow from ${idText(from)}`,
        );
        return;
      default:
        return;
    }
  }

  #stepLeader(message: Message): void {
    const progress = this.tracker.get(message.from);
    if (progress === undefined) {
      this.#logger.debug(`${idText(this.id)} no progress available for ${idText(message.from)}`);
      return;
    }
    switch (message.type) {
      case MessageType.appResp:
        progress.recentActive = true;
        if (message.reject) {
          this.#handleAppendRejection(progress, message);
        } else {
          this.#handleAppendAck(progress, message.index);
        }
        return;
      case MessageType.heartbeatResp:
        progress.recentActive = true;
        progress.flowPaused = false;
        // Also finds out about appends that were lost.
        if (progress.match < this.log.lastIndex() || progress.state === 'probe') {
          this.#replicator.sendAppend(progress, true);
        }
        if (message.context !== undefined) {
          this.#reads.receiveAck(message.from, message.context);
          this.#answerConfirmedReads();
        }
        return;
      case MessageType.snapStatus:
        this.#handleSnapshotStatus(progress, message.reject);
        return;
      case MessageType.unreachable:
        this.#handleUnreachable(progress);
        return;
      case MessageType.transferLeader:
        this.#handleTransfer(progress);
        return;
      default:
        return;
    }
  }

  /** Sends a message on to the leader. */
  #forward(message: Message): void {
    this.outbox.send({ ...message, to: this.leaderId });
  }

  // Following

  #handleFromLeader(message: Message): void {
    if (message.type === MessageType.app) {
      this.#handleAppend(message);
    } else if (message.type === MessageType.snap) {
      this.#handleSnapshot(message);
    } else {
      this.log.commitTo(message.commit);
      const response = newMessage(MessageType.heartbeatResp, message.from);
      response.context = message.context;
      this.outbox.send(response);
    }
  }

  #handleAppend(message: Message): void {
    const { from, index, logTerm, entries } = message;
    assert(entries.length === 0 || entries[0]?.index === index + 1, 'An append must be contiguous');
    const response = newMessage(MessageType.appResp, from);
    if (index < this.log.committed) {
      // What is committed is the same everywhere.
      response.index = this.log.committed;
      this.outbox.send(response);
      return;
    }
    const last = this.log.maybeAppend(index, logTerm, entries, message.commit);
    if (last !== undefined) {
      response.index = last;
      this.outbox.send(response);
      return;
    }
    this.#logger.debug(
      `${idText(this.id)} [logterm: ${this.log.termOrZero(index)}, index: ${index}] rejected ` +
        `MsgApp [logterm: ${logTerm}, index: ${index}] from ${idText(from)}`,
    );
    // The highest place where the logs may agree, so that the leader need not probe one by one.
    const hint = this.log.findConflictByTerm(Math.min(index, this.log.lastIndex()), logTerm);
    response.index = index;
    response.reject = true;
    response.rejectHint = hint;
    response.logTerm = this.log.termOrZero(hint);
    this.outbox.send(response);
  }

  #handleSnapshot(message: Message): void {
    const { snapshot } = message;
    assert(snapshot !== undefined, 'A snapshot message must carry a snapshot');
    const { index, term } = snapshot.metadata;
    const isRestored = this.#restore(snapshot);
    this.#logger.info(
      `${idText(this.id)} [commit: ${this.log.committed}] ` +
        `${isRestored ? 'restored' : 'ignored'} snapshot [index: ${index}, term: ${term}]`,
    );
    const response = newMessage(MessageType.appResp, message.from);
    response.index = isRestored ? this.log.lastIndex() : this.log.committed;
    this.outbox.send(response);
  }

  /** Replaces the log by the snapshot; false if it is of no use here. */
  #restore(snapshot: Snapshot): boolean {
    const { index, term, confState } = snapshot.metadata;
    if (index <= this.log.committed) {
      return false;
    }
    assert(this.role === 'follower', `Cannot restore a snapshot: role is ${this.role}`);
    const id = idText(this.id);
    const { voters, learners, votersOutgoing } = confState;
    if (![voters, learners, votersOutgoing].some((ids) => ids.includes(this.id))) {
      this.#logger.warn(
        `${id} attempted to restore snapshot but it is not in the ConfState ` +
          `${describeConfState(confState)}; should never happen`,
      );
      return false;
    }
    const position = (): string =>
      `${id} [commit: ${this.log.committed}, lastindex: ${this.log.lastIndex()}, ` +
      `lastterm: ${this.log.lastTerm()}]`;
    if (this.log.matchTerm(index, term)) {
      // The log has it all: only the commit index is news.
      this.#logger.info(
        `${position()} fast-forwarded commit to snapshot [index: ${index}, term: ${term}]`,
      );
      this.log.commitTo(index);
      return false;
    }
    this.log.restore(snapshot);
    this.#restoreConfiguration(confState, this.log.lastIndex());
    this.#logger.info(`${position()} restored snapshot [index: ${index}, term: ${term}]`);
    return true;
  }

  #restoreConfiguration(confState: ConfState, lastIndex: number): void {
    this.tracker.resetVotes();
    this.tracker.switchTo(emptyGroupConfig, []);
    restoreGroup(this.tracker, lastIndex, confState);
    const { config, members } = this.tracker;
    const restored = this.#switchTo({ config, members });
    assert(sameConfState(confState, restored), 'A configuration must survive being restored');
  }

  /** Drops the belief in the current leader, so that an election is not refused for its sake. */
  forgetLeader(): void {
    if (this.role !== 'follower') {
      return;
    }
    if (this.#config.readOnly === 'lease') {
      // Leases count on voters being loyal.
      this.#logger.error('ignoring MsgForgetLeader due to ReadOnlyLeaseBased');
      return;
    }
    if (this.leaderId !== none) {
      const leader = idText(this.leaderId);
      this.#logger.info(`${idText(this.id)} forgetting leader ${leader} at term ${this.term}`);
      this.leaderId = none;
    }
  }

  // Leading: proposals

  /**
   * Proposes entries (type and data count). `forwarded` is the message that they came in, if any.
   */
  propose(entries: readonly Entry[], forwarded?: Message): ProposalResult {
    const id = idText(this.id);
    assert(entries.length > 0, `${id} stepped empty MsgProp`);
    if (this.role === 'leader') {
      return this.#proposeAsLeader(entries);
    }
    if (this.role !== 'follower' || this.leaderId === none) {
      this.#logger.info(`${id} no leader at term ${this.term}; dropping proposal`);
      return 'noLeader';
    }
    if (this.#config.disableProposalForwarding) {
      const leader = idText(this.leaderId);
      this.#logger.info(
        `${id} not forwarding to leader ${leader} at term ${this.term}; dropping proposal`,
      );
      return 'notLeader';
    }
    const message = newMessage(MessageType.prop, this.leaderId);
    message.from = forwarded?.from ?? this.id;
    message.entries = entries;
    this.outbox.send(message);
    return 'forwarded';
  }

  #proposeAsLeader(proposed: readonly Entry[]): ProposalResult {
    if (this.tracker.get(this.id) === undefined) {
      return 'removed';
    }
    if (this.leadTransferee !== none) {
      this.#logger.debug(
        `${idText(this.id)} [term ${this.term}] transfer leadership to ` +
          `${idText(this.leadTransferee)} is in progress; dropping proposal`,
      );
      return 'transferring';
    }
    let entries = proposed;
    for (let i = 0; i < proposed.length; i++) {
      const entry = proposed[i] as Entry;
      if (entry.type === EntryType.normal) {
        continue;
      }
      if (this.#admitsConfChange(entry)) {
        this.#pendingConfIndex = this.log.lastIndex() + i + 1;
      } else {
        // An empty entry keeps the place, so that indexes promised to the others hold.
        const checked = entries.slice();
        checked[i] = emptyEntry;
        entries = checked;
      }
    }
    const first = this.#appendEntries(entries);
    if (first === undefined) {
      return 'uncommittedLimit';
    }
    this.#replicator.broadcastAppend();
    return first;
  }

  /** One configuration change at a time, and none that the current configuration forbids. */
  #admitsConfChange(entry: Entry): boolean {
    const change = confChangeOfEntry(entry);
    assert(change !== undefined);
    const { config } = this.tracker;
    const objection = confChangeObjection(change, config, this.#pendingConfIndex, this.log.applied);
    if (objection === undefined || this.#config.disableConfChangeValidation) {
      return true;
    }
    this.#logger.info(
      `${idText(this.id)} ignoring conf change ${describeConfChange(change)} ` +
        `at config ${describeGroupConfig(config)}: ${objection}`,
    );
    return false;
  }

  /** Appends to the own log; the index of the first, undefined if the size limit refuses. */
  #appendEntries(proposed: readonly Entry[]): number | undefined {
    const { term } = this;
    const size = payloadsSize(proposed);
    // An empty tail takes anything, and empty entries always pass: a no-op, leaving a joint
    // configuration.
    if (
      this.#uncommittedBytes > 0 &&
      size > 0 &&
      this.#uncommittedBytes + size > this.#config.uncommittedBytesMax
    ) {
      this.#logger.warn(
        `${idText(this.id)} appending new entries to log would exceed uncommitted entry size ` +
          'limit; dropping proposal',
      );
      return undefined;
    }
    this.#uncommittedBytes += size;
    const first = this.log.lastIndex() + 1;
    const entries: Entry[] = [];
    for (let i = 0; i < proposed.length; i++) {
      const { type, data } = proposed[i] as Entry;
      entries.push({ term, index: first + i, type, data });
    }
    const last = this.log.append(entries);
    assert(Number.isSafeInteger(last));
    // The own acknowledgement, which counts once the entries are durable.
    const response = newMessage(MessageType.appResp, this.id);
    response.index = last;
    this.outbox.send(response);
    return first;
  }

  // Leading: replication

  #handleAppendAck(progress: Progress, index: number): void {
    const isNews =
      progress.maybeUpdate(index) || (progress.match === index && progress.state === 'probe');
    if (!isNews) {
      return;
    }
    const { id } = progress;
    if (progress.state === 'probe') {
      progress.becomeReplicate();
    } else if (progress.state === 'replicate') {
      progress.inflights.freeTo(index);
    } else if (progress.match + 1 >= this.log.firstIndex()) {
      // Whatever brought it there, the log reaches back to it.
      this.#logger.debug(
        `${idText(this.id)} recovered from needing snapshot, resumed sending replication ` +
          `messages to ${idText(id)} [${describeProgress(progress)}]`,
      );
      progress.becomeProbe();
      progress.becomeReplicate();
    }
    if (this.#maybeCommit()) {
      this.#releasePendingReads();
      this.#replicator.broadcastAppend();
    } else if (id !== this.id && progress.canBumpCommit(this.log.committed)) {
      this.#replicator.sendAppend(progress, true);
    }
    if (id !== this.id) {
      this.#replicator.sendPipeline(progress);
      if (id === this.leadTransferee && progress.match === this.log.lastIndex()) {
        this.#logger.info(
          `${idText(this.id)} sent MsgTimeoutNow to ${idText(id)} after received MsgAppResp`,
        );
        this.outbox.send(newMessage(MessageType.timeoutNow, id));
      }
    }
  }

  #handleAppendRejection(progress: Progress, message: Message): void {
    const { from, index, logTerm, rejectHint } = message;
    this.#logger.debug(
      `${idText(this.id)} received MsgAppResp(rejected, hint: (index ${rejectHint}, ` +
        `term ${logTerm})) from ${idText(from)} for index ${index}`,
    );
    // Below the hint, the logs can agree only where our term is not above the follower's.
    const probe = logTerm > 0 ? this.log.findConflictByTerm(rejectHint, logTerm) : rejectHint;
    if (progress.maybeDecrease(index, probe)) {
      this.#logger.debug(
        `${idText(this.id)} decreased progress of ${idText(from)} to ` +
          `[${describeProgress(progress)}]`,
      );
      if (progress.state === 'replicate') {
        progress.becomeProbe();
      }
      this.#replicator.sendAppend(progress, true);
    }
  }

  #handleSnapshotStatus(progress: Progress, isFailed: boolean): void {
    if (progress.state !== 'snapshot') {
      return;
    }
    if (isFailed) {
      progress.pendingSnapshot = 0;
    }
    progress.becomeProbe();
    this.#logger.debug(
      `${idText(this.id)} snapshot ${isFailed ? 'failed' : 'succeeded'}, resumed sending ` +
        `replication messages to ${idText(progress.id)} [${describeProgress(progress)}]`,
    );
    // Waits for the follower's answer, or a heartbeat, before the next append.
    progress.flowPaused = true;
  }

  #handleUnreachable(progress: Progress): void {
    // What was sent optimistically is probably lost.
    if (progress.state === 'replicate') {
      progress.becomeProbe();
    }
    this.#logger.debug(
      `${idText(this.id)} failed to send message to ${idText(progress.id)} because it is ` +
        `unreachable [${describeProgress(progress)}]`,
    );
  }

  #maybeCommit(): boolean {
    return this.log.maybeCommit(this.tracker.committedIndex(), this.term);
  }

  reportUnreachable(id: ReplicaId): void {
    const message = newMessage(MessageType.unreachable, this.id);
    message.from = id;
    this.#stepRole(message);
  }

  reportSnapshot(id: ReplicaId, isFailed: boolean): void {
    const message = newMessage(MessageType.snapStatus, this.id);
    message.from = id;
    message.reject = isFailed;
    this.#stepRole(message);
  }

  // Leading: reads

  #hasCommittedInTerm(): boolean {
    return this.log.termOrZero(this.log.committed) === this.term;
  }

  /**
   * Asks for an index that is linearizable to read at. The answer is a `ReadState` with the same
   * context, or never comes (leader change, lost message): ask again with a fresh context, since
   * an answer to the old one may be from before. False if there is no leader to ask.
   */
  readIndex(context: Buffer, from: ReplicaId = none): boolean {
    if (this.role !== 'leader') {
      if (this.role !== 'follower' || this.leaderId === none) {
        this.#logger.info(
          `${idText(this.id)} no leader at term ${this.term}; dropping index reading msg`,
        );
        return false;
      }
      const message = newMessage(MessageType.readIndex, this.leaderId);
      message.from = from;
      message.context = context;
      this.outbox.send(message);
      return true;
    }
    // Until then the leader does not know what is committed. Also holds for a single replica: its
    // commit index is not synced, so after a restart it may be lower than what it acknowledged.
    if (this.#hasCommittedInTerm()) {
      this.#startRead(from, context);
    } else {
      this.#pendingReads.push({ from, context });
    }
    return true;
  }

  #startRead(from: ReplicaId, context: Buffer): void {
    const request: ReadRequest = { from, context, index: this.log.committed };
    const hasLease = this.#config.readOnly === 'lease' && !this.#leaseRevoked;
    if (this.tracker.isSingleton || hasLease) {
      this.#answerRead(request);
      return;
    }
    this.#reads.add(request);
    this.#reads.acknowledgeAll(this.id);
    this.#replicator.requestReadRound();
  }

  #releasePendingReads(): void {
    if (this.#pendingReads.length === 0 || !this.#hasCommittedInTerm()) {
      return;
    }
    const reads = this.#pendingReads;
    this.#pendingReads = [];
    for (const { from, context } of reads) {
      this.#startRead(from, context);
    }
  }

  #answerConfirmedReads(): void {
    for (const request of this.#reads.takeConfirmed(this.tracker.config.voters)) {
      this.#answerRead(request);
    }
  }

  #answerRead({ from, context, index }: ReadRequest): void {
    if (from === none || from === this.id) {
      this.readStates.push({ index, context });
      return;
    }
    const response = newMessage(MessageType.readIndexResp, from);
    response.index = index;
    response.context = context;
    this.outbox.send(response);
  }

  // Leading: transfer

  /** Hands leadership to `id`; on a follower the wish is sent on to the leader. */
  transferLeader(id: ReplicaId): void {
    const message = newMessage(MessageType.transferLeader, this.id);
    message.from = id;
    this.#stepRole(message);
  }

  #handleTransfer(progress: Progress): void {
    const transferee = progress.id;
    const id = idText(this.id);
    const name = idText(transferee);
    if (progress.isLearner) {
      this.#logger.debug(`${id} is learner. Ignored transferring leadership`);
      return;
    }
    if (this.leadTransferee !== none) {
      if (this.leadTransferee === transferee) {
        this.#logger.info(
          `${id} [term ${this.term}] transfer leadership to ${name} is in progress, ` +
            `ignores request to same node ${name}`,
        );
        return;
      }
      const previous = idText(this.leadTransferee);
      this.#abortTransfer();
      this.#logger.info(
        `${id} [term ${this.term}] abort previous transferring leadership to ${previous}`,
      );
    }
    if (transferee === this.id) {
      this.#logger.debug(`${id} is already leader. Ignored transferring leadership to self`);
      return;
    }
    this.#logger.info(`${id} [term ${this.term}] starts to transfer leadership to ${name}`);
    // The transfer has one election timeout.
    this.#electionElapsed = 0;
    this.leadTransferee = transferee;
    this.#leaseRevoked = true;
    if (progress.match === this.log.lastIndex()) {
      this.outbox.send(newMessage(MessageType.timeoutNow, transferee));
      this.#logger.info(
        `${id} sends MsgTimeoutNow to ${name} immediately as ${name} already has up-to-date log`,
      );
    } else {
      this.#replicator.sendAppend(progress, true);
    }
  }

  #abortTransfer(): void {
    this.leadTransferee = none;
  }

  // Applying

  #snapshotStored(snapshot: Snapshot): void {
    const { index } = snapshot.metadata;
    this.log.unstable.stableSnapshotTo(index);
    this.#appliedTo(index, 0);
  }

  #entriesApplied(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last !== undefined) {
      this.#appliedTo(last.index, applyBytes(this.log, entries));
      this.#uncommittedBytes = Math.max(0, this.#uncommittedBytes - payloadsSize(entries));
    }
  }

  #appliedTo(index: number, bytes: number): void {
    const applied = Math.max(index, this.log.applied);
    this.log.appliedTo(applied, bytes);
    const { config } = this.tracker;
    if (config.autoLeave && applied >= this.#pendingConfIndex && this.role === 'leader') {
      const text = describeGroupConfig(config);
      const result = this.#proposeAsLeader([confChangeEntry(leaveJointChange)]);
      if (typeof result === 'number') {
        this.#logger.info(`initiating automatic transition out of joint configuration ${text}`);
      } else {
        this.#logger.debug(
          `not initiating automatic transition out of joint configuration ${text}: ` +
            'raft proposal dropped',
        );
      }
    }
  }

  /**
   * Switches to the configuration after a committed change. Called when its entry is applied, and
   * for every one, unless the host rejects it (then its effect is that of an empty entry).
   */
  applyConfChange(change: ConfChange): ConfState {
    return this.#switchTo(mustChange(changeGroup(this.tracker, this.log.lastIndex(), change)));
  }

  #switchTo({ config, members }: NextGroup): ConfState {
    this.tracker.switchTo(config, members);
    this.#logger.info(
      `${idText(this.id)} switched to configuration ${describeGroupConfig(config)}`,
    );
    const confState = this.tracker.confState();
    const own = this.tracker.get(this.id);
    this.isLearner = own?.isLearner === true;
    if (this.role !== 'leader') {
      return confState;
    }
    if (own === undefined || this.isLearner) {
      // Without stepping down it leads on until somebody else is elected.
      if (this.#config.stepDownOnRemoval) {
        this.#becomeFollower(this.term, none);
      }
      return confState;
    }
    if (this.#maybeCommit()) {
      // A smaller quorum may have committed more.
      this.#releasePendingReads();
      this.#replicator.broadcastAppend();
    } else {
      // New members are probed at once.
      for (const progress of members) {
        if (progress.id !== this.id) {
          this.#replicator.sendAppend(progress, false);
        }
      }
    }
    this.#answerConfirmedReads();
    if (!isJointVoter(config.voters, this.leadTransferee)) {
      this.#abortTransfer();
    }
    return confState;
  }
}
