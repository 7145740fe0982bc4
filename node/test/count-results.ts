/**
 * Adds up what a test run left in a folder (`jest.json`, and texts that end with
 * `N passed, N failed`) and prints one last line of the same form. Exit code 1 when anything
 * failed, when a suite did not even start, or when nothing ran at all.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
}

interface JestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/** Counts of a jest result; a suite that could not run counts as one failure. */
export function countJest(text: string): TestCount {
  const summary = JSON.parse(text) as JestSummary;
  return {
    passed: summary.numPassedTests,
    failed: summary.numFailedTests + summary.numRuntimeErrorTestSuites,
  };
}

/** Counts of the last `N passed, N failed` line; a text without one counts as one failure. */
export function countText(text: string): TestCount {
  const last = [...text.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  if (last === undefined) {
    return { passed: 0, failed: 1 };
  }
  return { passed: Number(last[1]), failed: Number(last[2]) };
}

/** The sum over a folder's result files. */
export function countFolder(folder: string): TestCount {
  let passed = 0;
  let failed = 0;
  for (const name of readdirSync(folder).sort()) {
    const text = readFileSync(join(folder, name), 'utf8');
    const count = name.endsWith('.json') ? countJest(text) : countText(text);
    passed += count.passed;
    failed += count.failed;
  }
  return existsSync(join(folder, 'jest.json'))
    ? { passed, failed }
    : { passed, failed: failed + 1 };
}

if (import.meta.main) {
  const count = countFolder(process.argv[2] ?? 'out/test');
  process.stdout.write(`${count.passed} passed, ${count.failed} failed\n`);
  process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
}
