/**
 * Program behind `make sim`: runs many seeds in two worker processes, with a line of progress, and
 * ends with `N passed, N failed`. Every failure is printed in full with the command that replays
 * it; `--shrink` looks for a smaller one that fails alike; `--ledger` writes what ran clean. Ctrl-C
 * lets the seeds under way end, and what ran until then counts.
 */
import { Command } from 'commander';
import { messageOf } from '../lib/errors.ts';
import { simulatedCodeHash } from './swarm/code-hash.ts';
import { describeFailure, describeVerdict } from './swarm/describe-report.ts';
import { cleanSeeds, readLedger, withRun, writeLedger } from './swarm/ledger.ts';
import { repositoryCommit } from './swarm/repository-commit.ts';
import { runSeed } from './swarm/run-seed.ts';
import type { SeedResult } from './swarm/run-seed.ts';
import { runPool } from './swarm/seed-pool.ts';
import { shrink } from './swarm/shrink.ts';
import type { SwarmOverrides } from './swarm/swarm-options.ts';
import { wholeNumber } from './whole-number.ts';

interface Arguments {
  readonly seeds: string;
  readonly seed: string;
  readonly min: string;
  readonly workers: string;
  readonly with?: string;
  readonly churn?: boolean;
  readonly shrink?: boolean;
  readonly ledger?: boolean;
}

const minuteMs = 60_000;
const progressMs = 1_000;
/** The same where lines stay. */
const logProgressMs = 15_000;
/** Failures printed in full; the rest as one line. */
const fullFailuresMax = 5;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

class Progress {
  readonly #startedMs = performance.now();
  readonly #seeds: number;
  #shownMs = 0;
  /** No more seeds are begun: someone wants it to end. */
  isStopped = false;
  passed = 0;
  readonly failed: SeedResult[] = [];

  constructor(seeds: number) {
    this.#seeds = seeds;
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  get perMinute(): number {
    return Math.round(((this.passed + this.failed.length) * minuteMs) / this.#elapsedMs);
  }

  isOver(minutes: number): boolean {
    return this.isStopped || (minutes > 0 && this.#elapsedMs >= minutes * minuteMs);
  }

  add(result: SeedResult): void {
    if (result.failure === undefined) {
      this.passed += 1;
    } else {
      this.failed.push(result);
      this.clear();
      print(describeVerdict(result));
    }
    const isTerminal = process.stderr.isTTY;
    if (performance.now() - this.#shownMs >= (isTerminal ? progressMs : logProgressMs)) {
      this.#shownMs = performance.now();
      const done = this.passed + this.failed.length;
      const of = this.#seeds === Infinity ? '' : ` of ${this.#seeds}`;
      const line = `${done}${of} seeds, ${this.failed.length} failed, ${this.perMinute} a minute`;
      process.stderr.write(isTerminal ? `\r${line}\u001b[K` : `${line}\n`);
    }
  }

  clear(): void {
    if (process.stderr.isTTY) {
      process.stderr.write('\r\u001b[K');
    }
  }
}

async function main(args: Arguments): Promise<void> {
  const overrides: SwarmOverrides = {
    ...(args.churn === true ? { churn: true } : {}),
    ...(JSON.parse(args.with ?? '{}') as SwarmOverrides),
  };
  const minutes = Number(args.min);
  const ledger = readLedger();
  const first = args.seed === '' ? ledger.nextSeed : wholeNumber(args.seed, 'SEED');
  const byTime = args.seeds === '' && minutes > 0;
  const seeds = byTime ? Infinity : wholeNumber(args.seeds === '' ? '100' : args.seeds, 'SEEDS');
  const progress = new Progress(seeds);
  const commit = repositoryCommit();
  let next = first;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // Once: whoever asks again does not want to wait for the seeds under way.
    process.once(signal, () => {
      progress.isStopped = true;
    });
  }
  await runPool({
    workers: wholeNumber(args.workers, 'workers'),
    overrides,
    next: () => (next - first < seeds && !progress.isOver(minutes) ? next++ : undefined),
    report: (result) => {
      progress.add(result);
    },
  });
  progress.clear();
  for (const result of progress.failed.slice(0, fullFailuresMax)) {
    print(`\n${describeFailure(result, overrides, commit)}`);
  }
  const smallest = progress.failed[0];
  if (args.shrink === true && smallest !== undefined) {
    await printShrunk(smallest.seed, overrides, commit);
  }
  if (args.ledger === true) {
    const failed = progress.failed.map((result) => result.seed);
    const run = { code: simulatedCodeHash(), commit, passed: progress.passed, failed };
    const after = withRun(ledger, run, next);
    writeLedger(after);
    print(`ledger: ${cleanSeeds(after)} seeds clean in all`);
  }
  print(`seeds ${first} to ${next - 1}, ${progress.perMinute} a minute`);
  print(`${progress.passed} passed, ${progress.failed.length} failed`);
  process.exitCode = progress.failed.length === 0 && progress.passed > 0 ? 0 : 1;
}

async function printShrunk(seed: number, overrides: SwarmOverrides, commit: string): Promise<void> {
  const report = await runSeed(seed, overrides);
  if (report.failure === undefined) {
    print(`Seed ${seed} passes when it is run again: it does not replay`);
    return;
  }
  const shrunk = await shrink(report, overrides, (text) => {
    print(`shrunk: ${text}`);
  });
  print(`\nsmaller, after ${shrunk.runs} runs:`);
  print(describeFailure(shrunk.report, shrunk.overrides, commit));
}

if (import.meta.main) {
  await new Command('run-seeds')
    .description('Run many seeds of the simulated cluster')
    .option('--seeds <n>', 'how many; default 100', '')
    .option('--seed <n>', 'the first one; default: the first that the ledger does not have', '')
    .option('--min <minutes>', 'stop after this long', '0')
    .option('--workers <n>', 'processes', '2')
    .option('--with <json>', 'options to set by hand, as JSON')
    .option('--churn', 'members come and go in every seed')
    .option('--shrink', 'look for a smaller failure')
    .option('--ledger', 'write what ran clean into node/sim/ledger.json')
    .action(main)
    .parseAsync()
    .catch((error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
      process.exitCode = 1;
    });
}
