/**
 * Goal: a cluster bears a system group without a majority, and an entry that cannot be applied.
 * Method: short seeds that end with both trials, and one whose shards cannot do without the system
 * group's majority, where the trial must be left out.
 */
import { describe, expect, test } from '@jest/globals';
import { describeFailure } from './describe-report.ts';
import { runSeed } from './run-seed.ts';
import type { SwarmOverrides } from './swarm-options.ts';

const testMs = 120_000;
const both = { faults: [], churn: false, systemAway: true, poison: true, chaosMs: 4_000 } as const;

async function linesOf(seed: number, overrides: SwarmOverrides): Promise<string> {
  const lines: string[] = [];
  const report = await runSeed(seed, overrides, { onEvent: (line) => lines.push(line) });
  expect(report.failure === undefined ? '' : describeFailure(report, overrides, '')).toBe('');
  return lines.join('\n');
}

describe('LastTrials', () => {
  test(
    'five nodes serve a shard without the system group, and live with a shard that stopped',
    async () => {
      const lines = await linesOf(1, { ...both, nodes: 5, shards: 4, replicationFactor: 3 });
      expect(lines).toMatch(/no system +group \d is served by \d,\d\n/);
      expect(lines).toMatch(/poison +group \d\n/);
      expect(lines).toMatch(/poison +all were restarted/);
    },
    testMs,
  );

  test(
    'of three nodes with three copies no shard has a majority of its own',
    async () => {
      const lines = await linesOf(2, { ...both, nodes: 3, shards: 2, poison: false });
      expect(lines).not.toMatch(/no system/);
    },
    testMs,
  );
});
