/**
 * The view as it will be once moves are done: for simulating a plan (what follows from it, and
 * whether planning again finds nothing to do), not for running one. Each move is done whole, and a
 * leadership comes home at once when its group gets another preferred leader.
 */
import { assert, must } from '../lib/assert.ts';
import type { NodeId } from '../sys/network.ts';
import type { ClusterView, ReplicaRole, ViewGroup, ViewNode, ViewReplica } from './cluster-view.ts';
import type { Move } from './move.ts';

/** The view after all of `moves`, in order. */
export function applyMoves(view: ClusterView, moves: readonly Move[]): ClusterView {
  const groups = new Map(view.groups.map((group) => [group.groupId, group]));
  const nodes = new Map(view.nodes.map((node) => [node.nodeId, node]));
  for (const move of moves) {
    const before = must(groups.get(move.groupId), `There is no group ${move.groupId}`);
    const after = applyMove(before, move);
    groups.set(move.groupId, after);
    countBytes(nodes, before, after);
  }
  return { ...view, nodes: [...nodes.values()], groups: [...groups.values()] };
}

function applyMove(group: ViewGroup, move: Move): ViewGroup {
  const prefer = move.kind === 'prefer' ? move.to[0] : move.prefer;
  const leader = move.kind === 'transfer' ? move.to[0] : prefer;
  return ledByVoter({
    ...group,
    replicas: replicasAfter(group, move),
    preferredLeader: prefer ?? group.preferredLeader,
    leader: leader ?? group.leader,
  });
}

function replicasAfter({ groupId, replicas }: ViewGroup, move: Move): ViewReplica[] {
  const { kind, from, to } = move;
  for (const nodeId of from) {
    const isThere = replicas.some((replica) => replica.nodeId === nodeId);
    const needs = kind === 'swap' || kind === 'remove' || kind === 'promote';
    assert(!needs || isThere, `Node ${nodeId} holds no copy of group ${groupId}`);
  }
  const others = replicas.filter(({ nodeId }) => !to.includes(nodeId) && !from.includes(nodeId));
  const as = (nodeIds: readonly NodeId[], role: ReplicaRole): ViewReplica[] =>
    nodeIds.map((nodeId) => ({ nodeId, role, ...(role === 'learner' ? { caughtUp: true } : {}) }));
  switch (kind) {
    case 'add':
    case 'swap':
    case 'remove':
      return [...others, ...as(to, 'voter')];
    case 'addLearner':
      return [...others, ...as(to, 'learner')];
    case 'promote':
      return [...others, ...as(to, 'voter'), ...as(from, 'learner')];
    case 'prefer':
    case 'transfer':
      return [...replicas];
  }
}

/** A leader that is no voter any more has handed over, to the preferred one if that votes. */
function ledByVoter(group: ViewGroup): ViewGroup {
  const voters = group.replicas.filter(({ role }) => role === 'voter').map(({ nodeId }) => nodeId);
  const order = [group.leader, group.preferredLeader, ...voters];
  const leader = order.find((nodeId) => nodeId !== undefined && voters.includes(nodeId));
  return { ...group, leader };
}

function countBytes(nodes: Map<NodeId, ViewNode>, before: ViewGroup, after: ViewGroup): void {
  const bytes = before.bytes ?? 0;
  const change = (nodeId: NodeId, by: number): void => {
    const node = nodes.get(nodeId);
    if (node !== undefined) {
      nodes.set(nodeId, {
        ...node,
        freeBytes: node.freeBytes === undefined ? undefined : node.freeBytes - by,
        usedBytes: node.usedBytes === undefined ? undefined : node.usedBytes + by,
      });
    }
  };
  const [old, now] = [before, after].map(
    ({ replicas }) => new Set(replicas.map(({ nodeId }) => nodeId)),
  );
  for (const nodeId of must(now)) {
    if (!must(old).has(nodeId)) {
      change(nodeId, bytes);
    }
  }
  for (const nodeId of must(old)) {
    if (!must(now).has(nodeId)) {
      change(nodeId, -bytes);
    }
  }
}
