/**
 * The whole status of a cluster from one look at it and the plan's report. Of the status before
 * only the times of transition are kept; everything else is told anew.
 */
import { conditionTypes } from '../api/conditions.ts';
import type { Condition } from '../api/conditions.ts';
import type { ClusterPhase, ClusterStatus, Operation, PlanSummary } from '../api/cluster-status.ts';
import { isoTime } from '../api/iso-time.ts';
import { selectorLabels } from '../api/names.ts';
import { blockerOf } from '../api/observed.ts';
import type { DatabasePlan, Observed, PlanReport } from '../api/observed.ts';
import { versionOfImage } from '../desired/image.ts';
import { endpointOf } from '../desired/services.ts';
import { oldestVersion, summariseNodes } from './node-summaries.ts';
import { coarseBytes, shortText, twoDigits } from './rounded.ts';
import { summariseShards } from './shard-health.ts';
import { judgeConditions } from './verdicts.ts';
import type { Verdict } from './verdicts.ts';

/** Bounds of the schema. */
const operationsMax = 8;
const blockersMax = 8;
const certificatesMax = 8;
const messageCharactersMax = 512;
const conditionCharactersMax = 2_048;

function isTrue(verdicts: readonly Verdict[], type: string): boolean {
  return verdicts.some((each) => each.type === type && each.status === 'True');
}

const phaseOfOperation = {
  Create: 'Creating',
  ScaleUp: 'ScalingUp',
  ScaleDown: 'ScalingDown',
  Roll: 'Rolling',
  Repair: 'Degraded',
  Rebalance: 'Rebalancing',
} as const satisfies Record<Operation['type'], ClusterPhase>;

function phaseOf(
  { cluster, statefulSet, database }: Observed,
  report: PlanReport,
  verdicts: readonly Verdict[],
): ClusterPhase {
  const [first] = report.operations;
  const available = verdicts.find(({ type }) => type === conditionTypes.available);
  if (cluster.metadata.deletionTimestamp !== undefined) {
    return 'Deleting';
  }
  if (cluster.spec.paused) {
    return 'Paused';
  }
  if (statefulSet === undefined) {
    return 'Pending';
  }
  if (available?.reason === 'NoDatabaseYet') {
    return 'Creating';
  }
  if (available?.status === 'False') {
    return 'Unavailable';
  }
  if (first !== undefined && first.type !== 'Rebalance') {
    return phaseOfOperation[first.type];
  }
  if (isTrue(verdicts, conditionTypes.degraded) || database.status === undefined) {
    return 'Degraded';
  }
  if (isTrue(verdicts, conditionTypes.ready)) {
    return isTrue(verdicts, conditionTypes.rebalancing) ? 'Rebalancing' : 'Ready';
  }
  const progressing = verdicts.find(({ type }) => type === conditionTypes.progressing);
  const known: Readonly<Record<string, ClusterPhase>> = {
    ...{ ScalingUp: 'ScalingUp', ScalingDown: 'ScalingDown', Rolling: 'Rolling' },
    Creating: 'Creating',
  };
  return known[progressing?.reason ?? ''] ?? 'Degraded';
}

/** One of a type; the time moves with the status alone. */
function conditionsOf({ cluster, nowMs }: Observed, verdicts: readonly Verdict[]): Condition[] {
  const before = new Map(cluster.status?.conditions?.map((each) => [each.type, each]));
  return verdicts.map(({ type, status, reason, message }) => {
    const old = before.get(type);
    return {
      type,
      status,
      reason,
      message: shortText(message, conditionCharactersMax),
      observedGeneration: cluster.metadata.generation,
      lastTransitionTime: old?.status === status ? old.lastTransitionTime : isoTime(nowMs),
    };
  });
}

function planOf(plan: DatabasePlan): PlanSummary {
  return {
    moves: plan.moves,
    bytes: coarseBytes(plan.bytes),
    seconds: twoDigits(plan.seconds),
    refusals: plan.refusals.slice(0, blockersMax).map(blockerOf),
  };
}

function operationOf(operation: Operation): Operation {
  return {
    ...operation,
    percent: Math.max(0, Math.min(100, Math.floor(operation.percent))),
    message: shortText(operation.message, messageCharactersMax),
    blockedBy: operation.blockedBy.slice(0, blockersMax).map(({ reason, message }) => ({
      reason,
      message: shortText(message, messageCharactersMax),
    })),
  };
}

export function computeStatus(observed: Observed, report: PlanReport): ClusterStatus {
  const { cluster, statefulSet: set, pods, database, certificates } = observed;
  const { status, plan } = database;
  const verdicts = judgeConditions(observed, report);
  const { name, generation } = cluster.metadata;
  const runs = status === undefined ? undefined : oldestVersion(status.nodes);
  const version = runs ?? (set === undefined ? undefined : versionOfImage(set.image));
  const updated = pods.filter((pod) => pod.templateHash === observed.wantedTemplateHash);
  const selector = Object.entries(selectorLabels(name)).map(([key, value]) => `${key}=${value}`);
  return {
    observedGeneration: generation,
    phase: phaseOf(observed, report, verdicts),
    ...(status === undefined ? knownId(cluster.status) : { clusterId: status.clusterId }),
    ...(version === undefined || version === '' ? {} : { version }),
    ...(set === undefined ? {} : { image: set.image }),
    replicas: set?.replicas ?? 0,
    readyReplicas: pods.filter((pod) => pod.ready && !pod.terminating).length,
    updatedReplicas: updated.length,
    selector: selector.join(','),
    endpoint: endpointOf({ cluster }),
    nodes: summariseNodes(observed),
    ...(status === undefined ? {} : { shards: summariseShards(status) }),
    operations: report.operations.slice(0, operationsMax).map(operationOf),
    ...(plan === undefined ? {} : { plan: planOf(plan) }),
    certificates: certificates
      .slice(0, certificatesMax)
      .map(({ name: secret, notAfterMs }) => ({ name: secret, notAfter: isoTime(notAfterMs) })),
    conditions: conditionsOf(observed, verdicts),
  };
}

/**
 * The id that was seen before stays: a rule of the CRD reads it, and a database that cannot be
 * reached for a moment is no reason to allow what it forbids.
 */
function knownId(before: ClusterStatus | undefined): { readonly clusterId?: string } {
  return before?.clusterId === undefined ? {} : { clusterId: before.clusterId };
}
