/** The system group's commands about nodes: pure, against the applied catalog. */
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { Catalog } from './catalog.ts';
import type { NodeRecord } from './catalog-records.ts';
import { withReplica } from './replica-commands.ts';
import { refusal, unchanged } from './system-decision.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';

export type NodeCommand =
  /** A node said where it is reached from now on. */
  | { readonly op: 'moved'; readonly nodeId: NodeId; readonly address: string }
  /** A node said that its store failed. */
  | { readonly op: 'quarantine'; readonly nodeId: NodeId; readonly reason: string }
  /** Nothing: whoever is answered was led by this leader after it asked. */
  | { readonly op: 'confirm' }
  /** An empty node wants to be a member; the same store gets the same answer. */
  | {
      readonly op: 'join';
      readonly storeId: string;
      readonly address: string;
      readonly clientAddress: string;
      readonly opsAddress: string;
      readonly zone?: string | undefined;
      /** The highest feature version that its program knows. */
      readonly featureVersionMax: number;
    };

/** What a node needs to know to be told the rest by the system group. */
export interface JoinReply {
  readonly nodeId: NodeId;
  readonly clusterId: string;
  readonly systemReplicaId: number;
  readonly createdAtMs: number;
  readonly featureVersion: number;
}

/** The node's row with a change in it, at its next revision. */
export function nodeRow(
  node: NodeRecord,
  change: Partial<NodeRecord>,
): ReturnType<typeof catalogRow> {
  const next: NodeRecord = { ...node, ...change, revision: node.revision + 1 };
  return catalogRow(catalogKeys.node(node.nodeId), next);
}

function joined(catalog: Catalog, nodeId: NodeId): JoinReply {
  const { clusterId, createdAtMs, featureVersion } = catalog.cluster;
  const replica = catalog.groups
    .get(systemGroupId)
    ?.replicas.find((candidate) => candidate.nodeId === nodeId);
  const systemReplicaId = replica?.replicaId ?? 0;
  return { nodeId, clusterId, createdAtMs, featureVersion, systemReplicaId };
}

function join(
  catalog: Catalog,
  command: NodeCommand & { op: 'join' },
  facts: SystemFacts,
): SystemDecision {
  const { cluster } = catalog;
  const { address, clientAddress, opsAddress, zone, storeId } = command;
  if (command.featureVersionMax < cluster.featureVersion) {
    throw refusal(
      'FeatureVersionTooOld',
      `Cannot join: the cluster uses feature version ${cluster.featureVersion}, this program ` +
        `knows up to ${command.featureVersionMax}: start a newer release`,
    );
  }
  const writes = [];
  for (const node of catalog.nodes.values()) {
    if (node.storeId === storeId && node.state === 'removed') {
      const message = `Cannot join: this store was node ${node.nodeId}, which was removed`;
      throw refusal('Removed', message, { node: node.nodeId });
    }
    if (node.storeId === storeId) {
      return unchanged(joined(catalog, node.nodeId));
    }
    if (node.address !== address || node.state === 'removed') {
      continue;
    }
    if (facts.isLive(node.nodeId)) {
      const message = `Cannot join at ${address}: node ${node.nodeId} answers there`;
      throw refusal('AddressInUse', message, { node: node.nodeId });
    }
    // The place of a node that lost its disk: nobody dials the newcomer for it any more, and what
    // it held is replaced at once. Should it be back elsewhere after all, it is active again.
    const state = node.state === 'active' ? 'dead' : node.state;
    writes.push(nodeRow(node, { address: '', state, replacedBy: cluster.nextNodeId }));
  }
  const nodeId = cluster.nextNodeId;
  const system = catalog.groups.get(systemGroupId);
  if (system === undefined) {
    throw refusal('UnknownGroup', 'Cannot join: the catalog has no system group');
  }
  const node: NodeRecord = {
    ...{ nodeId, address, clientAddress, opsAddress, zone, storeId },
    featureVersionMax: command.featureVersionMax,
    state: 'joining',
    revision: 1,
  };
  const withLearner = withReplica(system, nodeId);
  writes.push(
    catalogRow(catalogKeys.cluster, { ...cluster, nextNodeId: nodeId + 1 }),
    catalogRow(catalogKeys.node(nodeId), node),
    catalogRow(catalogKeys.group(systemGroupId), withLearner),
  );
  const { clusterId, createdAtMs, featureVersion } = cluster;
  const systemReplicaId = system.nextReplicaId;
  const reply: JoinReply = { nodeId, clusterId, createdAtMs, featureVersion, systemReplicaId };
  return { writes, reply };
}

function moved(catalog: Catalog, command: NodeCommand & { op: 'moved' }): SystemDecision {
  const { nodeId, address } = command;
  const node = catalog.nodes.get(nodeId);
  if (node === undefined || node.state === 'removed' || node.address === address) {
    return unchanged({});
  }
  return { writes: [nodeRow(node, { address })], reply: {} };
}

function quarantine(catalog: Catalog, command: NodeCommand & { op: 'quarantine' }): SystemDecision {
  const node = catalog.nodes.get(command.nodeId);
  if (node === undefined || node.quarantined !== undefined) {
    return unchanged({});
  }
  return { writes: [nodeRow(node, { quarantined: command.reason })], reply: {} };
}

export function decideNode(
  catalog: Catalog,
  command: NodeCommand,
  facts: SystemFacts,
): SystemDecision {
  switch (command.op) {
    case 'join':
      return join(catalog, command, facts);
    case 'confirm':
      return unchanged({});
    case 'moved':
      return moved(catalog, command);
    case 'quarantine':
      return quarantine(catalog, command);
  }
}
