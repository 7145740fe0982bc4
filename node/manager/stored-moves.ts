/**
 * Which moves of the stored plan are let go of when it is made anew. Pure.
 *
 * The planner goes on from what is stored and says all that it wants. A move that it does not say
 * again, and that nothing was done for yet, must go: sizes of shards become known one by one, each
 * may make another copy the cheaper one, and a plan that kept the old choice beside the new one
 * would copy both.
 */
import { systemGroupId } from '../shards/groups.ts';
import type { Move } from '../shards/move.ts';
import type { Plan } from '../shards/planner.ts';
import { isCopy } from './move-schedule.ts';
import type { MoveRecord, PlanRecord } from './plan-records.ts';

export interface StoredMoves {
  /** Made from what is stored. */
  readonly plan: Pick<Plan, 'moves' | 'verdicts'>;
  readonly stored: readonly MoveRecord[];
  /** What people did to the plan. */
  readonly record: Pick<PlanRecord, 'cancelling' | 'paused'>;
  /** A target has a vote: the move is past the point where it can be undone. */
  readonly hasVote: (move: Move) => boolean;
  /** Somebody is about to begin it, or at work on it. */
  readonly isActive: (moveId: string) => boolean;
}

export interface DroppedMove {
  readonly move: Move;
  /** A clause for people. */
  readonly why: string;
}

/** In the order in which they are stored. */
export function movesToDrop(request: StoredMoves): DroppedMove[] {
  const wanted = new Set(request.plan.moves.map(({ id }) => id));
  const records = new Map(request.stored.map((record) => [record.id, record]));
  return request.plan.verdicts.flatMap(({ move, standing, why }) => {
    const record = records.get(move.id);
    const isBegun = record !== undefined && record.startedAtMs > 0;
    if (standing === 'obsolete') {
      return [{ move, why: why ?? 'it has lost its reason' }];
    }
    if (standing === 'done') {
      return isBegun ? [] : [{ move, why: 'it is so already' }];
    }
    const isFirm = isBegun && (!isCopy(move) || request.hasVote(move));
    if (request.record.cancelling && !isFirm) {
      return [{ move, why: 'it was called off' }];
    }
    // The voters of the system group are no matter of the pause: its moves begin all the same.
    const isPaused = request.record.paused && move.groupId !== systemGroupId;
    const isKept = isBegun || request.isActive(move.id) || record?.manual === true || isPaused;
    return isKept || wanted.has(move.id) ? [] : [{ move, why: 'another one serves better' }];
  });
}
