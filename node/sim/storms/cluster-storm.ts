/**
 * Three nodes under clients, in all weathers but changes of membership: crashes, power cuts of one
 * and of all, cuts, pauses, hand-overs, on a network that loses, doubles and reorders.
 */
import { Prng } from '../../lib/prng.ts';
import { ClusterWeather } from './cluster-weather.ts';
import type { Storm } from './storm.ts';

const mishaps = 8;

export const clusterStorm: Storm = {
  name: 'cluster',
  what: 'three nodes: crashes, power cuts, partitions, pauses, hand-overs, a bad network',
  async run(seed) {
    const random = new Prng(seed ^ 0xc1);
    const weather = new ClusterWeather({
      seed,
      nodes: 3,
      shards: 1 + random.below(2),
      tuning: { cacheBytes: random.pick([2_000, 4_000_000]) },
      keys: ['a', 'b', 'c', 'd', 'e'].slice(random.below(4)),
      clients: 4 + random.below(8),
    });
    await weather.start();
    weather.rain();
    for (let i = 0; i < mishaps; i++) {
      await weather.runFor(1_200);
      await weather.mishap(4_000, 3_000);
    }
    await weather.calm(2_000);
  },
};
