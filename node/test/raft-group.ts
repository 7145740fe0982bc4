/**
 * A group of cores for tests: storage in memory, messages in one queue that a test may deliver,
 * filter, repeat or lose, and replicas that crash (losing storage work that was under way) and
 * come back. Deterministic: time is ticks, chance is the caller's.
 *
 * Invariant: `chosen` holds what was applied at each index anywhere; another entry at the same
 * index anywhere is an assertion failure (state machine safety).
 */
import { assert, must } from '../lib/assert.ts';
import { confChangeOfEntry } from '../raft/conf-change.ts';
import type { RaftConfig } from '../raft/config.ts';
import { emptySnapshot, MemoryStorage } from '../raft/memory-storage.ts';
import { localAppendThread, localApplyThread } from '../raft/messages.ts';
import type { ConfState, Entry, HardState, Message, Snapshot } from '../raft/messages.ts';
import { RawNode } from '../raft/raw-node.ts';
import type { ReadState } from '../raft/read-only.ts';
import type { Ready } from '../raft/ready.ts';

export type GroupOptions = Omit<RaftConfig, 'id' | 'storage'>;

/** Far more than the longest exchange of a few replicas takes. */
const settleRoundsMax = 2_000;

const noLearners = { learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };

/** Storage whose snapshot is of the last applied entry: an older one may lack the receiver. */
class FreshStorage extends MemoryStorage {
  readonly #refresh: () => void;

  constructor(refresh: () => void) {
    super();
    this.#refresh = refresh;
  }

  override snapshot(): Snapshot | 'unavailable' {
    this.#refresh();
    return super.snapshot();
  }
}

export class GroupMember {
  readonly id: number;
  readonly storage = new FreshStorage(() => {
    this.#makeSnapshot();
  });
  readonly #options: GroupOptions;
  readonly #chosen: Map<number, string>;
  raw: RawNode;
  confState: ConfState;
  /** Payloads applied since the start of the process, without empty entries. */
  applied: string[] = [];
  appliedIndex = 0;
  reads: ReadState[] = [];
  appendWork: Message[] = [];
  applyWork: Message[] = [];

  constructor(
    id: number,
    options: GroupOptions,
    chosen: Map<number, string>,
    confState: ConfState,
  ) {
    this.id = id;
    this.#options = options;
    this.#chosen = chosen;
    this.confState = confState;
    const metadata = { index: 1, term: 1, confState };
    this.storage.applySnapshot({ ...emptySnapshot, metadata });
    this.appliedIndex = 1;
    this.raw = this.#start();
  }

  #start(): RawNode {
    return new RawNode({
      ...this.#options,
      id: this.id,
      storage: this.storage,
      applied: this.appliedIndex,
    });
  }

  /** Starts anew from what is on disk; storage work under way is lost. What was applied is kept. */
  restart(): void {
    this.appendWork = [];
    this.applyWork = [];
    this.reads = [];
    // The stored configuration is the one at the applied index.
    this.#makeSnapshot();
    this.raw = this.#start();
  }

  /** Carries out one `ready()`; the messages for others come back. */
  process(): Message[] {
    const ready: Ready = this.raw.ready();
    this.reads.push(...ready.readStates);
    if (this.#options.asyncStorageWrites !== true) {
      this.#persist(ready.hardState, ready.entries, ready.snapshot);
      this.#apply(ready.committedEntries);
      const messages = ready.messages.slice();
      this.raw.advance();
      return messages;
    }
    const messages: Message[] = [];
    for (const message of ready.messages) {
      if (message.to === localAppendThread) {
        this.appendWork.push(message);
      } else if (message.to === localApplyThread) {
        this.applyWork.push(message);
      } else {
        messages.push(message);
      }
    }
    return messages;
  }

  /** Finishes the oldest log write. */
  workAppend(): Message[] {
    const { term, vote, commit, entries, snapshot, responses } = must(this.appendWork.shift());
    const hasHardState = term !== 0 || vote !== 0 || commit !== 0;
    this.#persist(hasHardState ? { term, vote, commit } : undefined, entries, snapshot);
    return this.#deliverOwn(responses);
  }

  /** Finishes the oldest apply. */
  workApply(): Message[] {
    const { entries, responses } = must(this.applyWork.shift());
    this.#apply(entries);
    return this.#deliverOwn(responses);
  }

  #deliverOwn(responses: readonly Message[]): Message[] {
    for (const response of responses) {
      if (response.to === this.id) {
        this.raw.step(response);
      }
    }
    return responses.filter(({ to }) => to !== this.id);
  }

  #persist(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): void {
    if (snapshot !== undefined && this.storage.applySnapshot(snapshot)) {
      this.appliedIndex = snapshot.metadata.index;
      this.confState = snapshot.metadata.confState;
    }
    this.storage.append(entries);
    if (hardState !== undefined) {
      this.storage.setHardState(hardState);
    }
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      // Overtaken by a snapshot.
      if (entry.index <= Math.max(this.appliedIndex, this.raw.pendingSnapshotIndex)) {
        continue;
      }
      assert(entry.index === this.appliedIndex + 1, `Applied ${entry.index} out of order`);
      const text = `${entry.term}:${entry.type}:${entry.data.toString('hex')}`;
      const before = this.#chosen.get(entry.index);
      assert(before === undefined || before === text, `Two entries at index ${entry.index}`);
      this.#chosen.set(entry.index, text);
      const change = confChangeOfEntry(entry);
      if (change !== undefined) {
        this.confState = this.raw.applyConfChange(change);
      } else if (entry.data.length > 0) {
        this.applied.push(entry.data.toString());
      }
      // Last: a snapshot made on the way must go with the configuration before.
      this.appliedIndex = entry.index;
    }
  }

  #makeSnapshot(): void {
    if (this.appliedIndex >= this.storage.firstIndex()) {
      this.storage.createSnapshot(this.appliedIndex, this.confState, Buffer.alloc(0));
    }
  }

  /** Makes a snapshot of what is applied and drops the log before it. */
  compact(): void {
    if (this.appliedIndex >= this.storage.firstIndex()) {
      this.#makeSnapshot();
      this.storage.compact(this.appliedIndex);
    }
  }
}

export class RaftGroup {
  readonly members: GroupMember[] = [];
  /** What was applied at each index, anywhere. */
  readonly chosen = new Map<number, string>();
  /** In flight. */
  network: Message[] = [];
  /** Messages that it refuses are lost; all pass by default. */
  filter: (message: Message) => boolean = () => true;
  readonly #cut = new Set<number>();

  constructor(voters: readonly number[], options: GroupOptions) {
    for (const id of voters) {
      this.add(id, options, { voters, ...noLearners });
    }
  }

  /** Adds a process; whether it is a member is the configuration's business. */
  add(id: number, options: GroupOptions, confState: ConfState): GroupMember {
    const member = new GroupMember(id, options, this.chosen, confState);
    this.members.push(member);
    return member;
  }

  member(id: number): GroupMember {
    return must(this.members.find((member) => member.id === id));
  }

  raw(id: number): RawNode {
    return this.member(id).raw;
  }

  get leaders(): GroupMember[] {
    return this.members.filter(({ raw }) => raw.raft.role === 'leader');
  }

  /** Cuts a replica off the network. */
  isolate(id: number): void {
    this.#cut.add(id);
  }

  heal(): void {
    this.#cut.clear();
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      const isCut = this.#cut.has(message.from) || this.#cut.has(message.to);
      if (!isCut && this.filter(message)) {
        this.network.push(message);
      }
    }
  }

  deliver(message: Message): void {
    if (!this.#cut.has(message.to)) {
      this.members.find(({ id }) => id === message.to)?.raw.step(message);
    }
  }

  /** All work of one replica, without the network. */
  work(member: GroupMember): void {
    while (member.raw.hasReady() || member.appendWork.length > 0 || member.applyWork.length > 0) {
      if (member.raw.hasReady()) {
        this.send(member.process());
      }
      if (member.appendWork.length > 0) {
        this.send(member.workAppend());
      }
      if (member.applyWork.length > 0) {
        this.send(member.workApply());
      }
    }
  }

  /** Works and delivers until nothing is left to do. */
  settle(): void {
    let rounds = 0;
    for (let isQuiet = false; !isQuiet; rounds++) {
      assert(rounds < settleRoundsMax, 'Messages never come to rest');
      for (const member of this.members) {
        this.work(member);
      }
      const messages = this.network;
      this.network = [];
      for (const message of messages) {
        this.deliver(message);
      }
      isQuiet = messages.length === 0 && !this.members.some(({ raw }) => raw.hasReady());
    }
  }

  /** Ticks one replica, or all. */
  tick(count = 1, id?: number): void {
    for (let i = 0; i < count; i++) {
      for (const member of id === undefined ? this.members : [this.member(id)]) {
        member.raw.tick();
      }
    }
  }

  /** Elects `id`. */
  elect(id: number): void {
    this.raw(id).campaign();
    this.settle();
    assert(this.raw(id).raft.role === 'leader', `Cannot elect ${id}`);
  }
}
