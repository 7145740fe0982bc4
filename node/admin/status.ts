/**
 * The state of the cluster as a person should see it: what this node knows, completed by what the
 * leaders of other groups know (asked once, briefly). Every group is described by its leader's
 * progress; what nobody could tell is marked unknown, never guessed.
 */
import type {
  GroupView,
  MemberView,
  NodeView,
  ProblemView,
  ReplicaView,
  StatusView,
} from '../contract/status-types.ts';
import { DynakvError } from '../lib/errors.ts';
import type { Group } from '../host/group.ts';
import type { NodeRecord } from '../manager/catalog-records.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { ChannelCredentialsSource } from '../transport/grpc-channel.ts';
import { AdminClient } from './grpc-admin-client.ts';
import type { NodeControl } from './node-control.ts';
import { toPlain } from './plain-message.ts';

/** Another node's answer is waited for so long. */
const askDeadlineMs = 1_000;
/** A replica further behind than this is a problem worth naming. */
const lagEntriesMax = 10_000;

function memberCore(control: NodeControl): NodeCore {
  if (control.core === undefined) {
    throw new DynakvError('Refused', 'This node belongs to no cluster yet: create one by Init', {
      reason: 'NotInitialized',
    });
  }
  return control.core;
}

function replicasOf(core: NodeCore, group: Group): ReplicaView[] {
  const { confState, applied } = group.replica;
  const leads = group.isLeader;
  const views: ReplicaView[] = [];
  for (const [replicaId, nodeId] of group.nodes) {
    const isOwn = replicaId === group.replicaId;
    const progress = leads ? group.raw.raft.tracker.get(replicaId) : undefined;
    const index = isOwn ? applied.index : (progress?.match ?? 0);
    const known = isOwn || (progress !== undefined && core.host.liveness.isLive(nodeId));
    views.push({
      nodeId,
      replicaId,
      role: confState.learners.includes(replicaId) ? 'learner' : 'voter',
      appliedIndex: index,
      lag: known ? Math.max(0, group.commitIndex - index) : 0,
      known,
    });
  }
  return views;
}

function groupView(core: NodeCore, group: Group): GroupView {
  return {
    groupId: group.groupId,
    leaderNodeId: group.stoppedBecause === undefined ? (group.leaderNode ?? 0) : 0,
    term: group.term,
    commitIndex: group.commitIndex,
    asleep: group.asleep,
    replicas: replicasOf(core, group),
  };
}

/** What this node knows by itself: its own replicas, in full those that it leads. */
export function localStatus(control: NodeControl): StatusView {
  const core = memberCore(control);
  const { cluster } = core.catalog;
  const groups = [...core.host.groups.values()];
  const problems: ProblemView[] = [];
  for (const group of groups) {
    if (group.stoppedBecause !== undefined) {
      problems.push({
        reason: 'ReplicaStopped',
        message: `Replica of group ${group.groupId} stopped: ${group.stoppedBecause}`,
        nodeId: core.host.nodeId,
        groupId: group.groupId,
      });
    }
  }
  for (const [nodeId, reason] of core.quarantinedPeers) {
    problems.push({
      reason: 'NodeQuarantined',
      message: `The store of node ${nodeId} failed and is never let in again: ${reason}`,
      nodeId,
    });
  }
  return {
    clusterId: cluster.clusterId,
    nodeId: core.host.nodeId,
    ready: core.groupsReady,
    shardCount: cluster.shardCount,
    replicationFactor: cluster.replicationFactor,
    nodes: [nodeView(core, core.host.nodeId, 'active', control.version)],
    groups: groups.map((group) => groupView(core, group)),
    problems,
  };
}

function memberView(record: NodeRecord | undefined): MemberView | undefined {
  if (record === undefined) {
    return undefined;
  }
  const { nodeId, address, clientAddress, opsAddress, zone } = record;
  return { nodeId, address, clientAddress, opsAddress, zone: zone ?? '' };
}

function bootIdOf(core: NodeCore, nodeId: number): string {
  return nodeId === core.host.nodeId
    ? (core.parts.log.bootHistory.at(-1) ?? '')
    : (core.host.liveness.get(nodeId)?.bootId ?? '');
}

function nodeView(core: NodeCore, nodeId: number, state: string, version: string): NodeView {
  const record = core.catalog.nodes.get(nodeId);
  return {
    member: memberView(record),
    state,
    bootId: bootIdOf(core, nodeId),
    version,
    replicaCount: [...core.catalog.groups.values()].filter((group) =>
      group.replicas.some((replica) => replica.nodeId === nodeId),
    ).length,
    leaderCount: 0,
  };
}

async function ask(
  address: string,
  channels: ChannelCredentialsSource,
): Promise<StatusView | undefined> {
  const client = new AdminClient({ address, channels, deadlineMs: askDeadlineMs });
  try {
    return toPlain(await client.status({ local: true })) as StatusView;
  } catch {
    return undefined; // Said as `NodeDown` by the caller.
  } finally {
    client.close();
  }
}

/** The whole cluster: this node's view, and that of every other node that answers. */
export async function clusterStatus(
  control: NodeControl,
  channels: ChannelCredentialsSource,
): Promise<StatusView> {
  const core = memberCore(control);
  const answers = new Map<number, StatusView>([[core.host.nodeId, localStatus(control)]]);
  const others = [...core.catalog.nodes.values()].filter(
    (node) => node.nodeId !== core.host.nodeId && node.state !== 'removed',
  );
  await Promise.all(
    others.map(async (node) => {
      const address = core.parts.options.peerOverrides.get(node.nodeId) ?? node.address;
      const answer = await ask(address, channels);
      if (answer !== undefined) {
        answers.set(node.nodeId, answer);
      }
    }),
  );
  return wholeStatus(control, answers);
}

/** What the answers of some nodes, this one's among them, say together. */
export function wholeStatus(
  control: NodeControl,
  answers: ReadonlyMap<number, StatusView>,
): StatusView {
  const core = memberCore(control);
  const own = answers.get(core.host.nodeId) ?? localStatus(control);
  const groups = mergeGroups(core, answers);
  const told = [...answers.values()].flatMap((answer) => [...answer.problems]);
  told.push(...findProblems(core, answers, groups));
  // Several nodes may say the same of one.
  const problems = [
    ...new Map(
      told.map((problem) => {
        const { reason, nodeId, groupId } = problem;
        return [`${reason} ${nodeId} ${groupId ?? ''}`, problem] as const;
      }),
    ).values(),
  ];
  return { ...own, nodes: mergeNodes(core, answers, groups), groups, problems };
}

function unknownGroup(groupId: number): GroupView {
  return { groupId, leaderNodeId: 0, term: 0, commitIndex: 0, asleep: false, replicas: [] };
}

function mergeGroups(core: NodeCore, answers: ReadonlyMap<number, StatusView>): GroupView[] {
  return [...core.catalog.groups.values()]
    .sort((a, b) => a.groupId - b.groupId)
    .map((record) => {
      const views = [...answers].flatMap(([nodeId, answer]) =>
        answer.groups
          .filter((group) => group.groupId === record.groupId)
          .map((group) => ({ nodeId, group })),
      );
      // The word of the leader of the highest term, else anybody's.
      views.sort((a, b) => b.group.term - a.group.term);
      const best = views.find(({ nodeId, group }) => group.leaderNodeId === nodeId) ?? views[0];
      const told = best?.group ?? unknownGroup(record.groupId);
      // A leader that did not answer as such may be gone: others' belief is no knowledge.
      const isConfirmed = told.leaderNodeId === best?.nodeId;
      const base: GroupView = isConfirmed ? told : { ...told, leaderNodeId: 0 };
      const replicas = record.replicas.map(({ replicaId, nodeId }): ReplicaView => {
        const own = views
          .find((view) => view.nodeId === nodeId)
          ?.group.replicas.find((replica) => replica.nodeId === nodeId);
        const known = own ?? base.replicas.find((replica) => replica.nodeId === nodeId);
        return known === undefined
          ? { nodeId, replicaId, role: 'voter', appliedIndex: 0, lag: 0, known: false }
          : { ...known, lag: Math.max(0, base.commitIndex - known.appliedIndex) };
      });
      return { ...base, replicas };
    });
}

function mergeNodes(
  core: NodeCore,
  answers: ReadonlyMap<number, StatusView>,
  groups: readonly GroupView[],
): NodeView[] {
  return [...core.catalog.nodes.values()].map((record) => {
    const answer = answers.get(record.nodeId);
    const version = answer?.nodes[0]?.version ?? '';
    return {
      ...nodeView(core, record.nodeId, answer === undefined ? 'down' : record.state, version),
      leaderCount: groups.filter((group) => group.leaderNodeId === record.nodeId).length,
    };
  });
}

function findProblems(
  core: NodeCore,
  answers: ReadonlyMap<number, StatusView>,
  groups: readonly GroupView[],
): ProblemView[] {
  const problems: ProblemView[] = [];
  for (const node of core.catalog.nodes.values()) {
    if (!answers.has(node.nodeId)) {
      problems.push({
        reason: 'NodeDown',
        message: `Node ${node.nodeId} at ${node.address} does not answer`,
        nodeId: node.nodeId,
      });
    }
  }
  for (const group of groups) {
    const name = group.groupId === 0 ? 'The system group' : `Shard ${group.groupId - 1}`;
    if (group.leaderNodeId === 0) {
      problems.push({
        reason: 'GroupWithoutLeader',
        message: `${name} has no leader: it needs a majority of its replicas`,
        nodeId: 0,
        groupId: group.groupId,
      });
    }
    for (const replica of group.replicas) {
      if (replica.known && replica.lag > lagEntriesMax) {
        problems.push({
          reason: 'ReplicaBehind',
          message: `${name}: the replica on node ${replica.nodeId} is ${replica.lag} entries behind`,
          nodeId: replica.nodeId,
          groupId: group.groupId,
        });
      }
    }
  }
  return problems;
}
