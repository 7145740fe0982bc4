/**
 * The Raft core alone, cut in two most of the time while much is proposed: both sides have long
 * tails that the other does not know, longer than one append can replace.
 */
import { Prng } from '../../lib/prng.ts';
import { RaftChaos, chaosModes, chaosOptions, drawWeather } from '../../test/raft-chaos.ts';
import type { Storm } from './storm.ts';

const salt = 0x7a11;

export const tailStorm: Storm = {
  name: 'tail',
  what: 'Raft cores: long tails on both sides of a cut, replaced piece by piece',
  run(seed) {
    const random = new Prng(seed ^ salt);
    const options = chaosOptions(random.pick(chaosModes));
    const drawn = drawWeather(random);
    const weather = {
      ...drawn,
      leaps: 0,
      orderly: random.pick([0.8, 0.97]),
      poorHints: random.pick([0, 0.3]),
      lossPercent: random.pick([0, 2]),
      weights: {
        ...{ ...drawn.weights, tick: 80, network: 240, storage: 160, propose: 80 },
        ...{ partition: random.pick([1, 2]), compact: 0, members: 0 },
      },
    };
    new RaftChaos(seed, options, weather).run();
    return Promise.resolve();
  },
};
