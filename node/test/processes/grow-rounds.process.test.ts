/**
 * Goal: a cluster grows and shrinks under load, and under `kill -9` of whoever manages, without loss.
 * Method: see `grow-rounds.ts`; one short round.
 */
import { test } from '@jest/globals';
import { runGrowRounds } from './grow-rounds.ts';
import { chooseSeed } from './verdict.ts';

test('a node comes and goes under load and kill -9 of the manager, and nothing is lost', async () => {
  await runGrowRounds({ seed: chooseSeed(), rounds: 1, isShort: true });
});
