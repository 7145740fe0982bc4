/**
 * One replica of one Raft group on this node: the pure core (`raft/`), its stable log in memory,
 * the applied state, its reads and its unsettled proposals. Synchronous throughout; the host owns
 * disk, network and time.
 *
 * Modes
 * - `running`: follower, candidate or leader as the core says. `open` while the core leads *and*
 *   an entry of its own term is applied: only then may an executor work (design §3.3, P2).
 * - `asleep` (while running): idle by agreement, not ticked (P15, `sleep.ts`); any message,
 *   proposal or read wakes it.
 * - `stopped`: an entry could not be applied, or the store failed, or the node closes. It answers
 *   nothing any more and says why.
 *
 * Invariant: everything handed out (future, read, open term) belongs to (group, term).
 */
import { assert } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { RowWrite } from '../items/batch.ts';
import { confChangeOfEntry } from '../raft/conf-change.ts';
import type { ConfChange } from '../raft/conf-change.ts';
import { EntryType, MessageType, localAppendThread, localApplyThread } from '../raft/messages.ts';
import type { Entry, HardState, Message, ReplicaId } from '../raft/messages.ts';
import type { RawNode } from '../raft/raw-node.ts';
import type { NodeId } from '../sys/network.ts';
import type { Logger } from '../sys/log.ts';
import type { GroupStorage } from './group-storage.ts';
import type { Replica } from './replica.ts';
import type { ReadDone, Reads } from './reads.ts';
import { Settlement } from './settlement.ts';
import type { Settled } from './settlement.ts';

/** What the host does for a group; all synchronous, effects follow at the end of the turn. */
export interface GroupEffects {
  /** Work for the disk: entries, hard state, snapshot; responses once durable. */
  appendToLog(group: Group, message: Message): void;
  /** A message for a replica on another node. */
  send(group: Group, message: Message): void;
  /** A snapshot asked for by the core. */
  sendSnapshot(group: Group, message: Message): void;
  /** The group has something for the turn. */
  dirty(group: Group): void;
  stopped(group: Group, error: unknown): void;
}

/** Upper levels follow a group through this. */
export interface GroupListener {
  /** This replica leads in `term` and has applied an entry of it. */
  opened(group: Group, term: number): void;
  /** It no longer does. */
  closed(group: Group, term: number): void;
  /** An entry was applied; `writes` are views of the entry. */
  applied(group: Group, index: number, term: number, writes: readonly RowWrite[]): void;
  /** A snapshot replaced the applied state. */
  installed(group: Group): void;
}

export interface GroupParts {
  readonly groupId: number;
  readonly replicaId: ReplicaId;
  readonly raw: RawNode;
  readonly storage: GroupStorage;
  readonly replica: Replica;
  readonly reads: Reads;
  /** Where the group's replicas live; updated when the catalog changes. */
  readonly nodes: Map<ReplicaId, NodeId>;
  readonly effects: GroupEffects;
  readonly logger: Logger;
}

/** Rounds of `ready` in one turn; the rest waits for the next, so one group starves no other. */
const roundsMax = 16;

export class Group {
  readonly groupId: number;
  readonly replicaId: ReplicaId;
  readonly raw: RawNode;
  readonly storage: GroupStorage;
  readonly replica: Replica;
  readonly nodes: Map<ReplicaId, NodeId>;
  readonly reads: Reads;
  readonly settlement = new Settlement();
  readonly logger: Logger;
  readonly #effects: GroupEffects;
  #listener: GroupListener | undefined;
  #term = 0;
  #leader: ReplicaId = 0;
  #openTerm = 0;
  #stopped: string | undefined;
  /** A planned transfer stops admission (design §3.3). */
  transferring = false;
  asleep = false;
  /** Counted since the start, for `/metrics`. */
  readonly counts = { leaderships: 0, accepted: 0, dropped: 0 };
  /** Ticks since anything but heartbeats happened. */
  quietTicks = 0;
  /** The hard state last handed to the log writer. */
  queuedHardState: HardState;
  /** In the host's list of groups with work. */
  queued = false;

  constructor(parts: GroupParts) {
    this.groupId = parts.groupId;
    this.replicaId = parts.replicaId;
    this.raw = parts.raw;
    this.storage = parts.storage;
    this.replica = parts.replica;
    this.reads = parts.reads;
    this.nodes = parts.nodes;
    this.logger = parts.logger;
    this.#effects = parts.effects;
    this.queuedHardState = parts.storage.hardState;
  }

  listen(listener: GroupListener): void {
    assert(this.#listener === undefined, 'A group has one listener');
    this.#listener = listener;
  }

  get term(): number {
    return this.raw.raft.term;
  }

  /** The leader's replica id as this replica believes; 0 = unknown. */
  get leader(): ReplicaId {
    return this.raw.raft.leaderId;
  }

  get leaderNode(): NodeId | undefined {
    return this.nodes.get(this.leader);
  }

  /** Its configuration lists this replica. An empty one waits for its first snapshot. */
  get isMember(): boolean {
    return this.raw.raft.tracker.get(this.replicaId) !== undefined;
  }

  get isLeader(): boolean {
    return this.raw.raft.role === 'leader';
  }

  get lastIndex(): number {
    return this.raw.raft.lastIndex;
  }

  get commitIndex(): number {
    return this.raw.raft.commitIndex;
  }

  /** Why the group answers nothing any more; undefined while it runs. */
  get stoppedBecause(): string | undefined {
    return this.#stopped;
  }

  /** The term in which an executor may work here; 0 = none. Checked anew at every use (P2). */
  get openTerm(): number {
    return this.#openTerm !== 0 && this.isLeader && this.term === this.#openTerm
      ? this.#openTerm
      : 0;
  }

  /** Something other than a heartbeat happened. */
  wake(): void {
    this.quietTicks = 0;
    if (this.asleep) {
      this.asleep = false;
      this.#effects.dirty(this);
    }
  }

  step(message: Message): void {
    if (this.#stopped !== undefined) {
      return;
    }
    if (message.type !== MessageType.heartbeat && message.type !== MessageType.heartbeatResp) {
      this.quietTicks = 0;
    }
    this.asleep = false;
    try {
      this.raw.step(message);
    } catch (error) {
      this.stop(error); // A broken rule of this group must not take the node's others along.
      return;
    }
    this.#effects.dirty(this);
  }

  tick(): void {
    if (this.#stopped !== undefined || this.asleep) {
      return;
    }
    this.quietTicks += 1;
    this.raw.tick();
    this.reads.tick();
    if (this.raw.hasReady() || !this.reads.idle) {
      this.#effects.dirty(this);
    }
  }

  /**
   * Appends to the leader's log. Returns the index at once; throws `NotLeader`, or `Throttled`
   * when the uncommitted tail is full. `settle` hears exactly once what became of it (P3).
   */
  propose(data: Buffer, term: number, settle: (outcome: Settled) => void): number {
    assert(data.length > 0, 'A proposal has data');
    if (this.openTerm !== term || term === 0) {
      throw new DynakvError('NotLeader', `Cannot write to shard ${this.groupId} in term ${term}`);
    }
    const expected = this.lastIndex + 1;
    const index = this.raw.propose(data);
    if (typeof index !== 'number') {
      this.counts.dropped += 1;
      if (index === 'uncommittedLimit') {
        throw new DynakvError('Throttled', `Cannot write to group ${this.groupId}: ${index}`, {
          limit: 'uncommitted-bytes',
        });
      }
      throw new DynakvError('NotOpen', `Cannot write to group ${this.groupId}: ${index}`);
    }
    assert(index === expected, 'A proposal takes the next index');
    this.counts.accepted += 1;
    this.settlement.add(index, term, settle);
    this.wake();
    this.#effects.dirty(this);
    return index;
  }

  /**
   * Appends a configuration change to the leader's log, to hear of it as of any proposal. The core
   * puts an empty entry in its place if another change is pending: only if `configuration.index`
   * is the index returned once it is settled did it happen.
   */
  proposeConfChange(change: ConfChange, term: number, settle: (outcome: Settled) => void): number {
    if (this.openTerm !== term || term === 0) {
      throw new DynakvError('NotLeader', `Cannot change group ${this.groupId} in term ${term}`);
    }
    const index = this.raw.proposeConfChange(change);
    if (typeof index !== 'number') {
      throw new DynakvError('NotOpen', `Cannot change group ${this.groupId}: ${index}`);
    }
    this.settlement.add(index, term, settle);
    this.wake();
    this.#effects.dirty(this);
    return index;
  }

  /** Queues a linearizable read point; see `reads.ts`. */
  readBarrier(done: ReadDone): void {
    if (this.#stopped !== undefined) {
      done(false);
      return;
    }
    this.reads.add(done);
    this.wake();
    this.#effects.dirty(this);
  }

  /** Does what the core asks until it asks for nothing, within one turn. */
  pump(): void {
    if (this.#stopped !== undefined) {
      return;
    }
    try {
      for (let round = 0; round < roundsMax; round++) {
        const context = this.reads.startRound();
        if (context !== undefined) {
          this.raw.readIndex(context);
        }
        if (!this.raw.hasReady()) {
          this.#follow();
          return;
        }
        const ready = this.raw.ready();
        this.#follow();
        for (const state of ready.readStates) {
          this.reads.confirmed(state.context, state.index, this.replica.applied.index);
        }
        for (const message of ready.messages) {
          this.#dispatch(message);
        }
      }
      this.#effects.dirty(this);
    } catch (error) {
      this.stop(error);
    }
  }

  #dispatch(message: Message): void {
    if (message.to === localAppendThread) {
      this.#effects.appendToLog(this, message);
    } else if (message.to === localApplyThread) {
      this.#apply(message);
    } else if (message.type === MessageType.snap) {
      this.#effects.sendSnapshot(this, message);
    } else {
      this.#effects.send(this, message);
    }
  }

  #apply(message: Message): void {
    for (const entry of message.entries) {
      this.#applyEntry(entry);
    }
    for (const response of message.responses) {
      this.raw.step(response);
    }
    this.reads.applied(this.replica.applied.index);
    this.#follow();
  }

  #applyEntry(entry: Entry): void {
    let { configuration } = this.replica;
    let data = entry.data;
    if (entry.type !== EntryType.normal) {
      const change = confChangeOfEntry(entry);
      if (change !== undefined) {
        const state = this.raw.applyConfChange(change);
        configuration = { ...configuration, index: entry.index, state };
        this.logger.info('Configuration changed', { ...configuration.state, index: entry.index });
      }
      data = Buffer.alloc(0);
    }
    const writes = this.replica.apply(entry.index, entry.term, data, configuration);
    this.#listener?.applied(this, entry.index, entry.term, writes);
    this.settlement.applied(entry.index, entry.term);
  }

  /** Notices changes of term and leader, and whether the group is open. */
  #follow(): void {
    const { term, leaderId } = this.raw.raft;
    if (term !== this.#term || leaderId !== this.#leader) {
      this.#term = term;
      this.#leader = leaderId;
      this.quietTicks = 0;
      this.#close();
      this.reads.dropAll();
    }
    const leads = this.isLeader;
    this.replica.cacheWrites = leads;
    if (!leads) {
      this.#close();
    } else if (this.#openTerm === 0 && this.replica.applied.term === term) {
      this.#openTerm = term;
      this.counts.leaderships += 1;
      this.transferring = false;
      this.#listener?.opened(this, term);
    }
  }

  #close(): void {
    if (this.#openTerm !== 0) {
      const term = this.#openTerm;
      this.#openTerm = 0;
      this.#listener?.closed(this, term);
    }
  }

  /** The host switched the applied state to an installed snapshot. */
  installed(): void {
    this.settlement.snapshotInstalled(this.replica.applied.index);
    this.reads.applied(this.replica.applied.index);
    this.#listener?.installed(this);
  }

  /** Ends the group for this life of the process; `error` says why. */
  stop(error: unknown): void {
    if (this.#stopped !== undefined) {
      return;
    }
    this.#stopped = messageOf(error);
    this.#close();
    this.reads.dropAll();
    this.settlement.close();
    this.#effects.stopped(this, error);
  }
}
