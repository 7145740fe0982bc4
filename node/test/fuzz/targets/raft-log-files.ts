/**
 * The files of a raft log. An input is a mode byte, then what the mode says:
 * - 0: files, `name(1) length(4) bytes`, name 0 being the witness, others a segment's sequence;
 * - 1: the same, and all checksums are made right again, so that damage reaches what stands behind;
 * - 2: the records of batches, `length(2) bytes`, which become the sound batches of one segment.
 *
 * Promise: the log opens, or is refused by a code; one that opened takes an append and opens again
 * with the same groups. Sound files open with what was written.
 */
import { deepStrictEqual } from 'node:assert';
import { assert, must } from '../../../lib/assert.ts';
import { ByteWriter } from '../../../lib/bytes.ts';
import { crc32 } from '../../../lib/crc32.ts';
import { messageOf } from '../../../lib/errors.ts';
import { Prng } from '../../../lib/prng.ts';
import { SimDisk } from '../../../sim/disk.ts';
import { checkBatch, saltOf, sealBatch } from '../../../storage/raft-log/batch.ts';
import { LogBatchBuilder } from '../../../storage/raft-log/batch-builder.ts';
import {
  batchHeaderBytes,
  sectorBytes,
  segmentHeaderBytes,
} from '../../../storage/raft-log/layout.ts';
import { RaftLog } from '../../../storage/raft-log/raft-log.ts';
import { encodeSegmentHeader, segmentName } from '../../../storage/raft-log/segment.ts';
import {
  birthMetadata,
  birthState,
  describeGroups,
  describeLog,
  randomWorkload,
} from '../../../storage/raft-log/testing-model.ts';
import { silentLogger } from '../../../sys/log.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { refusalOf, shapeOf } from '../fuzz-target.ts';

const directory = '/data/log';
const storeId = 's1';
const segmentBytes = 4096;
const sequenceMax = 200;
const soundLogs = 24;
const modes = 3;
/** The group that proves that the log still takes appends; no input names it. */
const ownGroup = 2 ** 40;

interface LogFile {
  /** 0: the witness. */
  readonly sequence: number;
  readonly bytes: Buffer;
}

async function open(disk: SimDisk): Promise<RaftLog> {
  const options = { directory, storeId, logger: silentLogger, segmentBytes };
  return await RaftLog.open({ disk: disk.mount(), ...options });
}

function encodeFiles(files: readonly LogFile[]): Buffer {
  return Buffer.concat(
    files.flatMap(({ sequence, bytes }) => {
      const head = Buffer.alloc(5);
      head.writeUInt8(sequence, 0);
      head.writeUInt32LE(bytes.length, 1);
      return [head, bytes];
    }),
  );
}

function decodeFiles(input: Buffer): LogFile[] {
  const files: LogFile[] = [];
  for (let at = 0; at + 5 <= input.length;) {
    const sequence = input.readUInt8(at);
    const from = at + 5;
    at = from + input.readUInt32LE(at + 1);
    files.push({ sequence, bytes: Buffer.from(input.subarray(from, at)) });
  }
  return files.filter(({ sequence }) => sequence <= sequenceMax);
}

/** Puts the sums of a segment and its batches right, as far as they can be followed. */
function repair({ sequence, bytes }: LogFile): void {
  if (sequence === 0 || bytes.length < segmentHeaderBytes) {
    return;
  }
  encodeSegmentHeader({ sequence, sizeBytes: bytes.length, storeId }).copy(bytes);
  const salt = saltOf(storeId, sequence);
  let previousCrc: number | undefined;
  for (let at = segmentHeaderBytes; at + sectorBytes <= bytes.length;) {
    const total = bytes.readUInt32LE(at + 8);
    if (total < sectorBytes || total % sectorBytes !== 0 || at + total > bytes.length) {
      return;
    }
    const rest = bytes.subarray(at + batchHeaderBytes, at + total);
    bytes.writeUInt32LE(crc32(rest, salt), at + 16);
    if (previousCrc !== undefined) {
      bytes.writeUInt32LE(previousCrc, at + 20);
    }
    previousCrc = crc32(bytes.subarray(at + 8, at + batchHeaderBytes), salt);
    bytes.writeUInt32LE(previousCrc, at + 4);
    at += total;
  }
}

/** Batches of any records, sealed as an append seals them, in a segment of their size. */
function sealRecords(input: Buffer): LogFile[] {
  const place = { sequence: 1, firstSegment: 1 };
  const salt = saltOf(storeId, 1);
  const batches: Buffer[] = [];
  let position = 0;
  let previousCrc = 0;
  for (let at = 0; at + 2 <= input.length;) {
    const from = at + 2;
    at = from + input.readUInt16LE(at);
    const writer = new ByteWriter().zeros(batchHeaderBytes).raw(input.subarray(from, at));
    // The last batch is unproven, as after a crash.
    const sealed = sealBatch(
      writer,
      { ...place, position, durableEnd: position, previousCrc },
      salt,
    );
    batches.push(Buffer.from(sealed.bytes));
    position += sealed.bytes.length;
    previousCrc = sealed.crc;
  }
  const sizeBytes = segmentHeaderBytes + position;
  const header = encodeSegmentHeader({ sequence: 1, sizeBytes, storeId });
  return [{ sequence: 1, bytes: Buffer.concat([header, ...batches]) }];
}

/** The records of all batches of a log, in order. */
function recordsOf(files: readonly LogFile[]): Buffer {
  const parts: Buffer[] = [];
  for (const { sequence, bytes } of files.filter((file) => file.sequence > 0)) {
    const salt = saltOf(storeId, sequence);
    let at = segmentHeaderBytes;
    let header = checkBatch(bytes, at, salt, sequence);
    while (header !== undefined) {
      const from = at + batchHeaderBytes;
      const length = Buffer.alloc(2);
      length.writeUInt16LE(header.payloadBytes);
      parts.push(length, bytes.subarray(from, from + header.payloadBytes));
      at += header.totalBytes;
      header = checkBatch(bytes, at, salt, sequence);
    }
  }
  return Buffer.concat(parts);
}

function plant(files: readonly LogFile[]): SimDisk {
  const disk = new SimDisk({ seed: 1 });
  for (const { sequence, bytes } of files) {
    const name = sequence === 0 ? 'witness' : segmentName(sequence);
    disk.plant(`${directory}/${name}`, bytes);
  }
  return disk;
}

/** What opened takes an append, and says the same when opened again. */
async function checkLives(disk: SimDisk, log: RaftLog): Promise<string> {
  const before = describeLog(log);
  if (!log.groups.has(ownGroup)) {
    await log.append(new LogBatchBuilder().createGroup(ownGroup, 1, birthMetadata, birthState));
  }
  await log.close();
  const again = await open(disk);
  const groups = new Map(again.groups);
  assert(groups.delete(ownGroup) || before === '', 'The append is there');
  deepStrictEqual(describeGroups(groups), before);
  await again.close();
  return `opened with ${Math.min(5, groups.size)} groups`;
}

/** The first cause of an error: it says the most about the bytes. */
function rootOf(error: unknown): unknown {
  const cause = (error as { cause?: unknown } | undefined)?.cause;
  return cause === undefined ? error : rootOf(cause);
}

async function run(input: Buffer): Promise<string> {
  const mode = (input[0] ?? 0) % modes;
  const rest = input.subarray(1);
  const files = mode === 2 ? sealRecords(rest) : decodeFiles(rest);
  if (mode === 1) {
    files.forEach(repair);
  }
  const disk = plant(files);
  let log: RaftLog;
  try {
    log = await open(disk);
  } catch (error) {
    const refusal = refusalOf(error, ['Quarantined', 'NewerFormat', 'WrongCluster', 'NoSpace']);
    return `${refusal.split(':')[0] ?? ''} ${shapeOf(messageOf(rootOf(error)))}`;
  }
  return await checkLives(disk, log);
}

/** Logs of a few segments with all kinds of records, as files. */
async function makeLog(seed: number): Promise<LogFile[]> {
  const prng = new Prng(seed);
  const options = { stepCount: 4 + prng.below(14), groupCount: 3, entryBytesMax: 250 };
  const { steps } = randomWorkload(prng, { ...options, idleGroup: prng.chance(0.5) });
  const disk = new SimDisk({ seed });
  const log = await open(disk);
  for (const step of steps) {
    const batch = new LogBatchBuilder();
    step(batch);
    await log.append(batch);
  }
  const files: LogFile[] = [];
  for (const name of await disk.list(directory)) {
    const sequence = Number(/^segment-0*(\d+)\.log$/.exec(name)?.[1] ?? 0);
    if (sequence > 0 || name === 'witness') {
      files.push({ sequence, bytes: disk.contents(`${directory}/${name}`) });
    }
  }
  return files;
}

const dictionary = [
  ...['\0'.repeat(8), '\xff'.repeat(8), 'DKVRLOG\n', '\x01\x01', '\x0a\0\0', 'DKTB'],
  ...['\x01\x01\x01\x01\x01\0\x01\0', '\x03\x01\x01\x05\x01\0', '\x04\x01\x01\x02\x01\0'],
  ...['\x05\x01\x01\x09\x02\x01\x01\0\0\0\0', '\x07\x01\x01', '\x08\x01\x01\x03', '\x09\x01a'],
];

export async function raftLogFiles(): Promise<FuzzTarget> {
  const sound: Buffer[] = [];
  for (let seed = 1; seed <= soundLogs; seed++) {
    const files = await makeLog(seed);
    const [bytes, records] = [encodeFiles(files), recordsOf(files)];
    for (const [mode, body] of [bytes, bytes, records].entries()) {
      sound.push(Buffer.concat([Buffer.from([mode]), body]));
    }
  }
  const generate = (prng: Prng): Buffer => must(sound[prng.below(sound.length)]);
  return { generate, dictionary, run };
}
