/**
 * Goal: what fails stays where it failed. An entry that cannot be applied stops its shard, by name
 * and on every replica, and neither the node nor the other shards, also after restarts. Without a
 * majority of the system group, data of known tables is read and written as before. Method: one
 * cluster each, real code throughout; the poisoned entry is proposed below the executor.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { groupOfHash } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { SimCluster } from './cluster.ts';
import { kvTarget } from './register-clients.ts';
import { core, get, testMs, tryPut } from './testing-scenarios.ts';

const shards = 4;

/** A key of the shard. */
function keyOf(groupId: number, shardCount: number): string {
  for (let i = 0; ; i++) {
    if (groupOfHash(kvTarget(`k${i}`).hash, shardCount) === groupId) {
      return `k${i}`;
    }
  }
}

function stopped(cluster: SimCluster, groupId: number): NodeId[] {
  return cluster.nodeIds.filter(
    (nodeId) => core(cluster, nodeId).host.groups.get(groupId)?.stoppedBecause !== undefined,
  );
}

describe('an entry that cannot be applied', () => {
  test(
    'stops its shard by name on every replica; nodes and other shards live, also restarted',
    async () => {
      const cluster = new SimCluster({ seed: 61, nodes: 3, shards });
      await cluster.start();
      const poisoned = keyOf(1, shards);
      const sound = keyOf(2, shards);
      expect(await tryPut(cluster, 1, poisoned, '"before"')).toBe('ok');
      const leader = must(core(cluster, 1).host.groups.get(1)?.leaderNode);
      const group = must(core(cluster, leader).host.groups.get(1));
      const outcomes: string[] = [];
      group.propose(Buffer.from([0xee, 1, 2, 3]), group.openTerm, (outcome) => {
        outcomes.push(outcome);
      });
      const allStopped = (): boolean => stopped(cluster, 1).length === 3;
      expect(await cluster.scheduler.runUntil(allStopped, 10_000)).toBe(true);
      expect(outcomes).toEqual(['unknown']);
      for (const nodeId of cluster.nodeIds) {
        expect(core(cluster, nodeId).host.groups.get(1)?.stoppedBecause).toMatch(/./);
        expect(await tryPut(cluster, nodeId, sound, '"here"')).toBe('ok');
        expect(await tryPut(cluster, nodeId, poisoned, '"not"', 2_000)).not.toBe('ok');
      }
      for (const nodeId of cluster.nodeIds) {
        cluster.crash(nodeId, true);
        await cluster.scheduler.runFor(500);
        await cluster.boot(nodeId);
        await cluster.scheduler.runFor(3_000);
        expect(await get(cluster, nodeId, sound)).toBe('"here"');
      }
      expect(await cluster.scheduler.runUntil(allStopped, 10_000)).toBe(true);
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );
});

describe('a system group without a majority', () => {
  test(
    'a shard that has one serves its tables, strongly, through every node that is left',
    async () => {
      const cluster = new SimCluster({ seed: 62, nodes: 5, shards: 8 });
      await cluster.start();
      const { catalog } = core(cluster, 1);
      const groupId = 3;
      const [first, second] = catalog.nodesOf(groupId);
      const left = [must(first), must(second)];
      const id = keyOf(groupId, 8);
      expect(await tryPut(cluster, left[0] as NodeId, id, '"before"')).toBe('ok');
      for (const nodeId of cluster.nodeIds) {
        if (!left.includes(nodeId)) {
          cluster.crash(nodeId, false);
        }
      }
      await cluster.scheduler.runFor(5_000);
      for (const nodeId of left) {
        expect(core(cluster, nodeId).host.groups.get(0)?.openTerm ?? 0).toBe(0);
        expect(await tryPut(cluster, nodeId, id, `"${nodeId}"`)).toBe('ok');
        expect(await get(cluster, nodeId, id)).toBe(`"${nodeId}"`);
      }
      const tables = core(cluster, must(left[0])).tables;
      await expect(
        cluster.settle(
          tables.find('unknown', { deadlineMs: cluster.scheduler.nowMs + 2_000, requestId: 'r' }),
        ),
      ).rejects.toMatchObject({ name: 'DynakvError' });
      expect(cluster.failures).toEqual([]);
    },
    testMs,
  );
});
