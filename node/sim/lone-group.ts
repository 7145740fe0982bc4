/**
 * One replica of a three-voter group with its core, state and reads as in production, and hands of
 * the test where disk, peers and engine would be: nothing is durable, acknowledged or fetched
 * before the test says so. For orders of events that a whole simulated cluster meets too seldom.
 */
import { must } from '../lib/assert.ts';
import type { GroupEffects, GroupListener } from '../host/group.ts';
import type { Group } from '../host/group.ts';
import { openGroup } from '../host/group-factory.ts';
import type { RowLayout } from '../host/replica.ts';
import { RowCache } from '../host/row-cache.ts';
import type { RowReader } from '../host/row-reader.ts';
import { Prng } from '../lib/prng.ts';
import { EntryType, MessageType } from '../raft/messages.ts';
import type { ConfState, Entry, HardState, Message } from '../raft/messages.ts';
import { newMessage } from '../raft/new-message.ts';
import type { MessageDraft } from '../raft/new-message.ts';
import { silentLogger } from '../sys/log.ts';

const confState: ConfState = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

const layout: RowLayout = {
  rowKey: (_generation, key) => key,
  appliedRow: (_generation, point) => ({
    column: 'default',
    key: Buffer.from('applied'),
    value: Buffer.from(`${point.index}`),
  }),
};

export interface Fetch {
  readonly key: Buffer;
  readonly done: (value: Buffer | undefined, error: unknown) => void;
}

export interface LoneGroupStart {
  /** Applied and compacted up to here at start; default 1, with term 1. */
  readonly index?: number;
  readonly entries?: readonly Entry[];
  readonly hardState?: HardState;
}

export class LoneGroup {
  readonly group: Group;
  /** Messages for peers, not yet taken by `takeSent`. */
  #sent: Message[] = [];
  /** Storage work, not yet durable. */
  #appends: Message[] = [];
  /** Cold rows asked for. */
  readonly fetches: Fetch[] = [];
  readonly snapshotsAsked: Message[] = [];
  stoppedBy: unknown;

  constructor(listener?: GroupListener, start: LoneGroupStart = {}) {
    const index = start.index ?? 1;
    const reader = {
      read: (key: Buffer, done: Fetch['done']) => {
        this.fetches.push({ key, done });
      },
    } as unknown as RowReader;
    const random = new Prng(7);
    const effects: GroupEffects = {
      appendToLog: (_group, message) => this.#appends.push(message),
      send: (_group, message) => this.#sent.push(message),
      sendSnapshot: (_group, message) => this.snapshotsAsked.push(message),
      dirty: () => undefined,
      stopped: (_group, error) => {
        this.stoppedBy = error;
      },
    };
    this.group = openGroup(
      {
        tuning: { electionTicks: 10, heartbeatTicks: 1, uncommittedBytesMax: 1_000_000 },
        random,
        cache: new RowCache(1_000_000),
        reader,
        layout,
        logger: silentLogger,
      },
      1,
      {
        replicaId: 1,
        hardState: start.hardState ?? { term: 1, vote: 0, commit: index },
        snapshotMetadata: { index, term: 1, confState },
        entries: start.entries ?? [],
        watermark: index,
      },
      {
        replicaId: 1,
        generation: 1,
        applied: { index, term: 1 },
        configuration: { index: 0, state: confState, incarnation: 1 },
        installed: false,
      },
      new Map([
        [1, 1],
        [2, 2],
        [3, 3],
      ]),
      effects,
    );
    if (listener !== undefined) {
      this.group.listen(listener);
    }
  }

  /** Pumps, and hands out what was sent since the last call. */
  takeSent(): Message[] {
    this.group.pump();
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  /** All storage work so far becomes durable. */
  sync(): void {
    this.group.pump();
    const appends = this.#appends;
    this.#appends = [];
    for (const message of appends) {
      this.group.storage.append(message.entries);
      for (const response of message.responses) {
        if (response.to === 1) {
          this.group.step(response);
        } else {
          this.#sent.push(response);
        }
      }
    }
    this.group.pump();
  }

  /** A message from a peer, in the group's term unless given. */
  receive(type: MessageType, from: number, fields: Partial<MessageDraft> = {}): void {
    this.group.step({ ...newMessage(type, 1), from, term: this.group.term, ...fields });
    this.group.pump();
  }

  /** Replica 2 votes for this one, and holds its no-op: the group is open. */
  lead(): void {
    this.group.raw.campaign();
    this.sync();
    this.receive(MessageType.preVoteResp, 2, { term: this.group.term + 1 });
    this.sync();
    this.receive(MessageType.voteResp, 2);
    this.commit();
  }

  /** Replica 2 holds everything that this leader has, and so does its disk. */
  commit(): void {
    this.sync();
    this.receive(MessageType.appResp, 2, { index: this.group.lastIndex });
  }

  /** Replica 2 answers the heartbeats of read rounds started so far. */
  confirmReads(): void {
    for (const message of this.takeSent()) {
      if (message.type === MessageType.heartbeat && message.to === 2) {
        this.receive(MessageType.heartbeatResp, 2, { context: message.context });
      }
    }
  }

  /** Replica 3 leads in a newer term and overwrites everything behind (index, term). */
  depose(index: number, term: number, entries: readonly Buffer[], commit: number): void {
    const newTerm = this.group.term + 1;
    this.receive(MessageType.app, 3, {
      term: newTerm,
      logTerm: term,
      index,
      commit,
      entries: entries.map((data, i) => ({
        index: index + 1 + i,
        term: newTerm,
        type: EntryType.normal,
        data,
      })),
    });
    this.sync();
  }

  /** Answers the oldest fetch. */
  fetched(value: Buffer | undefined): void {
    must(this.fetches.shift()).done(value, undefined);
  }
}
