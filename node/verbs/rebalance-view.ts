/**
 * `dynakv rebalance`: how far the plan is, what moves now, what waits and why. Pure: a frame of the
 * live view is a function of one answer and the clock.
 */
import pc from 'picocolors';
import type { MovementView, MoveView } from '../contract/cluster-calls.ts';
import type { RebalanceView, RefusalView } from '../contract/status-types.ts';
import { progressBar } from './progress-bar.ts';
import { formatBytes, formatDuration, formatGroup, formatNodeIds } from './quantities.ts';
import { formatTable } from './table.ts';

/** As many as a terminal shows at a glance. */
const movesShownMax = 12;

function etaOf({ etaSeconds, state }: RebalanceView): string {
  if (state === 'paused') {
    return 'ETA none while paused';
  }
  return etaSeconds > 0 ? `ETA ${formatDuration(etaSeconds * 1_000)}` : 'ETA unknown';
}

function progressLines(status: RebalanceView, nowMs: number): readonly string[] {
  const { movesTotal, movesDone, movesRunning, bytesTotal, bytesDone, rate } = status;
  const [done, total] = bytesTotal > 0 ? [bytesDone, bytesTotal] : [movesDone, movesTotal];
  const left = movesTotal - movesDone;
  const quiet = nowMs - status.lastProgressAtMs;
  const since = status.lastProgressAtMs > 0 ? `, last progress ${formatDuration(quiet)} ago` : '';
  return [
    `${progressBar(done, total)}  ${etaOf(status)}`,
    `moves   ${movesDone} of ${movesTotal} done, ${left} left, ${movesRunning} under way${since}`,
    `bytes   ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}, ${formatBytes(rate)}/s`,
  ];
}

function headLine({ mode, state, planId, startedAtMs }: RebalanceView, nowMs: number): string {
  const paint = state === 'idle' ? pc.green : state === 'running' ? pc.cyan : pc.yellow;
  const plan = planId === '' ? '' : `, plan ${planId}`;
  const isUnderWay = state !== 'idle' && startedAtMs > 0;
  const since = isUnderWay ? `, for ${formatDuration(nowMs - startedAtMs)}` : '';
  return `state   ${paint(state)} (mode ${mode}${plan})${since}`;
}

/** What is wrong while it moves; nothing: no line. */
function healthLines(status: RebalanceView): readonly string[] {
  const { underReplicatedShards, leaderlessShards, movesFailed } = status;
  const parts = [
    ...(underReplicatedShards > 0 ? [`shards that lack a copy: ${underReplicatedShards}`] : []),
    ...(leaderlessShards > 0 ? [`shards without a leader: ${leaderlessShards}`] : []),
    ...(movesFailed > 0 ? [`moves that failed and are tried again: ${movesFailed}`] : []),
  ];
  return parts.length === 0 ? [] : [`look    ${pc.yellow(parts.join(', '))}`];
}

/** `12 MB of 85 MB`, or what is to be copied. */
function bytesOf({ bytes, bytesDone }: MoveView): string {
  return bytesDone > 0 ? `${formatBytes(bytesDone)} of ${formatBytes(bytes)}` : formatBytes(bytes);
}

export function moveRow(move: MoveView, nowMs: number): readonly string[] {
  return [
    formatGroup(move.groupId),
    move.reason,
    move.kind,
    formatNodeIds(move.fromNodeIds),
    formatNodeIds(move.toNodeIds),
    bytesOf(move),
    move.state,
    move.startedAtMs > 0 ? formatDuration(nowMs - move.startedAtMs) : '',
    move.blockedBy,
  ];
}

export const moveHead = ['SHARD', 'WHY', 'WHAT', 'FROM', 'TO', 'BYTES', 'STATE', 'FOR', 'BLOCKED'];

function moveLines(moves: readonly MoveView[], nowMs: number): readonly string[] {
  if (moves.length === 0) {
    return [];
  }
  const shown = moves.slice(0, movesShownMax);
  const rest = moves.length - shown.length;
  const table = formatTable(
    moveHead,
    shown.map((move) => moveRow(move, nowMs)),
  );
  return ['', table, ...(rest > 0 ? [`and ${rest} more`] : [])];
}

export function refusalLines(title: string, refusals: readonly RefusalView[]): readonly string[] {
  if (refusals.length === 0) {
    return [];
  }
  const lines = refusals.map(({ reason, message }) => `  ${pc.yellow(reason)}  ${message}`);
  return ['', title, ...lines];
}

export function formatRebalance({ status, moves }: MovementView, nowMs: number): string {
  if (status === undefined) {
    return 'state   unknown: the node that manages could not be asked';
  }
  const isIdle = status.state === 'idle' && status.movesTotal === status.movesDone;
  return [
    headLine(status, nowMs),
    ...(isIdle ? ['moves   none left'] : progressLines(status, nowMs)),
    ...healthLines(status),
    ...moveLines(moves, nowMs),
    ...refusalLines('Blocked:', status.blockedBy),
  ].join('\n');
}

/** One line, for a log or a pipe instead of a terminal. */
export function formatRebalanceLine({ status }: MovementView): string {
  if (status === undefined) {
    return 'unknown: the node that manages could not be asked';
  }
  const { state, movesDone, movesTotal, bytesDone, bytesTotal, rate, blockedBy } = status;
  const blocked = blockedBy.map(({ reason }) => reason).join(', ');
  if (state === 'idle' && movesDone === movesTotal) {
    return `idle: nothing left to move${blocked === '' ? '' : `, ${blocked}`}`;
  }
  const moves = `${movesDone} of ${movesTotal} moves`;
  const bytes = `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}, ${formatBytes(rate)}/s`;
  return `${state}: ${moves}, ${bytes}, ${etaOf(status)}${blocked === '' ? '' : `, ${blocked}`}`;
}
