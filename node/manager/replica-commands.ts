/**
 * The system group's commands that give out replica ids and take them back for good: pure.
 *
 * Invariant: an id is given out once. It leaves `replicas` only for `removed`, on the word of a
 * leader confirmed after the removal was asked for (protocols.md P16, `membership` of the manager).
 */
import { hasId, withId } from '../lib/id-ranges.ts';
import type { NodeId } from '../sys/network.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { Catalog } from './catalog.ts';
import type { GroupRecord } from './catalog-records.ts';
import { checkFence } from './fence.ts';
import type { Fence } from './fence.ts';
import { refusal, unchanged } from './system-decision.ts';
import type { SystemDecision } from './system-decision.ts';

export type ReplicaCommand =
  /** A replica of the group on the node; the same one if the node has one by now. */
  | {
      readonly op: 'giveReplica';
      readonly groupId: number;
      readonly nodeId: NodeId;
      readonly expectedRevision: number;
    }
  /** Who should lead the group, by a person's hand. */
  | {
      readonly op: 'preferLeader';
      readonly groupId: number;
      readonly nodeId: NodeId;
      readonly fence: Fence;
    }
  /** The id is gone from the group's configuration, and cannot come back. */
  | { readonly op: 'forgetReplica'; readonly groupId: number; readonly replicaId: number };

function groupOf(catalog: Catalog, groupId: number): GroupRecord {
  const group = catalog.groups.get(groupId);
  if (group === undefined) {
    throw refusal('UnknownGroup', `Cannot find group ${groupId}`);
  }
  return group;
}

/** The group with one more replica, and its id. */
export function withReplica(group: GroupRecord, nodeId: NodeId): GroupRecord {
  const replicaId = group.nextReplicaId;
  return {
    ...group,
    replicas: [...group.replicas, { replicaId, nodeId }],
    nextReplicaId: replicaId + 1,
    revision: group.revision + 1,
  };
}

/** The group without a replica, its id among those gone. */
export function withoutReplica(group: GroupRecord, replicaId: number): GroupRecord {
  const leaving = group.replicas.find((replica) => replica.replicaId === replicaId);
  const replicas = group.replicas.filter((replica) => replica !== leaving);
  const [first] = replicas;
  const isHome = leaving?.nodeId === group.preferredLeader;
  return {
    ...group,
    replicas,
    removed: withId(group.removed, replicaId),
    preferredLeader: isHome && first !== undefined ? first.nodeId : group.preferredLeader,
    revision: group.revision + 1,
  };
}

function give(catalog: Catalog, command: ReplicaCommand & { op: 'giveReplica' }): SystemDecision {
  const { groupId, nodeId, expectedRevision } = command;
  const group = groupOf(catalog, groupId);
  const known = group.replicas.find((replica) => replica.nodeId === nodeId);
  if (known !== undefined) {
    return unchanged({ replicaId: known.replicaId });
  }
  const node = catalog.nodes.get(nodeId);
  if (node === undefined || node.state === 'removed') {
    throw refusal('UnknownNode', `Cannot place a replica on node ${nodeId}: it is no member`);
  }
  if (group.revision !== expectedRevision) {
    throw refusal(
      'RevisionConflict',
      `Cannot place a replica of group ${groupId}: its revision is ${group.revision}, ` +
        `not ${expectedRevision}`,
    );
  }
  const next = withReplica(group, nodeId);
  return {
    writes: [catalogRow(catalogKeys.group(groupId), next)],
    reply: { replicaId: group.nextReplicaId },
  };
}

function forget(
  catalog: Catalog,
  command: ReplicaCommand & { op: 'forgetReplica' },
): SystemDecision {
  const { groupId, replicaId } = command;
  const group = groupOf(catalog, groupId);
  if (hasId(group.removed, replicaId)) {
    return unchanged({});
  }
  if (!group.replicas.some((replica) => replica.replicaId === replicaId)) {
    throw refusal('UnknownReplica', `Cannot find replica ${replicaId} of group ${groupId}`);
  }
  const next = withoutReplica(group, replicaId);
  return { writes: [catalogRow(catalogKeys.group(groupId), next)], reply: {} };
}

function prefer(
  catalog: Catalog,
  command: ReplicaCommand & { op: 'preferLeader' },
): SystemDecision {
  const { groupId, nodeId, fence } = command;
  const group = groupOf(catalog, groupId);
  const { revision } = catalog.plan;
  const isSo = group.preferredLeader === nodeId;
  checkFence(catalog, fence, { what: 'the plan', revision, isSo });
  if (!group.replicas.some((replica) => replica.nodeId === nodeId)) {
    throw refusal('UnknownReplica', `Cannot lead group ${groupId} from node ${nodeId}: no copy`);
  }
  if (isSo) {
    return unchanged({ revision, changed: false });
  }
  const next = { ...group, preferredLeader: nodeId, revision: group.revision + 1 };
  const row = catalogRow(catalogKeys.group(groupId), next);
  return { writes: [row], reply: { revision, changed: true } };
}

export function decideReplica(catalog: Catalog, command: ReplicaCommand): SystemDecision {
  switch (command.op) {
    case 'giveReplica':
      return give(catalog, command);
    case 'forgetReplica':
      return forget(catalog, command);
    case 'preferLeader':
      return prefer(catalog, command);
  }
}
