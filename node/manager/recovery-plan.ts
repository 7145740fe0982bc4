/**
 * What a recovery that gives up data does (protocols.md P19): pure, from the reports of every disk
 * that is left. The same reports give the same plan, so that it can be carried out machine by
 * machine.
 *
 * - The system group goes on from the furthest copy of it, alone; the others learn it anew.
 * - A shard that still has a majority on these disks is left as it is: repair does the rest.
 * - Any other goes on from its furthest copy, alone, under a new replica id and as another
 *   incarnation: nothing that the lost copies gave out or promised can be given out again or be
 *   taken for this.
 * - The lost nodes are tombstoned in the same step: what they still hold never comes back into it.
 */

import { hasId } from '../lib/id-ranges.ts';
import type { IdRanges } from '../lib/id-ranges.ts';
import type { RowWrite } from '../items/batch.ts';
import type { TableRecord } from '../items/table.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { ClusterRecord, GroupRecord, NodeRecord } from './catalog-records.ts';
import { refusal } from './system-decision.ts';

/** A replica on a disk, with its whole log taken for committed. */
export interface ReplicaReport {
  readonly groupId: number;
  readonly replicaId: number;
  readonly incarnation: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly voters: readonly number[];
  readonly votersOutgoing: readonly number[];
}

/** The catalog as a disk has it. */
export interface CatalogReport {
  readonly cluster: ClusterRecord;
  readonly nodes: readonly NodeRecord[];
  readonly groups: readonly GroupRecord[];
  readonly tables: readonly TableRecord[];
  readonly moveIds: readonly string[];
}

export interface DiskReport {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly replicas: readonly ReplicaReport[];
  /** Absent on a node that joined and was told nothing yet. */
  readonly catalog?: CatalogReport | undefined;
}

export interface RecoveredGroup {
  readonly groupId: number;
  readonly nodeId: NodeId;
  /** Its rows go on under the new id; 0: no copy is left, it begins empty. */
  readonly fromReplicaId: number;
  readonly replicaId: number;
  readonly incarnation: number;
}

export interface RecoveryPlan {
  readonly clusterId: string;
  readonly lost: readonly NodeId[];
  readonly survivors: readonly NodeId[];
  /** The system group and the shards that go on from one copy. */
  readonly groups: readonly RecoveredGroup[];
  /** The empty replicas of the system group on the other survivors. */
  readonly systemLearners: readonly { readonly nodeId: NodeId; readonly replicaId: number }[];
  /** Shards that keep their majority. */
  readonly kept: readonly number[];
  /** Changes of the catalog, as keys and values. */
  readonly catalog: readonly (readonly [key: string, value: unknown])[];
  /** Schemas for shards that begin empty. */
  readonly tables: readonly TableRecord[];
  readonly members: readonly { readonly nodeId: NodeId; readonly address: string }[];
}

export interface RecoveryRequest {
  readonly reports: readonly DiskReport[];
  readonly lost: readonly NodeId[];
  /** Shards without any copy begin empty; else they are a refusal. */
  readonly createEmpty: boolean;
}

/** So many ids are left out: a lost copy of the catalog may have given them to somebody. */
const idsSkipped = 100;

interface Copy extends ReplicaReport {
  readonly nodeId: NodeId;
}

function furthest(copies: readonly Copy[]): Copy | undefined {
  return [...copies].sort(
    (a, b) => b.lastTerm - a.lastTerm || b.lastIndex - a.lastIndex || a.nodeId - b.nodeId,
  )[0];
}

function hasMajority(ids: readonly number[], present: ReadonlySet<number>): boolean {
  return ids.filter((id) => present.has(id)).length * 2 > ids.length;
}

/** By the configuration of the furthest copy, both halves of it. */
function keepsMajority(copies: readonly Copy[]): boolean {
  const best = furthest(copies);
  const present = new Set(copies.map((copy) => copy.replicaId));
  return (
    best !== undefined &&
    hasMajority(best.voters, present) &&
    (best.votersOutgoing.length === 0 || hasMajority(best.votersOutgoing, present))
  );
}

/** Above all that was given out, also by a newer copy of the catalog that is lost. */
function nextReplicaId(record: GroupRecord, copies: readonly Copy[]): number {
  const seen = copies.map((copy) => copy.replicaId + 1);
  return Math.max(record.nextReplicaId, ...seen) + idsSkipped;
}

function allBelow(next: number): IdRanges {
  return next > 1 ? [[1, next - 1]] : [];
}

function checkReports({ reports, lost }: RecoveryRequest, catalog: CatalogReport): void {
  const clusters = new Set(reports.map((report) => report.clusterId));
  if (clusters.size !== 1) {
    throw refusal('WrongCluster', `The disks are of ${clusters.size} clusters`);
  }
  const given = reports.map((report) => report.nodeId);
  if (new Set(given).size !== given.length) {
    throw refusal('InvalidPlan', `A node is given twice: ${given.join(', ')}`);
  }
  const both = given.filter((nodeId) => lost.includes(nodeId));
  if (both.length > 0) {
    throw refusal('InvalidPlan', `Nodes ${both.join(', ')} are given and said to be lost`);
  }
  const members = catalog.nodes.filter((node) => node.state !== 'removed');
  const strangers = given.filter((nodeId) => !members.some((node) => node.nodeId === nodeId));
  if (strangers.length > 0) {
    const names = strangers.map((nodeId) => `n${nodeId}`).join(', ');
    throw refusal('InvalidPlan', `The newest catalog that is left has no ${names}: leave them out`);
  }
  const open = members.filter(({ nodeId }) => !given.includes(nodeId) && !lost.includes(nodeId));
  if (open.length > 0) {
    // One that is left out would go on with the history that is given up here.
    const names = open.map((node) => `n${node.nodeId}`).join(', ');
    throw refusal('InvalidPlan', `Say of every node whether it is lost: ${names} are neither`);
  }
}

/** The catalog of the furthest copy of the system group. */
function newestCatalog(reports: readonly DiskReport[]): {
  readonly catalog: CatalogReport;
  readonly copy: Copy;
} {
  const copies = reports.flatMap(({ nodeId, replicas, catalog }) =>
    replicas
      .filter(({ groupId }) => groupId === systemGroupId && catalog !== undefined)
      .map((replica) => ({ ...replica, nodeId })),
  );
  const copy = furthest(copies);
  const catalog = reports.find((report) => report.nodeId === copy?.nodeId)?.catalog;
  if (copy === undefined || catalog === undefined) {
    throw refusal(
      'NoCatalog',
      'None of the disks has a copy of the system group: nothing is known',
    );
  }
  return { catalog, copy };
}

function recoverShard(
  record: GroupRecord,
  copies: readonly Copy[],
  request: RecoveryRequest,
  best = furthest(copies),
): RecoveredGroup {
  const { groupId } = record;
  const replicaId = nextReplicaId(record, copies);
  if (best !== undefined) {
    const { nodeId, replicaId: fromReplicaId } = best;
    return { groupId, nodeId, fromReplicaId, replicaId, incarnation: best.incarnation + 1 };
  }
  if (!request.createEmpty) {
    throw refusal(
      'NoCopyLeft',
      `Shard ${groupId - 1} has no copy on any of the disks: all its rows are gone; say ` +
        '--create-empty to go on without them',
    );
  }
  const nodes = request.reports.map((report) => report.nodeId).sort((a, b) => a - b);
  const nodeId = nodes[groupId % nodes.length] ?? 0;
  // Above whatever its lost copies can have been in.
  return { groupId, nodeId, fromReplicaId: 0, replicaId, incarnation: replicaId + 1 };
}

function recoveredRecord(record: GroupRecord, { nodeId, replicaId }: RecoveredGroup): GroupRecord {
  return {
    ...record,
    replicas: [{ replicaId, nodeId }],
    removed: allBelow(replicaId),
    nextReplicaId: replicaId + 1,
    preferredLeader: nodeId,
    revision: record.revision + 1,
  };
}

/** The system group: its voter, and a learner without data on each other survivor. */
function systemRecord(
  record: GroupRecord,
  recovered: RecoveredGroup,
  learners: RecoveryPlan['systemLearners'],
): GroupRecord {
  const next = recovered.replicaId + learners.length + 1;
  return {
    ...recoveredRecord(record, recovered),
    replicas: [{ replicaId: recovered.replicaId, nodeId: recovered.nodeId }, ...learners],
    nextReplicaId: next,
  };
}

/** Throws a refusal that says what is missing. */
export function planRecovery(request: RecoveryRequest): RecoveryPlan {
  const { reports, lost } = request;
  const { catalog, copy } = newestCatalog(reports);
  checkReports(request, catalog);
  const survivors = reports.map((report) => report.nodeId).sort((a, b) => a - b);
  const changes: (readonly [string, unknown])[] = [];
  const groups: RecoveredGroup[] = [];
  const kept: number[] = [];
  let isSystemWhole = false;
  let learners: { readonly nodeId: NodeId; readonly replicaId: number }[] = [];
  for (const record of [...catalog.groups].sort((a, b) => a.groupId - b.groupId)) {
    const { groupId } = record;
    const copies = reports.flatMap(({ nodeId, replicas }) =>
      replicas
        // What is known to be gone is an old copy that was not deleted yet.
        .filter((each) => each.groupId === groupId && !hasId(record.removed, each.replicaId))
        .map((replica) => ({ ...replica, nodeId })),
    );
    if (groupId === systemGroupId) {
      isSystemWhole = keepsMajority(copies);
      const system = recoverShard(record, copies, request, copy);
      learners = survivors
        .filter((nodeId) => nodeId !== system.nodeId)
        .map((nodeId, i) => ({ nodeId, replicaId: system.replicaId + 1 + i }));
      groups.push(system);
      changes.push([catalogKeys.group(groupId), systemRecord(record, system, learners)]);
    } else if (keepsMajority(copies)) {
      kept.push(groupId);
    } else {
      const recovered = recoverShard(record, copies, request);
      groups.push(recovered);
      changes.push([catalogKeys.group(groupId), recoveredRecord(record, recovered)]);
    }
  }
  if (kept.length + 1 === catalog.groups.length && isSystemWhole) {
    throw refusal(
      'NothingToRecover',
      'Every group keeps a majority on these disks: start the nodes, repair does the rest',
    );
  }
  const { nextNodeId, nextTableId } = catalog.cluster;
  const skipped = { nextNodeId: nextNodeId + idsSkipped, nextTableId: nextTableId + idsSkipped };
  changes.push([catalogKeys.cluster, { ...catalog.cluster, ...skipped }]);
  for (const node of catalog.nodes.filter(({ nodeId }) => lost.includes(nodeId))) {
    const revision = node.revision + 1;
    changes.push([catalogKeys.node(node.nodeId), { ...node, state: 'removed', revision }]);
  }
  for (const moveId of catalog.moveIds) {
    changes.push([catalogKeys.move(moveId), undefined]);
  }
  return {
    clusterId: catalog.cluster.clusterId,
    ...{ lost: [...lost].sort((a, b) => a - b), survivors, groups, kept },
    ...{ systemLearners: learners, catalog: changes, tables: catalog.tables },
    members: catalog.nodes
      .filter(({ nodeId }) => survivors.includes(nodeId))
      .map(({ nodeId, address }) => ({ nodeId, address })),
  };
}

/** The plan's changes of the catalog as rows. */
export function recoveryRows(plan: RecoveryPlan): RowWrite[] {
  return plan.catalog.map(([key, value]) => catalogRow(key, value as object | undefined));
}
