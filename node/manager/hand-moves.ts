/**
 * What a person moves by hand: one copy of a shard, or one leadership. Pure: the move, or the
 * refusal with its numbers. Stricter than the planner: nobody meant to make things worse by it.
 */
import { NodeRoster } from '../shards/node-roster.ts';
import { systemGroupId } from '../shards/groups.ts';
import { makeMove } from '../shards/move.ts';
import type { Move } from '../shards/move.ts';
import { sharedZonePairs } from '../shards/zone-profile.ts';
import type { ClusterView, ViewGroup, ViewNode } from '../shards/cluster-view.ts';
import type { NodeId } from '../sys/network.ts';
import { refusal } from './system-decision.ts';

export interface HandMove {
  readonly groupId: number;
  readonly from: NodeId;
  readonly to: NodeId;
}

function stateOf(node: ViewNode | undefined): string {
  return node === undefined ? 'unknown' : node.live === false ? 'silent' : node.state;
}

function votersOf({ replicas }: ViewGroup): NodeId[] {
  return replicas.filter(({ role }) => role === 'voter').map(({ nodeId }) => nodeId);
}

/** Pairs of voters in one zone: what a good spread has few of. */
function sharedPairs(view: ClusterView, voters: readonly NodeId[]): number {
  const counts = new Map<string, number>();
  for (const nodeId of voters) {
    const zone = view.nodes.find((node) => node.nodeId === nodeId)?.zone;
    const key = zone === undefined ? `node:${nodeId}` : `zone:${zone}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return sharedZonePairs([...counts.values()]);
}

function checkSpread(view: ClusterView, group: ViewGroup, { from, to }: HandMove): void {
  const before = votersOf(group);
  const after = [...before.filter((nodeId) => nodeId !== from), to];
  const [pairs, pairsAfter] = [sharedPairs(view, before), sharedPairs(view, after)];
  if (pairsAfter > pairs) {
    throw refusal(
      'ZoneSpreadWouldBreak',
      `Cannot move a copy of group ${group.groupId} from node ${from} to node ${to}: ` +
        `${pairsAfter} pairs of its ${after.length} copies would share a zone, now ${pairs}`,
      { node: to, group: group.groupId, pairs, pairsAfter },
    );
  }
}

function checkRoom(view: ClusterView, group: ViewGroup, { to }: HandMove): void {
  const roster = new NodeRoster(view);
  const room = Math.max(0, roster.roomBytes(roster.indexOf(to)));
  const { groupId, bytes = 0 } = group;
  if (bytes > room || room === 0) {
    throw refusal(
      'InsufficientFreeSpace',
      `Cannot move a copy of group ${groupId} to node ${to}: it takes ${bytes} bytes, and ` +
        `${room} are left above the reserve`,
      { node: to, group: groupId, bytes, room },
    );
  }
}

function findGroup(view: ClusterView, groupId: number): ViewGroup {
  const group = view.groups.find((each) => each.groupId === groupId);
  if (group === undefined) {
    throw refusal('UnknownGroup', `Cannot find group ${groupId}`, { group: groupId });
  }
  return group;
}

/** The swap that was asked for; throws the refusal. */
export function handMove(view: ClusterView, wanted: HandMove): Move {
  const { groupId, from, to } = wanted;
  if (groupId === systemGroupId) {
    throw refusal('UnknownGroup', `Cannot move a copy of group ${groupId}: it is no shard`);
  }
  const group = findGroup(view, groupId);
  const holds = (nodeId: NodeId): boolean =>
    group.replicas.some((replica) => replica.nodeId === nodeId && replica.role !== 'learner');
  if (!holds(from) || holds(to)) {
    const message = `Cannot move a copy of group ${groupId} from node ${from} to node ${to}: `;
    const why = holds(from) ? `node ${to} has one` : `node ${from} has none`;
    throw refusal('NoSuchCopy', message + why, { group: groupId });
  }
  const target = view.nodes.find((node) => node.nodeId === to);
  if (target?.state !== 'active' || target.live === false) {
    const message = `Cannot move a copy to node ${to}: it is ${stateOf(target)}`;
    throw refusal('NoEligibleNode', message, { node: to });
  }
  if (group.leader === undefined) {
    const copies = group.replicas.length;
    const message = `Cannot move a copy of group ${groupId}: none of its ${copies} copies leads it`;
    throw refusal('LeaderlessShards', message, { group: groupId });
  }
  checkSpread(view, group, wanted);
  checkRoom(view, group, wanted);
  return makeMove({
    ...{ groupId, kind: 'swap', from: [from], to: [to], reason: 'Manual' },
    bytes: group.bytes ?? 0,
    ...(group.preferredLeader === from ? { prefer: to } : {}),
  });
}

/** Throws the refusal if the node cannot lead the group. */
export function checkHandTransfer(view: ClusterView, groupId: number, to: NodeId): void {
  const group = findGroup(view, groupId);
  if (!votersOf(group).includes(to)) {
    const message = `Cannot lead group ${groupId} from node ${to}: it has no vote there`;
    throw refusal('NoSuchCopy', message, { group: groupId, node: to });
  }
  const node = view.nodes.find((each) => each.nodeId === to);
  if (node?.state !== 'active' || node.live === false) {
    const message = `Cannot lead group ${groupId} from node ${to}: it is ${stateOf(node)}`;
    throw refusal('NoEligibleNode', message, { group: groupId, node: to });
  }
}
