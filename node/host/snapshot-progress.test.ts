/**
 * Snapshotter.progress(): what people and the manager see of a snapshot, at both ends, from the
 * first byte to the last. Method: a simulated cluster, a small byte rate.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { SimCluster } from '../sim/cluster.ts';
import { Acked, compaction, core, settleCaughtUp } from '../sim/testing-scenarios.ts';
import type { SnapshotProgress } from './snapshot-progress.ts';

const bytesPerSecond = 100_000;
const rows = 12;
const rowBytes = 70_000;

/** Node 3 is behind the log of the others and comes back. */
async function comeBack(): Promise<SimCluster> {
  const cluster = new SimCluster({ seed: 5, nodes: 3, shards: 1, compaction });
  await cluster.start();
  cluster.crash(3, false);
  await new Acked().fill(cluster, 1, rows, rowBytes);
  await cluster.scheduler.runFor(5_000);
  for (const nodeId of [1, 2]) {
    const { snapshotter } = core(cluster, nodeId);
    snapshotter.policy = { ...snapshotter.policy, bytesPerSecond: () => bytesPerSecond };
  }
  await cluster.boot(3);
  return cluster;
}

function progressAt(cluster: SimCluster, nodeId: number): SnapshotProgress | undefined {
  return core(cluster, nodeId).snapshotter.progress()[0];
}

describe('Snapshotter.progress()', () => {
  test('both ends say who, how far, how fast; nothing is left when it is over', async () => {
    const cluster = await comeBack();
    const isHalfWay = (): boolean =>
      (progressAt(cluster, 3)?.bytesDone ?? 0) > (rows * rowBytes) / 2;
    expect(await cluster.scheduler.runUntil(isHalfWay, 30_000)).toBe(true);
    const group = must(core(cluster, 3).host.groups.get(1));
    const sender = must(group.leaderNode);
    const out = must(progressAt(cluster, sender));
    const common = { groupId: 1, replicaId: group.replicaId, streams: 1 };
    expect(out).toMatchObject({ ...common, direction: 'out', nodeId: 3, state: 'sending' });
    const taken = must(progressAt(cluster, 3));
    expect(taken).toMatchObject({ ...common, direction: 'in', nodeId: sender, state: 'receiving' });
    for (const one of [out, taken]) {
      expect(one.bytesDone).toBeGreaterThan((rows * rowBytes) / 2);
      expect(one.bytesTotal).toBeGreaterThanOrEqual(one.bytesDone);
      expect(one.bytesPerSecond).toBeGreaterThan(bytesPerSecond / 3);
      expect(one.bytesPerSecond).toBeLessThan(bytesPerSecond * 3);
      expect(one.elapsedMs).toBeGreaterThan(2_000);
    }
    await settleCaughtUp(cluster, 3);
    await cluster.scheduler.runFor(2_000);
    const left = cluster.nodeIds.map((nodeId) => progressAt(cluster, nodeId));
    expect(left).toEqual([undefined, undefined, undefined]);
    expect(core(cluster, sender).snapshotter.counts).toMatchObject({ sent: 1, sendsFailed: 0 });
    expect(core(cluster, 3).snapshotter.counts).toMatchObject({ installed: 1 });
    expect(core(cluster, sender).snapshotter.counts.bytesSent).toBeGreaterThan(rows * rowBytes);
  });

  test('one that waits says for what', async () => {
    const cluster = await comeBack();
    const { snapshotter } = core(cluster, 3);
    snapshotter.policy = { ...snapshotter.policy, receivesMax: () => 0 };
    const blocked = (): boolean =>
      [1, 2].some((nodeId) => progressAt(cluster, nodeId)?.blockedBy === 'SnapshotsIn');
    expect(await cluster.scheduler.runUntil(blocked, 30_000)).toBe(true);
    snapshotter.policy = { ...snapshotter.policy, receivesMax: () => 1 };
    await settleCaughtUp(cluster, 3);
  });
});
