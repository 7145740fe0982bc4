/**
 * What must hold of members at any moment, over all nodes of a managed cluster (P16, P17): no
 * replica is deleted, and no id declared gone, while the newest configuration has it; an id names
 * one replica for ever, on one node, and does not come back; no shard is left with fewer voters
 * than it had and is to have; the copies that each shard is to have never fall by themselves; a
 * node is dead only if it was away for the grace period by a clock that does not jump (P6).
 *
 * Invariant: it only looks; a run with it takes the same course as one without.
 */
import type { Group } from '../../host/group.ts';
import { assert } from '../../lib/assert.ts';
import { hasId } from '../../lib/id-ranges.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import type { ConfState } from '../../raft/messages.ts';
import { systemGroupId } from '../../shards/groups.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';

const lookPeriodMs = 20;
/** A node that answered for so long is not counted as away any more. */
const steadyMs = 20_000;
/** A look is late by so much at most, and clocks of nodes begin with their boot. */
const graceSlackMs = 200;

interface Newest {
  readonly index: number;
  readonly state: ConfState;
}

interface Away {
  readonly sinceMs: number;
  backMs: number | undefined;
}

function isMember({ voters, votersOutgoing, learners }: ConfState, id: number): boolean {
  return [voters, votersOutgoing, learners].some((ids) => ids.includes(id));
}

export class MemberWatch {
  readonly #cluster: SimCluster;
  readonly #newest = new Map<number, Newest>();
  /** Voters of the last configuration that was not joint. */
  readonly #voters = new Map<number, number>();
  /** By node: the replicas that it had at the last look, in this life or the one before. */
  readonly #held = new Map<NodeId, Map<number, number>>();
  /** "group/replica" → the node that may hold it; ids that were deleted. */
  readonly #places = new Map<string, NodeId>();
  readonly #deleted = new Set<string>();
  readonly #factors = new WeakMap<NodeCore, number>();
  readonly #away = new Map<NodeId, Away>();
  readonly #dead = new Set<NodeId>();
  #factorMax = 1;
  looks = 0;

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    this.#lookLater();
  }

  #lookLater(): void {
    this.#cluster.scheduler.after(lookPeriodMs, () => {
      this.look();
      this.#lookLater();
    });
  }

  /** From now on the node may be silent. */
  away(nodeId: NodeId): void {
    const before = this.#away.get(nodeId);
    const { nowMs } = this.#cluster.scheduler;
    const goesOn = before !== undefined && nowMs - (before.backMs ?? nowMs) < steadyMs;
    this.#away.set(
      nodeId,
      goesOn ? { ...before, backMs: undefined } : { sinceMs: nowMs, backMs: undefined },
    );
  }

  back(nodeId: NodeId): void {
    const away = this.#away.get(nodeId);
    if (away !== undefined) {
      away.backMs = this.#cluster.scheduler.nowMs;
    }
  }

  look(): void {
    this.looks += 1;
    const cores = this.#cluster.nodeIds
      .map((nodeId) => this.#cluster.core(nodeId))
      .filter((core) => core !== undefined);
    for (const core of cores) {
      for (const group of core.host.groups.values()) {
        this.#follow(group);
      }
    }
    for (const core of cores) {
      this.#lookAtReplicas(core);
      if (core.catalog.isLoaded) {
        this.#lookAtCatalog(core);
      }
    }
  }

  #follow({ groupId, replica }: Group): void {
    const { index, state } = replica.configuration;
    const known = this.#newest.get(groupId);
    if (known !== undefined && known.index >= index) {
      return;
    }
    this.#newest.set(groupId, { index, state });
    const gone = [...state.voters, ...state.votersOutgoing, ...state.learners].find((id) =>
      this.#deleted.has(`${groupId}/${id}`),
    );
    assert(
      gone === undefined,
      `Replica ${gone ?? 0} of group ${groupId} was deleted, and is a member`,
    );
    if (groupId === systemGroupId || state.votersOutgoing.length > 0) {
      return;
    }
    const before = this.#voters.get(groupId) ?? 0;
    const now = state.voters.length;
    assert(
      now >= Math.min(before, this.#factorMax),
      `Group ${groupId} falls from ${before} to ${now} voters by itself, of ${this.#factorMax}`,
    );
    this.#voters.set(groupId, now);
  }

  #lookAtReplicas(core: NodeCore): void {
    const { nodeId } = core.host;
    const now = new Map<number, number>();
    for (const { groupId, replicaId } of core.host.groups.values()) {
      now.set(groupId, replicaId);
      const key = `${groupId}/${replicaId}`;
      const place = this.#places.get(key) ?? nodeId;
      assert(place === nodeId, `Replica ${key} is on nodes ${place} and ${nodeId}`);
      this.#places.set(key, nodeId);
      assert(!this.#deleted.has(key), `Replica ${key} was deleted and is back on node ${nodeId}`);
    }
    for (const [groupId, replicaId] of this.#held.get(nodeId) ?? []) {
      if (now.get(groupId) !== replicaId) {
        const newest = this.#newest.get(groupId);
        assert(
          newest === undefined || !isMember(newest.state, replicaId),
          `Node ${nodeId} deletes replica ${replicaId} of group ${groupId}, which is a member`,
        );
        this.#deleted.add(`${groupId}/${replicaId}`);
      }
    }
    this.#held.set(nodeId, now);
  }

  #lookAtCatalog(core: NodeCore): void {
    const { catalog } = core;
    const { nodeId } = core.host;
    for (const { groupId, removed } of catalog.groups.values()) {
      const { voters, votersOutgoing, learners } = this.#newest.get(groupId)?.state ?? noMembers;
      const wrong = [...voters, ...votersOutgoing, ...learners].find((id) => hasId(removed, id));
      assert(
        wrong === undefined || groupId === systemGroupId,
        `Replica ${wrong ?? 0} of group ${groupId} is declared gone, and is a member`,
      );
    }
    for (const node of catalog.nodes.values()) {
      if (node.state === 'removed' || node.state === 'drained') {
        this.#demandEmpty(node.nodeId, node.state);
      }
      if (node.state === 'dead' && !this.#dead.has(node.nodeId)) {
        this.#demandAway(node.nodeId, catalog.settings.deadNodeGraceMs);
        this.#dead.add(node.nodeId);
      } else if (node.state === 'active' && core.manager.term > 0) {
        this.#dead.delete(node.nodeId);
      }
    }
    const { effectiveFactor } = catalog.cluster;
    const before = this.#factors.get(core) ?? 0;
    assert(
      effectiveFactor >= before,
      `The copies of each shard fall from ${before} to ${effectiveFactor} on node ${nodeId}`,
    );
    this.#factors.set(core, effectiveFactor);
    this.#factorMax = Math.max(this.#factorMax, effectiveFactor);
  }

  #demandEmpty(nodeId: NodeId, state: string): void {
    for (const [groupId, { state: configuration }] of this.#newest) {
      const id = configuration.voters.find(
        (replicaId) => this.#places.get(`${groupId}/${replicaId}`) === nodeId,
      );
      assert(
        id === undefined || groupId === systemGroupId,
        `Node ${nodeId} is ${state}, and replica ${id ?? 0} of group ${groupId} there has a vote`,
      );
    }
  }

  #demandAway(nodeId: NodeId, graceMs: number): void {
    const away = this.#away.get(nodeId);
    const { nowMs } = this.#cluster.scheduler;
    assert(away !== undefined, `Node ${nodeId} is called dead, and was never away`);
    const forMs = nowMs - away.sinceMs;
    assert(
      forMs >= graceMs - graceSlackMs,
      `Node ${nodeId} is called dead after ${forMs} ms, the grace period is ${graceMs} ms`,
    );
  }
}

const noMembers: ConfState = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
