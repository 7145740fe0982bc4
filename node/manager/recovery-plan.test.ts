/**
 * What a recovery decides from the reports of the disks: which copy goes on, what is left as it is,
 * and what is refused. What it does to histories: node/sim/recovery.sim.test.ts.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { bornGroups } from './bootstrap.ts';
import type { BornGroup } from './bootstrap.ts';
import { Catalog } from './catalog.ts';
import type { NodeRecord } from './catalog-records.ts';
import { planRecovery } from './recovery-plan.ts';
import type { CatalogReport, DiskReport, RecoveryPlan, ReplicaReport } from './recovery-plan.ts';

const born: readonly BornGroup[] = bornGroups({
  clusterId: 'c1',
  members: [1, 2, 3, 4, 5].map((nodeId) => ({
    nodeId,
    address: `n${nodeId}:7000`,
    clientAddress: `n${nodeId}:8000`,
    opsAddress: `n${nodeId}:9100`,
  })),
  shardCount: 8,
  replicationFactor: 3,
  createdAtMs: 1_700_000_000_000,
});

function catalogOf(): CatalogReport {
  const catalog = new Catalog();
  catalog.load(must(born[0]).rows);
  return {
    cluster: catalog.cluster,
    nodes: [...catalog.nodes.values()],
    groups: [...catalog.groups.values()],
    tables: [...catalog.tables.values()],
    moveIds: ['m1'],
  };
}

interface Case {
  readonly catalog?: CatalogReport | undefined;
  /** By node: where its copies end, [term, index]; default [1, 1]. */
  readonly ends?: Readonly<Record<number, readonly [number, number]>>;
  readonly edit?: (replica: ReplicaReport) => ReplicaReport;
}

function reportOf(nodeId: number, { catalog = catalogOf(), ends, edit }: Case = {}): DiskReport {
  const [lastTerm, lastIndex] = ends?.[nodeId] ?? [1, 1];
  const replicas = born.flatMap(({ groupId, confState, replicas: all }) =>
    all
      .filter((replica) => replica.nodeId === nodeId)
      .map(({ replicaId }): ReplicaReport => {
        const place = { groupId, replicaId, incarnation: 1, lastIndex, lastTerm };
        return { ...place, voters: confState.voters, votersOutgoing: [] };
      }),
  );
  return {
    ...{ clusterId: 'c1', nodeId, catalog },
    replicas: edit === undefined ? replicas : replicas.map(edit),
  };
}

/** Nodes 1 and 2 are left of five. */
function planOf(options: Case = {}): RecoveryPlan {
  const reports = [1, 2].map((nodeId) => reportOf(nodeId, options));
  return planRecovery({ reports, lost: [3, 4, 5], createEmpty: true });
}

describe('planRecovery()', () => {
  test('the copy of the later term goes on, then the longer, then the one of the lower node', () => {
    const holder = (options: Case): number => must(planOf(options).groups[0]).nodeId;
    expect(holder({ ends: { 1: [2, 9], 2: [3, 4] } })).toBe(2);
    expect(holder({ ends: { 1: [3, 3], 2: [3, 4] } })).toBe(2);
    expect(holder({ ends: { 1: [3, 4], 2: [3, 4] } })).toBe(1);
  });

  test('a shard is left alone if both halves of its configuration have a majority', () => {
    const two = new Set(
      born
        .filter(({ replicas }) => replicas.filter(({ nodeId }) => nodeId <= 2).length === 2)
        .map(({ groupId }) => groupId),
    );
    two.delete(0);
    expect(two.size).toBeGreaterThan(0);
    expect(new Set(planOf().kept)).toEqual(two);
    const joint = planOf({ edit: (replica) => ({ ...replica, votersOutgoing: [90, 91, 92] }) });
    expect(joint.kept).toEqual([]);
  });

  test('ids and incarnations are above all that anybody can have', () => {
    const plan = planOf({ edit: (replica) => ({ ...replica, incarnation: 4 }) });
    for (const group of plan.groups) {
      const record = must(catalogOf().groups.find((each) => each.groupId === group.groupId));
      expect(group.replicaId).toBe(record.nextReplicaId + 100);
      expect(group.incarnation).toBeGreaterThan(group.fromReplicaId === 0 ? group.replicaId : 4);
    }
    const rows = new Map(plan.catalog);
    expect(rows.get('cluster')).toMatchObject({ nextNodeId: 106, nextTableId: 102 });
    // A copy may have an id that the catalog that is left never heard of.
    const late = planOf({
      edit: (replica) => (replica.groupId === 0 ? { ...replica, replicaId: 50 } : replica),
    });
    expect(must(late.groups[0]).replicaId).toBe(151);
  });

  test('lost nodes are tombstoned, moves are gone, and each replica gone for good is said so', () => {
    const rows = new Map(planOf().catalog);
    expect(
      [1, 2, 3, 4, 5].map(
        (nodeId) => (rows.get(`node/${nodeId}`) as NodeRecord | undefined)?.state,
      ),
    ).toEqual([undefined, undefined, 'removed', 'removed', 'removed']);
    expect([rows.has('move/m1'), rows.get('move/m1')]).toEqual([true, undefined]);
    expect(rows.get('group/0')).toMatchObject({
      replicas: [
        { replicaId: 106, nodeId: 1 },
        { replicaId: 107, nodeId: 2 },
      ],
      removed: [[1, 105]],
      nextReplicaId: 108,
    });
  });

  test.each<readonly [string, () => unknown, string]>([
    ['no catalog', () => planRecovery({ reports: [], lost: [1], createEmpty: false }), 'None of'],
    [
      'two clusters',
      () =>
        planRecovery({
          reports: [reportOf(1), { ...reportOf(2), clusterId: 'c2' }],
          ...{ lost: [], createEmpty: false },
        }),
      'The disks are of 2 clusters',
    ],
    [
      'a disk twice',
      () => planRecovery({ reports: [reportOf(1), reportOf(1)], lost: [], createEmpty: false }),
      'A node is given twice: 1, 1',
    ],
    [
      'a disk that is said to be lost',
      () => planRecovery({ reports: [reportOf(1)], lost: [1, 2], createEmpty: false }),
      'Nodes 1 are given and said to be lost',
    ],
    [
      'a node that the catalog has not',
      () =>
        planRecovery({
          reports: [reportOf(1), { ...reportOf(2), nodeId: 9, catalog: undefined }],
          ...{ lost: [2, 3, 4, 5], createEmpty: false },
        }),
      'The newest catalog that is left has no n9',
    ],
    [
      'a node of which nothing is said',
      () => planRecovery({ reports: [reportOf(1)], lost: [2, 3], createEmpty: false }),
      'n4, n5 are neither',
    ],
    [
      'a shard without a copy',
      () => planRecovery({ reports: [reportOf(1)], lost: [2, 3, 4, 5], createEmpty: false }),
      'has no copy on any of the disks',
    ],
    [
      'nothing to do',
      () =>
        planRecovery({
          reports: [1, 2, 3, 4].map((nodeId) => reportOf(nodeId)),
          ...{ lost: [5], createEmpty: false },
        }),
      'Every group keeps a majority',
    ],
  ])('refuses %s', (_, work, message) => {
    expect(work).toThrow(message);
  });
});
