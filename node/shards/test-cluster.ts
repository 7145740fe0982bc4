/**
 * Clusters for the planner's tests: made by the first placement, changed as operators and failures
 * change them, and judged by counting out what the planner promises, in the dumbest way.
 */
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import type { NodeId } from '../sys/network.ts';
import type { ClusterView, MemberState, ViewGroup, ViewNode } from './cluster-view.ts';
import { systemGroupId } from './groups.ts';
import { loadTargets, shareEpsilon } from './load-target.ts';
import type { Move } from './move.ts';
import { placeInitial } from './placement.ts';
import { zoneProfile } from './zone-profile.ts';

export interface TestNode {
  readonly nodeId: NodeId;
  readonly zone?: string | undefined;
  readonly weight?: number | undefined;
}

export interface TestClusterOptions {
  readonly nodes: readonly TestNode[];
  readonly shards: number;
  readonly replicationFactor?: number;
  readonly bytesOf?: (shardId: number) => number;
}

/** A cluster as it is born, without a system group. */
export function clusterOf(options: TestClusterOptions): ClusterView {
  const { nodes, shards, replicationFactor = 3, bytesOf = () => 1_000 } = options;
  const ids = Array.from({ length: shards }, (_, shardId) => shardId);
  const placed = placeInitial({ nodes, shards: ids, replicationFactor });
  return {
    nodes: nodes.map((node): ViewNode => ({ ...node, state: 'active' })),
    groups: placed.map(({ shardId, replicas, preferredLeader }) => ({
      groupId: shardId + 1,
      replicas: replicas.map(({ nodeId }) => ({ nodeId, role: 'voter' })),
      leader: preferredLeader,
      preferredLeader,
      bytes: bytesOf(shardId),
    })),
    replicationFactor,
    effectiveFactor: placed[0]?.replicas.length ?? 1,
  };
}

/** Nodes 1 … without zones. */
export function flatNodes(count: number): TestNode[] {
  return Array.from({ length: count }, (_, i) => ({ nodeId: i + 1 }));
}

/** Nodes 1 … in the zones named by letters: `aab` is two in zone a, one in zone b. */
export function zonedNodes(zones: string): TestNode[] {
  return [...zones].map((zone, i) => ({ nodeId: i + 1, zone }));
}

export function withState(view: ClusterView, nodeId: NodeId, state: MemberState): ClusterView {
  const nodes = view.nodes.map((node) => (node.nodeId === nodeId ? { ...node, state } : node));
  return { ...view, nodes };
}

export function withNode(view: ClusterView, node: TestNode): ClusterView {
  return { ...view, nodes: [...view.nodes, { ...node, state: 'active' }] };
}

/** A system group with these voters; everyone else is a learner that has caught up. */
export function withSystemGroup(view: ClusterView, voters: readonly NodeId[]): ClusterView {
  const system: ViewGroup = {
    groupId: systemGroupId,
    replicas: view.nodes.map(({ nodeId }) =>
      voters.includes(nodeId)
        ? { nodeId, role: 'voter' }
        : { nodeId, role: 'learner', caughtUp: true },
    ),
    leader: voters[0],
    preferredLeader: voters[0],
  };
  return { ...view, groups: [system, ...view.groups] };
}

/** Shards only, as the system group has rules of its own. */
export function shardsOf(view: ClusterView): ViewGroup[] {
  return view.groups.filter(({ groupId }) => groupId !== systemGroupId);
}

export function votersOf(group: ViewGroup): NodeId[] {
  return group.replicas.filter(({ role }) => role === 'voter').map(({ nodeId }) => nodeId);
}

/** By node: in how many shards it votes. */
export function loadsOf(view: ClusterView): Map<NodeId, number> {
  const loads = new Map(view.nodes.map(({ nodeId }) => [nodeId, 0]));
  for (const nodeId of shardsOf(view).flatMap(votersOf)) {
    loads.set(nodeId, (loads.get(nodeId) ?? 0) + 1);
  }
  return loads;
}

/** By node: of how many shards it is the preferred leader. */
export function leadersOf(view: ClusterView): Map<NodeId, number> {
  const counts = new Map(view.nodes.map(({ nodeId }) => [nodeId, 0]));
  for (const { preferredLeader } of shardsOf(view)) {
    const nodeId = must(preferredLeader);
    counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  }
  return counts;
}

/** Copies of shards that the moves make. */
export function copiesOf(moves: readonly Move[]): number {
  const copying = moves.filter(({ kind }) => kind === 'swap' || kind === 'add');
  return copying.reduce((sum, { to }) => sum + to.length, 0);
}

/** Fewest pairs of copies in one zone: each copy goes where there are fewest, one by one. */
export function slowFewestPairs(capacities: readonly number[], copies: number): number {
  const counts = capacities.map(() => 0);
  for (let copy = 0; copy < copies; copy++) {
    const open = counts.map((_, z) => z).filter((z) => must(counts[z]) < must(capacities[z]));
    const best = open.reduce((a, b) => (must(counts[b]) < must(counts[a]) ? b : a));
    counts[best] = must(counts[best]) + 1;
  }
  return counts.reduce((pairs, count) => pairs + (count * (count - 1)) / 2, 0);
}

export interface SlowShares {
  readonly weights: readonly number[];
  readonly zones: readonly number[];
  readonly groupCount: number;
  readonly copies: number;
}

/** Crumbs of one copy in `slowShares`: its shares are exact to a group in so many. */
const crumbsPerCopy = 720;

/**
 * Fair shares by handing out crumbs: each to the node that has least by its weight, among those
 * that it may go to. A node takes a copy of each group at most, a zone what the best spreads allow.
 */
export function slowShares({ weights, zones, groupCount, copies }: SlowShares): number[] {
  const capacities = Array.from({ length: Math.max(...zones) + 1 }, (_, z) => {
    return zones.filter((zone) => zone === z).length;
  });
  const [least, most] = slowZoneBounds(capacities, copies);
  const taken = weights.map(() => 0);
  const byZone = capacities.map(() => 0);
  for (let left = copies * crumbsPerCopy; left > 0; left--) {
    const owed = byZone.map((crumbs, z) => Math.max(0, must(least[z]) * crumbsPerCopy - crumbs));
    const isTight = owed.reduce((a, b) => a + b, 0) === left;
    const open = taken.flatMap((crumbs, i) => {
      const z = must(zones[i]);
      const hasRoom = must(byZone[z]) < must(most[z]) * crumbsPerCopy;
      return crumbs < crumbsPerCopy && (isTight ? must(owed[z]) > 0 : hasRoom) ? [i] : [];
    });
    const full = (i: number): number => must(taken[i]) / must(weights[i]);
    const best = open.reduce((a, b) => (full(b) < full(a) ? b : a));
    taken[best] = must(taken[best]) + 1;
    byZone[must(zones[best])] = must(byZone[must(zones[best])]) + 1;
  }
  return taken.map((crumbs) => (crumbs / crumbsPerCopy) * groupCount);
}

/** Fewest and most copies in each zone over all best spreads, all spreads tried out. */
export function slowZoneBounds(
  capacities: readonly number[],
  copies: number,
): readonly [number[], number[]] {
  const fewest = slowFewestPairs(capacities, copies);
  const least = capacities.map(() => Infinity);
  const most = capacities.map(() => 0);
  const walk = (counts: readonly number[], left: number): void => {
    if (counts.length === capacities.length) {
      const pairs = counts.reduce((sum, count) => sum + (count * (count - 1)) / 2, 0);
      if (left === 0 && pairs === fewest) {
        for (const [z, count] of counts.entries()) {
          least[z] = Math.min(must(least[z]), count);
          most[z] = Math.max(must(most[z]), count);
        }
      }
      return;
    }
    for (let count = 0; count <= Math.min(left, must(capacities[counts.length])); count++) {
      walk([...counts, count], left - count);
    }
  };
  walk([], copies);
  return [least, most];
}

/** What the planner promises of a cluster in which all nodes are active, counted out. */
export function placementProblems(view: ClusterView): string[] {
  const problems: string[] = [];
  const active = view.nodes.filter(({ state }) => state === 'active');
  const copies = Math.min(view.effectiveFactor, active.length);
  const zoneNames = [...new Set(active.map(zoneName))];
  const zones = active.map((node) => zoneNames.indexOf(zoneName(node)));
  const capacities = zoneNames.map((_, z) => zones.filter((zone) => zone === z).length);
  const fewest = slowFewestPairs(capacities, copies);
  const shards = shardsOf(view);
  for (const group of shards) {
    const voters = votersOf(group);
    const where = voters.map((id) => active.findIndex(({ nodeId }) => nodeId === id));
    const counts = capacities.map((_, z) => where.filter((i) => zones[i] === z).length);
    const pairs = counts.reduce((sum, count) => sum + (count * (count - 1)) / 2, 0);
    if (new Set(voters).size !== copies || where.includes(-1)) {
      problems.push(`group ${group.groupId} lies on ${voters.join()}, ${copies} copies are wanted`);
    } else if (pairs !== fewest) {
      problems.push(`group ${group.groupId} has ${pairs} pairs in one zone, not ${fewest}`);
    }
    if (group.preferredLeader === undefined || !voters.includes(group.preferredLeader)) {
      problems.push(`group ${group.groupId} prefers ${group.preferredLeader}`);
    }
  }
  const weights = active.map(({ weight = 1 }) => weight);
  const profile = zoneProfile(capacities, copies);
  // `load-target.test.ts` compares these with a dumb way to find them.
  const shares = loadTargets({ weights, zones, profile, groupCount: shards.length, copies });
  const loads = loadsOf(view);
  for (const [i, { nodeId }] of active.entries()) {
    const [share, load] = [must(shares[i]), must(loads.get(nodeId))];
    if (load > 1.1 * share + 1 + shareEpsilon || load < 0.9 * share - 1 - shareEpsilon) {
      problems.push(`node ${nodeId} has ${load}, its share is ${share.toFixed(2)}`);
    }
  }
  return problems;
}

export function zoneName({ nodeId, zone }: TestNode): string {
  return zone === undefined ? `n${nodeId}` : `z${zone}`;
}

/** Nodes of any kind: with and without zones and weights. */
export function anyNodes(countMax: number): fc.Arbitrary<TestNode[]> {
  return fc
    .record({ zoneCount: fc.constantFrom(0, 3, 5), hasWeights: fc.boolean() })
    .chain(({ zoneCount, hasWeights }) =>
      fc.array(anyNode(zoneCount, hasWeights), { minLength: 1, maxLength: countMax }),
    )
    .map((nodes) => nodes.map((node, i) => ({ ...node, nodeId: i * 3 + 1 })));
}

function anyNode(zoneCount: number, hasWeights: boolean): fc.Arbitrary<TestNode> {
  return fc.record({
    nodeId: fc.constant(0),
    zone: zoneCount === 0 ? fc.constant(undefined) : fc.nat(zoneCount - 1).map((z) => `z${z}`),
    weight: hasWeights ? fc.integer({ min: 1, max: 3 }) : fc.constant(undefined),
  });
}
