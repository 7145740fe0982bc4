/**
 * The gates of a roll, by the names that `spec.update.skipPredicates` and the status give them:
 * what must hold before the pod of a node is replaced. Zone order and leader-last are orders, not
 * gates, so that a healthy cluster always has a candidate (O12). Pure.
 */
import type { GroupView, NodeView } from '../../node/contract/status-types.ts';
import type { UpdatePredicate } from '../api/cluster-spec.ts';
import type { Blocker } from '../api/cluster-status.ts';
import type { PodView } from '../api/observed.ts';
import type { Round } from './round.ts';
import { nodeIdOf } from '../api/node-place.ts';
import { zoneOf } from './round.ts';

/** Leaders that do not come back in this time are not waited for, ms. */
export const leadersReturnMsMax = 60_000;

type Gate = (round: Round, pod: PodView) => string | undefined;

/** Pods of nodes, other than this one, that do not serve. */
function othersAway(round: Round, pod: PodView): string[] {
  const replicas = round.observed.statefulSet?.replicas ?? 0;
  const away: string[] = [];
  for (let ordinal = 0; ordinal < replicas; ordinal += 1) {
    const other = round.pods.get(ordinal);
    const node = round.nodes.get(ordinal);
    // What holds no data takes nothing away by being absent.
    const holdsNothing = node === undefined || (node.state === 'dead' && node.replicaCount === 0);
    const serves =
      other?.ready === true && !other.terminating && (node?.answers === true || holdsNothing);
    if (ordinal !== pod.ordinal && !serves && !(holdsNothing && node !== undefined)) {
      away.push(other?.name ?? `${round.name}-${ordinal}`);
    }
  }
  return away;
}

const maxUnavailable: Gate = (round, pod) => {
  const away = othersAway(round, pod);
  return away.length === 0
    ? undefined
    : `${away.slice(0, 5).join(', ')} is not Ready, and one may be away at a time`;
};

const oneZoneAtATime: Gate = (round, pod) => {
  const zone = zoneOf(round, pod) ?? '';
  const others = othersAway(round, pod)
    .map((name) => round.observed.pods.find((each) => each.name === name))
    .filter((other) => other !== undefined && (zoneOf(round, other) ?? '') !== zone);
  return others.length === 0 || zone === ''
    ? undefined
    : `${others[0]?.name ?? ''} of another zone is not Ready`;
};

const quorumSafe: Gate = (round, pod) => {
  const node = round.nodes.get(pod.ordinal);
  if (node === undefined) {
    return undefined;
  }
  const unsafe = (round.status?.groups ?? []).filter(
    (group) => !survives(round, group, nodeIdOf(node)),
  );
  const [first] = unsafe;
  return first === undefined
    ? undefined
    : `without it ${unsafe.length} groups (the first: ${first.groupId}) have no majority that answers`;
};

/** The group has a majority without the node. One copy never has, and must wait (O12). */
function survives(round: Round, group: GroupView, nodeId: number): boolean {
  const voters = group.replicas.filter(({ role }) => role === 'voter' || role === 'outgoing');
  if (voters.length <= 1 || !voters.some((voter) => voter.nodeId === nodeId)) {
    return true;
  }
  const live = voters.filter((voter) => voter.nodeId !== nodeId && answers(round, voter.nodeId));
  return live.length * 2 > voters.length;
}

function answers(round: Round, nodeId: number): boolean {
  const node = round.status?.nodes.find((each) => nodeIdOf(each) === nodeId);
  return node?.answers === true && node.quarantined === '' && node.ready;
}

const noUnderReplicated: Gate = (round) => {
  const count = round.status?.rebalance?.underReplicatedShards ?? 0;
  return count === 0 ? undefined : `${count} shards have fewer copies than wanted`;
};

const minReadySeconds: Gate = (round) => {
  const { nowMs, cluster, wantedTemplateHash: wanted, pods } = round.observed;
  const seconds = cluster.spec.update.minReadySeconds;
  const young = pods.find(
    (pod) => pod.templateHash === wanted && pod.ready && nowMs - pod.readySinceMs < seconds * 1_000,
  );
  return young === undefined ? undefined : `${young.name} has not been Ready for ${seconds} s`;
};

const leadersReturned: Gate = (round) => {
  const { nowMs, wantedTemplateHash: wanted } = round.observed;
  for (const [ordinal, node] of round.nodes) {
    const pod = round.pods.get(ordinal);
    const isNew = pod?.templateHash === wanted && pod?.ready === true;
    const waitsMs = nowMs - (pod?.readySinceMs ?? 0);
    if (isNew && lacksLeaders(round, node) && waitsMs < leadersReturnMsMax) {
      return `${pod.name} has no leaders back yet`;
    }
  }
  return undefined;
};

/** It leads nothing, although it has copies and would lead two shards at least by even shares. */
function lacksLeaders(round: Round, node: NodeView): boolean {
  const share = (round.status?.shardCount ?? 0) / Math.max(1, round.nodes.size);
  const mayLead = node.state === 'active' && node.replicaCount > 0;
  return mayLead && node.leaderCount === 0 && share >= 2;
}

const gates: Readonly<Record<UpdatePredicate, Gate>> = {
  MaxUnavailable: maxUnavailable,
  OneZoneAtATime: oneZoneAtATime,
  QuorumSafe: quorumSafe,
  NoUnderReplicated: noUnderReplicated,
  MinReadySeconds: minReadySeconds,
  LeadersReturned: leadersReturned,
};

/** Gates that are closed for the replacement of this pod. */
export function closedGates(round: Round, pod: PodView): readonly Blocker[] {
  const skipped = round.observed.cluster.spec.update.skipPredicates;
  const blockers: Blocker[] = [];
  for (const [reason, gate] of Object.entries(gates) as [UpdatePredicate, Gate][]) {
    const why = skipped.includes(reason) ? undefined : gate(round, pod);
    if (why !== undefined) {
      blockers.push({ reason, message: `Cannot replace ${pod.name}: ${why}`.slice(0, 512) });
    }
  }
  return blockers;
}
