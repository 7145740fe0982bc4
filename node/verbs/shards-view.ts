/**
 * `dynakv shards`: where everything lies, as a grid of shards and nodes, with the hashes of each
 * shard, its size, the zones that its copies stand in, and what each node and zone holds in all.
 */
import pc from 'picocolors';
import type { GroupView, NodeView, ReplicaView, StatusView } from '../contract/status-types.ts';
import { counted, formatBytes, formatGroup } from './quantities.ts';
import { formatProblems } from './status-view.ts';
import { formatTable } from './table.ts';

/** One letter a copy, so that a pattern is seen from afar. */
const marks = { leader: 'L', voter: 'v', learner: 'l', incoming: '+', outgoing: '-', none: '?' };
const legend =
  'L leads  v votes  l learns  + comes in  - goes out  ? is to be made  * not heard of lately';

function nodeIdOf(node: NodeView): number {
  return node.member?.nodeId ?? 0;
}

/** Nodes that hold something or may: those removed long ago are no column. */
function columnsOf(status: StatusView): readonly NodeView[] {
  const holds = (nodeId: number): boolean =>
    status.groups.some(({ replicas }) => replicas.some((each) => each.nodeId === nodeId));
  return status.nodes.filter((node) => node.state !== 'removed' || holds(nodeIdOf(node)));
}

function cellOf({ leaderNodeId }: GroupView, replica: ReplicaView | undefined): string {
  if (replica === undefined) {
    return '·';
  }
  const { role, nodeId, known } = replica;
  const mark = nodeId === leaderNodeId ? marks.leader : (marks[role as keyof typeof marks] ?? role);
  const text = known ? mark : `${mark}*`;
  return mark === marks.leader ? pc.bold(text) : mark === marks.voter ? text : pc.yellow(text);
}

/** Eight digits: hashes have 32 bits. `to` is exclusive, and shown as the last one inside. */
function formatHashes({ groupId, hashFrom, hashTo }: GroupView): string {
  const hex = (value: number): string => value.toString(16).padStart(8, '0');
  return groupId === 0 ? '' : `${hex(hashFrom)}-${hex(hashTo - 1)}`;
}

function isVoter({ role }: ReplicaView): boolean {
  return role === 'voter' || role === 'outgoing';
}

/** A node without a zone stands in one of its own. */
function zoneOf(status: StatusView, nodeId: number): string {
  const node = status.nodes.find((each) => nodeIdOf(each) === nodeId);
  return node?.member?.zone === undefined || node.member.zone === ''
    ? `n${nodeId}`
    : node.member.zone;
}

function zonesOf(status: StatusView, group: GroupView): readonly string[] {
  const zones = group.replicas.filter(isVoter).map(({ nodeId }) => zoneOf(status, nodeId));
  return [...new Set(zones)];
}

function gridRows(status: StatusView, columns: readonly NodeView[]): string[][] {
  return status.groups.map((group) => [
    formatGroup(group.groupId),
    formatHashes(group),
    group.bytes > 0 ? formatBytes(group.bytes) : '',
    ...columns.map((node) =>
      cellOf(
        group,
        group.replicas.find((replica) => replica.nodeId === nodeIdOf(node)),
      ),
    ),
    String(zonesOf(status, group).length),
    status.problems
      .filter((each) => each.groupId === group.groupId)
      .map(({ reason }) => reason)
      .join(', '),
  ]);
}

/** Of shards; the system group is no load that is balanced. */
function sumRows(status: StatusView, columns: readonly NodeView[]): string[][] {
  const shards = status.groups.filter(({ groupId }) => groupId !== 0);
  const count = (holds: (group: GroupView, nodeId: number) => boolean): string[] =>
    columns.map((node) => String(shards.filter((group) => holds(group, nodeIdOf(node))).length));
  const votes = count((group, nodeId) =>
    group.replicas.some((each) => each.nodeId === nodeId && isVoter(each)),
  );
  const leads = count((group, nodeId) => group.leaderNodeId === nodeId);
  return [
    ['votes', '', '', ...votes, '', ''],
    ['leads', '', '', ...leads, '', ''],
  ];
}

function zoneLines(status: StatusView, columns: readonly NodeView[]): readonly string[] {
  const zoned = columns.filter((node) => (node.member?.zone ?? '') !== '');
  const shards = status.groups.filter(({ groupId }) => groupId !== 0);
  const holders = columns.filter(({ state }) => state !== 'removed' && state !== 'joining');
  const zones = new Set(holders.map((node) => zoneOf(status, nodeIdOf(node))));
  const possible = Math.min(zones.size, status.effectiveReplicationFactor);
  const best = shards.filter((group) => zonesOf(status, group).length >= possible).length;
  const spread = `spread  ${best} of ${shards.length} shards stand in ${possible} zones, the most that there can be`;
  if (zoned.length === 0) {
    return [spread, 'zones   none are set: each node counts as one'];
  }
  const lines = [...zones].sort().map((zone) => {
    const nodes = holders.filter((node) => zoneOf(status, nodeIdOf(node)) === zone);
    const ids = new Set(nodes.map(nodeIdOf));
    const copies = shards.flatMap(({ replicas }) =>
      replicas.filter((each) => isVoter(each) && ids.has(each.nodeId)),
    ).length;
    const led = shards.filter(({ leaderNodeId }) => ids.has(leaderNodeId)).length;
    return `zone    ${zone}: ${counted(nodes.length, 'node')}, ${counted(copies, 'copy', 'copies')}, ${led} led`;
  });
  return [spread, ...lines];
}

export function formatShards(status: StatusView): string {
  const columns = columnsOf(status);
  const names = columns.map((node) => `n${nodeIdOf(node)}`);
  const head = ['SHARD', 'HASHES', 'SIZE', ...names, 'ZONES', 'WRONG'];
  const rows = [...gridRows(status, columns), ...sumRows(status, columns)];
  return [
    formatTable(head, rows),
    '',
    legend,
    ...zoneLines(status, columns),
    ...formatProblems(status),
  ].join('\n');
}
