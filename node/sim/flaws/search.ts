/**
 * `make sim-faults`: looks for the first seed that catches each flaw, two at a time, and prints a
 * table. A flaw that no seed catches fails: a check or a fault is missing.
 *
 *   node node/sim/flaws/search.ts [--seeds 500] [--flaw name]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { messageOf } from '../../lib/errors.ts';
import { flaws } from './flaw-list.ts';
import type { Flaw } from './flaw.ts';
import { runTrials } from './trial-process.ts';

const seedsMaxDefault = 500;
const childrenMax = Math.min(2, availableParallelism());

interface Result {
  readonly flaw: Flaw;
  /** Seeds tried; the last one caught it, if any did. */
  readonly seeds: number;
  readonly found: string | undefined;
  readonly tookMs: number;
}

async function search(flaw: Flaw, seedsMax: number): Promise<Result> {
  let seeds = 0;
  let found: string | undefined;
  const startedMs = performance.now();
  const trial = { flaw: flaw.name, storm: flaw.storm, firstSeed: 1, lastSeed: seedsMax };
  try {
    await runTrials([trial], (line) => {
      seeds = line.seed;
      found = line.found;
    });
  } catch (error) {
    process.stderr.write(`\n${messageOf(error)}\n`);
    found = undefined;
  }
  return { flaw, seeds, found, tookMs: Math.round(performance.now() - startedMs) };
}

function columns(result: Result): string {
  const { flaw, seeds, found, tookMs } = result;
  const seed = found === undefined ? `none of ${seeds}` : `${seeds}`;
  const recorded = found === undefined || seeds === flaw.seed ? '' : ` (recorded: ${flaw.seed})`;
  const verdict = found === undefined ? 'NOT CAUGHT' : 'caught';
  return [
    verdict.padEnd(11),
    flaw.name.padEnd(38),
    flaw.storm.padEnd(12),
    `${seed}${recorded}`.padEnd(20),
    `${(tookMs / 1000).toFixed(1)} s`.padStart(8),
    ` ${(found ?? '').slice(0, 90)}`,
  ].join(' ');
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seeds: { type: 'string' }, flaw: { type: 'string' } },
  });
  const seedsMax = values.seeds === undefined ? seedsMaxDefault : Number(values.seeds);
  const wanted = values.flaw?.split(',');
  const queue = flaws.filter(({ name }) => wanted?.includes(name) ?? true);
  if (queue.length === 0 || !Number.isInteger(seedsMax) || seedsMax < 1) {
    process.stderr.write(`There is no such flaw, or the number of seeds is none\n`);
    return 1;
  }
  const total = queue.length;
  const results: Result[] = [];
  const work = async (): Promise<void> => {
    for (let flaw = queue.shift(); flaw !== undefined; flaw = queue.shift()) {
      const result = await search(flaw, seedsMax);
      results.push(result);
      process.stdout.write(`${results.length}/${total} ${columns(result)}\n`);
    }
  };
  await Promise.all(Array.from({ length: childrenMax }, work));
  const order = new Map(flaws.map((flaw, position) => [flaw, position]));
  results.sort((a, b) => (order.get(a.flaw) ?? 0) - (order.get(b.flaw) ?? 0));
  process.stdout.write(`\n${results.map(columns).join('\n')}\n`);
  const passed = results.filter(({ found }) => found !== undefined).length;
  process.stdout.write(`${passed} passed, ${total - passed} failed\n`);
  return passed === total ? 0 : 1;
}

if (import.meta.main) {
  process.exitCode = await main();
}
