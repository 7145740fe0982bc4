/**
 * What a cluster's status says, from healthy to every way of not being so. Method: one healthy look
 * with a part changed; the condition that is asked about must change, and Ready must never be True
 * for what is not reached.
 */
import { describe, expect, test } from '@jest/globals';
import type { GroupView, NodeView, StatusView } from '../../node/contract/status-types.ts';
import type { ClusterStatus, Operation } from '../api/cluster-status.ts';
import type { Observed, PlanReport, PodView } from '../api/observed.ts';
import { clusterField } from '../generate/crd.ts';
import { fieldSchema } from '../generate/field-schema.ts';
import { readShapes } from '../generate/main.ts';
import { withDefaults } from '../generate/schema-defaults.ts';
import { testingCluster } from '../test/testing-cluster.ts';
import { computeStatus } from './cluster-status.ts';
import { coarseBytes, twoDigits } from './rounded.ts';
import { groupsAtRisk } from './shard-health.ts';
import { msUntilWrite } from './status-change.ts';

const nowMs = Date.UTC(2026, 1, 3, 4, 5, 6);
const quiet: PlanReport = { operations: [], problems: [] };

function podOf(ordinal: number, change: Partial<PodView> = {}): PodView {
  return {
    ...{ name: `demo-${ordinal}`, ordinal, uid: `pod-${ordinal}`, resourceVersion: '1' },
    ...{ ready: true, readySinceMs: nowMs - 60_000, createdAtMs: nowMs - 90_000 },
    ...{ terminating: false, templateHash: 't1', image: 'dynakv/dynakv:1.0.0' },
    ...{ machine: `m${ordinal}`, ip: '198.18.0.1', restarts: 0, failure: '', failureMessage: '' },
    ...change,
  };
}

function nodeOf(ordinal: number, change: Partial<NodeView> = {}): NodeView {
  const host = `demo-${ordinal}.demo-peers.default.svc`;
  return {
    member: {
      ...{ nodeId: ordinal + 1, address: `${host}:7000`, clientAddress: '', opsAddress: '' },
      zone: `zone-${ordinal}`,
    },
    ...{ state: 'active', bootId: 'b', version: '1.0.0', replicaCount: 3, leaderCount: 1 },
    ...{ revision: 1, answers: true, storeId: 's', evictingLeaders: false, maintenanceUntilMs: 0 },
    ...{ silentSinceMs: 0, usedBytes: 123_456_789, freeBytes: 1e9, featureVersionMax: 1 },
    ...{ quarantined: '', drainOwner: '', ready: true },
    ...change,
  };
}

function groupOf(groupId: number, voters: readonly number[], leaderNodeId = 1): GroupView {
  return {
    ...{ groupId, leaderNodeId, term: 1, commitIndex: 9, asleep: true },
    replicas: voters.map((nodeId) => ({
      ...{ nodeId, replicaId: nodeId, role: 'voter', appliedIndex: 9, lag: 0, known: true },
    })),
    ...{ configurationIndex: 0, joint: false, hashFrom: 0, hashTo: 0, bytes: 0 },
  };
}

function databaseOf(change: Partial<StatusView> = {}): StatusView {
  return {
    ...{ clusterId: 'c', nodeId: 1, ready: true, shardCount: 2, replicationFactor: 3 },
    nodes: [0, 1, 2].map((ordinal) => nodeOf(ordinal)),
    groups: [0, 1, 2].map((groupId) => groupOf(groupId, [1, 2, 3])),
    ...{ problems: [], featureVersion: 1, effectiveReplicationFactor: 3, systemLeaderNodeId: 1 },
    ...{ controlEpoch: 1, controlHolder: 'operator' },
    ...change,
  };
}

interface Change extends Partial<Observed> {
  readonly spec?: unknown;
  readonly before?: ClusterStatus;
  readonly status?: StatusView;
}

function lookOf({ spec = {}, before, status = databaseOf(), ...change }: Change = {}): Observed {
  const cluster = testingCluster(spec);
  const { metadata } = cluster;
  return {
    nowMs,
    cluster: {
      ...cluster,
      metadata: { ...metadata, generation: 7 },
      ...(before === undefined ? {} : { status: before }),
    },
    statefulSet: {
      ...{ uid: 'set', resourceVersion: '1', generation: 2, observedGeneration: 2, replicas: 3 },
      ...{ templateHash: 't1', image: 'dynakv/dynakv:1.0.0', terminating: false, isOwn: true },
    },
    pods: [0, 1, 2].map((ordinal) => podOf(ordinal)),
    claims: [],
    machines: [0, 1, 2].map((each) => ({
      ...{ name: `m${each}`, zone: `zone-${each}`, ready: true, cordoned: false },
    })),
    certificates: [{ name: 'demo-ca-key', notBeforeMs: 0, notAfterMs: nowMs + 3e11 }],
    database: { identities: [], status, failure: '' },
    wantedTemplateHash: 't1',
    ...change,
  };
}

function conditionOf(status: ClusterStatus, type: string): string {
  const found = status.conditions?.find((each) => each.type === type);
  return `${found?.status ?? 'absent'} ${found?.reason ?? ''}`;
}

function told(change: Change = {}, report: PlanReport = quiet): ClusterStatus {
  return computeStatus(lookOf(change), report);
}

function setWith(change: object): Change {
  const { statefulSet } = lookOf();
  return statefulSet === undefined ? {} : { statefulSet: { ...statefulSet, ...change } };
}

describe('a healthy cluster', () => {
  const status = told();

  test('is Ready at the generation that was looked at', () => {
    expect(status.phase).toBe('Ready');
    expect(conditionOf(status, 'Ready')).toBe('True AsExpected');
    expect(conditionOf(status, 'Progressing')).toBe('False AsExpected');
    expect(conditionOf(status, 'QuorumHealthy')).toBe('True AsExpected');
    expect(status.conditions?.every((each) => each.observedGeneration === 7)).toBe(true);
    expect(status).toMatchObject({
      observedGeneration: 7,
      clusterId: 'c',
      version: '1.0.0',
      replicas: 3,
      readyReplicas: 3,
      updatedReplicas: 3,
      selector: 'dynakv.dev/cluster=demo,dynakv.dev/component=node',
      endpoint: 'http://demo-client.default.svc:8000',
      shards: { total: 2, healthy: 2, underReplicated: 0, leaderless: 0, moving: 0 },
    });
    expect(status.nodes?.[0]).toEqual({
      ...{ name: 'demo-0', nodeId: 1, zone: 'zone-0', state: 'active', ready: true },
      ...{ shards: 3, leaders: 1, usedBytes: 120_000_000, version: '1.0.0' },
    });
  });

  test('what is told fits the schema, the largest too', () => {
    const schema = fieldSchema(clusterField(readShapes(), 'status'), '');
    const problems: string[] = [];
    withDefaults(schema, status, 'status', problems);
    expect(problems).toEqual([]);
    const many = told({
      spec: { replicas: 80 },
      pods: Array.from({ length: 80 }, (_, ordinal) =>
        podOf(ordinal, ordinal === 70 ? { failure: 'CrashLoopBackOff' } : {}),
      ),
    });
    expect(many.nodes).toHaveLength(50);
    expect(many.nodes?.some(({ name }) => name === 'demo-70')).toBe(true);
  });

  test('times of transition stay while the status does', () => {
    const lastTransitionTime = '2025-01-01T00:00:00Z';
    const conditions = status.conditions?.map((each) => ({ ...each, lastTransitionTime })) ?? [];
    const later = told({ before: { conditions }, spec: { paused: true } });
    const timeOf = (type: string): string | undefined =>
      later.conditions?.find((each) => each.type === type)?.lastTransitionTime;
    expect(timeOf('Ready')).toBe(lastTransitionTime);
    expect(timeOf('Paused')).toBe('2026-02-03T04:05:06Z');
  });
});

describe('Ready is not True', () => {
  const cases: readonly (readonly [string, Change, string])[] = [
    ['for replicas that are not there yet', { spec: { replicas: 4 } }, 'ScalingUp'],
    ['for replicas that are there still', setWith({ replicas: 4 }), 'ScalingDown'],
    ['for another template', { wantedTemplateHash: 't2' }, 'Rolling'],
    [
      'while the set was not looked at by its controller',
      setWith({ generation: 3 }),
      'WaitingForPods',
    ],
    [
      'while a pod ends',
      { pods: [podOf(0), podOf(1), podOf(2, { terminating: true })] },
      'WaitingForPods',
    ],
    [
      'while a node is not active',
      { status: databaseOf({ nodes: [nodeOf(0), nodeOf(1), nodeOf(2, { state: 'joining' })] }) },
      'ScalingUp',
    ],
    [
      'for a template that failed',
      { ...setWith({ failedTemplateHash: 't2' }), wantedTemplateHash: 't2' },
      'DeadlineExceeded',
    ],
  ];

  test.each(cases)('%s', (_name, change, reason) => {
    const status = told(change);
    expect(conditionOf(status, 'Ready')).toBe(`False ${reason}`);
    expect(status.phase).not.toBe('Ready');
  });

  test('while an operation is under way, which names it with its percent', () => {
    const operation: Operation = {
      ...{ type: 'ScaleDown', step: 'Draining', percent: 41.7, blockedBy: [] },
      message: 'Node 4 has 10 shards left',
    };
    const status = told({}, { operations: [operation], problems: [] });
    expect(conditionOf(status, 'Ready')).toBe('False ScalingDown');
    expect(status.phase).toBe('ScalingDown');
    expect(status.operations?.[0]?.percent).toBe(41);
  });

  test('when it is deleted', () => {
    const look = lookOf();
    const { metadata } = look.cluster;
    const cluster = { ...look.cluster, metadata: { ...metadata, deletionTimestamp: 'x' } };
    const status = computeStatus({ ...look, cluster }, quiet);
    expect(status.phase).toBe('Deleting');
    expect(conditionOf(status, 'Ready')).toBe('False Deleting');
  });
});

describe('Ready stays True', () => {
  test('while shards move for balance, and while an update waits to be asked for', () => {
    const rebalance: StatusView['rebalance'] = {
      ...{ mode: 'Auto', state: 'running', planId: 'p', revision: 1, startedAtMs: 1 },
      ...{ lastProgressAtMs: 1, movesTotal: 4, movesDone: 1, movesRunning: 1, movesFailed: 0 },
      ...{ bytesTotal: 1, bytesDone: 1, rate: 1, etaSeconds: 1, blockedBy: [] },
      ...{ underReplicatedShards: 0, leaderlessShards: 0 },
    };
    const moving = told({ status: databaseOf({ rebalance }) });
    expect(conditionOf(moving, 'Ready')).toBe('True AsExpected');
    expect(conditionOf(moving, 'Rebalancing')).toBe('True Rebalancing');
    expect(moving.phase).toBe('Rebalancing');
    const waiting = told({ spec: { update: { mode: 'OnRequest' } }, wantedTemplateHash: 't2' });
    expect(conditionOf(waiting, 'Ready')).toBe('True AsExpected');
  });
});

describe('what is wrong is said', () => {
  const cases: readonly (readonly [string, Change, string, string])[] = [
    [
      'a shard without a leader',
      { status: databaseOf({ groups: [groupOf(1, [1, 2, 3], 0)] }) },
      ...(['Available', 'False ShardsWithoutLeader'] as const),
    ],
    [
      'too few copies',
      { status: databaseOf({ groups: [groupOf(1, [1])] }) },
      ...(['Degraded', 'True ShardsUnderReplicated'] as const),
    ],
    [
      'a silent node',
      { status: databaseOf({ nodes: [nodeOf(0), nodeOf(1), nodeOf(2, { answers: false })] }) },
      ...(['QuorumHealthy', 'False NodeDown'] as const),
    ],
    [
      'a failed store',
      { status: databaseOf({ nodes: [nodeOf(0, { quarantined: 'EIO' }), nodeOf(1), nodeOf(2)] }) },
      ...(['Degraded', 'True NodeQuarantined'] as const),
    ],
    [
      'a pod that crashes',
      { pods: [podOf(0), podOf(1), podOf(2, { ready: false, failure: 'CrashLoopBackOff' })] },
      ...(['Degraded', 'True PodsFailing'] as const),
    ],
    [
      'a pod without a machine',
      { pods: [podOf(0), podOf(1), podOf(2, { ready: false, failure: 'Unschedulable' })] },
      ...(['Degraded', 'True PodsUnschedulable'] as const),
    ],
    [
      'an end of a certificate',
      { certificates: [{ name: 'x', notBeforeMs: 0, notAfterMs: nowMs + 86_400_000 }] },
      ...(['CertificatesValid', 'False CertificateExpiring'] as const),
    ],
    [
      'a certificate that has ended',
      { certificates: [{ name: 'x', notBeforeMs: 0, notAfterMs: nowMs }] },
      ...(['CertificatesValid', 'False CertificateExpired'] as const),
    ],
  ];

  test.each(cases)('%s', (_name, change, type, expected) => {
    expect(conditionOf(told(change), type)).toBe(expected);
  });

  test('a node that may be away is no complaint', () => {
    const away = nodeOf(2, { answers: false, maintenanceUntilMs: nowMs + 1 });
    const status = told({ status: databaseOf({ nodes: [nodeOf(0), nodeOf(1), away] }) });
    expect(conditionOf(status, 'Degraded')).toBe('False AsExpected');
  });

  test('a database that cannot be reached is Unknown, and its id stays', () => {
    const database = { identities: [], failure: 'No node answers' };
    const status = told({ database, before: { clusterId: 'c' } });
    expect(conditionOf(status, 'Available')).toBe('Unknown OperatorCannotReachNodes');
    expect(conditionOf(status, 'QuorumHealthy')).toBe('Unknown OperatorCannotReachNodes');
    expect(conditionOf(status, 'Ready')).toBe('False OperatorCannotReachNodes');
    expect(status.clusterId).toBe('c');
    expect(status.shards).toBeUndefined();
  });

  test('a cluster that is made is neither available nor degraded', () => {
    const database = { identities: [], failure: '' };
    const status = told({ database, statefulSet: undefined, pods: [] });
    expect(status.phase).toBe('Pending');
    expect(conditionOf(status, 'Available')).toBe('False NoDatabaseYet');
    expect(conditionOf(status, 'Degraded')).toBe('False AsExpected');
    expect(told({ database }).phase).toBe('Creating');
  });

  test('problems of the plan and blocked operations are conditions', () => {
    const why = { reason: 'BelowReplicationFactor', message: '2 < 3' } as const;
    const problem = { reason: 'NameCollision', message: 'a Service' } as const;
    const status = told({}, { operations: [], problems: [problem], scaleDownBlocked: why });
    expect(conditionOf(status, 'ScaleDownBlocked')).toBe('True BelowReplicationFactor');
    expect(conditionOf(status, 'ScaleUpBlocked')).toBe('False AsExpected');
    expect(conditionOf(status, 'Degraded')).toBe('True NameCollision');
    expect(status.phase).toBe('Degraded');
  });
});

describe('groupsAtRisk()', () => {
  const riskOf = (voters: readonly number[], silent: readonly number[]): number => {
    const nodes = [0, 1, 2, 3, 4].map((ordinal) =>
      nodeOf(ordinal, { answers: !silent.includes(ordinal + 1) }),
    );
    return groupsAtRisk(databaseOf({ nodes, groups: [groupOf(1, voters)] })).length;
  };

  test('a group is at risk when one more loss takes its majority', () => {
    expect(riskOf([1, 2, 3], [])).toBe(0);
    expect(riskOf([1, 2, 3], [3])).toBe(1);
    expect(riskOf([1, 2, 3], [4])).toBe(0);
    expect(riskOf([1, 2, 3, 4, 5], [5])).toBe(0);
    expect(riskOf([1, 2, 3, 4, 5], [4, 5])).toBe(1);
  });

  test('one that cannot survive any loss is not, while all is well', () => {
    expect(riskOf([1], [])).toBe(0);
    expect(riskOf([1, 2], [])).toBe(0);
    expect(riskOf([1, 2], [2])).toBe(1);
  });
});

describe('msUntilWrite()', () => {
  test('the same is not written, a headline at once, numbers within ten seconds', () => {
    const before = told();
    expect(msUntilWrite(before, told(), 0)).toBeUndefined();
    expect(msUntilWrite(undefined, before, 0)).toBe(0);
    expect(msUntilWrite(before, told({ spec: { paused: true } }), 0)).toBe(0);
    const [first, ...rest] = before.nodes ?? [];
    const grown: ClusterStatus = {
      ...before,
      nodes: first === undefined ? [] : [{ ...first, usedBytes: 1 }, ...rest],
    };
    expect(msUntilWrite(before, grown, 4_000)).toBe(6_000);
    expect(msUntilWrite(before, grown, 12_000)).toBe(0);
  });

  test('the order of fields is no change', () => {
    const before = told();
    const turned = Object.fromEntries(Object.entries(before).reverse()) as ClusterStatus;
    expect(msUntilWrite(before, turned, 99_999)).toBeUndefined();
  });
});

test('coarseBytes() stands still for less than a megabyte', () => {
  expect([0, 400_000, 1_600_000, 9_400_000, 14_600_000, 123_456_789].map(coarseBytes)).toEqual([
    ...[0, 0, 2_000_000, 9_000_000, 15_000_000, 120_000_000],
  ]);
});

test('twoDigits() keeps what matters', () => {
  expect([0, 1, 15, 156, 123_456, 0.5, Number.NaN].map(twoDigits)).toEqual([
    ...[0, 1, 15, 160, 120_000, 1, 0],
  ]);
});
