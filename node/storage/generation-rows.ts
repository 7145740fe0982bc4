/**
 * Byte formats of the generation bookkeeping; pure.
 *
 * Column `data`: `generation(4, big-endian) | key` for a replica's rows. Row keys start with a
 * table id; table id 0xFFFFFFFF is reserved, so that `generation | 0xFFFFFFFF` is the applied
 * row, behind all rows of its generation and in the same column and range (P10).
 *
 * Column `default`: tag 1 = the counter (the next generation), tag 2 + group id = the group's
 * replica and generation, tag 3 + generation = marker: rows of it may exist.
 */
import { assert } from '../lib/assert.ts';
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import type { ConfState } from '../raft/messages.ts';

export interface GroupPointer {
  readonly groupId: number;
  readonly replicaId: number;
  readonly generation: number;
}

/** How far a generation's rows go, and how they came to be. */
export interface Applied {
  readonly index: number;
  readonly term: number;
  readonly confState: ConfState;
  /** Index of the entry that made the configuration; 0: the one of birth. */
  readonly configurationIndex: number;
  /** Which life of the group this is; 1: the one of birth. */
  readonly incarnation: number;
  /**
   * Set by a snapshot install (any number that tells installs apart, such as the generation)
   * and kept until the log has the snapshot's record; then undefined again. If it is set and
   * the log lacks exactly (index, term), the group's log restarts there (P14).
   */
  readonly installStamp: number | undefined;
}

/** Generations are 1 … limit−1: the last number would leave its range without an upper bound. */
export const generationLimit = 0xffff_ffff;
export const generationBytes = 4;

const reservedTable = Buffer.alloc(4, 0xff);
/** 1: without the index of the configuration, the one of birth then; 2: without incarnation. */
const appliedFormat = 3;
const groupFormat = 1;
const tag = { counter: 1, group: 2, marker: 3, afterMarkers: 4 } as const;

export const counterKey = Buffer.from([tag.counter]);
export const groupRange = { from: Buffer.from([tag.group]), to: Buffer.from([tag.marker]) };
export const markerRange = {
  from: Buffer.from([tag.marker]),
  to: Buffer.from([tag.afterMarkers]),
};

/** A replica's key as it is stored. */
export function rowKey(generation: number, key: Uint8Array): Buffer {
  const stored = Buffer.allocUnsafe(generationBytes + key.length);
  stored.writeUInt32BE(generation, 0);
  stored.set(key, generationBytes);
  return stored;
}

/** The replica's key in a stored one: a view. */
export function stripGeneration(stored: Buffer): Buffer {
  assert(stored.length >= generationBytes, 'A stored key starts with a generation');
  return stored.subarray(generationBytes);
}

export function generationOf(stored: Buffer): number {
  assert(stored.length >= generationBytes, 'A stored key starts with a generation');
  return stored.readUInt32BE(0);
}

/** Everything of a generation, the applied row included. */
export function generationRange(generation: number): { from: Buffer; to: Buffer } {
  const nothing = Buffer.alloc(0);
  return { from: rowKey(generation, nothing), to: rowKey(checked(generation) + 1, nothing) };
}

/** The rows of a generation without its applied row: what a snapshot carries. */
export function rowsRange(generation: number): { from: Buffer; to: Buffer } {
  return { from: rowKey(generation, Buffer.alloc(0)), to: appliedKey(generation) };
}

export function appliedKey(generation: number): Buffer {
  return rowKey(checked(generation), reservedTable);
}

export function groupKey(groupId: number): Buffer {
  return tagged(tag.group, groupId);
}

export function markerKey(generation: number): Buffer {
  return tagged(tag.marker, checked(generation));
}

/** The number in a group's or marker's key. */
export function numberOfKey(key: Buffer): number {
  if (key.length !== 5) {
    throw new DynakvError('BadFrame', `Cannot read a bookkeeping key: ${key.toString('hex')}`);
  }
  return key.readUInt32BE(1);
}

export function encodeCounter(next: number): Buffer {
  return new ByteWriter(5).varint(next).finish();
}

export function decodeCounter(value: Buffer): number {
  const reader = new ByteReader(value);
  const next = reader.varint();
  reader.expectEnd();
  return next;
}

export function encodeGroupRow({ replicaId, generation }: GroupPointer): Buffer {
  return new ByteWriter(16).u8(groupFormat).varint(replicaId).varint(generation).finish();
}

export function decodeGroupRow(groupId: number, value: Buffer): GroupPointer {
  const reader = new ByteReader(value);
  readFormat(reader, groupFormat, 'group row');
  const replicaId = reader.varint();
  const generation = reader.varint();
  reader.expectEnd();
  return { groupId, replicaId, generation };
}

export function encodeApplied(applied: Applied): Buffer {
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = applied.confState;
  const confState = { voters, learners, votersOutgoing, learnersNext, autoLeave };
  const writer = new ByteWriter(160);
  writer.u8(appliedFormat).varint(applied.index).varint(applied.term);
  writer.u8(applied.installStamp === undefined ? 0 : 1);
  if (applied.installStamp !== undefined) {
    writer.varint(applied.installStamp);
  }
  writer.varint(applied.configurationIndex).varint(applied.incarnation);
  return writer.text(JSON.stringify(confState)).finish();
}

export function decodeApplied(value: Buffer): Applied {
  const reader = new ByteReader(value);
  const format = readFormat(reader, appliedFormat, 'applied row');
  const index = reader.varint();
  const term = reader.varint();
  const installStamp = reader.u8() === 0 ? undefined : reader.varint();
  const configurationIndex = format < 2 ? 0 : reader.varint();
  const incarnation = format < 3 ? 1 : reader.varint();
  const confState = parseConfState(reader.text());
  reader.expectEnd();
  return { index, term, confState, configurationIndex, incarnation, installStamp };
}

function parseConfState(text: string): ConfState {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new DynakvError('BadFrame', `Cannot read a configuration: ${text}`);
  }
  const conf = (parsed ?? {}) as Partial<ConfState>;
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = conf;
  if (
    !isIds(voters) ||
    !isIds(learners) ||
    !isIds(votersOutgoing) ||
    !isIds(learnersNext) ||
    typeof autoLeave !== 'boolean'
  ) {
    throw new DynakvError('BadFrame', `Cannot read a configuration: ${text}`);
  }
  return { voters, learners, votersOutgoing, learnersNext, autoLeave };
}

function isIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id));
}

/** The format of a row, 1 … `newest`. */
function readFormat(reader: ByteReader, newest: number, what: string): number {
  const found = reader.u8();
  if (found > newest) {
    const message = `Cannot read ${what}: its format ${found} is newer than ${newest}`;
    throw new DynakvError('NewerFormat', message, { found, newest });
  }
  if (found < 1) {
    throw new DynakvError('BadFrame', `Cannot read ${what}: its format is ${found}`);
  }
  return found;
}

function tagged(first: number, number: number): Buffer {
  const key = Buffer.alloc(5);
  key[0] = first;
  key.writeUInt32BE(number, 1);
  return key;
}

function checked(generation: number): number {
  assert(generation > 0 && generation < generationLimit, 'A generation is 1 … 2^32−2');
  return generation;
}
