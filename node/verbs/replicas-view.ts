/** `dynakv shards --raft`: a line a group: leader, copies, how far they have applied, who is behind. */
import type { GroupView, ReplicaView, StatusView } from '../contract/status-types.ts';
import { formatLeader, formatProblems, lagOf } from './status-view.ts';
import { formatTable } from './table.ts';

/** `n2 ~15`: a learner is in parentheses, a copy that is behind shows by how much. */
function formatReplica(replica: ReplicaView): string {
  const name = replica.role === 'learner' ? `(n${replica.nodeId})` : `n${replica.nodeId}`;
  if (!replica.known) {
    return `${name} ?`;
  }
  return replica.lag > 0 ? `${name} -${replica.lag}` : name;
}

/** How far the leader's copy is; the furthest known without one. */
function appliedOf(group: GroupView): number {
  const known = group.replicas.filter((each) => each.known);
  const leader = known.find((each) => each.nodeId === group.leaderNodeId);
  return leader?.appliedIndex ?? Math.max(0, ...known.map((each) => each.appliedIndex));
}

export function formatReplicas(status: StatusView): string {
  const rows = status.groups.map((group) => [
    group.groupId === 0 ? 'system' : group.groupId,
    formatLeader(group.leaderNodeId),
    group.term,
    group.commitIndex,
    appliedOf(group),
    lagOf(group),
    group.replicas.map(formatReplica).join(', '),
    group.asleep ? 'asleep' : 'awake',
    status.problems
      .filter((each) => each.groupId === group.groupId)
      .map((each) => each.reason)
      .join(', '),
  ]);
  const head = ['SHARD', 'LEADER', 'TERM', 'COMMIT', 'APPLIED', 'LAG', 'COPIES', 'STATE', 'WRONG'];
  return [formatTable(head, rows), ...formatProblems(status)].join('\n');
}
