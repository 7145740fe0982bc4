/** Lives of the manager over groups on paper, as a storm: see `paper-life.ts`. */
import { AssertionError } from '../../lib/assert.ts';
import { paperLife } from '../paper-life.ts';
import type { Storm } from './storm.ts';

/** A life takes about 10 ms, and most are peaceful. */
const livesPerSeed = 20;

export const paperStorm: Storm = {
  name: 'paper',
  what: 'the manager over groups on paper: calls late and lost, plans called off and begun again',
  async run(seed) {
    for (let life = seed * livesPerSeed; life < (seed + 1) * livesPerSeed; life++) {
      const [wrong] = await paperLife(life);
      if (wrong !== undefined) {
        throw new AssertionError(`life ${life}: ${wrong}`);
      }
    }
  },
};
