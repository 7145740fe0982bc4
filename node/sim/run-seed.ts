/**
 * Program: runs one seed of the simulator and says how it went. Exit code 0: it passed; 1: it
 * failed, with everything that it takes to look into it. Many seeds: `make sim`.
 */
import { Command } from 'commander';
import { messageOf } from '../lib/errors.ts';
import { repositoryCommit } from './swarm/repository-commit.ts';
import { describeFailure, describeVerdict } from './swarm/describe-report.ts';
import { runSeed } from './swarm/run-seed.ts';
import type { SwarmOverrides } from './swarm/swarm-options.ts';

interface Arguments {
  readonly with?: string;
  readonly events?: boolean;
}

const seedMax = 2 ** 32 - 1;

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed > seedMax) {
    throw new Error(`Cannot use seed "${text}": give a whole number of 0 … ${seedMax}`);
  }
  return seed;
}

function parseOverrides(text: string | undefined): SwarmOverrides {
  try {
    return JSON.parse(text ?? '{}') as SwarmOverrides;
  } catch (error) {
    throw new Error(`Cannot read --with: it must be JSON, such as {"nodes":3}: ${String(text)}`, {
      cause: error,
    });
  }
}

async function main(seedText: string, args: Arguments): Promise<void> {
  const seed = parseSeed(seedText);
  const overrides = parseOverrides(args.with);
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const report = await runSeed(seed, overrides, args.events === true ? { onEvent: print } : {});
  print(
    report.failure === undefined
      ? describeVerdict(report)
      : describeFailure(report, overrides, repositoryCommit()),
  );
  process.exitCode = report.failure === undefined ? 0 : 1;
}

if (import.meta.main) {
  await new Command('run-seed')
    .description('Run one seed of the simulated cluster')
    .argument('<seed>', 'a whole number')
    .option('--with <json>', 'options to set by hand, as JSON')
    .option('--events', 'print every event')
    .action(main)
    .parseAsync()
    .catch((error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
      process.exitCode = 1;
    });
}
