/** The nodes in a status: their rows in the catalog, and what they and the manager say of them. */
import type { GroupView, MemberView, NodeView, StatusView } from '../contract/status-types.ts';
import type { OverviewReply } from '../manager/admin-requests.ts';
import type { NodeRecord } from '../manager/catalog-records.ts';
import type { NodeCore } from '../manager/node-core.ts';

function memberView(record: NodeRecord): MemberView {
  const { nodeId, address, clientAddress, opsAddress, zone } = record;
  return { nodeId, address, clientAddress, opsAddress, zone: zone ?? '' };
}

function bootIdOf(core: NodeCore, nodeId: number): string {
  return nodeId === core.host.nodeId
    ? (core.parts.log.bootHistory.at(-1) ?? '')
    : (core.host.liveness.get(nodeId)?.bootId ?? '');
}

function replicaCountOf(core: NodeCore, nodeId: number): number {
  return [...core.catalog.groups.values()].filter((group) =>
    group.replicas.some((replica) => replica.nodeId === nodeId),
  ).length;
}

/** What the answering node knows of a node by itself. */
export function nodeView(core: NodeCore, record: NodeRecord): NodeView {
  const { nodeId } = record;
  const facts = core.factsOf(nodeId);
  return {
    member: memberView(record),
    state: record.state,
    bootId: bootIdOf(core, nodeId),
    version: '',
    replicaCount: replicaCountOf(core, nodeId),
    leaderCount: 0,
    revision: record.revision,
    answers: false,
    storeId: record.storeId ?? '',
    evictingLeaders: record.evictingLeaders === true,
    maintenanceUntilMs: record.maintenanceUntilMs ?? 0,
    silentSinceMs: 0,
    usedBytes: facts.usedBytes,
    freeBytes: facts.freeBytes,
    featureVersionMax: record.featureVersionMax ?? facts.featureVersionMax,
    quarantined: record.quarantined ?? '',
    drainOwner: record.drain?.owner ?? '',
    ready: false,
  };
}

/** Every node of the catalog, by what the nodes and the manager answered. */
export function mergeNodes(
  core: NodeCore,
  answers: ReadonlyMap<number, StatusView>,
  groups: readonly GroupView[],
  overview: OverviewReply | undefined,
): NodeView[] {
  return [...core.catalog.nodes.values()].map((record) => {
    const { nodeId } = record;
    const own = answers.get(nodeId)?.nodes[0];
    const told = overview?.nodes.find((node) => node.nodeId === nodeId);
    return {
      ...nodeView(core, record),
      version: own?.version ?? '',
      answers: own !== undefined,
      ready: own?.ready === true,
      silentSinceMs: told?.silentSinceMs ?? 0,
      leaderCount: groups.filter((group) => group.leaderNodeId === nodeId).length,
    };
  });
}
