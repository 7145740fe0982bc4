/**
 * Goal: members come, go and are lost while clients read and write, and in the end everything lies
 * where it was promised. Method: seeds with churn, of the kinds that a story needs; each must show
 * in its events that the story happened.
 */
import { describe, expect, test } from '@jest/globals';
import type { ChurnKind } from './churn-options.ts';
import { describeFailure } from './describe-report.ts';
import { runSeed } from './run-seed.ts';

const testMs = 300_000;
const sizes = {
  nodes: 4,
  shards: 4,
  replicationFactor: 3,
  clients: 3,
  thinkMs: 100,
  tables: false,
};

async function linesOf(seed: number, kinds: readonly ChurnKind[]): Promise<string> {
  const churn = { kinds, gapMs: 1_500, graceMs: 3_000, joinsMax: 2, zones: 0 };
  const overrides = { ...sizes, faults: [], faultGapMs: 1_500, churn };
  const lines: string[] = [];
  const report = await runSeed(seed, overrides, { onEvent: (line) => lines.push(line) });
  expect(report.failure === undefined ? '' : describeFailure(report, overrides, '')).toBe('');
  return lines.join('\n');
}

describe('MembershipChurn', () => {
  test(
    'nodes join, are drained and removed, and an old disk comes back: seed 2',
    async () => {
      const lines = await linesOf(2, ['join', 'drain']);
      expect(lines).toMatch(/n5 +joined/);
      expect(lines).toMatch(/drained/);
      expect(lines).toMatch(/operator +remove\n/);
      expect(lines).toMatch(/old disk/);
    },
    testMs,
  );

  test(
    'a lost node is replaced by another machine, one that returns is active again: seed 1',
    async () => {
      const lines = await linesOf(1, ['gone', 'replace', 'killManager']);
      expect(lines).toMatch(/gone +with its disk/);
      expect(lines).toMatch(/gone +for \d+ ms/);
      expect(lines).toMatch(/gone +it managed/);
      expect(lines).toMatch(/n5 +joined/);
    },
    testMs,
  );

  test(
    'plans are called off and started again, copies and leaders moved by hand: seed 1',
    async () => {
      const kinds = ['join', 'move', 'transfer', 'pausePlan', 'cancelPlan', 'cancelDrain'] as const;
      const lines = await linesOf(1, kinds);
      expect(lines).toMatch(/operator +call off\n/);
      expect(lines).toMatch(/operator +pause\n/);
      expect(lines).toMatch(/operator +move group \d from \d to \d\n/);
      expect(lines).toMatch(/operator +cancel drain\n/);
    },
    testMs,
  );
});
