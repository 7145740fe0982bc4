/**
 * The system group's commands that move a node through its states (design §6): pure.
 *
 *   joining → active ⇄ draining → drained → removed
 *             active ⇄ dead (silent for too long, or its store failed)
 *   drained → active (the drain is called off); joining, dead → removed
 *
 * What only leaders know (whether it is safe) is checked by the manager before it asks
 * (`admin-changes.ts`); what the catalog knows is checked here, in the entry's own place.
 *
 * Invariant: `removed` is the end. A node is `drained` or `removed` only when no record of a shard
 * lists a replica on it, which needs the word of each shard's leader (protocols.md P16).
 */
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { Catalog } from './catalog.ts';
import type { NodeRecord, NodeState } from './catalog-records.ts';
import { checkFence } from './fence.ts';
import type { Fence } from './fence.ts';
import { nodeRow } from './node-commands.ts';
import { refusal, unchanged } from './system-decision.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';

/** Maintenance is for a restart, not for a repair. */
export const maintenanceMsMax = 3_600_000;

export type NodeStateCommand =
  | {
      readonly op: 'setNodeState';
      readonly fence: Fence;
      readonly nodeId: NodeId;
      readonly state: 'active' | 'draining';
      readonly owner: string;
    }
  | { readonly op: 'removeNode'; readonly fence: Fence; readonly nodeId: NodeId }
  | {
      readonly op: 'evictLeaders';
      readonly fence: Fence;
      readonly nodeId: NodeId;
      readonly evict: boolean;
    }
  | {
      readonly op: 'maintenance';
      readonly fence: Fence;
      readonly nodeId: NodeId;
      /** 0 ends it. */
      readonly durationMs: number;
    }
  /** The manager saw it: silent for too long, back, empty, its maintenance over, its program. */
  | { readonly op: 'nodeDead'; readonly nodeId: NodeId }
  | { readonly op: 'nodeReturned'; readonly nodeId: NodeId }
  | { readonly op: 'nodeDrained'; readonly nodeId: NodeId }
  | { readonly op: 'maintenanceOver'; readonly nodeId: NodeId }
  | { readonly op: 'announce'; readonly nodeId: NodeId; readonly featureVersionMax: number };

function nodeOf(catalog: Catalog, nodeId: NodeId): NodeRecord {
  const node = catalog.nodes.get(nodeId);
  if (node === undefined) {
    throw refusal('UnknownNode', `Cannot find node ${nodeId}`, { node: nodeId });
  }
  return node;
}

function changed(node: NodeRecord, change: Partial<NodeRecord>): SystemDecision {
  return {
    writes: [nodeRow(node, change)],
    reply: { revision: node.revision + 1, changed: true },
  };
}

function same({ revision }: NodeRecord): SystemDecision {
  return unchanged({ revision, changed: false });
}

/** Passes on what is so already; throws if the caller may not change the node. */
function isSo(catalog: Catalog, node: NodeRecord, fence: Fence, so: boolean): boolean {
  const { nodeId, revision } = node;
  checkFence(catalog, fence, { what: `node ${nodeId}`, revision, isSo: so });
  return so;
}

function wrongState(node: NodeRecord, what: string): Error {
  return refusal('WrongState', `Cannot ${what} node ${node.nodeId}: it is ${node.state}`, {
    node: node.nodeId,
  });
}

/** Shards that have a replica on the node by their records. */
export function shardsOn(catalog: Catalog, nodeId: NodeId): number[] {
  const held: number[] = [];
  for (const { groupId, replicas } of catalog.groups.values()) {
    if (groupId !== systemGroupId && replicas.some((replica) => replica.nodeId === nodeId)) {
      held.push(groupId);
    }
  }
  return held;
}

function activate(catalog: Catalog, node: NodeRecord, facts: SystemFacts): SystemDecision {
  const fromStates: readonly NodeState[] = ['joining', 'draining', 'drained'];
  if (!fromStates.includes(node.state)) {
    throw wrongState(node, 'activate');
  }
  if (node.state === 'joining') {
    if (!facts.isLive(node.nodeId)) {
      throw refusal('NodeDown', `Cannot activate node ${node.nodeId}: it does not answer`);
    }
    const others = catalog.members.filter((other) => other.nodeId !== node.nodeId);
    const zoned = others.filter((other) => other.zone !== undefined).length;
    if (node.zone === undefined && zoned > 0) {
      throw refusal(
        'ZonesUnknown',
        `Cannot activate node ${node.nodeId}: its zone is unknown, and ${zoned} of the other ` +
          `${others.length} nodes have one`,
      );
    }
  }
  return changed(node, { state: 'active', drain: undefined });
}

function setState(
  catalog: Catalog,
  command: NodeStateCommand & { op: 'setNodeState' },
  facts: SystemFacts,
): SystemDecision {
  const { nodeId, state, owner, fence } = command;
  const node = nodeOf(catalog, nodeId);
  if (isSo(catalog, node, fence, node.state === state)) {
    return same(node);
  }
  if (state === 'active') {
    return activate(catalog, node, facts);
  }
  if (node.state === 'drained') {
    return same(node);
  }
  if (node.state !== 'active' && node.state !== 'dead' && node.state !== 'joining') {
    throw wrongState(node, 'drain');
  }
  const { nowMs } = facts;
  return changed(node, {
    state: 'draining',
    drain: { owner, startedAtMs: nowMs, lastProgressAtMs: nowMs },
    maintenanceUntilMs: undefined,
  });
}

function remove(
  catalog: Catalog,
  { nodeId, fence }: NodeStateCommand & { op: 'removeNode' },
): SystemDecision {
  const node = nodeOf(catalog, nodeId);
  if (isSo(catalog, node, fence, node.state === 'removed')) {
    return same(node);
  }
  if (node.state === 'active' || node.state === 'draining') {
    throw refusal(
      'NotDrained',
      `Cannot remove node ${nodeId}: it is ${node.state}; drain it first`,
      { node: nodeId },
    );
  }
  const held = shardsOn(catalog, nodeId);
  if (held.length > 0) {
    throw refusal(
      'HoldsReplicas',
      `Cannot remove node ${nodeId}: ${held.length} shards have a copy on it (groups ` +
        `${held.slice(0, 8).join(', ')}); they are replaced first`,
      { node: nodeId, shards: held.length },
    );
  }
  return changed(node, {
    state: 'removed',
    drain: undefined,
    evictingLeaders: undefined,
    maintenanceUntilMs: undefined,
  });
}

function evict(
  catalog: Catalog,
  command: NodeStateCommand & { op: 'evictLeaders' },
): SystemDecision {
  const { nodeId, evict: wanted, fence } = command;
  const node = nodeOf(catalog, nodeId);
  if (isSo(catalog, node, fence, (node.evictingLeaders === true) === wanted)) {
    return same(node);
  }
  if (node.state === 'removed') {
    throw wrongState(node, 'evict the leaders of');
  }
  return changed(node, { evictingLeaders: wanted ? true : undefined });
}

function maintain(
  catalog: Catalog,
  command: NodeStateCommand & { op: 'maintenance' },
  { nowMs }: SystemFacts,
): SystemDecision {
  const { nodeId, durationMs, fence } = command;
  const node = nodeOf(catalog, nodeId);
  const isOver = durationMs === 0 && node.maintenanceUntilMs === undefined;
  if (isSo(catalog, node, fence, isOver)) {
    return same(node);
  }
  if (!(durationMs >= 0 && durationMs <= maintenanceMsMax)) {
    throw refusal(
      'InvalidDuration',
      `Cannot set maintenance of node ${nodeId}: ${durationMs} ms is not 0 … ${maintenanceMsMax}`,
    );
  }
  if (durationMs > 0 && node.state !== 'active' && node.state !== 'joining') {
    throw wrongState(node, 'set maintenance of');
  }
  return changed(node, { maintenanceUntilMs: durationMs === 0 ? undefined : nowMs + durationMs });
}

/** What the manager saw: done if the node is still as it saw it. */
function observed(
  catalog: Catalog,
  command: Exclude<NodeStateCommand, { readonly fence: Fence }>,
): SystemDecision {
  const node = nodeOf(catalog, command.nodeId);
  switch (command.op) {
    case 'nodeDead':
      return node.state === 'active' ? changed(node, { state: 'dead' }) : same(node);
    case 'nodeReturned':
      return node.state === 'dead' && node.quarantined === undefined
        ? changed(node, { state: 'active' })
        : same(node);
    case 'nodeDrained':
      return node.state === 'draining' && shardsOn(catalog, node.nodeId).length === 0
        ? changed(node, { state: 'drained' })
        : same(node);
    case 'maintenanceOver':
      return node.maintenanceUntilMs === undefined
        ? same(node)
        : changed(node, { maintenanceUntilMs: undefined });
    case 'announce': {
      const { featureVersionMax } = command;
      if (node.featureVersionMax === featureVersionMax) {
        return same(node);
      }
      // Nothing that anybody fences by: the revision stays.
      const row = catalogRow(catalogKeys.node(node.nodeId), { ...node, featureVersionMax });
      return { writes: [row], reply: {} };
    }
  }
}

export function decideNodeState(
  catalog: Catalog,
  command: NodeStateCommand,
  facts: SystemFacts,
): SystemDecision {
  switch (command.op) {
    case 'setNodeState':
      return setState(catalog, command, facts);
    case 'removeNode':
      return remove(catalog, command);
    case 'evictLeaders':
      return evict(catalog, command);
    case 'maintenance':
      return maintain(catalog, command, facts);
    default:
      return observed(catalog, command);
  }
}
