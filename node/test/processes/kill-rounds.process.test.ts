/** Goal: acknowledged writes survive `kill -9`. Method: see `kill-rounds.ts`; 20 short rounds. */
import { test } from '@jest/globals';
import { runKillRounds } from './kill-rounds.ts';
import { chooseSeed } from './verdict.ts';

test('twenty rounds of kill -9 lose nothing and stay linearizable', async () => {
  await runKillRounds({ seed: chooseSeed(), rounds: 20 });
});
