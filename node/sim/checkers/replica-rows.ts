/**
 * Compares the rows of a group's replicas byte for byte, in their engines, once all of them have
 * applied the same. For a cluster at rest.
 */
import { assert } from '../../lib/assert.ts';
import { crc32 } from '../../lib/crc32.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import { rowsRange, stripGeneration } from '../../storage/generation-rows.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';

const readRowsMax = 1_000;
const readBytesMax = 1 << 20;

async function sumOf(cluster: SimCluster, core: NodeCore, groupId: number): Promise<string> {
  const group = core.host.groups.get(groupId);
  assert(group !== undefined);
  core.drainer.drainGroup(group);
  const range = { column: 'data', ...rowsRange(group.replica.generation) } as const;
  const iterator = core.parts.engine.iterate(range);
  let sum = 0;
  let count = 0;
  for (;;) {
    const rows = await cluster.settle(iterator.next(readRowsMax, readBytesMax));
    if (rows.length === 0) {
      break;
    }
    for (const [key, value] of rows) {
      sum = crc32(value, crc32(stripGeneration(key), sum));
      count += 1;
    }
  }
  await cluster.settle(iterator.close());
  return `${group.replica.applied.index}: ${count} rows, sum ${sum}`;
}

/** Throws unless the running members of every group hold the same rows. */
export async function checkReplicasEqual(cluster: SimCluster): Promise<void> {
  const first = new Map<number, { readonly nodeId: NodeId; readonly sum: string }>();
  for (const nodeId of cluster.nodeIds) {
    const core = cluster.core(nodeId);
    for (const group of core?.host.groups.values() ?? []) {
      if (core !== undefined && group.isMember) {
        const sum = await sumOf(cluster, core, group.groupId);
        const known = first.get(group.groupId) ?? { nodeId, sum };
        first.set(group.groupId, known);
        assert(
          known.sum === sum,
          `Replicas of group ${group.groupId} differ: node ${known.nodeId} has ${known.sum}, ` +
            `node ${nodeId} has ${sum}`,
        );
      }
    }
  }
}
