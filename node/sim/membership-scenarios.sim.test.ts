/**
 * Goal: whatever happens to a cluster's members, at whatever step of a move, nothing is lost, reads
 * are linearizable, and the placement comes to rest as promised. Method: the scenarios of
 * `scenarios/`, each with a seed of its own, under clients. `SEED=` runs them with another one.
 */
import { describe, expect, test } from '@jest/globals';
import { drainCancelled, managerDies, moveSteps } from './scenarios/interrupted-moves.ts';
import { membershipScenarios } from './scenarios/membership-scenarios.ts';

const testMs = 240_000;
const seed = Number(process.env['SEED'] ?? 500);

describe('members come and go', () => {
  test.each(Object.entries(membershipScenarios))(
    '%s',
    async (_name, run) => {
      const { operations, movesDone } = await run(seed);
      expect(operations).toBeGreaterThan(50);
      expect(movesDone).toBeGreaterThan(0);
    },
    testMs,
  );
});

describe('the manager dies', () => {
  test.each(moveSteps)(
    'after "%s": the next one ends what it began',
    async (step) => {
      const { operations } = await managerDies(seed + moveSteps.indexOf(step), step);
      expect(operations).toBeGreaterThan(50);
    },
    testMs,
  );
});

describe('a drain is called off', () => {
  test.each(moveSteps)(
    'after "%s": nothing that was begun is left over',
    async (step) => {
      const { operations } = await drainCancelled(seed + 20 + moveSteps.indexOf(step), step);
      expect(operations).toBeGreaterThan(50);
    },
    testMs,
  );
});
