/**
 * Steps that the scenarios on a simulated cluster share: puts and gets through a node, what was
 * acknowledged, and the states a scenario waits for. A step that fails throws and says why.
 */
import { assert, must } from '../lib/assert.ts';
import { isDynakvError } from '../lib/errors.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { NodeId } from '../sys/network.ts';
import { groupOfHash } from '../shards/groups.ts';
import type { SimCluster } from './cluster.ts';
import { kvPut, kvTarget } from './register-clients.ts';

export const testMs = 600_000;
/** Small enough that a few dozen writes leave a crashed follower behind the log. */
export const compaction = { keepBytes: 1_024, catchUpBytesMax: 4_096 };

export function core(cluster: SimCluster, nodeId: NodeId): NodeCore {
  return must(cluster.core(nodeId), `Node ${nodeId} runs`);
}

/** The error code, or `ok`. */
export async function tryPut(
  cluster: SimCluster,
  nodeId: NodeId,
  id: string,
  json: string,
  limitMs = 5_000,
): Promise<string> {
  const call = { deadlineMs: cluster.scheduler.nowMs + limitMs, requestId: 'test' };
  try {
    await cluster.settle(core(cluster, nodeId).router.execute(kvPut(id, json), call));
    return 'ok';
  } catch (error) {
    return isDynakvError(error) ? error.code : String(error);
  }
}

export async function get(
  cluster: SimCluster,
  nodeId: NodeId,
  id: string,
  consistent = true,
): Promise<string | undefined> {
  const call = { deadlineMs: cluster.scheduler.nowMs + 10_000, requestId: 'test' };
  const command = { ...kvTarget(id), kind: 'get', consistent } as const;
  const reply = await cluster.settle(core(cluster, nodeId).router.execute(command, call));
  return reply.kind === 'got' && reply.found !== undefined
    ? (JSON.parse(reply.found.item.toString()) as { json: { S: string } }).json.S
    : undefined;
}

/** What was acknowledged, by id. */
export class Acked {
  readonly values = new Map<string, string>();
  #round = 0;

  /** Puts `count` values of `bytes` each and demands that all are acknowledged. */
  async fill(cluster: SimCluster, nodeId: NodeId, count: number, bytes: number): Promise<void> {
    this.#round += 1;
    for (let i = 0; i < count; i++) {
      const id = `k${i}`;
      const value = `"${this.#round}-${'x'.repeat(bytes)}"`;
      const code = await tryPut(cluster, nodeId, id, value);
      assert(code === 'ok', `Cannot put "${id}" through node ${nodeId}: ${code}`);
      this.values.set(id, value);
    }
  }

  async check(cluster: SimCluster, nodeId: NodeId, consistent = true): Promise<void> {
    for (const [id, value] of this.values) {
      const found = await get(cluster, nodeId, id, consistent);
      assert(
        found === value,
        `An acknowledged value is gone: node ${nodeId} has ${found ?? 'nothing'} at "${id}", ` +
          `acknowledged was ${value}`,
      );
    }
  }
}

/** True once every replica of `nodeId` has applied all that its leader committed. */
export function caughtUp(cluster: SimCluster, nodeId: NodeId): boolean {
  const node = cluster.core(nodeId);
  if (node === undefined || !node.groupsReady) {
    return false;
  }
  return [...node.host.groups.values()].every((group) => {
    const leader = cluster.core(group.leaderNode ?? 0)?.host.groups.get(group.groupId);
    return leader !== undefined && group.replica.applied.index === leader.commitIndex;
  });
}

export async function settleCaughtUp(cluster: SimCluster, nodeId: NodeId): Promise<void> {
  const isSo = await cluster.scheduler.runUntil(() => caughtUp(cluster, nodeId), 30_000);
  assert(isSo, `Node ${nodeId} does not catch up`);
}

/** Every replica of every living node sleeps. */
export function allAsleep(cluster: SimCluster): boolean {
  return cluster.nodeIds.every((nodeId) =>
    [...(cluster.core(nodeId)?.host.groups.values() ?? [])].every((group) => group.asleep),
  );
}

export async function lull(cluster: SimCluster): Promise<void> {
  const isSo = await cluster.scheduler.runUntil(() => allAsleep(cluster), 40_000);
  assert(isSo, 'The groups do not fall asleep');
}

/** Node that leads the shard of a key, as node `seenFrom` believes. */
export function leaderOf(
  cluster: SimCluster,
  id: string,
  shards: number,
  seenFrom: NodeId,
): NodeId {
  const group = core(cluster, seenFrom).host.groups.get(groupOfHash(kvTarget(id).hash, shards));
  return must(group?.leaderNode, 'A sleeping group has a leader');
}

/** Puts until it works; the time it took, ms. */
export async function msUntilPut(cluster: SimCluster, nodeId: NodeId, id: string): Promise<number> {
  const startMs = cluster.scheduler.nowMs;
  // A request that reached the lost leader ends as unknown: this one may be repeated.
  for (let attempt = 0; attempt < 20; attempt++) {
    if ((await tryPut(cluster, nodeId, id, '"woken"', 1_000)) === 'ok') {
      break;
    }
  }
  return cluster.scheduler.nowMs - startMs;
}
