/**
 * What each condition says, from one look at a cluster. Ready is True only when the generation of
 * the spec that was looked at is reached in full, so that `kubectl wait` right after a change never
 * sees the answer of before (O17). What could not be asked is Unknown.
 */
import { conditionTypes } from '../api/conditions.ts';
import type { Condition, Reason } from '../api/conditions.ts';
import { ordinalOfNode } from '../api/node-place.ts';
import type { Hindrance, Observed, PlanReport } from '../api/observed.ts';
import { certificateVerdict } from './certificate-verdict.ts';
import { groupsAtRisk, leaderlessGroups, summariseShards } from './shard-health.ts';

export interface Verdict extends Pick<Condition, 'type' | 'status' | 'message'> {
  readonly reason: Reason;
}

const expected = { reason: 'AsExpected', message: '' } as const;
/** Groups that a message names. */
const namedMax = 5;

function listed(groups: readonly number[]): string {
  const more = groups.length > namedMax ? ` and ${groups.length - namedMax} more` : '';
  return `${groups.slice(0, namedMax).join(', ')}${more}`;
}

function verdict(type: string, status: Verdict['status'], why: Hindrance): Verdict {
  return { type, status, reason: why.reason, message: why.message };
}

/** Why nothing is known of the database; undefined: its status is there. */
function silence({ database, pods }: Observed): Hindrance | undefined {
  if (database.status !== undefined) {
    return undefined;
  }
  if (database.failure !== '') {
    return { reason: 'OperatorCannotReachNodes', message: database.failure };
  }
  const ready = pods.filter((pod) => pod.ready).length;
  return { reason: 'NoDatabaseYet', message: `No database yet: ${ready} pods are Ready` };
}

function availableVerdict(observed: Observed): Verdict {
  const type = conditionTypes.available;
  const why = silence(observed);
  if (why !== undefined) {
    return verdict(type, why.reason === 'NoDatabaseYet' ? 'False' : 'Unknown', why);
  }
  const { status } = observed.database;
  const leaderless = status === undefined ? [] : leaderlessGroups(status);
  if (leaderless.length > 0) {
    const message = `${leaderless.length} groups have no leader: ${listed(leaderless)}`;
    return verdict(type, 'False', { reason: 'ShardsWithoutLeader', message });
  }
  const message = `All ${status?.shardCount ?? 0} shards have a leader`;
  return verdict(type, 'True', { ...expected, message });
}

/** What the generation still lacks; undefined: it is reached. */
export function lacking({
  cluster,
  statefulSet: set,
  pods,
  database,
  wantedTemplateHash,
}: Observed): Hindrance | undefined {
  const { name } = cluster.metadata;
  const { replicas, update } = cluster.spec;
  if (set === undefined || database.status === undefined) {
    return { reason: 'Creating', message: 'The first nodes are made' };
  }
  if (set.replicas !== replicas) {
    const reason = set.replicas < replicas ? 'ScalingUp' : 'ScalingDown';
    return { reason, message: `${set.replicas} of ${replicas} nodes are in the set` };
  }
  const outdated = pods.filter((pod) => pod.templateHash !== wantedTemplateHash);
  if (update.mode === 'Auto' && wantedTemplateHash !== undefined && outdated.length > 0) {
    const message = `${pods.length - outdated.length} of ${replicas} pods are of the wanted template`;
    return { reason: 'Rolling', message };
  }
  const ready = pods.filter((pod) => pod.ready && !pod.terminating).length;
  if (ready < replicas || set.observedGeneration < set.generation) {
    return { reason: 'WaitingForPods', message: `${ready} of ${replicas} pods are Ready` };
  }
  const active = database.status.nodes.filter(
    (node) => node.state === 'active' && (ordinalOfNode(name, node) ?? replicas) < replicas,
  );
  if (active.length < replicas) {
    return { reason: 'ScalingUp', message: `${active.length} of ${replicas} nodes are active` };
  }
  return undefined;
}

function progressingVerdict(observed: Observed, report: PlanReport): Verdict {
  const type = conditionTypes.progressing;
  const { statefulSet: set, wantedTemplateHash, cluster } = observed;
  if (wantedTemplateHash !== undefined && set?.failedTemplateHash === wantedTemplateHash) {
    const seconds = cluster.spec.update.progressDeadlineSeconds;
    const message =
      `A pod of the wanted template was not Ready within ${seconds} s, so the one before is back: ` +
      'change the spec';
    return verdict(type, 'False', { reason: 'DeadlineExceeded', message });
  }
  const [first] = report.operations.filter((operation) => operation.type !== 'Rebalance');
  const missing = lacking(observed);
  if (first !== undefined) {
    const reasons: Readonly<Record<string, Reason>> = {
      ...{ Create: 'Creating', ScaleUp: 'ScalingUp', ScaleDown: 'ScalingDown' },
      ...{ Roll: 'Rolling', Repair: 'Repairing' },
    };
    const reason = reasons[first.type] ?? 'WaitingForPods';
    return verdict(type, 'True', { reason, message: `${first.message} (${first.percent} %)` });
  }
  return missing === undefined
    ? verdict(type, 'False', { ...expected, message: 'What the spec says is there' })
    : verdict(type, 'True', missing);
}

/** What is wrong beyond what is under way, the worst first. */
function complaints({ database, pods }: Observed, report: PlanReport): readonly Hindrance[] {
  const found: Hindrance[] = [...report.problems];
  const { status } = database;
  const quarantined = status?.nodes.filter((node) => node.quarantined !== '') ?? [];
  for (const node of quarantined.filter(({ state }) => state !== 'removed')) {
    const message = `The store of node ${node.member?.nodeId ?? 0} failed: ${node.quarantined}`;
    found.push({ reason: 'NodeQuarantined', message });
  }
  const down = status?.nodes.filter(
    (node) =>
      !node.answers &&
      node.maintenanceUntilMs === 0 &&
      ['active', 'draining', 'dead'].includes(node.state),
  );
  for (const node of down ?? []) {
    const message = `Node ${node.member?.nodeId ?? 0} does not answer`;
    found.push({ reason: 'NodeDown', message });
  }
  for (const pod of pods.filter((each) => each.failure !== '')) {
    const reason = pod.failure === 'Unschedulable' ? 'PodsUnschedulable' : 'PodsFailing';
    found.push({ reason, message: `${pod.name}: ${pod.failure}: ${pod.failureMessage}` });
  }
  const under = status === undefined ? 0 : summariseShards(status).underReplicated;
  if (under > 0) {
    const message = `${under} shards have fewer copies than wanted`;
    found.push({ reason: 'ShardsUnderReplicated', message });
  }
  return found;
}

function degradedVerdict(observed: Observed, report: PlanReport): Verdict {
  const [first, ...more] = complaints(observed, report);
  if (first === undefined) {
    return verdict(conditionTypes.degraded, 'False', expected);
  }
  const message = [first, ...more].map((each) => each.message).join('; ');
  return verdict(conditionTypes.degraded, 'True', { reason: first.reason, message });
}

function quorumVerdict(observed: Observed): Verdict {
  const type = conditionTypes.quorumHealthy;
  const { status } = observed.database;
  const why = silence(observed);
  if (why !== undefined || status === undefined) {
    return verdict(type, 'Unknown', why ?? expected);
  }
  const atRisk = groupsAtRisk(status);
  const message = `${atRisk.length} groups would lose their majority with one more node: ${listed(atRisk)}`;
  return atRisk.length === 0
    ? verdict(type, 'True', expected)
    : verdict(type, 'False', { reason: 'NodeDown', message });
}

function rebalancingVerdict(observed: Observed): Verdict {
  const type = conditionTypes.rebalancing;
  const rebalance = observed.database.status?.rebalance;
  if (rebalance === undefined) {
    const why = silence(observed) ?? expected;
    return verdict(type, why.reason === 'NoDatabaseYet' ? 'False' : 'Unknown', why);
  }
  if (rebalance.state === 'idle') {
    return verdict(type, 'False', expected);
  }
  const { movesDone, movesTotal, state } = rebalance;
  const message = `${movesDone} of ${movesTotal} moves are done`;
  return state === 'paused'
    ? verdict(type, 'False', { reason: 'RebalancePaused', message })
    : verdict(type, 'True', { reason: 'Rebalancing', message });
}

/** A condition that is True when something stands in the way. */
function blockedVerdict(type: string, why: Hindrance | undefined): Verdict {
  return why === undefined ? verdict(type, 'False', expected) : verdict(type, 'True', why);
}

function readyVerdict(observed: Observed, parts: readonly Verdict[]): Verdict {
  const type = conditionTypes.ready;
  const [available, progressing, degraded] = parts;
  if (observed.cluster.metadata.deletionTimestamp !== undefined) {
    return verdict(type, 'False', { reason: 'Deleting', message: 'The cluster is being deleted' });
  }
  const missing = lacking(observed);
  const obstacle =
    (available?.status !== 'True' && available) ||
    (degraded?.status === 'True' && degraded) ||
    (progressing?.status === 'True' && progressing) ||
    (progressing?.reason === 'DeadlineExceeded' && progressing) ||
    missing;
  if (obstacle) {
    const { reason, message } = obstacle;
    return verdict(type, 'False', { reason, message });
  }
  const { replicas } = observed.cluster.spec;
  return verdict(type, 'True', { ...expected, message: `${replicas} nodes serve` });
}

export function judgeConditions(observed: Observed, report: PlanReport): readonly Verdict[] {
  const parts = [
    availableVerdict(observed),
    progressingVerdict(observed, report),
    degradedVerdict(observed, report),
  ];
  const { paused } = observed.cluster.spec;
  return [
    readyVerdict(observed, parts),
    ...parts,
    quorumVerdict(observed),
    rebalancingVerdict(observed),
    blockedVerdict(conditionTypes.scaleUpBlocked, report.scaleUpBlocked),
    blockedVerdict(conditionTypes.scaleDownBlocked, report.scaleDownBlocked),
    blockedVerdict(conditionTypes.updateBlocked, report.updateBlocked),
    blockedVerdict(conditionTypes.requiresUpdate, report.requiresUpdate),
    certificateVerdict(observed),
    paused
      ? verdict(conditionTypes.paused, 'True', { reason: 'Paused', message: 'spec.paused is true' })
      : verdict(conditionTypes.paused, 'False', { reason: 'NotPaused', message: '' }),
  ];
}
