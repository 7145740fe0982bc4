/** Goal: a leader that slept serves no stale strong read. Method: see `pause-leader.ts`. */
import { test } from '@jest/globals';
import { runPauseLeader } from './pause-leader.ts';
import { chooseSeed } from './verdict.ts';

test('a paused leader serves no stale strong read', async () => {
  await runPauseLeader({ seed: chooseSeed(), pauseMs: 10_000, pauses: 2 });
});
