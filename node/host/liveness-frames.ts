/** The frames of kind `liveness`: beats, and the agreement to sleep (`sleep.ts`). */
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import type { SleepTerms } from './sleep.ts';

export type LivenessFrame =
  | { readonly kind: 'beat'; readonly wallMs: number }
  | { readonly kind: 'sleep'; readonly terms: SleepTerms }
  | { readonly kind: 'agree'; readonly terms: SleepTerms };

const codes = { beat: 1, sleep: 2, agree: 3 } as const;

export function writeLivenessFrame(frame: LivenessFrame): Buffer {
  const writer = new ByteWriter(32).u8(codes[frame.kind]);
  if (frame.kind === 'beat') {
    writer.varint(Math.max(0, Math.floor(frame.wallMs)));
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
    case codes.sleep:
    case codes.agree: {
      const terms = { groupId: reader.varint(), term: reader.varint(), commit: reader.varint() };
      return { kind: code === codes.sleep ? 'sleep' : 'agree', terms };
    }
    default:
      throw new DynakvError('BadFrame', `Cannot read a liveness frame of kind ${code}`);
  }
}
