/**
 * Three nodes whose logs hold next to nothing, so that whoever was away gets a snapshot, through
 * breaks, kills and power cuts at any moment of it.
 */
import { Prng } from '../../lib/prng.ts';
import { ClusterWeather } from './cluster-weather.ts';
import type { Storm } from './storm.ts';

const rounds = 6;
const awayMsMax = 2_500;
/** From a boot to the next crash: snapshots of a few rows take milliseconds. */
const catchingUpMsMax = 120;

export const snapshotStorm: Storm = {
  name: 'snapshot',
  what: 'logs that hold next to nothing: snapshots that break off, crash and start over',
  async run(seed) {
    const random = new Prng(seed ^ 0x54a9);
    const weather = new ClusterWeather({
      seed,
      nodes: 3,
      shards: 1 + random.below(2),
      compaction: { keepBytes: 256, catchUpBytesMax: 512 + random.below(1_024) },
      tuning: {
        cacheBytes: random.pick([600, 4_000_000]),
        engineMaxMs: random.pick([1, 15]),
        segmentBytes: random.pick([16_384, 65_536]),
      },
      keys: Array.from({ length: 2 + random.below(10) }, (_, i) => `k${i}`),
      clients: 4 + random.below(4),
    });
    const { cluster } = weather;
    await weather.start();
    const snapshotBreakChance = random.pick([0, 0, 0.3]);
    cluster.network.options = { ...cluster.network.options, snapshotBreakChance };
    for (let round = 0; round < rounds; round++) {
      await weather.runFor(600);
      const victim = random.pick(cluster.nodeIds);
      const isCut = random.chance(0.3);
      if (isCut) {
        const others = cluster.nodeIds.filter((nodeId) => nodeId !== victim);
        cluster.network.partition([victim], others);
      } else {
        cluster.crash(victim, random.chance(0.5));
      }
      await weather.runFor(awayMsMax);
      cluster.network.heal();
      if (!isCut) {
        await cluster.boot(victim);
      }
      if (random.chance(0.6)) {
        await weather.runFor(catchingUpMsMax);
        await weather.crash([victim], 200);
      }
    }
    cluster.network.options = { ...cluster.network.options, snapshotBreakChance: 0 };
    await weather.calm();
  },
};
