/**
 * Bytes in the engine: item rows, batches of rows, row keys, schema rows, and the bookkeeping of
 * generations and stagings. The first byte of an input says which.
 *
 * Promise: read or refused as `BadFrame` or `NewerFormat`; what was read, written again, is read
 * the same.
 */
import { deepStrictEqual } from 'node:assert';
import { decodeBatch, encodeBatch } from '../../../items/batch.ts';
import { rowKey, splitRowKey, tableIdMax } from '../../../items/keys.ts';
import { decodeRow, encodeRow } from '../../../items/row.ts';
import { decodeSchemaRow, encodeSchemaRow, schemaTableOf } from '../../../items/schema-row.ts';
import type { Prng } from '../../../lib/prng.ts';
import {
  decodeApplied,
  decodeCounter,
  decodeGroupRow,
  encodeApplied,
  encodeCounter,
  encodeGroupRow,
} from '../../../storage/generation-rows.ts';
import { decodeStaging, encodeStaging } from '../../../storage/staging-rows.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { refusalOf } from '../fuzz-target.ts';

type Reader = (bytes: Buffer) => string;

const readers: readonly Reader[] = [
  (bytes) => {
    const row = decodeRow(bytes);
    const [incarnation = 0, index = 0, ordinal = 0] = row.version.split('-').map(Number);
    if (index === 0) {
      return 'row of no entry';
    }
    const encoded = encodeRow({ incarnation, index, ordinal }, row.itemSize, row.item);
    deepStrictEqual(decodeRow(encoded), row);
    return 'row';
  },
  (bytes) => {
    const writes = decodeBatch(bytes);
    deepStrictEqual(decodeBatch(encodeBatch(writes)), writes);
    return `batch ${Math.min(3, writes.length)}`;
  },
  (bytes) => {
    const { tableId, hash, key } = splitRowKey(bytes);
    if (tableId <= tableIdMax) {
      deepStrictEqual(rowKey(tableId, hash, key), bytes);
    }
    return `key ${schemaTableOf(bytes) === undefined ? 'of an item' : 'of a schema'}`;
  },
  (bytes) => {
    const row = decodeSchemaRow(bytes);
    const written = encodeSchemaRow(row);
    deepStrictEqual(encodeSchemaRow(decodeSchemaRow(written)), written);
    return `schema ${row.state}`;
  },
  (bytes) => {
    const staging = decodeStaging(7, bytes);
    if (staging !== undefined) {
      deepStrictEqual(decodeStaging(7, encodeStaging(staging)), staging);
    }
    return `staging ${String(staging?.point.isComplete)}`;
  },
  (bytes) => {
    const applied = decodeApplied(bytes);
    const written = encodeApplied(applied); // JSON writes -0 as 0.
    deepStrictEqual(encodeApplied(decodeApplied(written)), written);
    return `applied ${applied.installStamp === undefined}`;
  },
  (bytes) => {
    const pointer = decodeGroupRow(7, bytes);
    deepStrictEqual(decodeGroupRow(7, encodeGroupRow(pointer)), pointer);
    return 'group';
  },
  (bytes) => {
    const next = decodeCounter(bytes);
    deepStrictEqual(decodeCounter(encodeCounter(next)), next);
    return 'counter';
  },
];

function run(input: Buffer): string {
  const reader = readers[(input[0] ?? 0) % readers.length] ?? decodeRowOnly;
  try {
    return reader(input.subarray(1));
  } catch (error) {
    return refusalOf(error, ['BadFrame', 'NewerFormat']);
  }
}

function decodeRowOnly(bytes: Buffer): string {
  return decodeRow(bytes).version;
}

const item = Buffer.from('{"id":{"S":"a"},"n":{"N":"1.5"}}');

function drawBytes(kind: number, prng: Prng): Buffer {
  const confState = {
    voters: [1, 2, 3],
    learners: [],
    votersOutgoing: [4],
    learnersNext: [],
    autoLeave: true,
  };
  const point = {
    index: prng.below(99),
    term: 2,
    lastKey: prng.bytes(12),
    isComplete: prng.chance(0.5),
    rows: 5,
    bytes: 99,
  };
  const key = prng.bytes(prng.below(20));
  switch (kind) {
    case 0:
      return encodeRow({ incarnation: 1, index: 1 + prng.below(999), ordinal: 0 }, 12, item);
    case 1:
      return encodeBatch([
        { key, value: item },
        { key: prng.bytes(9), value: undefined },
      ]);
    case 2:
      return rowKey(prng.below(9), prng.uint32(), key);
    case 3:
      return encodeSchemaRow({ tableId: 4, version: 2, state: prng.pick(['live', 'dropped']) });
    case 4:
      return encodeStaging({ groupId: 7, replicaId: 2, generation: 9, incarnation: 1, point });
    case 5:
      return encodeApplied({
        index: prng.below(99),
        term: 3,
        confState,
        configurationIndex: 2,
        incarnation: 1,
        installStamp: prng.chance(0.5) ? 7 : undefined,
      });
    case 6:
      return encodeGroupRow({ groupId: 7, replicaId: 3, generation: prng.below(999) });
    default:
      return encodeCounter(prng.below(9999));
  }
}

function generate(prng: Prng): Buffer {
  const kind = prng.below(readers.length);
  return Buffer.concat([Buffer.from([kind]), drawBytes(kind, prng)]);
}

const dictionary = [
  ...['"tableId":', '"version":', '"state":"dropped"', '"state":1', 'null', '[]', '{}', '-1'],
  ...['0.5', '1e300', '"voters":[1]', '"autoLeave":0', '\x01', '\x02', '\x03', '\xff\xff\xff\xff'],
];

export function rows(): FuzzTarget {
  return { generate, dictionary, run };
}
