/** A seed of the swarm, as a storm: see `swarm/run-seed.ts`. */
import { AssertionError } from '../../lib/assert.ts';
import { runSeed } from '../swarm/run-seed.ts';
import type { Storm } from './storm.ts';

export const swarmStorm: Storm = {
  name: 'swarm',
  what: 'three to seven nodes, everything drawn from the seed',
  async run(seed) {
    const { failure } = await runSeed(seed);
    if (failure !== undefined) {
      throw new AssertionError(`${failure.check}: ${failure.message}`);
    }
  },
};
