/**
 * The ledger: how many seeds ran clean, for each state of the simulated code, in a file of the
 * repository. Seeds are counted from 0 upwards and none twice, so that a sum over code states is
 * a number of different seeds.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface LedgerEntry {
  /** `code-hash.ts` */
  readonly code: string;
  readonly commit: string;
  readonly passed: number;
  /** Seeds that failed on this code. */
  readonly failed: readonly number[];
}

export interface Ledger {
  /** The first seed that was never run. */
  readonly nextSeed: number;
  /** Oldest first. */
  readonly entries: readonly LedgerEntry[];
}

export const ledgerPath = fileURLToPath(new URL('../ledger.json', import.meta.url));

export function readLedger(path = ledgerPath): Ledger {
  return existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as Ledger)
    : { nextSeed: 0, entries: [] };
}

/** The ledger with one more run in it. */
export function withRun(ledger: Ledger, run: LedgerEntry, nextSeed: number): Ledger {
  const known = ledger.entries.find((entry) => entry.code === run.code);
  const merged = {
    ...run,
    passed: run.passed + (known?.passed ?? 0),
    failed: [...(known?.failed ?? []), ...run.failed].sort((a, b) => a - b),
  };
  return {
    nextSeed: Math.max(ledger.nextSeed, nextSeed),
    entries: [...ledger.entries.filter((entry) => entry.code !== run.code), merged],
  };
}

export function writeLedger(ledger: Ledger, path = ledgerPath): void {
  writeFileSync(path, `${JSON.stringify(ledger, undefined, 2)}\n`);
}

/** Seeds that ever passed. */
export function cleanSeeds(ledger: Ledger): number {
  return ledger.entries.reduce((total, entry) => total + entry.passed, 0);
}
