/**
 * Where the replicas of new shards go: pure and deterministic, the same input gives the same
 * answer on every node. Zone spread first (as few replicas of one shard in one zone as can be),
 * then even load by weight, then an order of nodes that differs from shard to shard (rendezvous
 * hash), so that the nodes of a lost pair do not share all their shards. Leaders are spread last.
 *
 * Not for changing a placement that exists: what is stored is moved step by step.
 */
import { assert, must } from '../lib/assert.ts';
import { hashPair } from './hash.ts';

export interface PlacementNode {
  readonly nodeId: number;
  /** Nodes of one zone fail together; nodes without a zone stand each alone. */
  readonly zone?: string | undefined;
  /** Share of the load, relative to the other nodes. Default 1. */
  readonly weight?: number | undefined;
}

export interface PlacementRequest {
  readonly nodes: readonly PlacementNode[];
  /** Ids of the shards to place. */
  readonly shards: readonly number[];
  /** Replicas wanted; fewer are placed if there are too few nodes. */
  readonly replicationFactor: number;
}

export interface PlacedReplica {
  readonly nodeId: number;
  /** 1, 2 … within the shard. */
  readonly replicaId: number;
}

export interface ShardPlacement {
  readonly shardId: number;
  readonly replicas: readonly PlacedReplica[];
  /** The node that should lead: one of the replicas' nodes. */
  readonly preferredLeader: number;
}

/** A node while the plan is made. */
interface Candidate {
  readonly nodeId: number;
  readonly zone: string;
  readonly weight: number;
  replicas: number;
  leaders: number;
}

/** The largest odd number of replicas that the nodes can hold, at most `target`. */
export function effectiveReplication(target: number, nodeCount: number): number {
  const most = Math.min(target, nodeCount);
  return most % 2 === 0 ? Math.max(most - 1, 0) : most;
}

/** How full the node would be, in its own measure, half a replica ahead (Sainte-Laguë). */
function fullness(node: Candidate): number {
  return (node.replicas + 0.5) / node.weight;
}

/** The nodes for one shard, best first. */
function chooseNodes(
  candidates: readonly Candidate[],
  shardId: number,
  count: number,
): Candidate[] {
  const open = candidates.map((node) => ({ node, score: hashPair(shardId, node.nodeId) }));
  // Equal nodes are taken in this order: the sort is stable, so ids break a tie of scores.
  open.sort((a, b) => b.score - a.score);
  const chosen: Candidate[] = [];
  const perZone = new Map<string, number>();
  const zoneCount = (node: Candidate): number => perZone.get(node.zone) ?? 0;
  while (chosen.length < count) {
    assert(open.length > 0, 'There must be enough nodes');
    let best = 0;
    for (let i = 1; i < open.length; i++) {
      const node = must(open[i]).node;
      const than = must(open[best]).node;
      if ((zoneCount(node) - zoneCount(than) || fullness(node) - fullness(than)) < 0) {
        best = i;
      }
    }
    const { node } = must(open.splice(best, 1)[0]);
    chosen.push(node);
    node.replicas += 1;
    perZone.set(node.zone, zoneCount(node) + 1);
  }
  return chosen;
}

/** A shard while leaders are dealt out. */
interface Led {
  readonly nodes: readonly Candidate[];
  leader: Candidate;
}

/** True if the leadership of one shard, moved along from `from` to `to`, evens the load. */
function evens(from: Candidate, to: Candidate): boolean {
  return (to.leaders + 1) / to.weight < from.leaders / from.weight;
}

/**
 * Moves one leadership away from `from`, over other nodes if need be: breadth first over "leads a
 * shard that also lies on", to a node that has fewer. False if no such way exists.
 */
function relieve(from: Candidate, shards: readonly Led[]): boolean {
  const reachedBy = new Map<Candidate, Led | undefined>([[from, undefined]]);
  // A map goes on to what is added while it is walked: it is the queue, too.
  for (const node of reachedBy.keys()) {
    if (node !== from && evens(from, node)) {
      shiftLeaders(node, from, reachedBy);
      return true;
    }
    for (const shard of shards) {
      if (shard.leader !== node) {
        continue;
      }
      for (const next of shard.nodes) {
        if (!reachedBy.has(next)) {
          reachedBy.set(next, shard);
        }
      }
    }
  }
  return false;
}

/** Gives each shard on the way to its next node, from the far end back. */
function shiftLeaders(
  to: Candidate,
  from: Candidate,
  reachedBy: ReadonlyMap<Candidate, Led | undefined>,
): void {
  let node = to;
  to.leaders += 1;
  from.leaders -= 1;
  while (node !== from) {
    const shard = must(reachedBy.get(node));
    const before = shard.leader;
    shard.leader = node;
    node = before;
  }
}

function spreadLeaders(candidates: readonly Candidate[], shards: readonly Led[]): void {
  for (const shard of shards) {
    shard.leader.leaders += 1;
  }
  // Each move lowers the sum of squares of leaders by weight: it ends.
  let moved = true;
  while (moved) {
    moved = false;
    for (const node of candidates) {
      while (relieve(node, shards)) {
        moved = true;
      }
    }
  }
}

/** The first placement of every shard, in the order given. */
export function placeInitial(request: PlacementRequest): ShardPlacement[] {
  const { nodes, shards } = request;
  assert(nodes.length > 0, 'There must be a node to place shards on');
  assert(new Set(nodes.map((node) => node.nodeId)).size === nodes.length, 'Node ids must differ');
  const candidates = nodes
    .map((node) => ({
      nodeId: node.nodeId,
      zone: node.zone === undefined ? `node:${node.nodeId}` : `zone:${node.zone}`,
      weight: node.weight ?? 1,
      replicas: 0,
      leaders: 0,
    }))
    .sort((a, b) => a.nodeId - b.nodeId);
  assert(
    candidates.every((node) => node.weight > 0 && Number.isFinite(node.weight)),
    'Weights must be above zero',
  );
  const count = effectiveReplication(request.replicationFactor, nodes.length);
  assert(count > 0, 'The replication factor must be at least one');

  const led = shards.map((shardId): Led => {
    const chosen = chooseNodes(candidates, shardId, count);
    return { nodes: chosen, leader: must(chosen[0]) };
  });
  spreadLeaders(candidates, led);
  return led.map((shard, i) => ({
    shardId: must(shards[i]),
    replicas: shard.nodes.map((node, n) => ({ nodeId: node.nodeId, replicaId: n + 1 })),
    preferredLeader: shard.leader.nodeId,
  }));
}
