/**
 * Where everything lies once nobody disturbs the cluster: the plan has come to rest, and what it
 * leaves behind is what was promised. Each check gives the first problem as a sentence.
 *
 * What is true of a group is asked of its leader's own configuration, not of the plan.
 */
import { hasId } from '../../lib/id-ranges.ts';
import { systemGroupId } from '../../shards/groups.ts';
import { effectiveReplication } from '../../shards/placement.ts';
import { planShards } from '../../shards/planner.ts';
import { summarizePlacement } from '../../shards/placement-summary.ts';
import type { RefusalReason } from '../../shards/refusal.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import { ManagedCluster } from '../managed-cluster.ts';

/** Why copies may be missing for good: there is no node for them. */
const missingReasons: ReadonlySet<RefusalReason> = new Set<RefusalReason>([
  'NothingToMoveTo',
  'UnderReplicatedShards',
  'BelowReplicationFactor',
]);
/** A node has at most this part more than its share, and one copy. */
const loadMax = 1.1;

export class PlacementChecks {
  readonly #managed: ManagedCluster;
  readonly #cluster: SimCluster;
  /** Nodes whose stores are gone. */
  readonly #lost: ReadonlyMap<NodeId, string>;

  constructor(cluster: SimCluster, lost: ReadonlyMap<NodeId, string>) {
    this.#cluster = cluster;
    this.#managed = new ManagedCluster(cluster);
    this.#lost = lost;
  }

  /** Why movement has not come to rest; undefined: it has, as of now. */
  unrest(): string | undefined {
    const { manager } = this.#managed;
    if (manager === undefined) {
      return 'no node manages';
    }
    return (
      this.#planUnrest(manager) ??
      this.#nodeUnrest(manager) ??
      this.#groupUnrest(manager) ??
      this.#leftovers(manager)
    );
  }

  #planUnrest({ catalog, manager }: NodeCore): string | undefined {
    const { plan, moves, settings } = catalog;
    if (moves.size > 0) {
      return `moves are planned: ${[...moves.keys()].join(' ')}`;
    }
    if (plan.paused || plan.cancelling || plan.started || settings.rebalanceMode !== 'Auto') {
      return `the plan is held: ${JSON.stringify(plan)} ${settings.rebalanceMode}`;
    }
    const waits = manager.refusals.find(({ reason }) => reason === 'BalanceWaits');
    const isMissing = manager.refusals.some(({ reason }) => missingReasons.has(reason));
    // Nodes settle; shards for whose copies there is no node are not repaired any more.
    if (waits !== undefined && (waits.facts['unsettled'] !== 0 || !isMissing)) {
      return waits.message;
    }
    const isUnsteady = manager
      .view()
      .nodes.some(({ live, steady, state }) => state === 'active' && live && steady === false);
    if (isMissing && isUnsteady) {
      return 'a node that could take copies is not steady yet';
    }
    const wanted = planShards({ view: manager.view() }).moves;
    const copies = wanted.filter(({ kind }) => kind !== 'transfer');
    return copies.length === 0 ? undefined : `wanted: ${copies.map(({ id }) => id).join(' ')}`;
  }

  #nodeUnrest({ catalog, manager }: NodeCore): string | undefined {
    for (const { nodeId, state } of catalog.nodes.values()) {
      const isLost = this.#lost.has(nodeId);
      const isStuck = state === 'draining' && manager.refusals.length > 0;
      const mayBe = isLost ? ['dead', 'drained', 'removed'] : ['active', 'drained', 'removed'];
      if (!mayBe.includes(state) && !isStuck) {
        return `node ${nodeId} is ${state}`;
      }
    }
    return undefined;
  }

  /**
   * Every group is led, by its members alone; shards have no learners. A node that died between its
   * joining and its place in the system group keeps the id that it was given for its return.
   */
  #groupUnrest({ catalog }: NodeCore): string | undefined {
    for (const { groupId, replicas } of catalog.groups.values()) {
      const held = this.#managed.held(groupId);
      if (held === undefined) {
        return `group ${groupId} is not led`;
      }
      const isShard = groupId !== systemGroupId;
      if (held.joint || (isShard && held.learners.length > 0)) {
        return `group ${groupId} is changing: ${JSON.stringify(held)}`;
      }
      const members = [...held.voters, ...held.learners].sort((a, b) => a - b);
      const awaited = (nodeId: NodeId): boolean =>
        !isShard && !members.includes(nodeId) && catalog.nodes.get(nodeId)?.state === 'dead';
      const listed = replicas
        .map(({ nodeId }) => nodeId)
        .filter((nodeId) => !awaited(nodeId))
        .sort((a, b) => a - b);
      if (members.join() !== listed.join()) {
        return `group ${groupId} lies on ${members.join()}, the catalog says ${listed.join()}`;
      }
    }
    return undefined;
  }

  /** Replicas whose ids are gone, on nodes that are there. */
  #leftovers({ catalog }: NodeCore): string | undefined {
    for (const nodeId of this.#cluster.nodeIds) {
      for (const { groupId, replicaId } of this.#cluster.core(nodeId)?.host.groups.values() ?? []) {
        if (hasId(catalog.groups.get(groupId)?.removed ?? [], replicaId)) {
          return `replica ${replicaId} of group ${groupId} is left over on node ${nodeId}`;
        }
      }
    }
    return undefined;
  }

  /** What is at rest is as it was promised. */
  problem(): string | undefined {
    const { manager } = this.#managed;
    if (manager === undefined) {
      return 'No node manages';
    }
    const { refusals } = manager.manager;
    const view = manager.manager.view();
    const summary = summarizePlacement(view);
    const holders = view.nodes.filter(
      ({ nodeId, state }) => state === 'active' && !this.#lost.has(nodeId),
    );
    const isNamed = refusals.some(({ reason }) => missingReasons.has(reason));
    if (summary.underReplicated > 0 && (holders.length >= summary.copies || !isNamed)) {
      const named = refusals.map(({ message }) => message).join('; ');
      return (
        `${summary.underReplicated} of ${summary.shards} shards have fewer than ` +
        `${summary.copies} live copies, with ${holders.length} nodes to hold them: ${named}`
      );
    }
    if (summary.overReplicated > 0 || summary.leaderless > 0) {
      return `${summary.overReplicated} shards have too many copies, ${summary.leaderless} no leader`;
    }
    const fewest = effectiveReplication(summary.copies, holders.length);
    return this.#copiesProblem(manager, summary.copies, fewest) ?? this.#spreadProblem(manager);
  }

  /**
   * Every shard has the voters that were promised, none of them on a node that left; where too few
   * nodes are left to hold them, an odd number that those can hold.
   */
  #copiesProblem({ catalog }: NodeCore, copies: number, fewest: number): string | undefined {
    for (const groupId of this.#managed.groupIds) {
      const held = this.#managed.held(groupId);
      const voters = held?.voters ?? [];
      const gone = [...voters, ...(held?.learners ?? [])].filter((nodeId) => {
        const state = catalog.nodes.get(nodeId)?.state;
        return state === undefined || state === 'removed' || state === 'drained';
      });
      const isRight = voters.length <= copies && voters.length >= fewest && voters.length % 2 === 1;
      if (groupId !== systemGroupId && (gone.length > 0 || !isRight)) {
        return `Group ${groupId} has its copies on ${voters.join()}: ${copies} are promised`;
      }
    }
    return undefined;
  }

  /** In as many zones as can be, and evenly where zones do not force more. */
  #spreadProblem({ manager }: NodeCore): string | undefined {
    const summary = summarizePlacement(manager.view());
    if (summary.underReplicated === 0 && summary.bestSpread < summary.shards) {
      const worse = summary.shards - summary.bestSpread;
      return `${worse} of ${summary.shards} shards could lie in more zones`;
    }
    const crowded = summary.nodes.find(
      ({ voters, share, state }) => state === 'active' && voters > loadMax * share + 1,
    );
    return crowded === undefined || summary.underReplicated > 0
      ? undefined
      : `Node ${crowded.nodeId} has ${crowded.voters} copies, its share is ${crowded.share}`;
  }
}
