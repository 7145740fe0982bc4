/**
 * The groups in a status: each as a node knows it, and put together from the answers of several:
 * the word of the leader of the highest term counts, else anybody's; what nobody could tell is
 * unknown.
 */
import type { GroupView, ReplicaView, StatusView } from '../contract/status-types.ts';
import type { Group } from '../host/group.ts';
import type { GroupRecord } from '../manager/catalog-records.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { ConfState } from '../raft/messages.ts';
import { shardOfGroup, systemGroupId } from '../shards/groups.ts';
import { ShardMap } from '../shards/shard-map.ts';

/** As a configuration has it; `none`: given out by the catalog, not a member. */
export function roleOf(state: ConfState, replicaId: number): string {
  const isIncoming = state.voters.includes(replicaId);
  const isOutgoing = state.votersOutgoing.includes(replicaId);
  if (state.votersOutgoing.length > 0 && isIncoming !== isOutgoing) {
    return isIncoming ? 'incoming' : 'outgoing';
  }
  if (isIncoming) {
    return 'voter';
  }
  return state.learners.includes(replicaId) ? 'learner' : 'none';
}

function replicasOf(core: NodeCore, group: Group): ReplicaView[] {
  const { confState, applied } = group.replica;
  const views: ReplicaView[] = [];
  for (const [replicaId, nodeId] of group.nodes) {
    const isOwn = replicaId === group.replicaId;
    const progress = group.isLeader ? group.raw.raft.tracker.get(replicaId) : undefined;
    const index = isOwn ? applied.index : (progress?.match ?? 0);
    const known = isOwn || (progress !== undefined && core.host.liveness.isLive(nodeId));
    views.push({
      nodeId,
      replicaId,
      role: roleOf(confState, replicaId),
      appliedIndex: index,
      lag: known ? Math.max(0, group.commitIndex - index) : 0,
      known,
    });
  }
  return views;
}

/** The group as this node's replica knows it. */
export function groupView(core: NodeCore, group: Group): GroupView {
  const { configuration } = group.replica;
  return {
    ...unknownGroup(core, group.groupId),
    leaderNodeId: group.stoppedBecause === undefined ? (group.leaderNode ?? 0) : 0,
    term: group.term,
    commitIndex: group.commitIndex,
    asleep: group.asleep,
    replicas: replicasOf(core, group),
    configurationIndex: configuration.index,
    joint: configuration.state.votersOutgoing.length > 0,
    bytes: core.membership.facts(group).bytes,
  };
}

function unknownGroup(core: NodeCore, groupId: number): GroupView {
  const range =
    groupId === systemGroupId
      ? { from: 0, to: 0 }
      : new ShardMap(core.catalog.shardCount).rangeOf(shardOfGroup(groupId));
  return {
    ...{ groupId, leaderNodeId: 0, term: 0, commitIndex: 0, asleep: false, replicas: [] },
    ...{ configurationIndex: 0, joint: false, hashFrom: range.from, hashTo: range.to, bytes: 0 },
  };
}

interface Told {
  readonly nodeId: number;
  readonly group: GroupView;
}

function mergeGroup(core: NodeCore, record: GroupRecord, views: Told[]): GroupView {
  views.sort((a, b) => b.group.term - a.group.term);
  const best = views.find(({ nodeId, group }) => group.leaderNodeId === nodeId) ?? views[0];
  const told = best?.group ?? unknownGroup(core, record.groupId);
  // A leader that did not answer as such may be gone: others' belief is no knowledge.
  const isConfirmed = told.leaderNodeId === best?.nodeId;
  const base: GroupView = isConfirmed ? told : { ...told, leaderNodeId: 0 };
  const replicas = record.replicas.map(({ replicaId, nodeId }): ReplicaView => {
    const own = views
      .find((view) => view.nodeId === nodeId)
      ?.group.replicas.find((replica) => replica.nodeId === nodeId);
    const byLeader = base.replicas.find((replica) => replica.replicaId === replicaId);
    const known = own ?? byLeader;
    const role = byLeader?.role ?? own?.role ?? (best === undefined ? 'voter' : 'none');
    return known === undefined
      ? { nodeId, replicaId, role, appliedIndex: 0, lag: 0, known: false }
      : { ...known, replicaId, role, lag: Math.max(0, base.commitIndex - known.appliedIndex) };
  });
  return { ...base, replicas };
}

/** Every group of the catalog, by what the nodes answered. */
export function mergeGroups(core: NodeCore, answers: ReadonlyMap<number, StatusView>): GroupView[] {
  const told = new Map<number, Told[]>();
  for (const [nodeId, answer] of answers) {
    for (const group of answer.groups) {
      const views = told.get(group.groupId) ?? [];
      views.push({ nodeId, group });
      told.set(group.groupId, views);
    }
  }
  return [...core.catalog.groups.values()]
    .sort((a, b) => a.groupId - b.groupId)
    .map((record) => mergeGroup(core, record, told.get(record.groupId) ?? []));
}
