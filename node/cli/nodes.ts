/** `dynakv nodes`: a line a node. */
import type { StatusView } from './cluster-control.ts';
import { formatProblems } from './status.ts';
import { formatTable } from './table.ts';

export function formatNodes(status: StatusView): string {
  const rows = status.nodes.map((node) => [
    node.member === undefined ? '?' : `n${node.member.nodeId}`,
    node.answers ? node.state : `${node.state}, silent`,
    node.leaderCount,
    node.replicaCount,
    node.member?.address ?? '',
    node.member?.clientAddress ?? '',
    node.member?.zone ?? '',
    node.version,
    status.problems
      .filter((each) => each.groupId === undefined && each.nodeId === node.member?.nodeId)
      .map((each) => each.reason)
      .join(', '),
  ]);
  const head = ['NODE', 'STATE', 'LEADS', 'COPIES', 'PEERS', 'CLIENTS', 'ZONE', 'VERSION', 'WRONG'];
  return [formatTable(head, rows), ...formatProblems(status)].join('\n');
}
