/**
 * A node's store goes bad at the worst moment: one peer was cut off and lacks what the other two
 * acknowledged, both of these are down, and the one that comes back first has an older disk, or a
 * damaged one. It must not make a quorum with the peer that was away. Or a sync fails, and the
 * process is simply started again: that store never serves again.
 */
import { assert, must } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import type { NodeId } from '../../sys/network.ts';
import { ClusterWeather } from './cluster-weather.ts';
import type { Storm } from './storm.ts';

const warmMsMax = 1_500;
/** How long the two go on without the third. */
const aloneMs = 1_500;
/** What the bad store has to do harm, and the good one to mend it. */
const harmMs = 4_000;
const mendMs = 1_500;
/** Boots in vain before the last one: a boot counter would be back where it was. */
const vainBootsMax = 4;
const flippedBits = 3;
/** The damage is at the end of the newest segments, where nothing has replaced it yet. */
const damagedSegments = 2;
const damagedBytes = 4_096;

interface Roles {
  readonly victim: NodeId;
  /** Has all that the victim acknowledged. */
  readonly second: NodeId;
  /** Was cut off meanwhile. */
  readonly third: NodeId;
}

/** Boots a node whose store may be refused; whether it runs. */
async function tryBoot({ cluster }: ClusterWeather, nodeId: NodeId): Promise<boolean> {
  try {
    await cluster.boot(nodeId);
    return true;
  } catch (error) {
    assert(isDynakvError(error), `Node ${nodeId} would not start: ${String(error)}`);
    cluster.crash(nodeId, false);
    return false;
  }
}

/** From here on the victim's promises are void. */
function giveUp(weather: ClusterWeather, { victim }: Roles): void {
  weather.lost.add(victim);
  weather.watch.excused.add(victim);
  weather.checks.excuse(victim);
}

async function worstMoment(
  weather: ClusterWeather,
  roles: Roles,
  spoil: () => void,
  random: Prng,
): Promise<void> {
  const { cluster } = weather;
  const { victim, second, third } = roles;
  cluster.network.partition([third], [victim, second]);
  await cluster.scheduler.runFor(aloneMs);
  cluster.crash(second, random.chance(0.5));
  cluster.crash(victim, random.chance(0.5));
  giveUp(weather, roles);
  spoil();
  cluster.network.heal();
  for (let boots = random.below(vainBootsMax); boots > 0; boots--) {
    await tryBoot(weather, victim);
    await weather.runFor(20);
    cluster.crash(victim, false);
  }
  await tryBoot(weather, victim);
  await cluster.scheduler.runFor(harmMs);
  await cluster.boot(second);
  await cluster.scheduler.runFor(mendMs);
}

/** The victim's disks come back as they were before a boot that its peers have seen. */
async function oldDisk(weather: ClusterWeather, roles: Roles, random: Prng): Promise<void> {
  const { cluster } = weather;
  const { victim, second, third } = roles;
  cluster.crash(victim, random.chance(0.5));
  const images = cluster.copyStores(victim);
  await cluster.boot(victim);
  const isKnown = (): boolean => [second, third].every((one) => cluster.knowsBootOf(one, victim));
  assert(await cluster.scheduler.runUntil(isKnown, 10_000), 'The peers see the boot');
  const spoil = (): void => {
    cluster.putStoresBack(victim, images);
  };
  await worstMoment(weather, roles, spoil, random);
}

/** Bits of the victim's log turn while it is down. */
async function rottenDisk(weather: ClusterWeather, roles: Roles, random: Prng): Promise<void> {
  const disk = weather.cluster.disk(roles.victim);
  const spoil = (): void => {
    const segments = disk.paths.filter((path) => path.endsWith('.log')).slice(-damagedSegments);
    for (const path of segments) {
      const end = disk.contents(path).findLastIndex((byte) => byte !== 0) + 1;
      for (let bit = 0; bit < flippedBits; bit++) {
        const reach = Math.min(end, damagedBytes);
        disk.flipBit(path, end - 1 - random.below(reach), random.below(8));
      }
    }
  };
  await worstMoment(weather, roles, spoil, random);
}

/** A sync fails; whoever runs the process starts it again, as ever. */
async function failedSync(weather: ClusterWeather, roles: Roles, random: Prng): Promise<void> {
  const { cluster } = weather;
  const { victim } = roles;
  let diedAtMs = 0;
  cluster.onFailed = (nodeId) => {
    assert(nodeId === victim, `No other store fails: node ${nodeId}`);
    cluster.scheduler.after(random.below(2), () => {
      diedAtMs = cluster.scheduler.nowMs;
      cluster.crash(victim, false);
    });
  };
  cluster.disk(victim).failNext('EIO', ({ kind }) => kind === 'datasync');
  assert(await cluster.scheduler.runUntil(() => diedAtMs > 0, 20_000), 'The store fails');
  giveUp(weather, roles);
  const refusedBefore = cluster.refusals.length;
  const runs = await tryBoot(weather, victim);
  await cluster.scheduler.runFor(harmMs);
  const isShunned = cluster.refusals.slice(refusedBefore).some(({ nodeId }) => nodeId === victim);
  assert(!runs || isShunned, `The store of node ${victim} failed a sync and serves again`);
}

const kinds = [oldDisk, oldDisk, rottenDisk, failedSync];

export const storeStorm: Storm = {
  name: 'store',
  what: 'an old disk, a rotten one, a failed sync: where the node is needed for a quorum',
  async run(seed) {
    const random = new Prng(seed ^ 0x5706e);
    const weather = new ClusterWeather({
      seed,
      nodes: 3,
      shards: 1 + random.below(2),
      hellos: true,
      tuning: { segmentBytes: random.pick([16_384, 65_536]) },
      keys: ['a', 'b', 'c'],
      clients: 4,
    });
    await weather.start();
    await weather.runFor(warmMsMax);
    const victim = random.pick(weather.cluster.nodeIds);
    const others = weather.cluster.nodeIds.filter((nodeId) => nodeId !== victim);
    const second = random.pick(others);
    const third = must(others.find((nodeId) => nodeId !== second));
    await random.pick(kinds)(weather, { victim, second, third }, random);
    await weather.calm();
  },
};
