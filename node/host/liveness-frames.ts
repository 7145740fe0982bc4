/** The frames of kind `liveness`: beats, and the agreement to sleep (`sleep.ts`). */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import type { SleepTerms } from './sleep.ts';

export type LivenessFrame =
  | { readonly kind: 'beat'; readonly wallMs: number }
  | { readonly kind: 'sleep'; readonly terms: SleepTerms }
  | { readonly kind: 'agree'; readonly terms: SleepTerms }
  /** The sender's store failed: the last thing it says. */
  | { readonly kind: 'quarantined'; readonly reason: string };

const reasonCharactersMax = 500;
const codes = { beat: 1, sleep: 2, agree: 3, quarantined: 4 } as const;

export function writeLivenessFrame(frame: LivenessFrame): Buffer {
  const writer = new ByteWriter(32).u8(codes[frame.kind]);
  if (frame.kind === 'beat') {
    writer.varint(Math.max(0, Math.floor(frame.wallMs)));
  } else if (frame.kind === 'quarantined') {
    writer.text(frame.reason.slice(0, reasonCharactersMax));
  } else {
    writer.varint(frame.terms.groupId).varint(frame.terms.term).varint(frame.terms.commit);
  }
  return writer.finish();
}

export function readLivenessFrame(payload: Buffer): LivenessFrame {
  const reader = new ByteReader(payload);
  const code = reader.u8();
  switch (code) {
    case codes.beat:
      return { kind: 'beat', wallMs: reader.varint() };
    case codes.quarantined:
      return { kind: 'quarantined', reason: reader.text() };
    case codes.sleep:
    case codes.agree: {
      const terms = { groupId: reader.varint(), term: reader.varint(), commit: reader.varint() };
      return { kind: code === codes.sleep ? 'sleep' : 'agree', terms };
    }
    default:
      throw new DynakvError('BadFrame', `Cannot read a liveness frame of kind ${code}`);
  }
}
