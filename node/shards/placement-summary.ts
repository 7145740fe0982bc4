/**
 * Where everything lies, in numbers and as a grid: data for `status` and `shards` to show, and for
 * metrics. Nothing here decides anything.
 */
import type { NodeId } from '../sys/network.ts';
import type { ClusterView, MemberState, ViewGroup } from './cluster-view.ts';
import { GroupMembers } from './group-members.ts';
import { systemGroupId } from './groups.ts';
import { loadTargets } from './load-target.ts';
import { NodeRoster } from './node-roster.ts';
import { bestZoneCounts, sharedZonePairs, zoneProfile } from './zone-profile.ts';

export interface NodeSummary {
  readonly nodeId: NodeId;
  readonly zone: string | undefined;
  readonly state: MemberState;
  readonly weight: number;
  /** Shards that it has a vote in, is learning, leads, and is the preferred leader of. */
  readonly voters: number;
  readonly learners: number;
  readonly leaders: number;
  readonly preferred: number;
  /** Of its copies. */
  readonly bytes: number;
  /** Voters that would be its fair share. */
  readonly share: number;
}

export interface ZoneSummary {
  /** Undefined for nodes without a zone, which stand each alone. */
  readonly zone: string | undefined;
  readonly nodes: number;
  readonly voters: number;
  readonly leaders: number;
}

export interface PlacementSummary {
  readonly nodes: readonly NodeSummary[];
  readonly zones: readonly ZoneSummary[];
  readonly shards: number;
  /** Copies that each shard is to have. */
  readonly copies: number;
  /** Shards with fewer live copies than that, with more voters, and without a live majority. */
  readonly underReplicated: number;
  readonly overReplicated: number;
  readonly leaderless: number;
  /** Shards of three copies or more that have a live majority and not one copy above it. */
  readonly quorumAtRisk: number;
  /** Shards whose copies lie in as many zones as could be. */
  readonly bestSpread: number;
  /** Load of the fullest node over the mean, both by weight, of nodes that hold copies. */
  readonly loadMaxOverMean: number;
  readonly leadersMaxOverMean: number;
}

export function summarizePlacement(view: ClusterView): PlacementSummary {
  const roster = new NodeRoster(view);
  const shards = view.groups.filter(({ groupId }) => groupId !== systemGroupId);
  const members = new GroupMembers(roster, shards);
  const nodes = summarizeNodes(roster, shards);
  const holders = nodes.filter((_, i) => roster.holds(i));
  const copies = Math.min(roster.factor, roster.holderCount);
  const capacities = roster.zoneCapacities();
  const bestPairs = sharedZonePairs(bestZoneCounts(capacities, copies));
  const counts = { under: 0, over: 0, leaderless: 0, atRisk: 0, bestSpread: 0 };
  for (let g = 0; g < shards.length; g++) {
    const voters = members.voters(g);
    const live = voters.filter((i) => roster.isAlive(i) && !members.isFailed(g, i));
    const byZone = new Int32Array(roster.zoneCount);
    for (const i of voters) {
      byZone[roster.zones[i] as number] = (byZone[roster.zones[i] as number] as number) + 1;
    }
    counts.under += Number(live.length < roster.factor);
    counts.over += Number(voters.length > roster.factor);
    counts.leaderless += Number(members.spare(g) < 0);
    counts.atRisk += Number(roster.factor >= 3 && members.spare(g) === 0);
    counts.bestSpread += Number(sharedZonePairs(byZone) <= bestPairs);
  }
  return {
    nodes,
    zones: summarizeZones(holders),
    ...{ shards: shards.length, copies: roster.factor, bestSpread: counts.bestSpread },
    ...{ underReplicated: counts.under, overReplicated: counts.over },
    leaderless: counts.leaderless,
    quorumAtRisk: counts.atRisk,
    loadMaxOverMean: maxOverMean(holders, ({ voters }) => voters),
    leadersMaxOverMean: maxOverMean(holders, ({ leaders }) => leaders),
  };
}

function maxOverMean(nodes: readonly NodeSummary[], value: (node: NodeSummary) => number): number {
  const weight = nodes.reduce((sum, node) => sum + node.weight, 0);
  const mean = nodes.reduce((sum, node) => sum + value(node), 0) / weight;
  return mean > 0 ? Math.max(...nodes.map((node) => value(node) / node.weight)) / mean : 0;
}

function summarizeNodes(roster: NodeRoster, shards: readonly ViewGroup[]): NodeSummary[] {
  const zero = (): Float64Array => new Float64Array(roster.size);
  const sums = {
    voters: zero(),
    learners: zero(),
    leaders: zero(),
    preferred: zero(),
    bytes: zero(),
  };
  const add = (sum: Float64Array, nodeId: NodeId | undefined, by = 1): void => {
    const i = nodeId === undefined ? undefined : roster.find(nodeId);
    if (i !== undefined) {
      sum[i] = (sum[i] as number) + by;
    }
  };
  for (const { replicas, leader, preferredLeader, bytes = 0 } of shards) {
    for (const { nodeId, role } of replicas) {
      if (role !== 'outgoing') {
        add(role === 'learner' ? sums.learners : sums.voters, nodeId);
      }
      add(sums.bytes, nodeId, bytes);
    }
    add(sums.leaders, leader);
    add(sums.preferred, preferredLeader);
  }
  const shares = sharesOf(roster, shards.length);
  return roster.nodes.map(({ nodeId, zone, state }, i) => ({
    ...{ nodeId, zone, state, weight: roster.weights[i] as number },
    ...{ voters: sums.voters[i] as number, learners: sums.learners[i] as number },
    ...{ leaders: sums.leaders[i] as number, preferred: sums.preferred[i] as number },
    ...{ bytes: sums.bytes[i] as number, share: shares[i] as number },
  }));
}

function sharesOf(roster: NodeRoster, groupCount: number): Float64Array {
  const copies = Math.min(roster.factor, roster.holderCount);
  const zones = roster.zones.map((zone, i) => (roster.holds(i) ? zone : -1));
  const profile = zoneProfile(roster.zoneCapacities(), copies);
  return loadTargets({ weights: roster.weights, zones, profile, groupCount, copies });
}

function summarizeZones(nodes: readonly NodeSummary[]): ZoneSummary[] {
  const zones = new Map<string | undefined, ZoneSummary>();
  for (const { zone, voters, leaders } of nodes) {
    const before = zones.get(zone) ?? { zone, nodes: 0, voters: 0, leaders: 0 };
    zones.set(zone, {
      ...{ zone, nodes: before.nodes + 1 },
      ...{ voters: before.voters + voters, leaders: before.leaders + leaders },
    });
  }
  return [...zones.values()].sort((a, b) => ((a.zone ?? '') < (b.zone ?? '') ? -1 : 1));
}

export type GridCell = 'leader' | 'voter' | 'learner' | 'outgoing' | 'none';

export interface GridRow {
  readonly groupId: number;
  /** By node, in the order of `nodeIds`. */
  readonly cells: readonly GridCell[];
}

export interface PlacementGrid {
  readonly nodeIds: readonly NodeId[];
  /** By group, in order of the ids, the system group first. */
  readonly rows: readonly GridRow[];
}

/** Groups × nodes; nodes that are gone and hold nothing are left out. */
export function placementGrid(view: ClusterView): PlacementGrid {
  const used = new Set(view.groups.flatMap(({ replicas }) => replicas.map(({ nodeId }) => nodeId)));
  const there = view.nodes.filter(({ state }) => state !== 'removed').map(({ nodeId }) => nodeId);
  const nodeIds = [...new Set([...there, ...used])].sort((a, b) => a - b);
  const groups = [...view.groups].sort((a, b) => a.groupId - b.groupId);
  const rows = groups.map((group) => ({
    groupId: group.groupId,
    cells: nodeIds.map((nodeId) => cellOf(group, nodeId)),
  }));
  return { nodeIds, rows };
}

function cellOf({ replicas, leader }: ViewGroup, nodeId: NodeId): GridCell {
  const replica = replicas.find((each) => each.nodeId === nodeId);
  if (replica === undefined) {
    return 'none';
  }
  if (leader === nodeId) {
    return 'leader';
  }
  return replica.role === 'incoming' ? 'voter' : replica.role;
}
