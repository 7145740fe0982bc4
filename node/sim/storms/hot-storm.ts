/**
 * Three nodes, one shard, one or two rows that all clients want, on slow disks and with hardly a
 * cache: what is decided before it is applied, and what is read while it changes.
 */
import { Prng } from '../../lib/prng.ts';
import { ClusterWeather } from './cluster-weather.ts';
import type { Storm } from './storm.ts';

const mishaps = 4;
const mishapMsMax = 2_500;

export const hotStorm: Storm = {
  name: 'hot',
  what: 'one or two rows that all clients want, slow disks, tiny caches, short mishaps',
  async run(seed) {
    const random = new Prng(seed ^ 0x407);
    const weather = new ClusterWeather({
      seed,
      nodes: 3,
      shards: 1,
      tuning: {
        cacheBytes: random.pick([600, 4_000_000]),
        diskMaxMs: random.pick([0.5, 8, 25]),
        engineMaxMs: random.pick([1, 25]),
      },
      keys: ['a', 'b'].slice(random.below(2)),
      clients: 3 + random.below(5),
    });
    await weather.start();
    weather.rain();
    for (let i = 0; i < mishaps; i++) {
      await weather.runFor(400);
      await weather.mishap(mishapMsMax);
    }
    await weather.calm();
  },
};
