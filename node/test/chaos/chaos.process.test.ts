/** Goal: nothing acknowledged is lost and nothing stale is read under faults of every kind, on real
 * processes. Method: see `chaos-run.ts`; here a few seconds of a fixed seed with short faults. */
import { expect, test } from '@jest/globals';
import { runChaos } from './chaos-run.ts';

test('a short run of chaos is linearizable, complete and ends ready', async () => {
  const limits = { pauseMsMax: 2_500, faultMsMax: 2_500 };
  const options = { seed: 4, nodes: 3, seconds: 15, limits, name: 'chaos-test' };
  expect(await runChaos(options)).toMatch(/\d+ judged linearizable/);
}, 900_000);
