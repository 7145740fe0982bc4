/**
 * Changes an input into another: flipped and inserted bytes, moved, repeated and lost ranges,
 * numbers at their limits, words of a dictionary, halves of two inputs. All drawn from one
 * generator. It knows nothing of formats: the dictionary and the sound inputs do.
 */
import type { Prng } from '../../lib/prng.ts';
import { inputBytesMax } from './fuzz-target.ts';

type Change = (prng: Prng, bytes: Buffer, sources: MutationSources) => Buffer;

export interface MutationSources {
  /** Another input, to take a part of. */
  readonly other: Buffer;
  readonly dictionary: readonly string[];
}

/** Bytes that are limits in one format or another. */
const edgeBytes = [0, 1, 0x7f, 0x80, 0x81, 0xff, 0x20, 0x22, 0x25, 0x30, 0x5c, 0x7b];
const edgeNumbers = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
/** Varints of 2^53 − 1, of 2^53, and one without an end. */
const edgeVarints = ['ffffffffffffff0f', '8080808080808010', 'ffffffffffffffffffff'];
const edgeTexts = ['-1', '9007199254740993', '1e999', '0x10', '99999999999999999999', '00', '-0'];
const rangeBytesMax = 64;
const repeatsMax = 600;

function insert(bytes: Buffer, at: number, part: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
}

/** A part of `bytes` that starts and ends anywhere, usually short. */
function range(prng: Prng, bytes: Buffer): { readonly from: number; readonly to: number } {
  const from = prng.below(bytes.length + 1);
  const most = prng.chance(0.1)
    ? bytes.length - from
    : Math.min(rangeBytesMax, bytes.length - from);
  return { from, to: from + prng.below(most + 1) };
}

const changes: readonly Change[] = [
  (prng, bytes) => {
    const at = prng.below(Math.max(1, bytes.length));
    bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8));
    return bytes;
  },
  (prng, bytes) => {
    bytes[prng.below(Math.max(1, bytes.length))] = prng.chance(0.5)
      ? prng.below(256)
      : prng.pick(edgeBytes);
    return bytes;
  },
  (prng, bytes) => insert(bytes, prng.below(bytes.length + 1), prng.bytes(1 + prng.below(8))),
  (prng, bytes) => {
    const { from, to } = range(prng, bytes);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (prng, bytes) => {
    const { from, to } = range(prng, bytes);
    return insert(bytes, prng.below(bytes.length + 1), Buffer.from(bytes.subarray(from, to)));
  },
  (prng, bytes) => bytes.subarray(0, prng.below(bytes.length + 1)),
  (prng, bytes) => {
    const { from, to } = range(prng, bytes);
    const times = prng.chance(0.05) ? prng.below(repeatsMax) : prng.below(6);
    const part = Buffer.from(bytes.subarray(from, to));
    return insert(bytes, to, Buffer.concat(Array.from({ length: times }, () => part)));
  },
  (prng, bytes, { other }) => {
    const { from, to } = range(prng, other);
    return insert(bytes, prng.below(bytes.length + 1), other.subarray(from, to));
  },
  (prng, bytes, { other }) =>
    Buffer.concat([
      bytes.subarray(0, prng.below(bytes.length + 1)),
      other.subarray(prng.below(other.length + 1)),
    ]),
  (prng, bytes, { dictionary }) =>
    dictionary.length === 0
      ? bytes
      : insert(bytes, prng.below(bytes.length + 1), Buffer.from(prng.pick(dictionary), 'latin1')),
  (prng, bytes) => {
    if (bytes.length >= 4) {
      bytes.writeUInt32LE(prng.pick(edgeNumbers), prng.below(bytes.length - 3));
    }
    return bytes;
  },
  (prng, bytes) => {
    const part = Buffer.from(prng.pick(edgeVarints), 'hex');
    const at = prng.below(bytes.length + 1);
    return prng.chance(0.5)
      ? insert(bytes, at, part)
      : Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at + 1)]);
  },
  (prng, bytes) => replaceNumber(prng, bytes),
];

/** Puts another number in the place of one written in digits. */
function replaceNumber(prng: Prng, bytes: Buffer): Buffer {
  const start = prng.below(bytes.length + 1);
  const isDigit = (at: number): boolean => (bytes[at] ?? 0) >= 0x30 && (bytes[at] ?? 0) <= 0x39;
  let from = start;
  while (from < bytes.length && !isDigit(from)) {
    from++;
  }
  let to = from;
  while (isDigit(to)) {
    to++;
  }
  const text = prng.chance(0.5) ? prng.pick(edgeTexts) : String(prng.below(1000));
  return Buffer.concat([bytes.subarray(0, from), Buffer.from(text), bytes.subarray(to)]);
}

/** A changed copy of `input`, of `inputBytesMax` bytes at most. */
export function mutate(prng: Prng, input: Buffer, sources: MutationSources): Buffer {
  let bytes: Buffer = Buffer.from(input);
  for (let left = 1 + prng.below(prng.chance(0.2) ? 12 : 3); left > 0; left--) {
    bytes = prng.pick(changes)(prng, bytes, sources);
    // A change may have cut a view out of memory that the next one writes to.
    bytes = bytes.length > inputBytesMax ? Buffer.from(bytes.subarray(0, inputBytesMax)) : bytes;
  }
  return bytes;
}
