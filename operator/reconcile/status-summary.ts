/**
 * The status of a cluster from one look and the plan's account of itself: phase, counts, operations
 * and the conditions that people and `kubectl wait` rely on. Ready is judged at this generation and
 * by the live set alone, so that a wait right after a change never sees what was true before (O17).
 */
import { isoTime } from '../api/iso-time.ts';
import type { ClusterPhase, ClusterStatus, OperationType } from '../api/cluster-status.ts';
import type { Condition, Reason } from '../api/conditions.ts';
import { conditionTypes } from '../api/conditions.ts';
import { objectNames, ports, selectorLabels } from '../api/names.ts';
import { nodeIdOf, ordinalOfNode } from '../api/node-place.ts';
import type { Hindrance, Observed, PlanReport } from '../api/observed.ts';
import { selectorText } from '../observe/observer.ts';

interface Verdict {
  readonly type: string;
  readonly status: Condition['status'];
  readonly reason: Reason;
  readonly message: string;
}

interface Judged {
  readonly isAvailable: boolean;
  readonly isProgressing: boolean;
  readonly worst: Hindrance | undefined;
  readonly isReady: boolean;
}

/** A message is cut here: the schema's limit is a little above. */
const messageCharactersMax = 1_024;
const nodesMax = 50;

export function summarize(observed: Observed, report: PlanReport): ClusterStatus {
  const { cluster, statefulSet: set, pods, database, wantedTemplateHash: wanted } = observed;
  const { name, namespace, generation } = cluster.metadata;
  const judged = judge(observed, report);
  const { clientService } = objectNames(name);
  const clusterId = database.status?.clusterId ?? cluster.status?.clusterId;
  const scheme = cluster.spec.tls.client.mode === 'Disabled' ? 'http' : 'https';
  return {
    observedGeneration: generation,
    phase: phaseOf(observed, report, judged),
    ...(clusterId === undefined ? {} : { clusterId }),
    ...versionOf(observed),
    ...(set === undefined ? {} : { image: set.image }),
    replicas: set?.replicas ?? 0,
    readyReplicas: pods.filter((pod) => pod.ready).length,
    updatedReplicas: pods.filter((pod) => pod.templateHash === wanted).length,
    selector: selectorText(selectorLabels(name)),
    endpoint: `${scheme}://${clientService}.${namespace}.svc:${ports.client}`,
    nodes: nodesOf(observed),
    ...shardsOf(observed),
    operations: report.operations,
    certificates: observed.certificates.map(({ name: secret, notAfterMs }) => ({
      ...{ name: secret, notAfter: isoTime(notAfterMs) },
    })),
    conditions: conditionsOf(observed, verdicts(observed, report, judged)),
  };
}

function judge(observed: Observed, report: PlanReport): Judged {
  const { cluster, statefulSet: set, pods, database, wantedTemplateHash: wanted } = observed;
  const { replicas } = cluster.spec;
  const groups = database.status?.groups ?? [];
  const nodes = (database.status?.nodes ?? []).filter((node) => node.state !== 'removed');
  const isAvailable = groups.length > 0 && groups.every((group) => group.leaderNodeId !== 0);
  const isSettled =
    set?.replicas === replicas &&
    set.templateHash === wanted &&
    set.observedGeneration >= set.generation &&
    pods.length === replicas &&
    pods.every((pod) => pod.templateHash === wanted && !pod.terminating) &&
    nodes.length === replicas &&
    nodes.every((node) => node.state === 'active' && node.maintenanceUntilMs === 0);
  const worst = worstOf(observed, report);
  const isProgressing = report.operations.length > 0 || !isSettled;
  const allReady = pods.length === replicas && pods.every((pod) => pod.ready);
  const isReady = isAvailable && !isProgressing && allReady && worst === undefined;
  return { isAvailable, isProgressing, worst, isReady };
}

function worstOf({ pods, database, cluster }: Observed, report: PlanReport): Hindrance | undefined {
  const blocked =
    report.problems[0] ?? report.scaleUpBlocked ?? report.scaleDownBlocked ?? report.updateBlocked;
  const failing = pods.find((pod) => pod.failure !== '');
  if (blocked !== undefined || failing !== undefined) {
    return blocked ?? (failing && podHindrance(failing));
  }
  const silent = database.status === undefined && cluster.status?.clusterId !== undefined;
  const message = `No node answers the operator: ${database.failure || 'no pod is reached'}`;
  if (silent && pods.length > 0) {
    return { reason: 'OperatorCannotReachNodes', message };
  }
  const down = database.status?.problems.find((problem) => problem.reason === 'NodeDown');
  return down && { reason: 'NodeDown', message: down.message };
}

function podHindrance(pod: Observed['pods'][number]): Hindrance {
  const reason = pod.failure === 'Unschedulable' ? 'PodsUnschedulable' : 'PodsFailing';
  return { reason, message: `${pod.name}: ${pod.failure} ${pod.failureMessage}`.trim() };
}

function verdicts(observed: Observed, report: PlanReport, judged: Judged): readonly Verdict[] {
  const { isAvailable, isProgressing, worst, isReady } = judged;
  const [operation] = report.operations;
  const doing: Hindrance = {
    reason: operation === undefined ? 'WaitingForPods' : operationReasons[operation.type],
    message: operation?.message ?? 'Pods and nodes are not as the spec says yet',
  };
  const { paused } = observed.cluster.spec;
  const blocks = [
    [conditionTypes.scaleUpBlocked, report.scaleUpBlocked],
    [conditionTypes.scaleDownBlocked, report.scaleDownBlocked],
    [conditionTypes.updateBlocked, report.updateBlocked],
    [conditionTypes.requiresUpdate, report.requiresUpdate],
  ] as const;
  return [
    verdict(conditionTypes.ready, isReady, isReady ? undefined : (worst ?? doing)),
    verdict(conditionTypes.available, isAvailable, isAvailable ? undefined : unavailable(observed)),
    verdict(conditionTypes.progressing, isProgressing, isProgressing ? doing : undefined),
    verdict(conditionTypes.degraded, worst !== undefined, worst),
    ...blocks.map(([type, why]) => verdict(type, why !== undefined, why)),
    verdict(conditionTypes.paused, paused, {
      reason: paused ? 'Paused' : 'NotPaused',
      message: paused ? 'spec.paused is true: nothing is changed' : '',
    }),
  ];
}

function unavailable({ database }: Observed): Hindrance {
  const leaderless = database.status?.groups.filter((group) => group.leaderNodeId === 0).length;
  return leaderless === undefined
    ? { reason: 'NoDatabaseYet', message: database.failure || 'No member of a database answers' }
    : { reason: 'ShardsWithoutLeader', message: `${leaderless} groups have no leader` };
}

function verdict(type: string, holds: boolean, why: Hindrance | undefined): Verdict {
  const { reason, message } = why ?? { reason: 'AsExpected', message: '' };
  const status = holds ? 'True' : 'False';
  return { type, status, reason, message: message.slice(0, messageCharactersMax) };
}

function conditionsOf(observed: Observed, found: readonly Verdict[]): readonly Condition[] {
  const { cluster, nowMs } = observed;
  const before = new Map((cluster.status?.conditions ?? []).map((each) => [each.type, each]));
  return found.map((each) => {
    const known = before.get(each.type);
    const isSame = known?.status === each.status;
    return {
      ...each,
      observedGeneration: cluster.metadata.generation,
      lastTransitionTime: isSame ? known.lastTransitionTime : isoTime(nowMs),
    };
  });
}

const operationReasons: Readonly<Record<OperationType, Reason>> = {
  Create: 'Creating',
  ScaleUp: 'ScalingUp',
  ScaleDown: 'ScalingDown',
  Roll: 'Rolling',
  Repair: 'Repairing',
  Rebalance: 'Rebalancing',
};

function phaseOf(observed: Observed, report: PlanReport, judged: Judged): ClusterPhase {
  const { cluster, database } = observed;
  if (cluster.metadata.deletionTimestamp !== undefined) {
    return 'Deleting';
  }
  if (cluster.spec.paused) {
    return 'Paused';
  }
  if (database.status === undefined && cluster.status?.clusterId === undefined) {
    return 'Creating';
  }
  if (!judged.isAvailable) {
    return 'Unavailable';
  }
  const [operation] = report.operations;
  switch (operation?.type) {
    case 'ScaleUp':
    case 'ScaleDown':
      return operation.type === 'ScaleUp' ? 'ScalingUp' : 'ScalingDown';
    case 'Roll':
      return 'Rolling';
    default:
      return judged.isReady ? 'Ready' : 'Degraded';
  }
}

function versionOf({ database }: Observed): { readonly version?: string } {
  const versions = database.identities.map((identity) => identity.version).sort();
  const [oldest] = versions;
  return oldest === undefined ? {} : { version: oldest };
}

function nodesOf(observed: Observed): NonNullable<ClusterStatus['nodes']> {
  const { cluster, pods, database } = observed;
  const byOrdinal = new Map(
    (database.status?.nodes ?? [])
      .filter((node) => node.state !== 'removed')
      .map((node) => [ordinalOfNode(cluster.metadata.name, node), node] as const),
  );
  const all = pods.map((pod) => {
    const node = byOrdinal.get(pod.ordinal);
    return {
      ...{ name: pod.name, ready: pod.ready, state: node?.state ?? 'unknown' },
      ...(node === undefined ? {} : { nodeId: nodeIdOf(node), shards: node.replicaCount }),
      ...(pod.failure === ''
        ? {}
        : { message: `${pod.failure} ${pod.failureMessage}`.slice(0, 512) }),
    };
  });
  return all.sort((a, b) => Number(a.ready) - Number(b.ready)).slice(0, nodesMax);
}

function shardsOf({ database }: Observed): Pick<ClusterStatus, 'shards'> {
  const { status } = database;
  if (status === undefined) {
    return {};
  }
  const shards = status.groups.filter((group) => group.groupId !== 0);
  const leaderless = shards.filter((group) => group.leaderNodeId === 0).length;
  const underReplicated = status.rebalance?.underReplicatedShards ?? 0;
  return {
    shards: {
      total: status.shardCount,
      healthy: Math.max(0, status.shardCount - Math.max(leaderless, underReplicated)),
      ...{ underReplicated, leaderless, moving: status.rebalance?.movesRunning ?? 0 },
    },
  };
}
