/**
 * What a person is told of the cluster. Goal: what is wrong is named, what nobody could tell is
 * unknown, never guessed. Method: SimCluster; the answers of chosen nodes are put together.
 */
import { describe, expect, test } from '@jest/globals';
import type { StatusView } from '../contract/status-types.ts';
import { SimCluster } from '../sim/cluster.ts';
import type { NodeControl } from './node-control.ts';
import { localStatus, wholeStatus } from './status.ts';

function controlOf(cluster: SimCluster, nodeId: number): NodeControl {
  return {
    version: '1.2.3',
    state: 'member',
    identity: { clusterId: 'c', nodeId, storeId: 's' },
    core: cluster.core(nodeId),
    ready: true,
    featureVersionMax: 1,
    fingerprints: { presented: [], trusted: [] },
    bootId: 'b',
    reserve: () => Promise.resolve({ storeId: 's' }),
    join: () => Promise.resolve(false),
    bootstrap: () => Promise.resolve(false),
    stopSoon: () => undefined,
  };
}

/** Asks node `asked`, which hears from `others`. */
function statusOf(cluster: SimCluster, asked: number, others: readonly number[]): StatusView {
  const answers = [asked, ...others].map(
    (nodeId) => [nodeId, localStatus(controlOf(cluster, nodeId))] as const,
  );
  return wholeStatus(controlOf(cluster, asked), new Map(answers));
}

function reasons(status: StatusView): string[] {
  return [...new Set(status.problems.map((problem) => problem.reason))].sort();
}

async function started(): Promise<SimCluster> {
  const cluster = new SimCluster({ seed: 41, nodes: 3, shards: 4 });
  await cluster.start();
  await cluster.scheduler.runFor(500);
  return cluster;
}

describe('wholeStatus()', () => {
  test('a cluster that is well has no problems and a leader everywhere', async () => {
    const status = statusOf(await started(), 2, [1, 3]);
    expect(status).toMatchObject({ nodeId: 2, ready: true, problems: [], shardCount: 4 });
    expect(status.groups.map((group) => group.groupId)).toEqual([0, 1, 2, 3, 4]);
    for (const group of status.groups) {
      expect(group.leaderNodeId).not.toBe(0);
      expect(group.replicas.every((replica) => replica.known)).toBe(true);
    }
    const led = status.nodes.map((node) => node.leaderCount);
    expect(led.reduce((sum, count) => sum + count)).toBe(5);
    expect(status.nodes.map((node) => [node.state, node.version])).toEqual(
      Array(3).fill(['active', '1.2.3']),
    );
  });

  test('a node that does not answer is down, and leads nothing, whatever the others believe', async () => {
    const cluster = await started();
    const groups = [...(cluster.core(1)?.host.groups.values() ?? [])];
    const led = groups.filter((group) => group.isLeader).map((group) => group.groupId);
    expect(led.length).toBeGreaterThan(0);
    // Asked at once: the others still believe in it.
    const status = statusOf(cluster, 2, [3]);
    expect(reasons(status)).toEqual(['GroupWithoutLeader', 'NodeDown', 'ShardUnderReplicated']);
    const silent = { state: 'active', answers: false, leaderCount: 0, version: '' };
    expect(status.nodes[0]).toMatchObject(silent);
    const leaderless = status.groups.filter((group) => group.leaderNodeId === 0);
    expect(leaderless.map((group) => group.groupId)).toEqual(led);
    // Replicas of the silent node are told by the leaders that know them, or unknown.
    for (const group of leaderless) {
      expect(group.replicas.find((replica) => replica.nodeId === 1)?.known).toBe(false);
    }
  });

  test('after the failover only the node is wrong', async () => {
    const cluster = await started();
    cluster.crash(1, false);
    await cluster.scheduler.runFor(8_000);
    const status = statusOf(cluster, 2, [3]);
    expect(reasons(status)).toEqual(['NodeDown', 'ShardUnderReplicated']);
    expect(status.problems[0]?.message).toBe('Node 1 at n1:7000 does not answer');
    expect(status.groups.every((group) => group.leaderNodeId > 1)).toBe(true);
  });

  test('without a majority every group is named as leaderless', async () => {
    const cluster = await started();
    cluster.crash(1, false);
    cluster.crash(3, false);
    await cluster.scheduler.runFor(8_000);
    const status = statusOf(cluster, 2, []);
    expect(status.ready).toBe(false);
    const lost = status.problems.filter((each) => each.reason === 'ShardLeaderless');
    expect(lost).toHaveLength(5);
    expect(lost[1]?.message).toMatch('Shard 0 has lost its majority: 1 of 3 copies answer');
    const leaderless = status.problems.filter((each) => each.reason === 'GroupWithoutLeader');
    expect(leaderless).toHaveLength(5);
    expect(leaderless[0]?.message).toContain('The system group has no leader');
  });

  test('a node that belongs to no cluster says so', () => {
    const control = { ...controlOf(new SimCluster({ seed: 1, nodes: 1, shards: 1 }), 1) };
    expect(() => localStatus({ ...control, core: undefined })).toThrow('belongs to no cluster');
  });
});
