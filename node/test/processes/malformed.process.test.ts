/** Goal: nothing that arrives on a port harms a node. Method: see `malformed.ts`. */
import { test } from '@jest/globals';
import { runMalformed } from './malformed.ts';
import { chooseSeed } from './verdict.ts';

test('ten thousand malformed requests per port are refused and leave no trace', async () => {
  await runMalformed({ seed: chooseSeed(), count: 10_000 });
});
