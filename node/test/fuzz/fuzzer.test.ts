// Goal: the fuzzer finds what is there to find. Method: parsers with planted faults: one that
// throws behind three right bytes, one that never ends, one that takes all memory.
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../lib/prng.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { watch } from './fuzz-run.ts';
import { Fuzzer, minimise } from './fuzzer.ts';

/** Says how far it got, as the real targets do by their refusals. */
const planted: FuzzTarget = {
  generate: (prng) => prng.bytes(1 + prng.below(40)),
  dictionary: [],
  run: (input) => {
    const at = input.indexOf(0x7b);
    if (at < 0) {
      return 'nothing';
    }
    if (input[at + 1] !== 0x01) {
      return 'one';
    }
    if (input[at + 2] !== 0xff) {
      return 'two';
    }
    throw new Error('planted');
  },
};

async function fails(input: Buffer): Promise<boolean> {
  try {
    await planted.run(input);
    return false;
  } catch {
    return true;
  }
}

/** Inputs until the fault is found; the count of tries and the input. */
async function find(seed: number): Promise<{ readonly tries: number; readonly input: Buffer }> {
  const fuzzer = new Fuzzer(planted, [], new Prng(seed));
  for (let tries = 1; tries <= 200_000; tries++) {
    const input = fuzzer.next();
    if (await fails(input)) {
      return { tries, input };
    }
    fuzzer.learn(input, String(await planted.run(input)));
  }
  throw new Error('Cannot find the planted fault in 200,000 inputs');
}

describe('Fuzzer', () => {
  test('finds a fault behind three bytes, the same way for the same seed', async () => {
    const first = await find(3);
    expect(await find(3)).toEqual(first);
    const smallest = await minimise(first.input, fails);
    expect(smallest).toEqual(Buffer.from([0x7b, 0x01, 0xff]));
  });

  test('keeps inputs with new outcomes only', () => {
    const fuzzer = new Fuzzer(planted, [], new Prng(1));
    for (let i = 0; i < 10; i++) {
      fuzzer.learn(Buffer.from([i]), 'the same');
    }
    expect(fuzzer.outcomes).toBe(1);
  });
});

const task = { target: 'planted', seed: 1, runs: 1 };
const worker = new URL('test-bad-worker.ts', import.meta.url);

describe('watch()', () => {
  test('ends an input that never ends, and says which it is', async () => {
    const report = await watch({ ...task, target: 'endless' }, { worker, inputMs: 300 });
    expect(report).toMatchObject({ kind: 'ended', input: Buffer.from('endless') });
    expect(report).toMatchObject({ why: expect.stringContaining('over 300 ms') });
  });

  test('outlives an input that takes all memory', async () => {
    const report = await watch(
      { ...task, target: 'memory' },
      { worker, heapMebibytes: 48, inputMs: 100_000 },
    );
    expect(report).toMatchObject({ kind: 'ended', input: Buffer.from('memory') });
    expect(report).toMatchObject({ why: expect.stringContaining('memory') });
  });

  test('sees a thread that exits', async () => {
    const report = await watch({ ...task, target: 'exit' }, { worker });
    expect(report).toMatchObject({ kind: 'ended', input: Buffer.from('exit') });
  });
});
