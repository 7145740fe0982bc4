/**
 * Program behind `make sim-digests`: records the digests of the event logs of a few seeds for the
 * code as it is, in `digests.json`. Whoever has the same code must get the same digests.
 */
import { writeFileSync } from 'node:fs';
import { simulatedCodeHash } from './swarm/code-hash.ts';
import { runSeed } from './swarm/run-seed.ts';

const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

if (import.meta.main) {
  const digests: Record<string, string> = {};
  for (const seed of seeds) {
    digests[seed] = (await runSeed(seed)).digest;
    process.stdout.write(`seed ${seed} ${digests[seed]}\n`);
  }
  const record = { code: simulatedCodeHash(), digests };
  const path = new URL('digests.json', import.meta.url);
  writeFileSync(path, `${JSON.stringify(record, undefined, 2)}\n`);
}
