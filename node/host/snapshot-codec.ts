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
  /** Index of the entry that made the configuration; 0: the one of birth. */
  readonly configurationIndex: number;
  /** Which life of the group this is. */
  readonly incarnation: number;
}

/** Parsed from bytes of a peer: any part may be missing. */
type Unproven<T> = { readonly [Field in keyof T]?: Unproven<T[Field]> | undefined };

export type SnapshotRow = readonly [key: Buffer, value: Buffer];

export function encodeSnapshotHead(head: SnapshotHead): Buffer {
  return Buffer.from(JSON.stringify(head), 'utf8');
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id));
}

function isSound(head: Unproven<SnapshotHead> | null): boolean {
  const metadata = head?.metadata;
  const numbers = [
    ...[head?.groupId, head?.from, head?.to, head?.term],
    ...[metadata?.index, head?.configurationIndex, head?.incarnation],
  ];
  const confState = metadata?.confState;
  const { voters, learners, votersOutgoing, learnersNext } = confState ?? {};
  return (
    numbers.every((value) => Number.isSafeInteger(value)) &&
    Number.isSafeInteger(metadata?.term) &&
    [voters, learners, votersOutgoing, learnersNext].every(isList) &&
    typeof confState?.autoLeave === 'boolean'
  );
}

export function decodeSnapshotHead(bytes: Buffer): SnapshotHead {
  let head: Unproven<SnapshotHead> | null;
  try {
    head = JSON.parse(bytes.toString('utf8')) as Unproven<SnapshotHead> | null;
  } catch (error) {
    throw new DynakvError('BadFrame', 'Cannot read the head of a snapshot', {}, error);
  }
  if (!isSound(head)) {
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
