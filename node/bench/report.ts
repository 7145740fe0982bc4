/**
 * What a run leaves: `out/bench.json` with every pair, and a table on the terminal. A row says
 * how its value stands to "at least" and "aim"; falling short is news, not an error.
 */
import Table from 'cli-table3';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { outFolder } from '../test/processes/cluster.ts';
import type { Pair } from './pairs.ts';

export interface RowTarget {
  /** For `ROW=`. */
  readonly id: string;
  readonly title: string;
  /** `×`, `s`, `%`, `MB`. */
  readonly unit: string;
  /** More is better, or less is. */
  readonly better: 'more' | 'less';
  readonly atLeast: number;
  readonly aim: number;
}

/** What a suite finds out about a row. */
export interface Measurement {
  readonly value: number;
  readonly pairs?: readonly Pair[];
  /** Whatever explains the value. */
  readonly facts: Readonly<Record<string, number | string>>;
}

export interface Row extends RowTarget, Measurement {}

export interface FailedRow {
  readonly id: string;
  readonly title: string;
  readonly error: string;
}

export type Standing = 'aim' | 'at least' | 'short';

export function standingOf(row: Row): Standing {
  const reaches = (target: number): boolean =>
    row.better === 'more' ? row.value >= target : row.value <= target;
  return reaches(row.aim) ? 'aim' : reaches(row.atLeast) ? 'at least' : 'short';
}

/** Writes `out/bench.json`; returns its path. */
export function writeReport(
  rows: readonly Row[],
  failed: readonly FailedRow[],
  settings: Readonly<Record<string, number | boolean | string>>,
): string {
  mkdirSync(outFolder, { recursive: true });
  const file = join(outFolder, 'bench.json');
  const report = {
    finishedAt: new Date().toISOString(),
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? '',
      memoryBytes: totalmem(),
      kernel: release(),
      node: process.version,
    },
    settings,
    rows: rows.map((row) => ({ ...row, standing: standingOf(row) })),
    failed,
  };
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  return file;
}

export function formatReport(rows: readonly Row[], failed: readonly FailedRow[]): string {
  const table = new Table({
    head: ['', 'value', 'at least', 'aim', 'reached', 'how'],
    colWidths: [46, 10, 10, 10, 10, 50],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  const paint = { aim: pc.green, 'at least': pc.yellow, short: pc.red };
  for (const row of rows) {
    const sign = row.better === 'more' ? '≥' : '≤';
    const standing = standingOf(row);
    const facts = Object.entries(row.facts).map(([name, value]) => `${name} ${format(value)}`);
    table.push([
      row.title,
      `${format(row.value)} ${row.unit}`,
      `${sign} ${row.atLeast} ${row.unit}`,
      `${sign} ${row.aim} ${row.unit}`,
      paint[standing](standing),
      facts.join(', '),
    ]);
  }
  const lines = failed.map((row) => pc.red(`${row.title}: not measured: ${row.error}`));
  return [table.toString(), ...lines].join('\n');
}

function format(value: number | string): string {
  if (typeof value === 'string') {
    return value;
  }
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
