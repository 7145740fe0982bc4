/**
 * Goal: what a seed once found stays found out. Method: each seed that failed is run again, with
 * the options that it failed with.
 */
import { describe, expect, test } from '@jest/globals';
import { describeFailure } from './describe-report.ts';
import { runSeed } from './run-seed.ts';
import type { SwarmOverrides } from './swarm-options.ts';

const testMs = 300_000;

interface Kept {
  readonly seed: number;
  /** Members come and go whatever the seed draws. */
  readonly churn?: true;
  readonly found: string;
}

const kept: readonly Kept[] = [
  { seed: 118_430, found: 'a node that died before the system group took it in keeps its id' },
  { seed: 118_552, found: 'five copies are promised, and one of five nodes is lost for good' },
  {
    seed: 130_101,
    churn: true,
    found: 'a replica that missed its removal hid the leader from its node',
  },
  {
    seed: 119_281,
    churn: true,
    found: 'a plan did not say that shards wait for a node to be spread better',
  },
  { seed: 119_469, churn: true, found: 'a node drained before it knew the catalog never got it' },
  { seed: 119_892, churn: true, found: 'two asked for a removal, and were told that it is done' },
  { seed: 120_014, churn: true, found: 'five copies are wanted, and one of five nodes is lost' },
  {
    seed: 120_368,
    churn: true,
    found: 'a node came back to a system group led by nodes that it did not know',
  },
  {
    seed: 128_496,
    churn: true,
    found: 'a leadership was to leave a node that has no copy any more, for one that died',
  },
  {
    seed: 131_910,
    churn: true,
    found: 'two changes of the system voters, one planned during the other, left two of three',
  },
  {
    seed: 132_133,
    churn: true,
    found: 'the disks of a removed node and of one rolled back led a shard of long ago',
  },
  {
    seed: 137_779,
    churn: true,
    found: 'a move that was dropped and stored again was driven beside another of its shard',
  },
  {
    seed: 140_346,
    churn: true,
    found: 'a node that was away knew nobody any more when it came back',
  },
  {
    seed: 144_838,
    churn: true,
    found: 'a copy for a node that was back and drained waited for a target that was gone',
  },
  { seed: 125_326, churn: true, found: 'copies wait for a node that is not steady yet' },
];

describe('kept seeds', () => {
  test.each(kept)(
    'seed $seed: $found',
    async ({ seed, churn }) => {
      const overrides: SwarmOverrides = churn === true ? { churn } : {};
      const report = await runSeed(seed, overrides);
      expect(report.failure === undefined ? '' : describeFailure(report, overrides, '')).toBe('');
    },
    testMs,
  );
});
