/**
 * How many nodes there are. Adding is easy: the set grows, empty pods join. Taking away goes
 * through the database: drained, removed, the volume marked, and only then the set shrinks (O2),
 * one node at a time from the highest ordinal. A set that somebody else scaled is put right first.
 * Pure.
 */
import type { NodeView } from '../../node/contract/status-types.ts';
import type { Blocker, Operation } from '../api/cluster-status.ts';
import { claimName, podName } from '../api/names.ts';
import type { Hindrance } from '../api/observed.ts';
import { reasons } from '../api/conditions.ts';
import type { Reason } from '../api/conditions.ts';
import { contestedReplicas } from './contested-replicas.ts';
import type { Round, Verdict } from './round.ts';
import type { Step } from './step.ts';
import { nodeIdOf } from '../api/node-place.ts';
import { isoTime } from '../api/iso-time.ts';

/** Puts right what others did to the set; needs no answer of the database (O5). */
export function planSet(round: Round): Verdict {
  const { observed, floor } = round;
  const { statefulSet: set, cluster } = observed;
  const wanted = Math.max(cluster.spec.replicas, floor);
  if (set === undefined) {
    return { steps: [{ kind: 'createSet', replicas: wanted }], isBusy: true };
  }
  if (set.terminating) {
    return { isBusy: true };
  }
  if (set.replicas < floor) {
    const why = 'ExternalScale';
    return { steps: [{ kind: 'scaleSet', replicas: floor, why }], isBusy: true };
  }
  // Only what is known to hold nothing is taken away.
  const mayShrink = round.status !== undefined || round.isUnborn;
  if (set.replicas > wanted && mayShrink) {
    const isRetired = (round.claims.get(set.replicas - 1)?.retiredNodeId ?? '') !== '';
    const why = isRetired ? 'ScaleDown' : 'ExternalScale';
    return { steps: [{ kind: 'scaleSet', replicas: wanted, why }], isBusy: true };
  }
  return {};
}

/** Calls a drain off that is not wanted any more, and grows the set. */
export function planScaleUp(round: Round): Verdict {
  const { observed, nodes, claims } = round;
  const { spec } = observed.cluster;
  for (const [ordinal, node] of nodes) {
    const isOwn = node.drainOwner === 'operator' || node.drainOwner === '';
    const isLeaving = node.state === 'draining' || node.state === 'drained';
    if (ordinal < spec.replicas && isLeaving && isOwn) {
      const { revision } = node;
      const change = { nodeId: nodeIdOf(node), revision, state: 'active' } as const;
      return { steps: [{ kind: 'setNodeState', ...change, why: 'DrainCancelled' }], isBusy: true };
    }
  }
  const have = observed.statefulSet?.replicas ?? 0;
  const missing = spec.replicas - have;
  if (missing <= 0) {
    return joiningVerdict(round);
  }
  for (let ordinal = have; ordinal < spec.replicas; ordinal += 1) {
    const claim = claims.get(ordinal);
    if (claim !== undefined && claim.retiredNodeId !== '') {
      const name = claimName(round.name, ordinal);
      const message =
        `The volume ${name} is left from node ${claim.retiredNodeId}, which was removed: delete ` +
        `it to go on (kubectl delete pvc ${name})`;
      return { scaleUpBlocked: { reason: 'RetiredVolume', message } };
    }
  }
  const steps = [{ kind: 'scaleSet', replicas: spec.replicas, why: 'ScaleUp' }] as const;
  return { steps, isBusy: true, operation: growing(round, 'AddPods') };
}

/** New pods are on their way to be nodes. */
function joiningVerdict(round: Round): Verdict {
  const { nodes, observed } = round;
  const active = countActive(round);
  if (round.status === undefined || active >= observed.cluster.spec.replicas) {
    return {};
  }
  const hasNew = [...nodes.values()].some((node) => node.state === 'joining');
  return nodes.size < observed.cluster.spec.replicas || hasNew
    ? { operation: growing(round, 'Join'), isBusy: true }
    : {};
}

function countActive({ nodes }: Round): number {
  return [...nodes.values()].filter((node) => node.state === 'active').length;
}

function growing(round: Round, step: string): Operation {
  const { observed } = round;
  const { replicas } = observed.cluster.spec;
  const active = countActive(round);
  const waiting = [...round.pods.values()].find(
    (pod) => !round.nodes.has(pod.ordinal) && pod.failure !== '',
  );
  const why = waiting === undefined ? '' : `; ${waiting.name}: ${waiting.failure}`;
  return {
    type: 'ScaleUp',
    step,
    percent: Math.floor((active / replicas) * 100),
    message: `${active} of ${replicas} nodes are active${why}`,
    blockedBy: [],
  };
}

/** Takes the node with the highest ordinal away, step by step. */
export function planScaleDown(round: Round): Verdict {
  const { observed, floor, nodes, claims, memory } = round;
  const { spec } = observed.cluster;
  const ordinal = floor - 1;
  const node = nodes.get(ordinal);
  if (spec.replicas >= floor || round.status === undefined) {
    return forget(round);
  }
  const claim = claims.get(ordinal);
  if (node === undefined) {
    // The catalog names it no more: the volume is marked, and the set shrinks in the next round.
    const removed = removedNodeOf(round, ordinal);
    return claim === undefined || removed === undefined
      ? { scaleDownBlocked: unknownNode(round, ordinal), isBusy: true }
      : { steps: [{ kind: 'retireClaim', claim, nodeId: removed }], isBusy: true };
  }
  const nodeId = nodeIdOf(node);
  const { revision } = node;
  switch (node.state) {
    case 'active':
    case 'dead':
    case 'joining':
      if (node.state === 'dead' && node.replicaCount === 0) {
        return { steps: [{ kind: 'removeNode', nodeId, revision }], isBusy: true };
      }
      return begin(round, node, ordinal, memory.lowerSinceMs);
    case 'draining':
      return draining(round, node, ordinal);
    case 'drained':
      return {
        steps: [{ kind: 'removeNode', nodeId, revision }, ...goodbye(round, node, ordinal)],
        isBusy: true,
        operation: leaving(round, node, ordinal, 'Remove'),
      };
    default:
      return {};
  }
}

/**
 * What follows a removal at once, each only if the one before went through (O2): a node that is
 * removed refuses requests, and the Service sends it some until its pod is told to go. What is not
 * as expected here waits for the next look.
 */
function goodbye(round: Round, node: NodeView, ordinal: number): readonly Step[] {
  const claim = round.claims.get(ordinal);
  const nodeId = nodeIdOf(node);
  const isLast = round.observed.statefulSet?.replicas === ordinal + 1;
  return claim?.nodeId === String(nodeId) && isLast
    ? [
        { kind: 'retireClaim', claim, nodeId },
        { kind: 'scaleSet', replicas: ordinal, why: 'ScaleDown' },
      ]
    : [];
}

/** The removed node whose volume this claim is, by the claim's own mark. */
function removedNodeOf(round: Round, ordinal: number): number | undefined {
  const marked = Number(round.claims.get(ordinal)?.nodeId ?? 0);
  const found = round.status?.nodes.find((node) => nodeIdOf(node) === marked);
  return found?.state === 'removed' ? marked : undefined;
}

function unknownNode(round: Round, ordinal: number): Hindrance {
  const message =
    `The database does not know a node in ${podName(round.name, ordinal)}, and its volume holds ` +
    'one: nothing is taken away before it is known';
  return { reason: 'OperatorCannotReachNodes', message };
}

function begin(round: Round, node: NodeView, ordinal: number, lowerSinceMs: number): Verdict {
  const { observed, memory } = round;
  const { spec } = observed.cluster;
  const waitedMs = lowerSinceMs === 0 ? 0 : observed.nowMs - lowerSinceMs;
  const operation = leaving(round, node, ordinal, 'Preflight');
  const contested = contestedReplicas(memory.replicasChanges ?? [], observed.nowMs);
  if (contested !== undefined) {
    return { operation: { ...operation, message: contested.message }, scaleDownBlocked: contested };
  }
  if (waitedMs < spec.scaleDown.stabilizationSeconds * 1_000) {
    const seconds = spec.scaleDown.stabilizationSeconds;
    const message = `spec.replicas must stay at ${spec.replicas} for ${seconds} s first`;
    return { operation: { ...operation, step: 'Stabilize', message }, isBusy: true };
  }
  if (memory.drainRefusals === undefined) {
    return { operation, isBusy: true };
  }
  const [first] = memory.drainRefusals;
  if (first !== undefined) {
    const blockedBy = memory.drainRefusals.slice(0, 8);
    return {
      operation: { ...operation, message: first.message, blockedBy: blockedBy.map(toBlocker) },
      scaleDownBlocked: hindranceOf(first),
    };
  }
  const { revision } = node;
  const change = { nodeId: nodeIdOf(node), revision, state: 'draining' } as const;
  return {
    steps: [{ kind: 'setNodeState', ...change, why: 'ScaleDown' }],
    operation,
    isBusy: true,
  };
}

function draining(round: Round, node: NodeView, ordinal: number): Verdict {
  const { memory, observed } = round;
  const { drain } = memory;
  const operation = leaving(round, node, ordinal, 'Drain');
  if (drain?.nodeId !== nodeIdOf(node)) {
    return { operation, isBusy: true };
  }
  const silentMs = observed.nowMs - Math.max(drain.lastProgressAtMs, drain.startedAtMs);
  const isStalled = silentMs > observed.cluster.spec.scaleDown.stallSeconds * 1_000;
  const [first] = drain.blockedBy;
  const message =
    `${drain.shardsRemaining} shards, ${drain.leadersRemaining} leaders and ` +
    `${drain.bytesRemaining} bytes are left on it`;
  const told: Operation = {
    ...operation,
    startedAt: isoTime(drain.startedAtMs),
    lastProgressAt: isoTime(drain.lastProgressAtMs),
    message: first === undefined ? message : `${message}; ${first.message}`.slice(0, 512),
    blockedBy: drain.blockedBy.slice(0, 8).map(toBlocker),
  };
  const stalled: Hindrance = {
    reason: 'DrainStalled',
    message: `No progress for ${Math.floor(silentMs / 1_000)} s: ${told.message}`,
  };
  return {
    operation: told,
    ...(first === undefined ? {} : { scaleDownBlocked: hindranceOf(first) }),
    // A drain that stands still gives its slot up: a roll may be what it waits for (O12).
    ...(isStalled ? { problems: [stalled], isBusy: false } : { isBusy: true }),
  };
}

/** Volumes of removed nodes that nobody wants to keep, once their pods are gone. */
function forget(round: Round): Verdict {
  const { observed, status } = round;
  if (observed.cluster.spec.storage.retention.whenScaled !== 'Delete' || status === undefined) {
    return {};
  }
  for (const claim of round.claims.values()) {
    const retired = Number(claim.retiredNodeId);
    const isRemoved = status.nodes.some(
      (node) => nodeIdOf(node) === retired && node.state === 'removed',
    );
    const isUsed = round.pods.has(claim.ordinal);
    if (claim.retiredNodeId !== '' && isRemoved && !isUsed && !claim.terminating) {
      return { steps: [{ kind: 'deleteClaim', claim, nodeId: retired }] };
    }
  }
  return {};
}

function leaving(round: Round, node: NodeView, ordinal: number, step: string): Operation {
  const { replicas } = round.observed.cluster.spec;
  const pod = podName(round.name, ordinal);
  const { drain } = round.memory;
  const hasLeft = drain?.nodeId === nodeIdOf(node) ? drain.shardsRemaining : node.replicaCount;
  const share = Math.max(1, (round.status?.shardCount ?? 1) / Math.max(1, round.nodes.size));
  return {
    type: 'ScaleDown',
    pod,
    nodeId: nodeIdOf(node),
    step,
    percent: step === 'Remove' ? 99 : Math.max(0, Math.floor(99 - (hasLeft / share) * 99)),
    message: `${round.floor} nodes, ${replicas} are wanted: ${pod} leaves`,
    blockedBy: [],
  };
}

function toBlocker(refusal: { readonly reason: string; readonly message: string }): Blocker {
  return { reason: refusal.reason, message: refusal.message.slice(0, 512) };
}

function hindranceOf(refusal: { readonly reason: string; readonly message: string }): Hindrance {
  const known = Object.keys(reasons) as Reason[];
  const reason = known.find((each) => each === refusal.reason) ?? 'ReconcileFailed';
  return { reason, message: refusal.message };
}
