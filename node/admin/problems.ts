/** What is wrong with a cluster, named for programs and said for people. Pure. */
import type { GroupView, NodeView, ProblemView } from '../contract/status-types.ts';

/** A replica further behind than this is a problem worth naming. */
const lagEntriesMax = 10_000;

function isAway(nodes: ReadonlyMap<number, NodeView>, nodeId: number): boolean {
  const node = nodes.get(nodeId);
  return node?.answers !== true || node.quarantined !== '';
}

function nodeProblems(node: NodeView): ProblemView[] {
  const nodeId = node.member?.nodeId ?? 0;
  if (node.answers || node.state === 'removed') {
    return [];
  }
  const address = node.member?.address ?? '';
  const where = address === '' ? '' : ` at ${address}`;
  const state = node.state === 'dead' ? ' and counts as dead' : '';
  return [
    { reason: 'NodeDown', message: `Node ${nodeId}${where} does not answer${state}`, nodeId },
  ];
}

function groupName(groupId: number): string {
  return groupId === 0 ? 'The system group' : `Shard ${groupId - 1}`;
}

function copiesProblem(
  group: GroupView,
  wanted: number,
  nodes: ReadonlyMap<number, NodeView>,
): ProblemView | undefined {
  const { groupId } = group;
  const voters = group.replicas.filter(({ role }) => role === 'voter' || role === 'outgoing');
  const live = voters.filter(({ nodeId }) => !isAway(nodes, nodeId)).length;
  const name = groupName(groupId);
  if (voters.length > 0 && live * 2 <= voters.length) {
    const message =
      `${name} has lost its majority: ${live} of ${voters.length} copies answer; it waits for ` +
      'one of the other nodes to come back';
    return { reason: 'ShardLeaderless', message, nodeId: 0, groupId };
  }
  if (groupId !== 0 && live < wanted) {
    const message = `${name} has ${live} of ${wanted} copies that answer`;
    return { reason: 'ShardUnderReplicated', message, nodeId: 0, groupId };
  }
  return undefined;
}

function groupProblems(
  group: GroupView,
  wanted: number,
  nodes: ReadonlyMap<number, NodeView>,
): ProblemView[] {
  const { groupId } = group;
  const problems: ProblemView[] = [];
  const copies = copiesProblem(group, wanted, nodes);
  if (copies !== undefined) {
    problems.push(copies);
  }
  if (group.leaderNodeId === 0) {
    problems.push({
      reason: 'GroupWithoutLeader',
      message: `${groupName(groupId)} has no leader: it needs a majority of its replicas`,
      ...{ nodeId: 0, groupId },
    });
  }
  for (const { known, lag, role, nodeId } of group.replicas) {
    if (known && role !== 'none' && lag > lagEntriesMax) {
      problems.push({
        reason: 'ReplicaBehind',
        message: `${groupName(groupId)}: the replica on node ${nodeId} is ${lag} entries behind`,
        ...{ nodeId, groupId },
      });
    }
  }
  return problems;
}

/** `wanted`: copies that each shard is to have. */
export function findProblems(
  nodes: readonly NodeView[],
  groups: readonly GroupView[],
  wanted: number,
): ProblemView[] {
  const byId = new Map(nodes.map((node) => [node.member?.nodeId ?? 0, node]));
  return [
    ...nodes.flatMap(nodeProblems),
    ...groups.flatMap((group) => groupProblems(group, wanted, byId)),
  ];
}
