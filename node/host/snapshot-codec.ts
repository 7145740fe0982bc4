/**
 * The bytes of a snapshot in transit (node/docs/wire-format.md): a JSON head, chunks one way,
 * answers the other. Keys travel without a generation (protocols.md P13).
 *
 * Every chunk carries its number and a checksum over all of it, made when its rows left the
 * sender's engine and checked before they enter the receiver's. A damaged, lost or repeated chunk
 * is a `BadFrame` with a reason.
 */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { crc32 } from '../lib/crc32.ts';
import { DynakvError } from '../lib/errors.ts';
import type { RowWrite } from '../items/batch.ts';
import type { ConfState, SnapshotMetadata } from '../raft/messages.ts';
import { readPoint, writePoint } from '../storage/staging-rows.ts';
import type { StagedPoint } from '../storage/staging-rows.ts';

export interface SnapshotHead {
  readonly groupId: number;
  readonly from: number;
  readonly to: number;
  /** In which the sender leads. */
  readonly term: number;
  /** Which life of the group the state is of. */
  readonly incarnation: number;
  /** Bytes of the group's rows, about; 0: unknown. */
  readonly bytesTotal: number;
}

export type SnapshotRow = readonly [key: Buffer, value: Buffer];

/**
 * What moves a receiver on (`snapshot-source.ts` says in which order):
 * - `fresh`: the sender cannot go on from there; what is staged is of no use;
 * - `rows`: the rows behind the last key, as they are at (index, term), up to the last one here;
 * - `delta`: what the entries up to (index, term) did to the rows that are staged;
 * - `end`: the staged rows are the group's whole state at `metadata`.
 */
export type SnapshotChunk =
  | { readonly kind: 'fresh' }
  | {
      readonly kind: 'rows';
      readonly index: number;
      readonly term: number;
      readonly rows: readonly SnapshotRow[];
      /** No row comes behind these. */
      readonly isLast: boolean;
    }
  | {
      readonly kind: 'delta';
      readonly index: number;
      readonly term: number;
      readonly writes: readonly RowWrite[];
    }
  | {
      readonly kind: 'end';
      readonly metadata: SnapshotMetadata;
      /** Index of the entry that made the configuration; 0: the one of birth. */
      readonly configurationIndex: number;
    };

const ChunkKind = { fresh: 1, rows: 2, lastRows: 3, delta: 4, end: 5 } as const;
const crcBytes = 4;

/** Parsed from bytes of a peer: any part may be missing. */
type Unproven<T> = { readonly [Field in keyof T]?: Unproven<T[Field]> | undefined };

export function encodeSnapshotHead(head: SnapshotHead): Buffer {
  return Buffer.from(JSON.stringify(head), 'utf8');
}

export function decodeSnapshotHead(bytes: Buffer): SnapshotHead {
  const head = parse<SnapshotHead>(bytes, 'the head of a snapshot');
  const { groupId, from, to, term, incarnation, bytesTotal } = head;
  const numbers = [groupId, from, to, term, incarnation, bytesTotal];
  if (!numbers.every((value) => Number.isSafeInteger(value))) {
    throw new DynakvError('BadFrame', 'Cannot read the head of a snapshot');
  }
  return head as SnapshotHead;
}

function parse<T>(bytes: Buffer, what: string): Unproven<T> {
  try {
    return (JSON.parse(bytes.toString('utf8')) ?? {}) as Unproven<T>;
  } catch (error) {
    throw new DynakvError('BadFrame', `Cannot read ${what}`, {}, error);
  }
}

/** How far the receiver is: first from where to go on, then what is durable. */
export function encodeSnapshotAnswer(point: StagedPoint): Buffer {
  return writePoint(new ByteWriter(64 + point.lastKey.length), point).finish();
}

export function decodeSnapshotAnswer(bytes: Buffer): StagedPoint {
  const reader = new ByteReader(bytes);
  const point = readPoint(reader);
  reader.expectEnd();
  return point;
}

/** `number` counts the chunks of a stream from 0. */
export function encodeSnapshotChunk(number: number, chunk: SnapshotChunk): Buffer {
  const writer = new ByteWriter(bytesOf(chunk)).u32(0).varint(number);
  switch (chunk.kind) {
    case 'fresh':
      writer.u8(ChunkKind.fresh);
      break;
    case 'rows':
      writer.u8(chunk.isLast ? ChunkKind.lastRows : ChunkKind.rows);
      writer.varint(chunk.index).varint(chunk.term);
      for (const [key, value] of chunk.rows) {
        writer.bytes(key).bytes(value);
      }
      break;
    case 'delta':
      writer.u8(ChunkKind.delta).varint(chunk.index).varint(chunk.term);
      for (const { key, value } of chunk.writes) {
        writer.bytes(key).u8(value === undefined ? 0 : 1);
        if (value !== undefined) {
          writer.bytes(value);
        }
      }
      break;
    case 'end':
      writer.u8(ChunkKind.end).varint(chunk.configurationIndex);
      writer.text(JSON.stringify(chunk.metadata));
  }
  const bytes = writer.finish();
  bytes.writeUInt32LE(crc32(bytes.subarray(crcBytes)), 0);
  return bytes;
}

/** About: the writer grows if it is not enough. */
function bytesOf(chunk: SnapshotChunk): number {
  let bytes = 64;
  if (chunk.kind === 'rows') {
    for (const [key, value] of chunk.rows) {
      bytes += key.length + value.length + 10;
    }
  } else if (chunk.kind === 'delta') {
    for (const { key, value } of chunk.writes) {
      bytes += key.length + (value?.length ?? 0) + 10;
    }
  }
  return bytes;
}

/** Views into `bytes`, not copies. Refuses anything but the chunk with this number, undamaged. */
export function decodeSnapshotChunk(expected: number, bytes: Buffer): SnapshotChunk {
  if (bytes.length < crcBytes || crc32(bytes.subarray(crcBytes)) !== bytes.readUInt32LE(0)) {
    throw bad('ChunkDamaged', `Cannot take chunk ${expected}: its checksum differs`);
  }
  const reader = new ByteReader(bytes.subarray(crcBytes));
  const number = reader.varint();
  if (number !== expected) {
    throw bad('ChunkOutOfOrder', `Cannot take chunk ${number}: chunk ${expected} is next`);
  }
  const kind = reader.u8();
  switch (kind) {
    case ChunkKind.fresh:
      return { kind: 'fresh' };
    case ChunkKind.rows:
    case ChunkKind.lastRows:
      return readRows(reader, kind === ChunkKind.lastRows);
    case ChunkKind.delta:
      return readDelta(reader);
    case ChunkKind.end:
      return readEnd(reader);
    default:
      throw bad('ChunkUnknown', `Cannot take chunk ${number}: its kind is ${kind}`);
  }
}

function readRows(reader: ByteReader, isLast: boolean): SnapshotChunk {
  const index = reader.varint();
  const term = reader.varint();
  const rows: SnapshotRow[] = [];
  while (reader.remaining > 0) {
    rows.push([reader.bytes(), reader.bytes()]);
  }
  return { kind: 'rows', index, term, rows, isLast };
}

function readDelta(reader: ByteReader): SnapshotChunk {
  const index = reader.varint();
  const term = reader.varint();
  const writes: RowWrite[] = [];
  while (reader.remaining > 0) {
    const key = reader.bytes();
    writes.push({ key, value: reader.u8() === 0 ? undefined : reader.bytes() });
  }
  return { kind: 'delta', index, term, writes };
}

function isIds(value: unknown): boolean {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id));
}

function isConfState(conf: Unproven<ConfState> | undefined): boolean {
  const lists = [conf?.voters, conf?.learners, conf?.votersOutgoing, conf?.learnersNext];
  return lists.every(isIds) && typeof conf?.autoLeave === 'boolean';
}

function readEnd(reader: ByteReader): SnapshotChunk {
  const configurationIndex = reader.varint();
  return { kind: 'end', metadata: readMetadata(reader.bytes()), configurationIndex };
}

function readMetadata(bytes: Buffer): SnapshotMetadata {
  const metadata = parse<SnapshotMetadata>(bytes, 'the end of a snapshot');
  const numbers = [metadata.index, metadata.term];
  if (!numbers.every((value) => Number.isSafeInteger(value)) || !isConfState(metadata.confState)) {
    throw new DynakvError('BadFrame', 'Cannot read the end of a snapshot');
  }
  return metadata as SnapshotMetadata;
}

function bad(reason: string, message: string): DynakvError {
  return new DynakvError('BadFrame', message, { reason });
}
