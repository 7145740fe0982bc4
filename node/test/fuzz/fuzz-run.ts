/**
 * Fuzzes the targets one after the other, each in a thread with bounded memory and a time limit
 * per input. A crash prints the input and the command that replays it; the smallest input that
 * still fails goes into the corpus.
 *
 * `make fuzz RUNS=n SEED=s TARGET=t`; `INPUT=line` (a line of a corpus file) runs that one alone.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../lib/errors.ts';
import { mebibyte } from '../../lib/units.ts';
import { outFolder, repositoryRoot } from '../processes/cluster.ts';
import { chooseSeed, say } from '../processes/verdict.ts';
import { addToCorpus, decodeInput } from './corpus.ts';
import { fuzzTargets } from './fuzz-targets.ts';
import type { FuzzReport, FuzzTask } from './fuzz-worker.ts';
import { SharedInput } from './shared-input.ts';

/** No input may keep a node's only thread for longer; far above what any takes here. */
const inputMsMax = 20_000;
/** Of JavaScript; an input has 64 KiB at most. */
const heapMebibytesMax = 512;
/** Of the whole process, buffers included: a partial frame may claim 32 MiB. */
const residentBytesMax = 1_536 * mebibyte;
const watchMs = 250;
const progressMs = 10_000;
const shownCharactersMax = 4_000;

type Watched =
  | FuzzReport
  /** The thread ended, hung or took too much memory: its input is what it had begun. */
  | { readonly kind: 'ended'; readonly why: string; readonly input: Buffer | undefined };

export interface WatchOptions {
  /** Default: the fuzzer. */
  readonly worker?: URL;
  readonly onProgress?: (runs: number) => void;
  readonly inputMs?: number;
  readonly heapMebibytes?: number;
}

/** Runs one task to its end, whatever that is. */
export async function watch(
  task: Omit<FuzzTask, 'shared'>,
  options: WatchOptions = {},
): Promise<Watched> {
  const worker = options.worker ?? new URL('./fuzz-worker.ts', import.meta.url);
  const msMax = options.inputMs ?? inputMsMax;
  const shared = new SharedInput();
  const thread = new Worker(worker, {
    workerData: { ...task, shared: shared.memory },
    resourceLimits: { maxOldGenerationSizeMb: options.heapMebibytes ?? heapMebibytesMax },
  });
  let changes = -1;
  let changedAt = performance.now();
  let saidAt = changedAt;
  let timer: NodeJS.Timeout | undefined;
  const ended = (why: string): Watched => ({ kind: 'ended', why, input: shared.input });
  try {
    return await new Promise<Watched>((resolve) => {
      thread.on('message', resolve);
      thread.on('error', (error: unknown) => {
        resolve(ended(messageOf(error)));
      });
      thread.on('exit', (code) => {
        resolve(ended(`the thread ended with code ${code}`));
      });
      timer = setInterval(() => {
        const now = performance.now();
        if (shared.changes !== changes || shared.input === undefined) {
          changes = shared.changes;
          changedAt = now;
        } else if (now - changedAt > msMax) {
          resolve(ended(`the input takes over ${msMax} ms`));
        }
        if (process.memoryUsage.rss() > residentBytesMax) {
          resolve(ended(`the process takes over ${residentBytesMax} bytes`));
        }
        if (now - saidAt > progressMs) {
          saidAt = now;
          options.onProgress?.(shared.runs);
        }
      }, watchMs);
    });
  } finally {
    clearInterval(timer);
    await thread.terminate();
  }
}

export interface FuzzOptions {
  readonly targets: readonly string[];
  readonly runs: number;
  readonly seed: number;
  readonly inputs?: readonly Buffer[] | undefined;
}

/** An input as `base64:…`, or `@` and the file that holds this if it is long. */
function showInput(target: string, input: Buffer): string {
  const text = `base64:${input.toString('base64')}`;
  if (text.length <= shownCharactersMax) {
    return text;
  }
  const folder = join(outFolder, 'fuzz');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${target}.input`);
  writeFileSync(file, text);
  return `@${relative(repositoryRoot, file)}`;
}

function sayFailure(target: string, report: Exclude<Watched, { kind: 'passed' }>): void {
  say(`${target}: ${report.why}`);
  if (report.input === undefined) {
    return;
  }
  const smallest = Buffer.from(report.kind === 'failed' ? report.smallest : report.input);
  say(`${target}: replay with make fuzz TARGET=${target} INPUT='${showInput(target, smallest)}'`);
}

/** One target; true if all its inputs passed. */
async function fuzz(target: string, options: FuzzOptions): Promise<boolean> {
  const { runs, seed, inputs } = options;
  const startedAt = performance.now();
  const task = { target, runs, seed, ...(inputs === undefined ? {} : { inputs }) };
  const report = await watch(task, {
    onProgress: (done) => {
      const perSecond = done / ((performance.now() - startedAt) / 1000);
      say(`${target}: ${done} inputs, ${perSecond.toFixed(0)}/s`);
    },
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (report.kind === 'passed') {
    say(`${target}: ${report.runs} inputs in ${seconds} s, ${report.outcomes} outcomes told apart`);
    return true;
  }
  sayFailure(target, report);
  if (inputs === undefined && report.input !== undefined) {
    const kept = Buffer.from(report.kind === 'failed' ? report.smallest : report.input);
    addToCorpus(target, kept, report.why.split('\n')[0] ?? '');
    say(`${target}: kept in node/test/fuzz/corpus/${target}.txt, ${kept.length} bytes`);
  }
  return false;
}

/** All targets asked for; returns how many failed. */
export async function runFuzz(options: FuzzOptions): Promise<number> {
  const { targets, runs, seed } = options;
  say(`fuzz: replay with make fuzz RUNS=${runs} SEED=${seed}`);
  let failed = 0;
  for (const target of targets) {
    failed += (await fuzz(target, options)) ? 0 : 1;
  }
  say(`${targets.length - failed} passed, ${failed} failed (targets; SEED=${seed})`);
  return failed;
}

if (import.meta.main) {
  const wanted = process.env['TARGET'] ?? '';
  const targets = Object.keys(fuzzTargets).filter((name) => wanted === '' || name === wanted);
  if (targets.length === 0) {
    say(`Cannot fuzz "${wanted}": the targets are ${Object.keys(fuzzTargets).join(', ')}`);
    process.exit(1);
  }
  const given = process.env['INPUT'] ?? '';
  const line = given.startsWith('@') ? readFileSync(given.slice(1), 'utf8') : given;
  const inputs = line === '' ? undefined : [decodeInput(line)];
  const runs = Number(process.env['RUNS'] ?? '') || 50_000;
  process.exitCode = (await runFuzz({ targets, runs, seed: chooseSeed(), inputs })) === 0 ? 0 : 1;
}
