/**
 * Writers, and many who read eventually consistent, slow engines, logs that hold next to
 * nothing: snapshots overtake the fetches of a node that was cut off and kept all in memory.
 */
import { assert } from '../../lib/assert.ts';
import { Prng } from '../../lib/prng.ts';
import { EventualClients } from '../eventual-clients.ts';
import { ClusterWeather } from './cluster-weather.ts';
import type { Storm } from './storm.ts';

const rounds = 4;
const aloneMsMax = 2_500;
const togetherMsMax = 1_500;
/** Looks at what memory holds after a node is back, and the time before each. */
const looks = 6;
const lookMsMax = 150;

export const readerStorm: Storm = {
  name: 'reader',
  what: 'nodes cut off and caught up by snapshots under eventual readers, slow engines',
  async run(seed) {
    const random = new Prng(seed ^ 0x4ead);
    const keys = Array.from({ length: 6 + random.below(20) }, (_, i) => `k${i}`);
    const weather = new ClusterWeather({
      seed,
      nodes: 3,
      shards: 1,
      compaction: { keepBytes: 256, catchUpBytesMax: 512 },
      tuning: {
        cacheBytes: random.pick([600, 1_500, 4_000_000]),
        engineMaxMs: random.pick([5, 40, 120]),
      },
      keys,
      clients: 8 + random.below(8),
    });
    const { cluster, history } = weather;
    const readers = new EventualClients(cluster, new Prng(seed ^ 0xead), keys);
    await weather.start();
    readers.start(6 + random.below(10));
    for (let round = 0; round < rounds; round++) {
      await weather.runFor(togetherMsMax);
      const victim = random.pick(cluster.nodeIds);
      const others = cluster.nodeIds.filter((nodeId) => nodeId !== victim);
      cluster.network.partition([victim], others);
      await weather.runFor(aloneMsMax);
      cluster.network.heal();
      for (let look = 0; look < looks; look++) {
        await weather.runFor(lookMsMax);
        weather.checks.checkAllMemory();
      }
    }
    readers.stop();
    await weather.calm(200);
    const problem = readers.problem(history);
    assert(problem === undefined, problem ?? '');
  },
};
