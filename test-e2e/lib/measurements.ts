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
  readonly unit: 's' | 'MB' | '%' | 'requests';
  /** What it should be at most, and what it aims at. */
  readonly atMost?: number;
  readonly aim?: number;
}

const fileName = 'numbers.jsonl';

export function recordMeasurement(outFolder: string, measurement: Measurement): void {
  appendFileSync(join(outFolder, fileName), `${JSON.stringify(measurement)}\n`);
}

/** The table, without a header; empty when nothing was measured. */
export function measurementTable(outFolder: string): readonly string[] {
  const file = join(outFolder, fileName);
  if (!existsSync(file)) {
    return [];
  }
  const rows = readFileSync(file, 'utf8').trim().split('\n');
  return rows.map((row) => formatMeasurement(JSON.parse(row) as Measurement));
}

export function formatMeasurement({ what, value, unit, atMost, aim }: Measurement): string {
  const bounds = [
    ...(atMost === undefined ? [] : [`at most ${atMost} ${unit}`]),
    ...(aim === undefined ? [] : [`aim ${aim} ${unit}`]),
  ];
  const said = bounds.length === 0 ? '' : `   (${bounds.join(', ')})`;
  return `${what.padEnd(60)} ${value.toFixed(value < 10 ? 2 : 0)} ${unit}${said}`;
}
