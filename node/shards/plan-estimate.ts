/**
 * What a plan costs: bytes, how many of them could not be avoided, how long it takes at a given
 * rate. For `plan` to show before anything happens; an estimate, as foreground load comes first.
 */
import { must } from '../lib/assert.ts';
import { mebibyte, secondMs } from '../lib/units.ts';
import type { NodeId } from '../sys/network.ts';
import type { ClusterView } from './cluster-view.ts';
import { systemGroupId } from './groups.ts';
import type { Move, MoveReason } from './move.ts';
import { NodeRoster } from './node-roster.ts';

export interface MoveRates {
  /** What one node sends, and what it receives. Default 32 MiB/s. */
  readonly bytesPerSecond?: number;
  /** Copies under way at once, in the whole cluster. Default 4; a node has one in, one out. */
  readonly copiesAtOnce?: number;
  /** Of each copy, whatever its size: the learner, its last entries, two changes. Default 300. */
  readonly copyMs?: number;
}

export const moveRateDefaults = {
  bytesPerSecond: 32 * mebibyte,
  copiesAtOnce: 4,
  copyMs: 300,
} as const;

export interface MoveTotals {
  readonly moves: number;
  readonly bytes: number;
}

export interface PlanEstimate extends MoveTotals {
  /** Copies of a group that cross the network. */
  readonly copies: number;
  /**
   * Bytes that any plan must copy to reach these loads: what is lost, drained or missing, and for
   * the rest what the nodes that gain hold more than before, at the size of a mean copy.
   */
  readonly bytesMin: number;
  readonly durationMs: number;
  /** The node that sends or receives most, and what it does. */
  readonly busiest: { readonly nodeId: NodeId; readonly bytes: number } | undefined;
  readonly byReason: Readonly<Partial<Record<MoveReason, MoveTotals>>>;
}

/** Copies that are not made for balance: there is no way around them. */
const forcedReasons: ReadonlySet<MoveReason> = new Set<MoveReason>([
  'Repair',
  'Drain',
  'Upreplicate',
  'ZoneSpread',
]);

interface Traffic {
  copies: number;
  bytes: number;
}

/** Estimates the moves of a plan made for the view. */
export function estimatePlan(
  view: ClusterView,
  moves: readonly Move[],
  rates: MoveRates = {},
): PlanEstimate {
  const { bytesPerSecond, copiesAtOnce, copyMs } = { ...moveRateDefaults, ...rates };
  const copying = moves.filter(
    ({ kind }) => kind === 'add' || kind === 'swap' || kind === 'addLearner',
  );
  const copies = copying.reduce((sum, { to }) => sum + to.length, 0);
  const bytes = sum(copying);
  const traffic = trafficOf(view, copying);
  const msOf = (each: Traffic): number =>
    (each.bytes / bytesPerSecond) * secondMs + each.copies * copyMs;
  const perNode = [...traffic.values()].flatMap(({ in: inward, out }) => [msOf(inward), msOf(out)]);
  const together = msOf({ bytes, copies }) / copiesAtOnce;
  const busiest = [...traffic]
    .map(([nodeId, each]) => ({ nodeId, bytes: Math.max(each.in.bytes, each.out.bytes) }))
    .sort((a, b) => b.bytes - a.bytes || a.nodeId - b.nodeId)[0];
  return {
    moves: moves.length,
    ...{ bytes, copies, busiest },
    bytesMin: bytesMinOf(view, moves),
    durationMs: Math.ceil(Math.max(0, together, ...perNode)),
    byReason: totalsByReason(moves),
  };
}

function sum(moves: readonly Move[]): number {
  return moves.reduce((total, { bytes }) => total + bytes, 0);
}

/** Bytes and copies in and out of each node; a copy comes from the leader of the group. */
function trafficOf(
  view: ClusterView,
  copying: readonly Move[],
): Map<NodeId, { readonly in: Traffic; readonly out: Traffic }> {
  const traffic = new Map<NodeId, { readonly in: Traffic; readonly out: Traffic }>();
  const of = (nodeId: NodeId): { readonly in: Traffic; readonly out: Traffic } => {
    const found = traffic.get(nodeId) ?? {
      in: { copies: 0, bytes: 0 },
      out: { copies: 0, bytes: 0 },
    };
    traffic.set(nodeId, found);
    return found;
  };
  const count = (side: Traffic, bytes: number): void => {
    side.copies += 1;
    side.bytes += bytes;
  };
  const groups = new Map(view.groups.map((group) => [group.groupId, group]));
  for (const { groupId, to, bytes } of copying) {
    const { leader, replicas } = must(groups.get(groupId), `There is no group ${groupId}`);
    const source = leader ?? replicas[0]?.nodeId;
    for (const nodeId of to) {
      count(of(nodeId).in, bytes / to.length);
      if (source !== undefined) {
        count(of(source).out, bytes / to.length);
      }
    }
  }
  return traffic;
}

function bytesMinOf(view: ClusterView, moves: readonly Move[]): number {
  const roster = new NodeRoster(view);
  const shards = view.groups.filter(({ groupId }) => groupId !== systemGroupId);
  const shardMoves = moves.filter(({ groupId }) => groupId !== systemGroupId);
  const forced = moves.filter(({ reason }) => forcedReasons.has(reason));
  const forcedCopies = forced.filter((move) => move.groupId !== systemGroupId && move.bytes > 0);
  const gained = new Map<NodeId, number>();
  const change = (nodeId: NodeId, by: number): void => {
    gained.set(nodeId, (gained.get(nodeId) ?? 0) + by);
  };
  for (const { kind, from, to } of shardMoves) {
    if (kind === 'swap' || kind === 'add' || kind === 'remove') {
      for (const nodeId of to) {
        change(nodeId, 1);
      }
      for (const nodeId of from.filter((id) => roster.holds(roster.indexOf(id)))) {
        change(nodeId, -1);
      }
    }
  }
  const arrivals = [...gained.values()].reduce((total, each) => total + Math.max(0, each), 0);
  const forcedCount = forcedCopies.reduce((total, { to }) => total + to.length, 0);
  const mean =
    shards.reduce((total, { bytes }) => total + (bytes ?? 0), 0) / Math.max(shards.length, 1);
  return Math.round(sum(forced) + Math.max(0, arrivals - forcedCount) * mean);
}

function totalsByReason(moves: readonly Move[]): Partial<Record<MoveReason, MoveTotals>> {
  const totals: Partial<Record<MoveReason, MoveTotals>> = {};
  for (const { reason, bytes } of moves) {
    const before = totals[reason] ?? { moves: 0, bytes: 0 };
    totals[reason] = { moves: before.moves + 1, bytes: before.bytes + bytes };
  }
  return totals;
}
