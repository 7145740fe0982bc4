// Goal: what once broke a parser or a door never does again, and each still holds its promise for
// a few hundred inputs drawn from a fixed seed. Method: the corpus of every target, then those.
// `make fuzz` looks further.
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.ts';
import { decodeInput, encodeInput, readCorpus } from './corpus.ts';
import { fuzzTargets } from './fuzz-targets.ts';
import { Fuzzer } from './fuzzer.ts';

const drawnInputs = 200;
const timeoutMs = 600_000;

describe.each(Object.keys(fuzzTargets))('%s', (name) => {
  test(
    'holds for its corpus and for inputs of seed 1',
    async () => {
      const make = fuzzTargets[name];
      const target = await make?.();
      const corpus = readCorpus(name);
      expect(corpus.length).toBeGreaterThan(0);
      const fuzzer = target && new Fuzzer(target, corpus, new Prng(1));
      const inputs = function* (): Generator<Buffer> {
        yield* corpus;
        for (let left = drawnInputs; fuzzer !== undefined && left > 0; left--) {
          yield fuzzer.next();
        }
      };
      const outcomes = new Set<string>();
      for (const input of inputs()) {
        try {
          const outcome = (await target?.run(Buffer.from(input))) ?? '';
          outcomes.add(outcome);
          fuzzer?.learn(input, outcome);
        } catch (error) {
          const line = encodeInput(input).slice(0, 2_000);
          throw new Error(`Replay with make fuzz TARGET=${name} INPUT='${line}'`, { cause: error });
        }
      }
      await target?.close?.();
      expect(outcomes.size).toBeGreaterThan(5);
    },
    timeoutMs,
  );
});

describe('corpus lines', () => {
  test('text stands as text, and every input comes back', () => {
    const prng = new Prng(7);
    expect(encodeInput(Buffer.from('a = "b"\n'))).toBe('"a = \\"b\\"\\n"');
    for (let i = 0; i < 200; i++) {
      const input = prng.bytes(prng.below(30));
      expect(decodeInput(encodeInput(input))).toEqual(input);
    }
  });
});
