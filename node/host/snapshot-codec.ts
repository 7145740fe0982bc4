/**
 * The bytes of a snapshot in transit: a JSON header and chunks of rows. Keys travel without a
 * generation (protocols.md P13). Chunk: (key bytes | value bytes)…
 */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import type { SnapshotMetadata } from '../raft/messages.ts';

export interface SnapshotHead {
  readonly groupId: number;
  readonly from: number;
  readonly to: number;
  /** The leader's term. */
  readonly term: number;
  readonly metadata: SnapshotMetadata;
}

export type SnapshotRow = readonly [key: Buffer, value: Buffer];

export function encodeSnapshotHead(head: SnapshotHead): Buffer {
  return Buffer.from(JSON.stringify(head), 'utf8');
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id));
}

export function decodeSnapshotHead(bytes: Buffer): SnapshotHead {
  const head = JSON.parse(bytes.toString('utf8')) as Partial<SnapshotHead>;
  const numbers = [head.groupId, head.from, head.to, head.term, head.metadata?.index];
  const sound =
    numbers.every((value) => Number.isSafeInteger(value)) &&
    Number.isSafeInteger(head.metadata?.term) &&
    isList(head.metadata?.confState.voters) &&
    isList(head.metadata?.confState.learners);
  if (!sound) {
    throw new DynakvError('BadFrame', 'Cannot read the head of a snapshot');
  }
  return head as SnapshotHead;
}

export function encodeSnapshotRows(rows: readonly SnapshotRow[]): Buffer {
  const writer = new ByteWriter(64 * 1024);
  for (const [key, value] of rows) {
    writer.bytes(key).bytes(value);
  }
  return writer.finish();
}

export function decodeSnapshotRows(chunk: Buffer): SnapshotRow[] {
  const reader = new ByteReader(chunk);
  const rows: SnapshotRow[] = [];
  while (reader.remaining > 0) {
    rows.push([reader.bytes(), reader.bytes()]);
  }
  return rows;
}
