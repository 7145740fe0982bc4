/** `dynakv drain`: how far a node is on its way out. */
import type { DrainView } from '../contract/cluster-calls.ts';
import { counted, formatBytes, formatDuration } from './quantities.ts';
import { refusalLines } from './rebalance-view.ts';

/** One line a change. */
export function formatDrainLine(nodeId: number, drain: DrainView): string {
  const { state, shardsRemaining, leadersRemaining, bytesRemaining } = drain;
  if (state !== 'draining') {
    return `n${nodeId} is ${state}`;
  }
  const parts = [
    counted(shardsRemaining, 'copy', 'copies'),
    counted(leadersRemaining, 'leadership'),
    formatBytes(bytesRemaining),
  ];
  const left = `${parts.join(', ')} left`;
  const blocked = drain.blockedBy.map(({ reason }) => reason).join(', ');
  return `n${nodeId} is draining: ${left}${blocked === '' ? '' : `; blocked: ${blocked}`}`;
}

export function formatDrain(nodeId: number, drain: DrainView, nowMs: number): string {
  const times =
    drain.state === 'draining'
      ? [
          `since    ${formatDuration(nowMs - drain.startedAtMs)}, for "${drain.owner}"`,
          `progress ${formatDuration(nowMs - drain.lastProgressAtMs)} ago`,
        ]
      : [];
  return [
    formatDrainLine(nodeId, drain),
    ...times,
    ...refusalLines('Blocked:', drain.blockedBy),
  ].join('\n');
}
