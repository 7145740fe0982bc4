/**
 * What peers say outside frames: hellos, and the head, chunks and answers of a snapshot. The first
 * byte of an input says which; an odd one puts the right checksum on a chunk, so that what stands
 * behind it is read too.
 *
 * Promise: understood or refused as `BadFrame`; what was understood, written again, is understood
 * the same; a hello that was understood is judged.
 */
import { deepStrictEqual } from 'node:assert';
import {
  decodeSnapshotAnswer,
  decodeSnapshotChunk,
  decodeSnapshotHead,
  encodeSnapshotAnswer,
  encodeSnapshotChunk,
  encodeSnapshotHead,
} from '../../../host/snapshot-codec.ts';
import type { SnapshotChunk } from '../../../host/snapshot-codec.ts';
import { crc32 } from '../../../lib/crc32.ts';
import type { Prng } from '../../../lib/prng.ts';
import {
  decodeHello,
  decodeHelloReply,
  encodeHello,
  encodeHelloReply,
  helloTo,
  judgeHello,
} from '../../../transport/hello.ts';
import type { Hello } from '../../../transport/hello.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { refusalOf } from '../fuzz-target.ts';

const kindCount = 5;
const crcBytes = 4;

const ours: Hello = helloTo(2, {
  clusterId: 'cluster',
  nodeId: 1,
  storeId: 'store-1',
  bootNonces: ['a', 'b'],
  logPosition: 4096,
});
const theirs: Hello = helloTo(1, { ...ours, nodeId: 2, storeId: 'store-2' });
const seen = { storeId: 'store-2', bootNonce: 'a', logPosition: 512 };

function readHello(bytes: Buffer, isReply: boolean): string {
  const hello = isReply ? decodeHelloReply(bytes) : decodeHello(bytes);
  const encoded = isReply ? encodeHelloReply(hello) : encodeHello(hello);
  deepStrictEqual(isReply ? decodeHelloReply(encoded) : decodeHello(encoded), hello);
  const verdict = judgeHello(ours, hello, seen);
  return verdict.accepted ? 'hello accepted' : `hello ${verdict.reason}`;
}

function readChunk(bytes: Buffer, repairs: boolean): string {
  if (repairs && bytes.length >= crcBytes) {
    bytes.writeUInt32LE(crc32(bytes.subarray(crcBytes)), 0);
  }
  const chunk = decodeSnapshotChunk(0, bytes);
  const written = encodeSnapshotChunk(0, chunk);
  deepStrictEqual(encodeSnapshotChunk(0, decodeSnapshotChunk(0, written)), written);
  const count =
    chunk.kind === 'rows' ? chunk.rows.length : chunk.kind === 'delta' ? chunk.writes.length : 0;
  return `${chunk.kind} ${Math.min(count, 4)}`;
}

function run(input: Buffer): string {
  const kind = input[0] ?? 0;
  const bytes = Buffer.from(input.subarray(1));
  try {
    switch ((kind >> 1) % kindCount) {
      case 0:
        return readHello(bytes, false);
      case 1:
        return readHello(bytes, true);
      case 2: {
        // As bytes: JSON writes -0 as 0, which is no other head.
        const head = encodeSnapshotHead(decodeSnapshotHead(bytes));
        deepStrictEqual(encodeSnapshotHead(decodeSnapshotHead(head)), head);
        return 'head';
      }
      case 3: {
        const point = decodeSnapshotAnswer(bytes);
        deepStrictEqual(decodeSnapshotAnswer(encodeSnapshotAnswer(point)), point);
        return `answer ${point.isComplete}`;
      }
      default:
        return readChunk(bytes, (kind & 1) === 1);
    }
  } catch (error) {
    return refusalOf(error, ['BadFrame']);
  }
}

function drawChunk(prng: Prng): SnapshotChunk {
  const at = { index: prng.below(999), term: prng.below(9) };
  const count = prng.below(4);
  const rows = Array.from({ length: count }, () => [prng.bytes(9), prng.bytes(20)] as const);
  const confState = {
    voters: [1, 2, 3],
    learners: [4],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  return prng.pick<SnapshotChunk>([
    { kind: 'fresh' },
    { kind: 'rows', ...at, rows, isLast: prng.chance(0.5) },
    {
      kind: 'delta',
      ...at,
      writes: rows.map(([key, value]) => ({ key, value: prng.chance(0.3) ? undefined : value })),
    },
    { kind: 'end', metadata: { ...at, confState }, configurationIndex: 3 },
  ]);
}

function generate(prng: Prng): Buffer {
  const kind = prng.below(kindCount);
  const head = { groupId: 3, from: 1, to: 2, term: 4, incarnation: 1, bytesTotal: 999 };
  const point = {
    index: prng.below(99),
    term: 2,
    lastKey: prng.bytes(12),
    isComplete: prng.chance(0.5),
    rows: 5,
    bytes: 99,
  };
  const bodies = [
    () => encodeHello({ ...theirs, logPosition: prng.below(9999), address: 'h:1' }),
    () => encodeHelloReply({ ...theirs, bootNonces: ['x', 'a', String(prng.below(99))] }),
    () => encodeSnapshotHead({ ...head, groupId: prng.below(99) }),
    () => encodeSnapshotAnswer(point),
    () => encodeSnapshotChunk(0, drawChunk(prng)),
  ];
  const body = bodies[kind] ?? (() => Buffer.alloc(0));
  return Buffer.concat([Buffer.from([(kind << 1) | 1]), body()]);
}

const dictionary = [
  ...['"voters":', '"learners":', '"confState":', '"autoLeave":true', 'null', '[1,2]', '{}', '[]'],
  ...['"index":', '"term":', '"groupId":', '"bytesTotal":', '-1', '0.5', '1e99', '"x"', '\x0a\x00'],
];

export function peerStreams(): FuzzTarget {
  return { generate, dictionary, run };
}
