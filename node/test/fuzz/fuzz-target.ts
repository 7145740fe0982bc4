/**
 * What is fuzzed: a parser or a door, with a way to make sound inputs for it and a promise that
 * must hold for every input. How inputs are drawn, bounded and replayed is `fuzzer.ts`'s and
 * `fuzz-run.ts`'s business.
 *
 * Invariant: `run` depends on its input alone, so that an input is all that a replay needs.
 */
import { isDynakvError } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';

export interface FuzzTarget {
  /** A sound input, drawn: mutations start from it and from the corpus. */
  readonly generate: (prng: Prng) => Buffer;
  /** Words that mutations put in, as Latin-1. */
  readonly dictionary: readonly string[];
  /**
   * Says in a few words what came of the input: inputs with a new outcome are kept and mutated
   * further. Throws if the promise of the target is broken.
   */
  readonly run: (input: Buffer) => string | Promise<string>;
  readonly close?: () => Promise<void>;
}

/** Bytes of the longest input: above every limit of a name, key or expression, and quick to run. */
export const inputBytesMax = 64 * 1024;

/** Characters of an outcome that tell it from others. */
const outcomeCharactersMax = 60;

/** The shape of a message: what stands in it of the input does not make an outcome a new one. */
export function shapeOf(message: string): string {
  return message
    .replace(/"[^"]*"/g, '""')
    .replace(/[0-9a-f]{8,}|[0-9]+/g, '#')
    .slice(0, outcomeCharactersMax);
}

/** The outcome of an orderly refusal; anything else is thrown on. */
export function refusalOf(error: unknown, codes: readonly ErrorCode[]): string {
  if (isDynakvError(error) && codes.includes(error.code)) {
    return `${error.code}: ${shapeOf(error.message)}`;
  }
  throw error;
}
