/**
 * Replaces outdated pods, one at a time: leaders are moved off, the database is told that the node
 * will be away, the pod is deleted, and what it was told is taken back once the new one is Ready.
 * Where a roll stands is read from the database and the pods, never remembered. Pure.
 */
import type { NodeView } from '../../node/contract/status-types.ts';
import type { Operation } from '../api/cluster-status.ts';
import type { PodView } from '../api/observed.ts';
import { isOnFreshCordon } from './cordon-plan.ts';
import { closedGates } from './roll-gates.ts';
import type { Round, Verdict } from './round.ts';
import { nodeIdOf } from '../api/node-place.ts';
import type { Step } from './step.ts';
import { failedTrial } from './template-plan.ts';

/** Longer than a pod takes to stop and to start; called off as soon as it is Ready. */
const maintenanceMs = 10 * 60 * 1_000;

/**
 * Takes back what nodes were told for a replacement that is over, or that nobody wants any more;
 * also when the cluster is paused (O12).
 */
export function planReturn(round: Round): Verdict {
  const rolling = round.observed.cluster.spec.paused ? undefined : candidateOf(round);
  const steps: Step[] = [];
  for (const [ordinal, node] of round.nodes) {
    const pod = round.pods.get(ordinal);
    const isBack = pod?.ready === true && !pod.terminating && node.answers;
    const isRolling = rolling !== undefined && rolling.ordinal === ordinal;
    if (
      !isBack ||
      isRolling ||
      (isOnFreshCordon(round, pod) && !round.observed.cluster.spec.paused)
    ) {
      continue;
    }
    const { revision } = node;
    const nodeId = nodeIdOf(node);
    // One change a round: each needs the revision that the last one led to.
    if (node.maintenanceUntilMs !== 0) {
      steps.push({ kind: 'setMaintenance', nodeId, revision, durationMs: 0 });
    } else if (node.evictingLeaders) {
      steps.push({ kind: 'evictLeaders', nodeId, revision, evict: false });
    }
  }
  return { steps };
}

export function planRoll(round: Round): Verdict {
  const { observed } = round;
  const { statefulSet: set, wantedTemplateHash: wanted, cluster, pods } = observed;
  const outdated = pods.filter((pod) => pod.templateHash !== wanted);
  if (wanted === undefined || set === undefined || pods.length === 0) {
    return {};
  }
  const failed = failedTrial(round);
  if (failed !== undefined) {
    return { updateBlocked: failed };
  }
  if (outdated.length === 0) {
    // Nobody is outdated: pods to come are made from the wanted template too.
    return set.templateHash === wanted ? waitForNew(round) : { steps: [{ kind: 'writeTemplate' }] };
  }
  if (cluster.spec.update.mode === 'OnRequest' && set.templateHash !== wanted) {
    const message =
      `${outdated.length} of ${pods.length} pods are outdated: set spec.update.mode to Auto to ` +
      'replace them';
    return { requiresUpdate: { reason: 'UpdateOnRequest', message } };
  }
  return replaceNext(round, wanted);
}

/** The last new pod is on its way. */
function waitForNew(round: Round): Verdict {
  const waiting = round.observed.pods.find((pod) => !pod.ready && hasNode(round, pod));
  return waiting !== undefined && round.observed.statefulSet?.isOnTrial === true
    ? { operation: rolling(round, waiting, 'WaitForReady'), isBusy: true }
    : {};
}

function hasNode(round: Round, pod: PodView): boolean {
  return round.nodes.has(pod.ordinal);
}

function replaceNext(round: Round, wanted: string): Verdict {
  const { observed, nodes } = round;
  const starting = observed.pods.find(
    (pod) => pod.templateHash === wanted && (!pod.ready || pod.terminating),
  );
  const pod = candidateOf(round);
  if (pod === undefined) {
    return { isBusy: true };
  }
  const blockedBy = closedGates(round, pod);
  const [first] = blockedBy;
  if (first !== undefined) {
    // A pod that starts is the roll itself, not what stops it.
    const isMoving = starting !== undefined && starting.failure === '';
    const told = rolling(round, starting ?? pod, isMoving ? 'WaitForReady' : 'Blocked');
    return {
      operation: { ...told, message: first.message, blockedBy: isMoving ? [] : blockedBy },
      ...(isMoving
        ? { isBusy: true }
        : { updateBlocked: { reason: 'PredicateFailed', message: first.message } }),
    };
  }
  const node = nodes.get(pod.ordinal);
  return node === undefined ? deletion(round, pod, 0) : replaceNode(round, pod, node);
}

function replaceNode(round: Round, pod: PodView, node: NodeView): Verdict {
  const { observed, memory, nodes } = round;
  const nodeId = nodeIdOf(node);
  const { revision } = node;
  const others = [...nodes.values()].filter((each) => each !== node && each.state === 'active');
  if (node.answers && others.length > 0) {
    const step = rolling(round, pod, 'MoveLeaders');
    if (!node.evictingLeaders) {
      const steps: Step[] = [{ kind: 'evictLeaders', nodeId, revision, evict: true }];
      return { steps, operation: step, isBusy: true };
    }
    const sinceMs = memory.evictingSinceMs.get(nodeId) ?? observed.nowMs;
    const limitMs = observed.cluster.spec.update.leaderTransferSeconds * 1_000;
    if (node.leaderCount > 0 && observed.nowMs - sinceMs < limitMs) {
      const message = `${node.leaderCount} leaders are left on ${pod.name}`;
      return { operation: { ...step, message }, isBusy: true };
    }
  }
  const mayBeAway = node.state === 'active' || node.state === 'joining';
  if (mayBeAway && node.maintenanceUntilMs < observed.nowMs + maintenanceMs / 2) {
    return {
      steps: [{ kind: 'setMaintenance', nodeId, revision, durationMs: maintenanceMs }],
      operation: rolling(round, pod, 'Announce'),
      isBusy: true,
    };
  }
  return deletion(round, pod, nodeId);
}

/** The template goes into the set last: what is evicted before comes back as it was. */
function deletion(round: Round, pod: PodView, nodeId: number): Verdict {
  const { statefulSet: set, wantedTemplateHash: wanted } = round.observed;
  const write: readonly Step[] = set?.templateHash === wanted ? [] : [{ kind: 'writeTemplate' }];
  const steps: readonly Step[] = [...write, { kind: 'deletePod', pod, nodeId, why: 'Roll' }];
  return { steps, operation: rolling(round, pod, 'Replace'), isBusy: true };
}

/** The outdated pod that is replaced next: one that was begun with, else by rank. */
export function candidateOf(round: Round): PodView | undefined {
  const { wantedTemplateHash: wanted, pods } = round.observed;
  if (wanted === undefined || failedTrial(round) !== undefined) {
    return undefined;
  }
  const outdated = pods.filter((pod) => pod.templateHash !== wanted && !pod.terminating);
  return [...outdated].sort((a, b) => compare(rank(round, a), rank(round, b)))[0];
}

/** Less is earlier: begun with, not Ready, not leading the system group, higher ordinals. */
function rank(round: Round, pod: PodView): readonly number[] {
  const node = round.nodes.get(pod.ordinal);
  const isBegun = node?.evictingLeaders === true || (node?.maintenanceUntilMs ?? 0) !== 0;
  const leadsSystem = node !== undefined && nodeIdOf(node) === round.status?.systemLeaderNodeId;
  return [isBegun ? 0 : 1, pod.ready ? 1 : 0, leadsSystem ? 1 : 0, -pod.ordinal];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

function rolling(round: Round, pod: PodView, step: string): Operation {
  const { pods, wantedTemplateHash: wanted } = round.observed;
  const done = pods.filter((each) => each.templateHash === wanted && each.ready).length;
  const node = round.nodes.get(pod.ordinal);
  return {
    type: 'Roll',
    pod: pod.name,
    ...(node === undefined ? {} : { nodeId: nodeIdOf(node) }),
    step,
    percent: Math.floor((done / Math.max(1, pods.length)) * 100),
    message: `${done} of ${pods.length} pods are of the wanted template`,
    blockedBy: [],
  };
}
