/**
 * The planner: from a cluster as it is to the placement that it should have, and the moves that
 * lead there. Pure and deterministic: the same view gives the same plan on every node. It is meant
 * to be asked often, whenever anything changed; what it said before comes back as `carried`, and
 * what still makes sense of that comes out again, with the same ids.
 *
 * In this order: no copy where it cannot stay (repair, drain), as many copies as the factor says,
 * the best spread over zones, even load within it, even leaders. What cannot be done is refused by
 * name and the rest goes on. Any prefix of the moves may be carried out, in order; planning then
 * goes on from there.
 *
 * Not here: doing it (`manager/`), and the first placement (`placement.ts`), which is what this
 * planner leaves as it is.
 */
import type { ClusterView } from './cluster-view.ts';
import { systemGroupId } from './groups.ts';
import type { CarriedMove, Move } from './move.ts';
import { judgeMovesOn } from './move-verdict.ts';
import type { MoveVerdict } from './move-verdict.ts';
import { NodeRoster } from './node-roster.ts';
import type { Refusal } from './refusal.ts';
import { ShardPlanner } from './shard-planner.ts';
import type { WantedPlacement } from './shard-planner.ts';
import { SystemPlanner } from './system-plan.ts';

export interface Plan {
  /** Copies that each shard is to have. Where it rose, it is to be stored before the first move. */
  readonly effectiveFactor: number;
  /** Every group, by id. */
  readonly placements: readonly WantedPlacement[];
  /** In the order in which they should begin. */
  readonly moves: readonly Move[];
  readonly refusals: readonly Refusal[];
  /** What became of the moves of the earlier plan, in its order. */
  readonly verdicts: readonly MoveVerdict[];
}

export interface PlanRequest {
  readonly view: ClusterView;
  /** Moves of the stored plan that are not known to be done. Default none. */
  readonly carried?: readonly CarriedMove[];
}

/** Makes the plan. Throws only for views that contradict themselves (`AssertionError`). */
export function planShards({ view, carried = [] }: PlanRequest): Plan {
  const roster = new NodeRoster(view);
  const verdicts = judgeMovesOn(roster, view, carried);
  const valid = verdicts.filter(({ standing }) => standing === 'valid').map(({ move }) => move);
  const groups = [...view.groups].sort((a, b) => a.groupId - b.groupId);
  const shards = groups.filter(({ groupId }) => groupId !== systemGroupId);
  const planner = new ShardPlanner({ view, roster, shards, carried: valid });
  const { placements, moves, refusals } = planner.plan();
  const system = groups.find(({ groupId }) => groupId === systemGroupId);
  if (system !== undefined) {
    const begun = new Set(carried.filter(({ isBegun }) => isBegun === true).map(({ id }) => id));
    const underWay = valid.find(
      ({ id, groupId, kind }) => groupId === systemGroupId && kind === 'promote' && begun.has(id),
    );
    const plan = new SystemPlanner(roster, system, underWay).plan();
    const { voters, learners, preferredLeader } = plan;
    placements.unshift({ groupId: system.groupId, voters, learners, preferredLeader });
    moves.unshift(...plan.moves);
    refusals.unshift(...plan.refusals);
  }
  return {
    effectiveFactor: roster.factor,
    placements,
    moves: moves.sort((a, b) => planner.compare(a, b)),
    refusals,
    verdicts,
  };
}
