/** `dynakv plan`: what would move, what it costs, what would be refused. */
import pc from 'picocolors';
import type { MoveView, PlanView } from '../contract/cluster-calls.ts';
import {
  formatBytes,
  formatDuration,
  formatGroup,
  formatNodeId,
  formatNodeIds,
} from './quantities.ts';
import { refusalLines } from './rebalance-view.ts';
import { formatTable } from './table.ts';

/** Enough to see what kind of plan it is; --json has a thousand. */
const movesShownMax = 24;

/** What each node would get and lose, in copies: the sum of the moves. */
function changeLines(moves: readonly MoveView[]): readonly string[] {
  const changes = new Map<number, { gets: number; loses: number; bytes: number }>();
  const of = (nodeId: number): { gets: number; loses: number; bytes: number } => {
    const change = changes.get(nodeId) ?? { gets: 0, loses: 0, bytes: 0 };
    changes.set(nodeId, change);
    return change;
  };
  for (const { fromNodeIds, toNodeIds, kind, bytes } of moves) {
    if (kind !== 'transfer' && kind !== 'prefer') {
      for (const nodeId of toNodeIds) {
        of(nodeId).gets += 1;
        of(nodeId).bytes += bytes / toNodeIds.length;
      }
      for (const nodeId of fromNodeIds) {
        of(nodeId).loses += 1;
      }
    }
  }
  if (changes.size === 0) {
    return [];
  }
  const rows = [...changes.entries()]
    .sort(([left], [right]) => left - right)
    .map(([nodeId, { gets, loses, bytes }]) => [
      formatNodeId(nodeId),
      `+${gets}`,
      `-${loses}`,
      formatBytes(bytes),
    ]);
  return ['', formatTable(['NODE', 'GETS', 'LOSES', 'RECEIVES'], rows)];
}

export function formatPlan(plan: PlanView): string {
  const { moves, movesTotal, bytes, bytesMin, seconds, leaderTransfers, refusals } = plan;
  const shown = moves.slice(0, movesShownMax);
  const rest = movesTotal - shown.length;
  const rows = shown.map((move) => [
    formatGroup(move.groupId),
    move.reason,
    move.kind,
    formatNodeIds(move.fromNodeIds),
    formatNodeIds(move.toNodeIds),
    formatBytes(move.bytes),
  ]);
  // The least is told by the mean shard: a plan of small ones may be below it.
  const least = bytesMin > bytes ? '' : `, ${formatBytes(bytesMin)} of them whatever the plan`;
  const nothing = refusals.length === 0 ? pc.green('nothing') : 'nothing that is allowed';
  return [
    `moves    ${movesTotal === 0 ? nothing : movesTotal}`,
    `bytes    ${formatBytes(bytes)} to copy${least}`,
    `time     about ${formatDuration(seconds * 1_000)} at the byte rate of the settings`,
    `leaders  ${leaderTransfers} change`,
    ...changeLines(moves),
    ...(shown.length === 0
      ? []
      : ['', formatTable(['SHARD', 'WHY', 'WHAT', 'FROM', 'TO', 'BYTES'], rows)]),
    ...(rest > 0 ? [`and ${rest} more`] : []),
    ...refusalLines('Refused:', refusals),
  ].join('\n');
}
