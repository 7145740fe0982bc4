/**
 * A thread that fuzzes one target. Each input is written to memory shared with `fuzz-run.ts` before
 * it runs, so that whatever ends the thread, or keeps it busy for ever, leaves its input behind.
 */
import { workerData, parentPort } from 'node:worker_threads';
import { must } from '../../lib/assert.ts';
import { messageOf } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import { readCorpus } from './corpus.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { fuzzTargets } from './fuzz-targets.ts';
import { Fuzzer, minimise } from './fuzzer.ts';
import { SharedInput } from './shared-input.ts';

export interface FuzzTask {
  readonly target: string;
  readonly shared: SharedArrayBuffer;
  readonly seed: number;
  /** Inputs drawn, after those of the corpus. */
  readonly runs: number;
  /** Run these and nothing else. */
  readonly inputs?: readonly Uint8Array[];
}

export type FuzzReport =
  | { readonly kind: 'passed'; readonly runs: number; readonly outcomes: number }
  | {
      readonly kind: 'failed';
      readonly why: string;
      readonly input: Uint8Array;
      /** The smallest input found that fails with the same message. */
      readonly smallest: Uint8Array;
    };

function describe(error: unknown): string {
  const stack = (error as { stack?: unknown } | undefined)?.stack;
  return typeof stack === 'string' ? stack : messageOf(error);
}

/** The part of a failure that a smaller input must show too. */
function signOf(error: unknown): string {
  return describe(error).split('\n').slice(0, 1).join('').replace(/\d+/g, '#').slice(0, 60);
}

async function failure(target: FuzzTarget, input: Buffer): Promise<unknown> {
  try {
    await target.run(Buffer.from(input));
    return undefined;
  } catch (error) {
    return error ?? new Error('Thrown: nothing');
  }
}

async function work(task: FuzzTask): Promise<FuzzReport> {
  const shared = new SharedInput(task.shared);
  const target = await must(fuzzTargets[task.target], `No such target: ${task.target}`)();
  const corpus = task.inputs?.map((input) => Buffer.from(input)) ?? readCorpus(task.target);
  const fuzzer = new Fuzzer(target, corpus, new Prng(task.seed));
  let runs = 0;
  const isDone = (): boolean => runs >= corpus.length + (task.inputs === undefined ? task.runs : 0);
  while (!isDone()) {
    const input = corpus[runs] ?? fuzzer.next();
    runs += 1;
    shared.put(input, runs);
    try {
      fuzzer.learn(input, await target.run(Buffer.from(input)));
    } catch (error) {
      const sign = signOf(error);
      const smallest = await minimise(input, async (candidate) => {
        shared.put(candidate, runs);
        const again = await failure(target, candidate);
        return again !== undefined && signOf(again) === sign;
      });
      return { kind: 'failed', why: describe(error), input, smallest };
    }
  }
  shared.idle();
  await target.close?.();
  return { kind: 'passed', runs, outcomes: fuzzer.outcomes };
}

if (parentPort !== null) {
  parentPort.postMessage(await work(workerData as FuzzTask));
  process.exit(0);
}
