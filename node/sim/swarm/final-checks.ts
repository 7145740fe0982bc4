/**
 * What must be true when a seed's cluster has come to rest: replicas hold the same rows, byte for
 * byte, nothing is held that belongs to no request, memory and disk are within their bounds.
 * Each check gives the first problem as a sentence.
 */
import type { NodeCore } from '../../manager/node-core.ts';
import { must } from '../../lib/assert.ts';
import type { Group } from '../../host/group.ts';
import { splitRowKey } from '../../items/keys.ts';
import { decodeSchemaRow, schemaTableOf } from '../../items/schema-row.ts';
import { systemGroupId } from '../../shards/groups.ts';
import { generationRange, stripGeneration } from '../../storage/generation-rows.ts';
import { treeCeiling } from '../../storage/ordered-tree.ts';
import type { SimCluster } from '../cluster.ts';
import type { SwarmOptions } from './swarm-options.ts';

/** Rows of this table id are bookkeeping of the replica itself (`generation-rows.ts`). */
const ownRowsTable = 0xffff_ffff;
/** Segments that a log may hold at rest beside two for each of its groups. */
const spareSegments = 12;

function runningCores(cluster: SimCluster): NodeCore[] {
  return cluster.nodeIds.map((nodeId) => cluster.core(nodeId)).filter((core) => core !== undefined);
}

/** A group that stopped by itself: none may but the one that was given what it cannot apply. */
export function stoppedProblem(cluster: SimCluster, poisoned?: number): string | undefined {
  for (const core of runningCores(cluster)) {
    for (const group of core.host.groups.values()) {
      const isMeant = group.groupId === poisoned || core.host.failure !== undefined;
      if (group.stoppedBecause !== undefined && !isMeant) {
        return `Node ${core.host.nodeId}, group ${group.groupId} stopped: ${group.stoppedBecause}`;
      }
    }
  }
  return undefined;
}

/** Every member of every group has applied, and handed to its engine, all that is committed. */
export function isQuiet(cluster: SimCluster): boolean {
  const cores = runningCores(cluster);
  return cores.every((core) =>
    [...core.host.groups.values()].every((group) => {
      const leader = cores.find((one) => one.host.nodeId === group.leaderNode);
      const led = leader?.host.groups.get(group.groupId);
      return (
        !group.isMember ||
        (led?.isLeader === true &&
          group.replica.drained &&
          group.replica.applied.index === led.lastIndex)
      );
    }),
  );
}

interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/**
 * A replica's rows but those of tables that the shard knows to be dropped: each node frees them when
 * it likes.
 */
function rowsOf(cluster: SimCluster, core: NodeCore, group: Group): Row[] {
  const { from, to } = generationRange(group.replica.generation);
  const tree = cluster.state(core.host.nodeId).data;
  const rows: Row[] = [];
  const dropped = new Set<number>();
  let node = treeCeiling(tree, from, false);
  while (node !== undefined && Buffer.compare(node.key, to) < 0) {
    const key = stripGeneration(node.key);
    const tableId = schemaTableOf(key);
    if (tableId !== undefined && decodeSchemaRow(node.value).state !== 'live') {
      dropped.add(tableId);
    }
    if (key.readUInt32BE(0) !== ownRowsTable) {
      rows.push({ key, value: node.value });
    }
    node = treeCeiling(tree, node.key, true);
  }
  return group.groupId === systemGroupId
    ? rows
    : rows.filter(({ key }) => !dropped.has(splitRowKey(key).tableId));
}

/** Replicas of a group hold the same rows. */
export function replicaProblem(cluster: SimCluster): string | undefined {
  const first = new Map<number, { readonly nodeId: number; readonly rows: readonly Row[] }>();
  for (const core of runningCores(cluster)) {
    for (const group of core.host.groups.values()) {
      if (!group.isMember) {
        continue;
      }
      const { nodeId } = core.host;
      const rows = rowsOf(cluster, core, group);
      const other = first.get(group.groupId);
      if (other === undefined) {
        first.set(group.groupId, { nodeId, rows });
        continue;
      }
      const at = Array.from({ length: Math.max(rows.length, other.rows.length) }, (_, i) => i).find(
        (i) => !sameRow(rows[i], other.rows[i]),
      );
      if (at !== undefined) {
        return (
          `Group ${group.groupId} differs at row ${at} of ${rows.length}: node ${nodeId} has ` +
          `${describeRow(rows[at])}, node ${other.nodeId} has ${describeRow(other.rows[at])}`
        );
      }
    }
  }
  return undefined;
}

function sameRow(one: Row | undefined, other: Row | undefined): boolean {
  return (
    one !== undefined &&
    other !== undefined &&
    one.key.equals(other.key) &&
    one.value.equals(other.value)
  );
}

function describeRow(row: Row | undefined): string {
  return row === undefined
    ? 'none'
    : `${row.key.toString('hex')} = ${row.value.toString('latin1').slice(0, 80)}`;
}

/** Nothing is held for a request that ended. */
export function leftoverProblem(cluster: SimCluster, options: SwarmOptions): string | undefined {
  for (const core of runningCores(cluster)) {
    const { nodeId } = core.host;
    const held = {
      'writes in admission': core.admission.writes,
      'proposals without an outcome': sum(core, (group) => group.settlement.count),
      'bytes in the committed layer': sum(core, (group) => group.replica.layerBytes),
      'bytes to peers': cluster.nodeIds
        .map((peer) => core.parts.network.queuedBytes(peer))
        .reduce((total, bytes) => total + bytes, 0),
    };
    for (const [what, count] of Object.entries(held)) {
      if (count !== 0) {
        return `Node ${nodeId} holds ${count} ${what}, and nothing is under way`;
      }
    }
    const bytesMax = (2 * core.host.groups.size + spareSegments) * options.segmentBytes;
    const logBytes = cluster.disk(nodeId).usedBytes;
    const kept = sum(core, (group) => group.storage.bytes);
    if (logBytes > bytesMax + 4 * kept) {
      return `Node ${nodeId}'s log has ${logBytes} bytes for ${kept} bytes of entries`;
    }
  }
  return undefined;
}

function sum(core: NodeCore, value: (group: Group) => number): number {
  return [...core.host.groups.values()].reduce((total, group) => total + value(group), 0);
}

/** Cells of memory that a queue of the simulation may hold at rest. */
export function queueProblem(cluster: SimCluster): string | undefined {
  const { pendingEvents } = cluster.scheduler;
  const eventsMax = 20_000 * Math.max(1, must(cluster.nodeIds).length);
  return pendingEvents > eventsMax ? `${pendingEvents} events wait at rest` : undefined;
}
