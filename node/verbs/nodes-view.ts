/** `dynakv nodes`: a line a node. */
import type { StatusView } from '../contract/status-types.ts';
import { formatNodeIds } from './quantities.ts';
import { formatProblems } from './status-view.ts';
import { formatTable } from './table.ts';

export function formatNodes(status: StatusView): string {
  const members = status.nodes.filter((node) => node.state !== 'removed');
  const rows = members.map((node) => [
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
  const removed = status.nodes.filter((node) => node.state === 'removed');
  const names = formatNodeIds(removed.map((node) => node.member?.nodeId ?? 0));
  const gone = removed.length === 0 ? [] : ['', `removed for good: ${names}`];
  return [formatTable(head, rows), ...gone, ...formatProblems(status)].join('\n');
}
