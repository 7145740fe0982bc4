/**
 * Goal: what older nodes do not understand is not sent to them, and is used as soon as all nodes
 * know it. Method: a cluster with one node of an older program, which is then replaced by a newer
 * one.
 */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Group } from '../host/group.ts';
import { Host } from '../host/host.ts';
import { readLivenessFrame } from '../host/liveness-frames.ts';
import { must } from '../lib/assert.ts';
import { featureSince, featureVersionMax as newest } from '../lib/feature-version.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { SimCluster } from './cluster.ts';
import { core, lull, testMs } from './testing-scenarios.ts';

/** Notes who is called awake from now on. */
function watchCalls(): NodeId[] {
  const called: NodeId[] = [];
  const { onLivenessFrame } = Host.prototype;
  jest.spyOn(Host.prototype, 'onLivenessFrame').mockImplementation(function (
    this: Host,
    from,
    payload,
  ) {
    if (readLivenessFrame(payload).kind === 'wake') {
      called.push(this.nodeId);
    }
    onLivenessFrame.call(this, from, payload);
  });
  return called;
}

/** The system group's learner, asleep, loses sight of its leader, who still hears it. */
async function orphanLearner(cluster: SimCluster): Promise<void> {
  await lull(cluster);
  const groupAt = (nodeId: NodeId): Group =>
    must(core(cluster, nodeId).host.groups.get(systemGroupId));
  const learner = must(cluster.nodeIds.find((nodeId) => groupAt(nodeId).raw.raft.isLearner));
  cluster.network.cutOneWay(must(groupAt(learner).leaderNode), learner);
  const isOrphan = (): boolean => groupAt(learner).leader === 0;
  expect(await cluster.scheduler.runUntil(isOrphan, 5_000)).toBe(true);
  cluster.network.heal();
  await cluster.scheduler.runFor(5_000);
}

function versionOf(cluster: SimCluster): number {
  return core(cluster, 1).catalog.cluster.featureVersion;
}

describe('the call to wake up', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test(
    'is not sent before all nodes know it: seed 57',
    async () => {
      const known = new Map<NodeId, number>([[2, featureSince.wakeCall - 1]]);
      const featureVersionMax = (nodeId: NodeId): number => known.get(nodeId) ?? newest;
      const cluster = new SimCluster({ seed: 57, nodes: 4, shards: 1, featureVersionMax });
      await cluster.start();
      expect(versionOf(cluster)).toBe(featureSince.wakeCall - 1);
      const called = watchCalls();
      await orphanLearner(cluster);
      expect(called).toEqual([]);
      known.clear();
      cluster.crash(2, false);
      await cluster.boot(2);
      const hasRisen = (): boolean => versionOf(cluster) >= featureSince.wakeCall;
      expect(await cluster.scheduler.runUntil(hasRisen, 30_000)).toBe(true);
      await cluster.scheduler.runFor(20_000); // Leaderships are home again.
      await orphanLearner(cluster);
      expect(called).not.toEqual([]);
    },
    testMs,
  );

  test(
    'is there from the first moment in a cluster that begins with nodes that know it: seed 58',
    async () => {
      const cluster = new SimCluster({ seed: 58, nodes: 4, shards: 1 });
      await cluster.start();
      expect(versionOf(cluster)).toBe(newest);
      const called = watchCalls();
      await orphanLearner(cluster);
      expect(called).not.toEqual([]);
    },
    testMs,
  );
});
