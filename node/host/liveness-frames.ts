/** The frames of kind `liveness`: beats, the agreement to sleep, the call to wake (`sleep.ts`). */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import type { SleepTerms, WakeCall } from './sleep.ts';

/** What a node says of itself with every beat; 0: unknown. */
export interface NodeFacts {
  /** The highest feature version that its program knows. */
  readonly featureVersionMax: number;
  /** On its disk, and of its rows. */
  readonly freeBytes: number;
  readonly usedBytes: number;
  /** Sent for snapshots since it started. */
  readonly snapshotBytesSent: number;
  /** It is about to end in order: no leadership is given to it any more. */
  readonly stopping: boolean;
}

export const noFacts: NodeFacts = {
  featureVersionMax: 0,
  freeBytes: 0,
  usedBytes: 0,
  snapshotBytesSent: 0,
  stopping: false,
};

export type LivenessFrame =
  | { readonly kind: 'beat'; readonly wallMs: number; readonly facts: NodeFacts }
  | { readonly kind: 'sleep'; readonly terms: SleepTerms }
  | { readonly kind: 'agree'; readonly terms: SleepTerms }
  | { readonly kind: 'wake'; readonly call: WakeCall }
  /** The sender's store failed: the last thing it says. */
  | { readonly kind: 'quarantined'; readonly reason: string };

const reasonCharactersMax = 500;
const codes = { beat: 1, sleep: 2, agree: 3, quarantined: 4, wake: 5 } as const;

export function writeLivenessFrame(frame: LivenessFrame): Buffer {
  const writer = new ByteWriter(32).u8(codes[frame.kind]);
  if (frame.kind === 'beat') {
    const { featureVersionMax, freeBytes, usedBytes, snapshotBytesSent, stopping } = frame.facts;
    for (const value of [
      ...[frame.wallMs, featureVersionMax],
      ...[freeBytes, usedBytes, snapshotBytesSent, stopping ? 1 : 0],
    ]) {
      writer.varint(Math.max(0, Math.floor(value)));
    }
  } else if (frame.kind === 'quarantined') {
    writer.text(frame.reason.slice(0, reasonCharactersMax));
  } else if (frame.kind === 'wake') {
    writer.varint(frame.call.groupId).varint(frame.call.replicaId);
  } else {
    writer.varint(frame.terms.groupId).varint(frame.terms.term).varint(frame.terms.commit);
  }
  return writer.finish();
}

function readFacts(reader: ByteReader): NodeFacts {
  if (reader.remaining === 0) {
    return noFacts; // Of a release that had none.
  }
  return {
    featureVersionMax: reader.varint(),
    freeBytes: reader.varint(),
    usedBytes: reader.varint(),
    snapshotBytesSent: reader.varint(),
    // A release before it said four numbers.
    stopping: reader.remaining > 0 && reader.varint() === 1,
  };
}

export function readLivenessFrame(payload: Buffer): LivenessFrame {
  const reader = new ByteReader(payload);
  const code = reader.u8();
  switch (code) {
    case codes.beat:
      return { kind: 'beat', wallMs: reader.varint(), facts: readFacts(reader) };
    case codes.quarantined:
      return { kind: 'quarantined', reason: reader.text() };
    case codes.wake:
      return { kind: 'wake', call: { groupId: reader.varint(), replicaId: reader.varint() } };
    case codes.sleep:
    case codes.agree: {
      const terms = { groupId: reader.varint(), term: reader.varint(), commit: reader.varint() };
      return { kind: code === codes.sleep ? 'sleep' : 'agree', terms };
    }
    default:
      throw new DynakvError('BadFrame', `Cannot read a liveness frame of kind ${code}`);
  }
}
