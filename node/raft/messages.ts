/**
 * The data of the Raft protocol: entries, states, configuration changes, messages. Field names
 * follow the Raft thesis and etcd's raftpb. Plain data only. Terms and indexes are numbers,
 * asserted ≤ 2^53−1 (decision 0003).
 *
 * Invariant: a message object is immutable once handed out; entries are shared, never copied.
 */

/** Replica id within a group; 0 = none. Never reused in a group. */
export type ReplicaId = number;

/** Targets of local storage messages when `asyncStorageWrites` is on (etcd: LocalAppendThread). */
export const localAppendThread = Number.MAX_SAFE_INTEGER;
export const localApplyThread = Number.MAX_SAFE_INTEGER - 1;

export const EntryType = { normal: 0, confChange: 1, confChangeV2: 2 } as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

export interface Entry {
  readonly term: number;
  readonly index: number;
  readonly type: EntryType;
  /** Empty for the no-op that opens a term. */
  readonly data: Buffer;
}

export interface HardState {
  readonly term: number;
  readonly vote: ReplicaId;
  readonly commit: number;
}

export interface ConfState {
  readonly voters: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
  /** Voters of the outgoing half of a joint configuration; empty when not joint. */
  readonly votersOutgoing: readonly ReplicaId[];
  readonly learnersNext: readonly ReplicaId[];
  readonly autoLeave: boolean;
}

export interface SnapshotMetadata {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
}

/** The core only carries metadata; the rows travel beside Raft (host/snapshotter). */
export interface Snapshot {
  readonly metadata: SnapshotMetadata;
  readonly data: Buffer;
}

export const MessageType = {
  hup: 0,
  beat: 1,
  prop: 2,
  app: 3,
  appResp: 4,
  vote: 5,
  voteResp: 6,
  snap: 7,
  heartbeat: 8,
  heartbeatResp: 9,
  unreachable: 10,
  snapStatus: 11,
  checkQuorum: 12,
  transferLeader: 13,
  timeoutNow: 14,
  readIndex: 15,
  readIndexResp: 16,
  preVote: 17,
  preVoteResp: 18,
  storageAppend: 19,
  storageAppendResp: 20,
  storageApply: 21,
  storageApplyResp: 22,
  forgetLeader: 23,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

export interface Message {
  readonly type: MessageType;
  readonly to: ReplicaId;
  readonly from: ReplicaId;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  /** Only in storageAppend: the HardState's vote. */
  readonly vote: ReplicaId;
  readonly snapshot: Snapshot | undefined;
  readonly reject: boolean;
  readonly rejectHint: number;
  /** ReadIndex request id or campaign kind; undefined where none. */
  readonly context: Buffer | undefined;
  /** Only in storageAppend/storageApply: to be delivered once the storage work is durable. */
  readonly responses: readonly Message[];
}
