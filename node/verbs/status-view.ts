/** `dynakv status`: is the cluster well, and if not, what is wrong. */
import pc from 'picocolors';
import type { GroupView, StatusView } from '../contract/status-types.ts';

/** The largest lag of a replica that the answering node knows of. */
export function lagOf(group: GroupView): number {
  return Math.max(0, ...group.replicas.filter((each) => each.known).map((each) => each.lag));
}

export function formatStatus(status: StatusView): string {
  const shards = status.groups.filter((group) => group.groupId !== 0);
  const led = shards.filter((group) => group.leaderNodeId !== 0).length;
  const members = status.nodes.filter((node) => node.state !== 'removed');
  const active = members.filter((node) => node.state === 'active' && node.answers).length;
  const system = status.groups.find((group) => group.groupId === 0);
  const { effectiveReplicationFactor: effective } = status;
  const isFewer = effective !== 0 && effective < status.replicationFactor;
  const kept = isFewer ? `, kept until there are nodes: ${effective}` : '';
  const isWell = status.ready && status.problems.length === 0;
  const health = isWell ? pc.green('well') : pc.red(status.ready ? 'impaired' : 'not ready');
  return [
    `cluster   ${status.clusterId === '' ? 'not created yet' : status.clusterId}`,
    `health    ${health}`,
    `nodes     ${active} of ${members.length} active`,
    `shards    ${led} of ${status.shardCount} with a leader, copies wanted: ${status.replicationFactor}${kept}`,
    `system    leader ${formatLeader(system?.leaderNodeId ?? 0)}, term ${system?.term ?? 0}`,
    `lag       ${Math.max(0, ...status.groups.map(lagOf))} entries at most`,
    `asked     n${status.nodeId}`,
    ...formatProblems(status),
  ].join('\n');
}

export function formatLeader(nodeId: number): string {
  return nodeId === 0 ? 'none' : `n${nodeId}`;
}

export function formatProblems(status: StatusView): readonly string[] {
  if (status.problems.length === 0) {
    return [];
  }
  const lines = status.problems.map((problem) => `  ${pc.red(problem.reason)}  ${problem.message}`);
  return ['', 'What is wrong:', ...lines];
}
