/**
 * Goal: whatever happens to nodes and whatever people ask, movement comes to rest once all is back.
 * Method: lives drawn from a seed, of the real manager over groups on paper.
 */
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../lib/prng.ts';
import type { Fence } from '../manager/fence.ts';
import type { NodeRecord } from '../manager/catalog-records.ts';
import { PaperCluster } from './paper-cluster.ts';
import { testMs } from './testing-scenarios.ts';

const restMs = 200_000;

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

/** One thing happens; at most `awayMax` nodes are away at a time. */
async function happen(cluster: PaperCluster, random: Prng, awayMax: number): Promise<void> {
  const { catalog, live } = cluster;
  const nodes = [...catalog.nodes.values()].filter(({ state }) => state !== 'removed');
  const node = random.pick(nodes);
  const { nodeId, revision } = node;
  switch (random.below(8)) {
    case 0:
    case 1:
      if (nodes.length - live.size < awayMax) {
        live.delete(nodeId);
      } else {
        nodes.forEach((each) => live.add(each.nodeId));
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
      return;
    }
    default: {
      const joined = catalog.nodes.size + 1;
      const doors = { clientAddress: `n${joined}:8000`, opsAddress: `n${joined}:9100` };
      await cluster.tell({
        ...{ op: 'join', storeId: `s${joined}`, address: `n${joined}:7000`, ...doors },
        featureVersionMax: 1,
      });
      catalog.nodes.forEach((each) => live.add(each.nodeId));
    }
  }
}

async function makeWhole(cluster: PaperCluster, random: Prng): Promise<void> {
  const { catalog, live, scheduler } = cluster;
  catalog.nodes.forEach(({ nodeId }) => live.add(nodeId));
  await scheduler.runFor(5_000);
  for (const node of [...catalog.nodes.values()]) {
    if (node.state === 'joining' || (node.state === 'draining' && random.chance(0.5))) {
      await setState(cluster, node, 'active');
    }
  }
  await cluster.tell({ op: 'startPlan', fence: fence(catalog.plan.revision) });
}

describe('the manager over groups on paper', () => {
  test.each([1, 2, 3, 4])(
    'comes to rest after each of fifty lives: seeds %i01 to %i50',
    async (series) => {
      const stuck: string[] = [];
      for (let seed = series * 100 + 1; seed <= series * 100 + 50; seed++) {
        const random = new Prng(seed);
        const nodes = 1 + random.below(6);
        const cluster = new PaperCluster(
          seed,
          nodes,
          random.pick([1, 2, 4]),
          random.pick([1, 3, 5]),
        );
        await cluster.tell({
          ...{ op: 'updateSettings', fence: fence(0), settings: { deadNodeGraceMs: 2_000 } },
          allowLowerReplication: true,
        });
        for (let event = 0; event < 20; event++) {
          await cluster.scheduler.runFor(random.below(random.pick([200, 1_000, 4_000])));
          await happen(cluster, random, 1 + random.below(2));
        }
        await makeWhole(cluster, random);
        await cluster.scheduler.runUntil(() => cluster.unrest() === undefined, restMs);
        const unrest = cluster.unrest();
        stuck.push(...(unrest === undefined ? [] : [`seed ${seed}: ${unrest}`]));
      }
      expect(stuck).toEqual([]);
    },
    testMs,
  );
});
