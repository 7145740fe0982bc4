/**
 * Whether nodes may be drained, before anyone is told to: the plan that would follow, and every
 * reason against it, with its numbers. Asked by whoever sets a node's state; the planner itself
 * only refuses what cannot be done.
 */
import type { NodeId } from '../sys/network.ts';
import type { ClusterView, ViewNode } from './cluster-view.ts';
import { GroupMembers } from './group-members.ts';
import { systemGroupId } from './groups.ts';
import { NodeRoster } from './node-roster.ts';
import { planShards } from './planner.ts';
import type { Plan } from './planner.ts';
import { counted, makeRefusal, namedGroups, namedNodes } from './refusal.ts';
import type { Refusal, RefusalReason } from './refusal.ts';
import { bestZoneCounts, sharedZonePairs } from './zone-profile.ts';

export interface DrainRequest {
  readonly view: ClusterView;
  readonly nodeIds: readonly NodeId[];
  /** A person takes fewer zones for each shard into the bargain. Default false. */
  readonly mayLoseSpread?: boolean;
}

export interface DrainCheck {
  /** None: the drain may begin. */
  readonly refusals: readonly Refusal[];
  /** What would follow, also if it is refused; undefined if there is no such node. */
  readonly plan: Plan | undefined;
}

/** Reasons of the plan that speak against the drain. */
const planReasons: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'BelowReplicationFactor',
  'InsufficientFreeSpace',
  'LeaderlessShards',
  'NoEligibleNode',
]);

export function checkDrain({ view, nodeIds, mayLoseSpread = false }: DrainRequest): DrainCheck {
  const unknown = refuseUnknown(view, nodeIds);
  if (unknown.length > 0) {
    return { refusals: unknown, plan: undefined };
  }
  const nodes = view.nodes.map((node): ViewNode => {
    return nodeIds.includes(node.nodeId) ? { ...node, state: 'draining' } : node;
  });
  const after = { ...view, nodes };
  const plan = planShards({ view: after });
  // What is refused already has nothing to do with these nodes.
  const known = new Set(planShards({ view }).refusals.map(({ message }) => message));
  const refusals = [
    refuseUnderReplicated(view, nodeIds),
    mayLoseSpread ? undefined : refuseSpread({ before: view, after, nodeIds }),
    ...plan.refusals.filter(
      ({ reason, message }) => planReasons.has(reason) && !known.has(message),
    ),
  ];
  return { refusals: refusals.filter((refusal) => refusal !== undefined), plan };
}

function refuseUnknown(view: ClusterView, nodeIds: readonly NodeId[]): Refusal[] {
  const refusals: Refusal[] = [];
  for (const nodeId of nodeIds) {
    const node = view.nodes.find((each) => each.nodeId === nodeId);
    const why = node === undefined ? 'there is no such node' : `it is ${node.state}`;
    const holds = ['active', 'evictingLeaders', 'maintenance', 'draining', 'dead'];
    if (node === undefined || !holds.includes(node.state)) {
      const message = `Cannot drain node ${nodeId}: ${why}`;
      refusals.push(makeRefusal({ reason: 'UnknownNode', message, facts: { nodeId } }));
    }
  }
  return refusals;
}

/** Repair comes first: a drain takes a copy that may be needed. Of a dead node there is none. */
function refuseUnderReplicated(view: ClusterView, nodeIds: readonly NodeId[]): Refusal | undefined {
  const roster = new NodeRoster(view);
  if (nodeIds.every((nodeId) => roster.isLost(roster.indexOf(nodeId)))) {
    return undefined;
  }
  const shards = view.groups.filter(({ groupId }) => groupId !== systemGroupId);
  const members = new GroupMembers(roster, shards);
  const short: number[] = [];
  for (const [g, { groupId }] of shards.entries()) {
    const live = members.voters(g).filter((i) => roster.isAlive(i) && !members.isFailed(g, i));
    if (live.length < roster.factor) {
      short.push(groupId);
    }
  }
  if (short.length === 0) {
    return undefined;
  }
  return makeRefusal({
    reason: 'UnderReplicatedShards',
    message:
      `Cannot drain ${namedNodes(nodeIds)} yet: ${counted(short.length, 'shard')} ` +
      `(${namedGroups(short)}) have fewer than ${roster.factor} live copies`,
    facts: { shards: short.length, copies: roster.factor },
    groups: short,
  });
}

interface SpreadChange {
  readonly before: ClusterView;
  readonly after: ClusterView;
  readonly nodeIds: readonly NodeId[];
}

function refuseSpread({ before, after, nodeIds }: SpreadChange): Refusal | undefined {
  const countsOf = (view: ClusterView): number[] => {
    const roster = new NodeRoster(view);
    const copies = Math.min(roster.factor, roster.holderCount);
    return bestZoneCounts(roster.zoneCapacities(), copies);
  };
  const [old, now] = [countsOf(before), countsOf(after)];
  if (sharedZonePairs(now) <= sharedZonePairs(old)) {
    return undefined;
  }
  const [zonesOld, zonesNow] = [old, now].map((counts) => counts.filter((each) => each > 0).length);
  const most = Math.max(...now);
  return makeRefusal({
    reason: 'ZoneSpreadWouldBreak',
    message:
      `Cannot drain ${namedNodes(nodeIds)}: each shard would lie in ${zonesNow ?? 0} zones, ` +
      `now ${zonesOld ?? 0}, with ${most} of its copies in one`,
    facts: { zonesBefore: zonesOld ?? 0, zonesAfter: zonesNow ?? 0, copiesInOneZone: most },
  });
}
