/**
 * Byte format of staging rows; pure. Column `default`: tag 5 + group id = a snapshot that is being
 * received for the group, and how far the rows in its generation go.
 *
 * A staging row is written in the batch of the rows that it speaks of. RocksDB keeps batches whole
 * and loses a suffix at most, so after any crash the row and the rows say the same.
 */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';

/**
 * How far a staged state goes: its rows with keys up to `lastKey` are those of the group's state at
 * (index, term). A committed pair names one state, whoever sent it; so every leader whose log
 * reaches back to it can go on from there.
 */
export interface StagedPoint {
  /** 0: nothing is staged. */
  readonly index: number;
  readonly term: number;
  /** Without a generation; empty: no row yet. */
  readonly lastKey: Buffer;
  /** There is no row behind `lastKey`. */
  readonly isComplete: boolean;
  /** Received so far, for people. */
  readonly rows: number;
  readonly bytes: number;
}

export interface Staging {
  readonly groupId: number;
  /** The local replica that it is for. */
  readonly replicaId: number;
  readonly generation: number;
  /** Which life of the group the state is of: in another one its pairs mean other states (P19). */
  readonly incarnation: number;
  readonly point: StagedPoint;
}

/** For whom a snapshot is received. */
export type StagingOwner = Pick<Staging, 'groupId' | 'replicaId' | 'incarnation'>;

export const emptyPoint: StagedPoint = {
  index: 0,
  term: 0,
  lastKey: Buffer.alloc(0),
  isComplete: false,
  rows: 0,
  bytes: 0,
};

const stagingFormat = 1;
const stagingTag = 5;

export const stagingRange = {
  from: Buffer.from([stagingTag]),
  to: Buffer.from([stagingTag + 1]),
};

export function stagingKey(groupId: number): Buffer {
  const key = Buffer.alloc(5);
  key[0] = stagingTag;
  key.writeUInt32BE(groupId, 1);
  return key;
}

export function writePoint(writer: ByteWriter, point: StagedPoint): ByteWriter {
  return writer
    .varint(point.index)
    .varint(point.term)
    .u8(point.isComplete ? 1 : 0)
    .varint(point.rows)
    .varint(point.bytes)
    .bytes(point.lastKey);
}

export function readPoint(reader: ByteReader): StagedPoint {
  const index = reader.varint();
  const term = reader.varint();
  const isComplete = reader.u8() !== 0;
  const rows = reader.varint();
  const bytes = reader.varint();
  return { index, term, lastKey: Buffer.from(reader.bytes()), isComplete, rows, bytes };
}

export function encodeStaging(staging: Staging): Buffer {
  const { replicaId, generation, incarnation, point } = staging;
  const writer = new ByteWriter(64 + point.lastKey.length);
  writer.u8(stagingFormat).varint(replicaId).varint(generation).varint(incarnation);
  return writePoint(writer, point).finish();
}

/** Undefined if it is of a format not known here: a staged state can always be had again. */
export function decodeStaging(groupId: number, value: Buffer): Staging | undefined {
  const reader = new ByteReader(value);
  if (reader.u8() !== stagingFormat) {
    return undefined;
  }
  const replicaId = reader.varint();
  const generation = reader.varint();
  const incarnation = reader.varint();
  const point = readPoint(reader);
  reader.expectEnd();
  return { groupId, replicaId, generation, incarnation, point };
}

/** The group id in a staging row's key. */
export function groupOfStagingKey(key: Buffer): number {
  if (key.length !== 5) {
    throw new DynakvError('BadFrame', `Cannot read a staging key: ${key.toString('hex')}`);
  }
  return key.readUInt32BE(1);
}
