/**
 * More rows than the cache holds, a slow engine, one log's disk that lags behind the others, and
 * power cuts, mostly of all nodes at once: what is fetched while it changes, what is applied or
 * called durable before it is.
 */
import { Prng } from '../../lib/prng.ts';
import { ClusterWeather } from './cluster-weather.ts';
import type { Storm } from './storm.ts';

const rounds = 6;
const roundMsMax = 900;
const downMsMax = 300;

export const coldStorm: Storm = {
  name: 'cold',
  what: 'more rows than the cache holds, slow engines, a disk that lags, power cuts of all nodes',
  async run(seed) {
    const random = new Prng(seed ^ 0xc01d);
    const weather = new ClusterWeather({
      seed,
      nodes: 3,
      shards: 1,
      tuning: {
        cacheBytes: random.pick([900, 1_400]),
        diskMaxMs: random.pick([0.5, 8]),
        engineMaxMs: random.pick([10, 60]),
      },
      keys: ['a', 'b', 'c', 'd', 'e', 'f'].slice(random.below(4)),
      clients: 6 + random.below(6),
    });
    const { cluster } = weather;
    await weather.start();
    for (let round = 0; round < rounds; round++) {
      const lagging = random.pick(cluster.nodeIds);
      cluster.diskSlowness.set(lagging, random.pick([1, 10, 60]));
      await weather.runFor(roundMsMax);
      const isBlackout = random.chance(0.6);
      const victims = isBlackout ? cluster.nodeIds : [random.pick(cluster.nodeIds)];
      for (const victim of victims) {
        cluster.crash(victim, true);
      }
      cluster.diskSlowness.delete(lagging);
      await weather.runFor(downMsMax);
      for (const victim of victims) {
        await cluster.boot(victim);
      }
      await cluster.ready();
    }
    await weather.calm();
  },
};
