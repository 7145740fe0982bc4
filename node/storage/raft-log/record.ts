/**
 * The records of the raft log: what each says, and its bytes. A batch is a row of records; the
 * state of the log is what they leave when applied in order (`log-state.ts`), no matter whether
 * they come from an append or from a file.
 *
 * Invariant: a record says all that it changes; it never depends on how it is split over batches.
 */
import { assert } from '../../lib/assert.ts';
import { ByteReader } from '../../lib/bytes.ts';
import type { ByteWriter } from '../../lib/bytes.ts';
import { DynakvError } from '../../lib/errors.ts';
import { EntryType } from '../../raft/messages.ts';
import type { ConfState, Entry, HardState, SnapshotMetadata } from '../../raft/messages.ts';

const Kind = {
  entries: 1,
  rewritten: 2,
  hardState: 3,
  compact: 4,
  snapshot: 5,
  create: 6,
  remove: 7,
  watermark: 8,
  boot: 9,
  checkpoint: 10,
} as const;

interface OfReplica {
  readonly groupId: number;
  readonly replicaId: number;
}

/** The small state of one group: all that is not entries. */
export interface GroupState {
  readonly replicaId: number;
  readonly hardState: HardState;
  /** The compaction point: the log holds the entries above `metadata.index`. */
  readonly metadata: SnapshotMetadata;
  /** Index of the last entry, or of the compaction point if there is none. */
  readonly lastIndex: number;
  /** Applied index that the engine had surely kept when it was logged. */
  readonly watermark: number;
}

/** All small state at the moment when a segment is begun: what makes older segments dispensable. */
export interface Checkpoint {
  readonly bootHistory: readonly string[];
  readonly groups: readonly (readonly [groupId: number, state: GroupState])[];
  /** Tombstones; of several of one group the highest counts. */
  readonly removed: readonly (readonly [groupId: number, replicaIds: readonly number[]])[];
}

export interface EntriesRecord extends OfReplica {
  /**
   * `entries` replaces any suffix from `first` on; `rewritten` repeats live entries of an older
   * segment and changes nothing else.
   */
  readonly kind: 'entries' | 'rewritten';
  readonly first: number;
  readonly last: number;
  /** Bytes that the record takes, for the accounts of the segment. */
  readonly bytes: number;
  /** Filled when read from a file. */
  readonly entries: readonly Entry[];
}

export type LogRecord =
  | EntriesRecord
  | (OfReplica & { readonly kind: 'hardState'; readonly hardState: HardState })
  | (OfReplica & {
      readonly kind: 'compact';
      readonly index: number;
      readonly term: number;
      /** The configuration at `index`; undefined = as at the compaction point before. */
      readonly confState: ConfState | undefined;
    })
  | (OfReplica & { readonly kind: 'snapshot'; readonly metadata: SnapshotMetadata })
  | (OfReplica & {
      readonly kind: 'create';
      readonly metadata: SnapshotMetadata;
      readonly hardState: HardState;
    })
  | (OfReplica & { readonly kind: 'remove' })
  | (OfReplica & { readonly kind: 'watermark'; readonly index: number })
  | { readonly kind: 'boot'; readonly nonce: string }
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint };

export const noEntries: readonly Entry[] = [];

function writeIds(writer: ByteWriter, ids: readonly number[]): void {
  writer.varint(ids.length);
  for (const id of ids) {
    writer.varint(id);
  }
}

function readIds(reader: ByteReader): number[] {
  const count = reader.varint();
  const ids: number[] = [];
  for (let i = 0; i < count; i++) {
    ids.push(reader.varint());
  }
  return ids;
}

function writeConfState(writer: ByteWriter, confState: ConfState): void {
  writeIds(writer, confState.voters);
  writeIds(writer, confState.learners);
  writeIds(writer, confState.votersOutgoing);
  writeIds(writer, confState.learnersNext);
  writer.u8(confState.autoLeave ? 1 : 0);
}

function readConfState(reader: ByteReader): ConfState {
  return {
    voters: readIds(reader),
    learners: readIds(reader),
    votersOutgoing: readIds(reader),
    learnersNext: readIds(reader),
    autoLeave: reader.u8() === 1,
  };
}

function writeHardState(writer: ByteWriter, hardState: HardState): void {
  writer.varint(hardState.term).varint(hardState.vote).varint(hardState.commit);
}

function readHardState(reader: ByteReader): HardState {
  return { term: reader.varint(), vote: reader.varint(), commit: reader.varint() };
}

function writeMetadata(writer: ByteWriter, metadata: SnapshotMetadata): void {
  writer.varint(metadata.index).varint(metadata.term);
  writeConfState(writer, metadata.confState);
}

function readMetadata(reader: ByteReader): SnapshotMetadata {
  return { index: reader.varint(), term: reader.varint(), confState: readConfState(reader) };
}

function writeCheckpoint(writer: ByteWriter, checkpoint: Checkpoint): void {
  writer.varint(checkpoint.bootHistory.length);
  for (const nonce of checkpoint.bootHistory) {
    writer.text(nonce);
  }
  writer.varint(checkpoint.groups.length);
  for (const [groupId, state] of checkpoint.groups) {
    writer.varint(groupId).varint(state.replicaId);
    writeHardState(writer, state.hardState);
    writeMetadata(writer, state.metadata);
    writer.varint(state.lastIndex).varint(state.watermark);
  }
  writer.varint(checkpoint.removed.length);
  for (const [groupId, replicaIds] of checkpoint.removed) {
    writer.varint(groupId);
    writeIds(writer, replicaIds);
  }
}

function readCheckpoint(reader: ByteReader): Checkpoint {
  const bootHistory: string[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    bootHistory.push(reader.text());
  }
  const groups: [number, GroupState][] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const groupId = reader.varint();
    const replicaId = reader.varint();
    const hardState = readHardState(reader);
    const metadata = readMetadata(reader);
    const lastIndex = reader.varint();
    const watermark = reader.varint();
    groups.push([groupId, { replicaId, hardState, metadata, lastIndex, watermark }]);
  }
  const removed: [number, number[]][] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const groupId = reader.varint();
    const replicaIds = readIds(reader);
    if (replicaIds.length === 0) {
      throw new DynakvError('BadFrame', `Cannot read a tombstone of group ${groupId}: no replica`);
    }
    removed.push([groupId, replicaIds]);
  }
  return { bootHistory, groups, removed };
}

/** Writes an entries record and returns what it says (without the entries themselves). */
export function writeEntries(
  writer: ByteWriter,
  kind: 'entries' | 'rewritten',
  replica: OfReplica,
  entries: readonly Entry[],
): EntriesRecord {
  const first = entries[0]?.index ?? 0;
  assert(first > 0, 'An entries record holds at least one entry, from index 1 on');
  const start = writer.length;
  writer.u8(Kind[kind]).varint(replica.groupId).varint(replica.replicaId);
  writer.varint(first).varint(entries.length);
  let next = first;
  let term = 0;
  for (const entry of entries) {
    assert(entry.index === next, 'Entries of one record are consecutive');
    assert(entry.term >= term, 'Terms never fall along a log');
    writer.u8(entry.type).varint(entry.term).bytes(entry.data);
    next += 1;
    term = entry.term;
  }
  const bytes = writer.length - start;
  const { groupId, replicaId } = replica;
  return { kind, groupId, replicaId, first, last: next - 1, bytes, entries: noEntries };
}

/** Writes any record but entries. */
export function writeRecord(writer: ByteWriter, record: Exclude<LogRecord, EntriesRecord>): void {
  writer.u8(Kind[record.kind]);
  if (record.kind === 'boot') {
    writer.text(record.nonce);
    return;
  }
  if (record.kind === 'checkpoint') {
    writeCheckpoint(writer, record.checkpoint);
    return;
  }
  writer.varint(record.groupId).varint(record.replicaId);
  switch (record.kind) {
    case 'hardState':
      writeHardState(writer, record.hardState);
      break;
    case 'compact':
      writer.varint(record.index).varint(record.term);
      writer.u8(record.confState ? 1 : 0);
      if (record.confState) {
        writeConfState(writer, record.confState);
      }
      break;
    case 'snapshot':
      writeMetadata(writer, record.metadata);
      break;
    case 'create':
      writeMetadata(writer, record.metadata);
      writeHardState(writer, record.hardState);
      break;
    case 'watermark':
      writer.varint(record.index);
      break;
    case 'remove':
      break;
  }
}

function readEntryType(reader: ByteReader): EntryType {
  const type = reader.u8();
  if (type > EntryType.confChangeV2) {
    throw new DynakvError('BadFrame', `Cannot read an entry of type ${type}`);
  }
  return type as EntryType;
}

/** The entry owns its bytes: it must not keep a whole segment in memory. */
function readEntries(reader: ByteReader, first: number, count: number): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const type = readEntryType(reader);
    const term = reader.varint();
    entries.push({ index: first + i, term, type, data: Buffer.from(reader.bytes()) });
  }
  return entries;
}

function readRecord(reader: ByteReader): LogRecord {
  const start = reader.offset;
  const kind = reader.u8();
  if (kind === Kind.boot) {
    return { kind: 'boot', nonce: reader.text() };
  }
  if (kind === Kind.checkpoint) {
    return { kind: 'checkpoint', checkpoint: readCheckpoint(reader) };
  }
  const groupId = reader.varint();
  const replicaId = reader.varint();
  switch (kind) {
    case Kind.entries:
    case Kind.rewritten: {
      const first = reader.varint();
      const count = reader.varint();
      const entries = readEntries(reader, first, count);
      const name = kind === Kind.entries ? 'entries' : 'rewritten';
      const bytes = reader.offset - start;
      return { kind: name, groupId, replicaId, first, last: first + count - 1, bytes, entries };
    }
    case Kind.hardState:
      return { kind: 'hardState', groupId, replicaId, hardState: readHardState(reader) };
    case Kind.compact: {
      const index = reader.varint();
      const term = reader.varint();
      const confState = reader.u8() === 1 ? readConfState(reader) : undefined;
      return { kind: 'compact', groupId, replicaId, index, term, confState };
    }
    case Kind.snapshot:
      return { kind: 'snapshot', groupId, replicaId, metadata: readMetadata(reader) };
    case Kind.create: {
      const metadata = readMetadata(reader);
      return { kind: 'create', groupId, replicaId, metadata, hardState: readHardState(reader) };
    }
    case Kind.remove:
      return { kind: 'remove', groupId, replicaId };
    case Kind.watermark:
      return { kind: 'watermark', groupId, replicaId, index: reader.varint() };
    default:
      throw new DynakvError('BadFrame', `Cannot read a record of kind ${kind}`);
  }
}

/** All records of a batch's payload. Throws `BadFrame` if they cannot be understood. */
export function decodeRecords(payload: Buffer): LogRecord[] {
  const reader = new ByteReader(payload);
  const records: LogRecord[] = [];
  while (reader.remaining > 0) {
    records.push(readRecord(reader));
  }
  return records;
}
