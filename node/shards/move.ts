/**
 * One step of a plan, as data: small, plain JSON, with an id that stays the same when the plan is
 * made again. How a step is carried out is the executor's business; what each kind means, and when
 * it is done, is said here and judged in `move-verdict.ts`.
 */
import type { NodeId } from '../sys/network.ts';

/**
 * - `add`: every node of `to` gets a learner; when all have caught up, one change makes them
 *   voters (two at a time when a group grows from one copy to three: never an even number);
 * - `swap`: `to[0]` gets a learner; when it has caught up, one joint change makes it a voter and
 *   removes `from[0]`. A leader that goes hands over first;
 * - `remove`: one change takes all of `from` out of the configuration, learners too;
 * - `addLearner`: `to[0]` gets a learner and stays one (system group);
 * - `promote`: one joint change makes the learners `to` voters and the voters `from` learners;
 *   either may be empty (system group);
 * - `prefer`: the catalog names `to[0]` as preferred leader; nothing else changes;
 * - `transfer`: the leadership goes from `from[0]` to `to[0]`, a voter.
 */
export type MoveKind = 'add' | 'swap' | 'remove' | 'addLearner' | 'promote' | 'prefer' | 'transfer';

/**
 * - `Repair`: a copy is lost (its node is dead or removed, or it failed);
 * - `Upreplicate`: the effective factor rises, or a node is new to the system group;
 * - `Evict`: its node must not lead for a while;
 * - `Drain`: its node is draining;
 * - `ZoneSpread`: copies of one shard lie in fewer zones than they could;
 * - `Extra`: more copies than wanted, or a learner that no move wants;
 * - `Balance`, `LeaderBalance`: a node has more, or fewer, than its share;
 * - `Manual`: a person wanted it. The planner makes no such moves; it goes on with those carried.
 */
export type MoveReason =
  | 'Repair'
  | 'Upreplicate'
  | 'Evict'
  | 'Drain'
  | 'ZoneSpread'
  | 'Extra'
  | 'Balance'
  | 'LeaderBalance'
  | 'Manual';

/** Which goes first: repair before balance. Equal numbers may run side by side. */
export const movePriorities: Readonly<Record<MoveReason, number>> = {
  Repair: 0,
  Upreplicate: 1,
  Evict: 1,
  Drain: 2,
  Manual: 2,
  ZoneSpread: 3,
  Extra: 4,
  Balance: 5,
  LeaderBalance: 6,
};

export interface Move {
  /** Unique within a plan; the same step has the same id in every plan. */
  readonly id: string;
  readonly groupId: number;
  readonly kind: MoveKind;
  /** In order of their ids. */
  readonly from: readonly NodeId[];
  readonly to: readonly NodeId[];
  /** To copy over the network; 0 for changes of configuration alone, or if unknown. */
  readonly bytes: number;
  readonly reason: MoveReason;
  /** `movePriorities[reason]`: lower goes first. */
  readonly priority: number;
  /** The preferred leader from the end of an `add`, `swap` or `remove` on, if that changes. */
  readonly prefer?: NodeId | undefined;
}

/** A move of a stored plan. */
export interface CarriedMove extends Move {
  /** Somebody is at work on it: it goes on even if another would serve better. Default false. */
  readonly isBegun?: boolean;
}

export type MoveParts = Omit<Move, 'id' | 'priority'>;

/** Completes a move with its id and priority. */
export function makeMove(parts: MoveParts): Move {
  const { groupId, kind, from, to, bytes, reason, prefer } = parts;
  return {
    id: `${groupId}:${kind}:${from.join('+')}>${to.join('+')}`,
    ...{ groupId, kind, from, to, bytes, reason },
    priority: movePriorities[reason],
    ...(prefer === undefined ? {} : { prefer }),
  };
}

/** One line about a move, for logs: `group 12 swap n3 -> n5 (Balance, 1048576 bytes)`. */
export function describeMove(move: Move): string {
  const names = (nodeIds: readonly NodeId[]): string => nodeIds.map((id) => `n${id}`).join('+');
  const way = [names(move.from), names(move.to)].filter((text) => text !== '').join(' -> ');
  const bytes = move.bytes > 0 ? `, ${move.bytes} bytes` : '';
  const prefer = move.prefer === undefined ? '' : `, n${move.prefer} to lead`;
  const sign = move.kind === 'add' || move.kind === 'addLearner' ? '+' : '';
  return `group ${move.groupId} ${move.kind} ${sign}${way} (${move.reason}${bytes}${prefer})`;
}
