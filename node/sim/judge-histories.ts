/**
 * Program behind `make porcupine`: runs seeds, writes what their clients were told as JSON lines,
 * and lets two checkers judge every history: our own and porcupine. Each history is judged as it
 * is and with one answer changed, so that both also have something to refuse. Ends with `N passed,
 * N failed`: a history passes when both say the same, and the unchanged one is linearizable.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { messageOf } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import { checkLinearizable } from './checkers/linearizability.ts';
import { porcupineOperations } from './history.ts';
import type { Operation } from './history.ts';
import { runSeed } from './swarm/run-seed.ts';

const folder = fileURLToPath(new URL('../../out/porcupine', import.meta.url));
const build = fileURLToPath(new URL('porcupine/build.sh', import.meta.url));
const stepsMax = 5_000_000;

interface Judged {
  readonly path: string;
  readonly isChanged: boolean;
  readonly own: string;
  readonly operations: number;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One read that found a value says that it found another of the same key. */
function withOneAnswerChanged(operations: readonly Operation[], seed: number): Operation[] {
  const reads = operations.filter((one) => one.outcome.kind === 'found');
  const values = new Map<string, string[]>();
  for (const { key, input } of operations) {
    if (input.kind === 'put') {
      values.set(key, [...(values.get(key) ?? []), input.value]);
    }
  }
  const fit = reads.filter((one) => (values.get(one.key)?.length ?? 0) > 1);
  if (fit.length === 0) {
    return [...operations];
  }
  const random = new Prng(seed);
  const changed = random.pick(fit);
  const found = changed.outcome.kind === 'found' ? changed.outcome.value : '';
  const others = (values.get(changed.key) ?? []).filter((value) => value !== found);
  const outcome = { kind: 'found', value: random.pick(others) } as const;
  return operations.map((one) => (one === changed ? { ...one, outcome } : one));
}

function write(name: string, operations: readonly Operation[], isChanged: boolean): Judged {
  const path = join(folder, `${name}.jsonl`);
  const lines = porcupineOperations(operations).map((one) => JSON.stringify(one));
  writeFileSync(path, `${lines.join('\n')}\n`);
  const own = checkLinearizable(operations, { stepsMax }).kind;
  return { path, isChanged, own, operations: operations.length };
}

async function writeHistories(first: number, seeds: number): Promise<Judged[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const judged: Judged[] = [];
  for (let seed = first; seed < first + seeds; seed++) {
    const { history } = await runSeed(seed);
    judged.push(write(`seed-${seed}`, history, false));
    judged.push(write(`seed-${seed}-changed`, withOneAnswerChanged(history, seed), true));
  }
  return judged;
}

/** Path → porcupine's verdict. */
function askPorcupine(judged: readonly Judged[]): Map<string, string> {
  const program = execFileSync(build, { encoding: 'utf8' }).trim();
  const paths = judged.map((one) => one.path);
  const output = execFileSync(program, paths, { encoding: 'utf8' });
  const verdicts = output.trim().split('\n');
  return new Map(
    verdicts.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), line.slice(space + 1)] as const;
    }),
  );
}

async function main(args: { readonly seeds: string; readonly seed: string }): Promise<void> {
  const judged = await writeHistories(Number(args.seed), Number(args.seeds));
  const theirs = askPorcupine(judged);
  let passed = 0;
  for (const { path, isChanged, own, operations } of judged) {
    const their = theirs.get(path) ?? 'nothing';
    const isRight = their === own && (isChanged || own === 'linearizable');
    passed += isRight ? 1 : 0;
    const name = path.slice(folder.length + 1).padEnd(24);
    print(`${name} ${operations} operations, own: ${own}, porcupine: ${their}`);
  }
  const refused = judged.filter((one) => one.own === 'violation').length;
  print(
    `${refused} of ${judged.length / 2} changed histories are refused; files are in out/porcupine`,
  );
  print(`${passed} passed, ${judged.length - passed} failed`);
  process.exitCode = passed === judged.length && refused > 0 ? 0 : 1;
}

if (import.meta.main) {
  await new Command('judge-histories')
    .description('Let porcupine and our own checker judge the histories of seeds')
    .option('--seeds <n>', 'how many', '20')
    .option('--seed <n>', 'the first one', '0')
    .action(main)
    .parseAsync()
    .catch((error: unknown) => {
      process.stderr.write(`${messageOf(error)}\n`);
      process.exitCode = 1;
    });
}
