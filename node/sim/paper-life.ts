/**
 * One life of the real manager over groups on paper (`paper-cluster.ts`): nodes die and return,
 * join, are drained and removed, people pause, call off and move by hand. Then all is made whole,
 * and movement must come to rest; on the way, nothing that was taken back may be a member.
 *
 * By itself: `node node/sim/paper-life.ts SEED [COUNT]`.
 */
import { isDynakvError, messageOf } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import type { Fence } from '../manager/fence.ts';
import { handMove } from '../manager/hand-moves.ts';
import type { NodeRecord } from '../manager/catalog-records.ts';
import { PaperCluster } from './paper-cluster.ts';
import { wholeNumber } from './whole-number.ts';

const restMs = 200_000;
const events = 20;
/** One disk dies in some lives, where the others can do without. */
const lostMax = 1;
const lossNodesMin = 4;
const startsMax = 20;

function fence(expectedRevision: number): Fence {
  return { controlEpoch: 0, expectedRevision };
}

async function setState(
  cluster: PaperCluster,
  { nodeId, revision }: NodeRecord,
  state: 'active' | 'draining',
): Promise<void> {
  const owner = 'a person';
  await cluster.tell({ op: 'setNodeState', fence: fence(revision), nodeId, state, owner });
}

/** A copy goes where a person wants it, if it may. */
async function moveByHand(cluster: PaperCluster, random: Prng): Promise<void> {
  const { catalog, manager } = cluster;
  const groupId = 1 + random.below(catalog.shardCount);
  const nodeIds = [...catalog.nodes.keys()];
  const [from, to] = [random.pick(nodeIds), random.pick(nodeIds)];
  let move;
  try {
    move = handMove(manager.view(), { groupId, from, to });
  } catch (error) {
    if (isDynakvError(error)) {
      return;
    }
    throw error;
  }
  await cluster.tell({ op: 'addMove', fence: fence(catalog.plan.revision), move });
}

/** One thing happens; at most `awayMax` nodes are away at a time. */
async function happen(cluster: PaperCluster, random: Prng, awayMax: number): Promise<void> {
  const { catalog, live } = cluster;
  const nodes = catalog.members;
  const node = random.pick(nodes);
  const { nodeId, revision } = node;
  switch (random.below(11)) {
    case 0:
    case 1:
      if (nodes.length - live.size < awayMax) {
        live.delete(nodeId);
      } else {
        cluster.revive();
      }
      return;
    case 2:
      await setState(cluster, node, random.pick(['active', 'draining', 'draining']));
      return;
    case 3: {
      const evict = random.chance(0.6);
      await cluster.tell({ op: 'evictLeaders', fence: fence(revision), nodeId, evict });
      return;
    }
    case 4: {
      const durationMs = random.pick([0, 3_000, 8_000]);
      await cluster.tell({ op: 'maintenance', fence: fence(revision), nodeId, durationMs });
      return;
    }
    case 5:
      await cluster.tell({
        ...{ op: 'updateSettings', fence: fence(catalog.settings.revision), settings: {} },
        ...{ replicationFactor: random.pick([1, 3, 5]), allowLowerReplication: true },
      });
      return;
    case 6: {
      const op = random.pick(['pausePlan', 'cancelPlan', 'startPlan'] as const);
      await cluster.tell({ op, fence: fence(catalog.plan.revision) });
      if (random.chance(0.5)) {
        await cluster.scheduler.runFor(random.below(2_000));
        await cluster.tell({ op: 'startPlan', fence: fence(catalog.plan.revision) });
      }
      return;
    }
    case 7:
      if (node.state === 'drained') {
        await cluster.tell({ op: 'removeNode', fence: fence(revision), nodeId });
      }
      return;
    case 8:
      await moveByHand(cluster, random);
      return;
    case 9:
      if (cluster.lost.size < lostMax && nodes.length >= lossNodesMin) {
        cluster.lost.add(nodeId);
        live.delete(nodeId);
      }
      return;
    default: {
      const joined = catalog.nodes.size + 1;
      await cluster.tell({ op: 'join', ...cluster.placeOf(joined), featureVersionMax: 1 });
      cluster.revive();
    }
  }
}

async function makeWhole(cluster: PaperCluster, random: Prng): Promise<void> {
  const { catalog, scheduler } = cluster;
  cluster.revive();
  await scheduler.runFor(5_000);
  for (const node of catalog.members) {
    if (node.state === 'joining' || (node.state === 'draining' && random.chance(0.5))) {
      await setState(cluster, node, 'active');
    }
  }
  // A call that is late may meet a plan that has changed since.
  for (let attempt = 0; catalog.plan.paused && attempt < startsMax; attempt++) {
    await cluster.tell({ op: 'startPlan', fence: fence(catalog.plan.revision) });
  }
}

/** What went wrong; nothing: the life was a good one. */
export async function paperLife(seed: number): Promise<readonly string[]> {
  const random = new Prng(seed);
  const cluster = new PaperCluster({
    ...{ seed, nodes: 1 + random.below(6), shardCount: random.pick([1, 2, 4]) },
    ...{ replicationFactor: random.pick([1, 3, 5]), zones: random.pick([0, 0, 2, 3, 4]) },
  });
  await cluster.tell({
    ...{ op: 'updateSettings', fence: fence(0), settings: { deadNodeGraceMs: 2_000 } },
    allowLowerReplication: true,
  });
  for (let event = 0; event < events; event++) {
    await cluster.scheduler.runFor(random.below(random.pick([200, 1_000, 4_000])));
    await happen(cluster, random, 1 + random.below(2));
  }
  await makeWhole(cluster, random);
  await cluster.scheduler.runUntil(() => cluster.unrest() === undefined, restMs);
  const unrest = cluster.unrest();
  return [...cluster.violations, ...(unrest === undefined ? [] : [unrest])];
}

async function main(firstText: string, countText: string): Promise<void> {
  const first = wholeNumber(firstText, 'SEED');
  const count = wholeNumber(countText, 'COUNT');
  let failed = 0;
  for (let seed = first; seed < first + count; seed++) {
    const wrong = await paperLife(seed);
    failed += Math.min(1, wrong.length);
    wrong.forEach((what) => {
      process.stdout.write(`seed ${seed}: ${what}\n`);
    });
  }
  process.stdout.write(`${count - failed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 && count > 0 ? 0 : 1;
}

if (import.meta.main) {
  await main(process.argv[2] ?? '1', process.argv[3] ?? '1').catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  });
}
