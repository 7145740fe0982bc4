/**
 * The state of the cluster as a person should see it: what this node knows, completed by what the
 * other nodes know (asked once, briefly) and by the node that manages the shards.
 */
import type { NodeView, ProblemView, StatusView } from '../contract/status-types.ts';
import { DynakvError } from '../lib/errors.ts';
import type { OverviewReply } from '../manager/admin-requests.ts';
import type { NodeCore } from '../manager/node-core.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { ChannelCredentialsSource } from '../transport/grpc-channel.ts';
import { groupView, mergeGroups } from './group-status.ts';
import { AdminClient } from './grpc-admin-client.ts';
import type { ManagerCalls } from './manager-calls.ts';
import { rebalanceMessage } from './movement.ts';
import type { NodeControl } from './node-control.ts';
import { mergeNodes, nodeView } from './node-status.ts';
import { toPlain } from './plain-message.ts';
import { findProblems } from './problems.ts';

/** Another node's answer is waited for so long. */
const askDeadlineMs = 1_000;
/** The manager's: a survey of the nodes is in it. */
const overviewDeadlineMs = 2_500;

function memberCore(control: NodeControl): NodeCore {
  if (control.core === undefined) {
    throw new DynakvError('Refused', 'This node belongs to no cluster yet: create one by Init', {
      reason: 'NotInitialized',
    });
  }
  return control.core;
}

function ownProblems(core: NodeCore): ProblemView[] {
  const problems: ProblemView[] = [];
  for (const group of core.host.groups.values()) {
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
    if (core.catalog.nodes.get(nodeId)?.state !== 'removed') {
      problems.push({
        reason: 'NodeQuarantined',
        message: `The store of node ${nodeId} failed and is never let in again: ${reason}`,
        nodeId,
      });
    }
  }
  return problems;
}

function ownNode(control: NodeControl, core: NodeCore): NodeView[] {
  const record = core.catalog.nodes.get(core.host.nodeId);
  return record === undefined
    ? []
    : [
        {
          ...nodeView(core, record),
          ...{ version: control.version, answers: true, ready: control.ready },
        },
      ];
}

/** What this node knows by itself: its own replicas, in full those that it leads. */
export function localStatus(control: NodeControl): StatusView {
  const core = memberCore(control);
  const { cluster, control: held } = core.catalog;
  const system = core.host.groups.get(systemGroupId);
  return {
    clusterId: cluster.clusterId,
    nodeId: core.host.nodeId,
    ready: core.groupsReady,
    shardCount: cluster.shardCount,
    replicationFactor: cluster.replicationFactor,
    nodes: ownNode(control, core),
    groups: [...core.host.groups.values()].map((group) => groupView(core, group)),
    problems: ownProblems(core),
    featureVersion: cluster.featureVersion,
    effectiveReplicationFactor: cluster.effectiveFactor,
    systemLeaderNodeId: system?.leaderNode ?? 0,
    controlEpoch: held.epoch,
    controlHolder: held.holder,
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
  calls: ManagerCalls,
): Promise<StatusView> {
  const core = memberCore(control);
  const answers = new Map<number, StatusView>([[core.host.nodeId, localStatus(control)]]);
  const others = core.catalog.members.filter(
    (node) => node.nodeId !== core.host.nodeId && node.address !== '',
  );
  const overview = calls
    .read<OverviewReply>({ verb: 'overview' }, overviewDeadlineMs)
    .catch(() => undefined);
  await Promise.all(
    others.map(async (node) => {
      const address = core.parts.options.peerOverrides.get(node.nodeId) ?? node.address;
      const answer = await ask(address, channels);
      if (answer !== undefined) {
        answers.set(node.nodeId, answer);
      }
    }),
  );
  return wholeStatus(control, answers, await overview);
}

/** What the answers of some nodes, this one's among them, say together. */
export function wholeStatus(
  control: NodeControl,
  answers: ReadonlyMap<number, StatusView>,
  overview?: OverviewReply,
): StatusView {
  const core = memberCore(control);
  const own = answers.get(core.host.nodeId) ?? localStatus(control);
  const groups = mergeGroups(core, answers);
  const nodes = mergeNodes(core, answers, groups, overview);
  const told = [...answers.values()].flatMap((answer) => [...answer.problems]);
  told.push(...findProblems(nodes, groups, core.catalog.cluster.effectiveFactor));
  // Several nodes may say the same of one.
  const problems = [
    ...new Map(
      told.map((problem) => {
        const { reason, nodeId, groupId } = problem;
        return [`${reason} ${nodeId} ${groupId ?? ''}`, problem] as const;
      }),
    ).values(),
  ];
  const rebalance = overview && (rebalanceMessage(overview.rebalance) as StatusView['rebalance']);
  return { ...own, nodes, groups, problems, rebalance };
}
