/**
 * Groups asleep, disturbed: by a hand-over half done, a crash, a cut, a pause. Whatever happened,
 * a write through any node must soon be served; nothing acknowledged before may be gone.
 */
import { assert, must } from '../../lib/assert.ts';
import { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import { GroupWatch } from '../checkers/group-watch.ts';
import { SimCluster } from '../cluster.ts';
import { Acked, lull, msUntilPut } from '../testing-scenarios.ts';
import type { Storm } from './storm.ts';

const rounds = 4;
const servedMsMax = 8_000;

/** The leader hands over to another node and may die before anybody hears of it. */
function handOver(cluster: SimCluster, random: Prng): void {
  for (const nodeId of cluster.nodeIds) {
    const host = cluster.core(nodeId)?.host;
    for (const group of host?.groups.values() ?? []) {
      const others = [...group.nodes.keys()].filter((id) => id !== group.replicaId);
      if (group.isLeader && others.length > 0) {
        group.wake();
        group.raw.transferLeader(random.pick(others));
        host?.dirty(group);
      }
    }
  }
}

async function disturb(cluster: SimCluster, random: Prng): Promise<NodeId | undefined> {
  const victim = random.pick(cluster.nodeIds);
  const others = cluster.nodeIds.filter((nodeId) => nodeId !== victim);
  const dice = random.below(5);
  if (dice < 2) {
    handOver(cluster, random);
    await cluster.scheduler.runFor(random.below(4));
  }
  if (dice === 0 || dice === 2) {
    cluster.crash(victim, true);
    return victim;
  }
  if (dice === 3) {
    cluster.network.partition([victim], others);
    await cluster.scheduler.runFor(1_000 + random.below(3_000));
    cluster.network.heal();
  } else if (dice === 4) {
    cluster.time(victim).pause();
    await cluster.scheduler.runFor(1_000 + random.below(3_000));
    cluster.time(victim).resume();
  }
  return undefined;
}

export const restStorm: Storm = {
  name: 'rest',
  what: 'groups asleep: hand-overs half done, crashes, cuts, pauses; then a write is served soon',
  async run(seed) {
    const random = new Prng(seed ^ 0x4e57);
    const cluster = new SimCluster({ seed, nodes: 3, shards: 2 });
    await cluster.start();
    const watch = new GroupWatch(cluster);
    const acked = new Acked();
    await acked.fill(cluster, 1, 4, 20);
    for (let round = 0; round < rounds; round++) {
      await lull(cluster);
      const away = await disturb(cluster, random);
      const through = must(cluster.nodeIds.find((nodeId) => nodeId !== away));
      for (const id of ['w0', 'w1', 'w2', 'w3']) {
        const tookMs = await msUntilPut(cluster, through, id);
        assert(tookMs <= servedMsMax, `A write after a rest took ${tookMs} ms`);
      }
      await acked.check(cluster, through);
      if (away !== undefined) {
        await cluster.boot(away);
      }
    }
    watch.look();
    watch.stop();
  },
};
