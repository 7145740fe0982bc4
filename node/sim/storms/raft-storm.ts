/**
 * The Raft core alone, without a node around it: thousands of steps a second, so that orders of
 * events come up that a whole cluster meets once in hours.
 */
import { Prng } from '../../lib/prng.ts';
import { RaftChaos, chaosModes, chaosOptions, drawWeather } from '../../test/raft-chaos.ts';
import type { Storm } from './storm.ts';

const salt = 0x3af7;

export const raftStorm: Storm = {
  name: 'raft',
  what: 'Raft cores: loss, reordering, cuts, crashes, membership, every order of work',
  run(seed) {
    const random = new Prng(seed ^ salt);
    const options = chaosOptions(random.pick(chaosModes));
    new RaftChaos(seed, options, drawWeather(random)).run();
    return Promise.resolve();
  },
};
