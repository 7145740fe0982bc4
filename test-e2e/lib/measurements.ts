/**
 * Numbers that specs measure, for the table at the end of a run. They are shown and kept, and never
 * decide whether a test passes: a busy machine is no defect.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Measurement {
  /** What was measured, as the table shows it. */
  readonly what: string;
  readonly value: number;
  readonly unit: 's' | 'min' | 'MB' | '%' | 'requests' | 'lives';
  /** What it should be at most, and what it aims at. */
  readonly atMost?: number;
  readonly aim?: number;
}

const fileName = 'numbers.jsonl';
const header = ['number', 'measured', 'at most', 'aim', ''] as const;

export function recordMeasurement(outFolder: string, measurement: Measurement): void {
  appendFileSync(join(outFolder, fileName), `${JSON.stringify(measurement)}\n`);
}

/** The table; empty when nothing was measured. */
export function measurementTable(outFolder: string): readonly string[] {
  const file = join(outFolder, fileName);
  if (!existsSync(file)) {
    return [];
  }
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return formatMeasurements(lines.map((line) => JSON.parse(line) as Measurement));
}

/** Numbers with a bound come first, each group in the order of its measuring. */
export function formatMeasurements(all: readonly Measurement[]): readonly string[] {
  const bounded = all.filter(({ atMost }) => atMost !== undefined);
  const others = all.filter(({ atMost }) => atMost === undefined);
  const rows = [header, ...[...bounded, ...others].map(rowOf)];
  const widths = header.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const [first = '', ...rest] = rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  return [first, '-'.repeat(first.length), ...rest];
}

function rowOf(measurement: Measurement): readonly string[] {
  const { what, value, unit, atMost, aim } = measurement;
  const told = (bound: number | undefined): string =>
    bound === undefined ? '' : `${bound} ${unit}`;
  const exact = unit === 'requests' || unit === 'lives' ? String(value) : value.toFixed(2);
  return [what, `${exact} ${unit}`, told(atMost), told(aim), verdictOf(measurement)];
}

function verdictOf({ value, atMost, aim }: Measurement): string {
  if (atMost === undefined) {
    return '';
  }
  if (value > atMost) {
    return 'MISSED';
  }
  return aim !== undefined && value <= aim ? 'aim reached' : 'reached';
}
