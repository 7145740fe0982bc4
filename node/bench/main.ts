/**
 * `make bench`: starts everything itself, measures every row as ratios of interleaved pairs, prints
 * a table and writes `out/bench.json`.
 *
 * `ROW=put-64` (or a start of names, `ROW=etcd`) measures some rows only; `QUICK=1` is short, for
 * trying things out: its numbers mean little. `PAIRS=` and `SECONDS=` change the lengths. The rows of
 * moves take `ITEMS=` of a kilobyte and `LIMIT=` MiB a second: a machine that is too slow for the
 * default limit says more about movement under one that it can keep.
 */
import { relative } from 'node:path';
import { assert } from '../lib/assert.ts';
import { messageOf } from '../lib/errors.ts';
import { mebibyte } from '../lib/units.ts';
import { repositoryRoot } from '../test/processes/cluster.ts';
import { exitOnInterrupt } from '../test/processes/managed-process.ts';
import { etcdRows } from './etcd-rows.ts';
import { failover } from './failover.ts';
import { httpRows } from './http-rows.ts';
import { idle } from './idle.ts';
import { move } from './move.ts';
import { oneClient } from './one-client.ts';
import { planner } from './planner.ts';
import type { Settings, Suite } from './processes.ts';
import { BenchProcesses } from './processes.ts';
import type { FailedRow, Measurement, Row, RowTarget } from './report.ts';
import { formatReport, standingOf, writeReport } from './report.ts';
import { start } from './start.ts';
import { assertWrk } from './wrk.ts';

interface PlannedRow {
  readonly target: RowTarget;
  readonly measure: (processes: BenchProcesses) => Promise<Measurement>;
}

/** The order matters: what needs a cluster of its own first, then the shared one, kills last. */
const plan: readonly PlannedRow[] = [
  ...rowsOf(planner),
  ...rowsOf(start),
  ...rowsOf(idle),
  ...rowsOf(move),
  ...rowsOf(oneClient),
  ...rowsOf(httpRows),
  ...rowsOf(etcdRows),
  ...rowsOf(failover),
];

function rowsOf<Target extends RowTarget>(suite: Suite<Target>): readonly PlannedRow[] {
  return suite.targets.map((target) => ({
    target,
    measure: async (processes) => await suite.measure(target, processes),
  }));
}

function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const quick = (environment['QUICK'] ?? '') !== '';
  const numberOf = (name: string, absent: number): number => {
    const text = environment[name] ?? '';
    const value = text === '' ? absent : Number(text);
    assert(value >= 0 && Number.isFinite(value), `Cannot use ${name}=${text}: give a number`);
    return value;
  };
  return {
    quick,
    pairs: numberOf('PAIRS', quick ? 2 : 5),
    seconds: numberOf('SECONDS', quick ? 2 : 6),
    moveItems: numberOf('ITEMS', quick ? 100_000 : 1_000_000),
    moveBytesPerSecond: numberOf('LIMIT', 0) * mebibyte,
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function run(): Promise<number> {
  const settings = readSettings(process.env);
  const wanted = process.env['ROW'] ?? '';
  const chosen = plan.filter(({ target }) => target.id.startsWith(wanted));
  if (chosen.length === 0) {
    const known = plan.map(({ target }) => target.id).join(', ');
    throw new Error(`Cannot measure row "${wanted}": the rows are ${known}`);
  }
  // Moves are measured by puts of our own, so that they need no load tool.
  if (chosen.some(({ target }) => !target.id.startsWith('move'))) {
    assertWrk();
  }
  const rows: Row[] = [];
  const failed: FailedRow[] = [];
  const processes = new BenchProcesses(settings, say);
  try {
    for (const [index, { target, measure }] of chosen.entries()) {
      say(`[${index + 1}/${chosen.length}] ${target.title}`);
      try {
        const row: Row = { ...target, ...(await measure(processes)) };
        rows.push(row);
        say(`    ${row.value.toFixed(3)} ${row.unit} (${standingOf(row)})`);
      } catch (error) {
        failed.push({ id: target.id, title: target.title, error: messageOf(error) });
        say(`    not measured: ${messageOf(error)}`);
      }
    }
  } finally {
    await processes.stop();
  }
  const file = writeReport(rows, failed, { ...settings, rows: wanted });
  say(`${formatReport(rows, failed)}\nWritten to ${relative(repositoryRoot, file)}`);
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  exitOnInterrupt();
  process.exitCode = await run().catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    return 1;
  });
}
