/**
 * The plan for the shards (the system group is `system-plan.ts`): takes up what was planned
 * before, fits each group, evens loads, then leaders, and tells what could not be done.
 */
import type { NodeId } from '../sys/network.ts';
import { Board } from './board.ts';
import type { ClusterView, ViewGroup } from './cluster-view.ts';
import { GroupFitter } from './group-fitter.ts';
import type { FitProblem } from './group-fitter.ts';
import { GroupMembers } from './group-members.ts';
import { LeaderBalancer } from './leader-balancer.ts';
import { LeaderMoves } from './leader-moves.ts';
import { LoadBalancer } from './load-balancer.ts';
import { loadTargets } from './load-target.ts';
import type { Move, MoveKind } from './move.ts';
import type { NodeRoster } from './node-roster.ts';
import type { Refusal } from './refusal.ts';
import { ShardMoves } from './shard-moves.ts';
import { refuseShards } from './shard-refusals.ts';
import { zoneProfile } from './zone-profile.ts';
import type { ZoneProfile } from './zone-profile.ts';

/** Where the copies of a group are to be, once all moves are done. */
export interface WantedPlacement {
  readonly groupId: number;
  readonly voters: readonly NodeId[];
  /** Of the system group; shards have none. */
  readonly learners: readonly NodeId[];
  /** Undefined if nobody can be. */
  readonly preferredLeader: NodeId | undefined;
}

export interface ShardPlannerOptions {
  readonly view: ClusterView;
  readonly roster: NodeRoster;
  /** Sorted by id. */
  readonly shards: readonly ViewGroup[];
  /** Moves of an earlier plan that are still valid. */
  readonly carried: readonly Move[];
}

export interface ShardPlan {
  readonly placements: WantedPlacement[];
  readonly moves: Move[];
  readonly refusals: Refusal[];
}

/** Within one priority: leaders first, as that is quick and lets copies go. */
const kindOrder: readonly MoveKind[] = ['prefer', 'transfer', 'addLearner', 'promote'];

export class ShardPlanner {
  readonly #view: ClusterView;
  readonly #roster: NodeRoster;
  readonly #carried: readonly Move[];
  readonly #board: Board;
  readonly #indexes: ReadonlyMap<number, number>;

  constructor({ view, roster, shards, carried }: ShardPlannerOptions) {
    this.#view = view;
    this.#roster = roster;
    this.#carried = carried;
    this.#board = new Board(roster, new GroupMembers(roster, shards));
    this.#indexes = new Map(shards.map(({ groupId }, g) => [groupId, g]));
  }

  plan(): ShardPlan {
    const board = this.#board;
    const { factor, holderCount, receiverCount } = this.#roster;
    const copies = Math.min(factor, holderCount);
    const profile = zoneProfile(this.#roster.zoneCapacities(), copies);
    this.#setTargets(profile, copies);
    this.#takeUp();
    const isSettled = receiverCount === holderCount;
    const fitter = new GroupFitter({ board, profile, copies, isSettled });
    const problems = new Map<number, FitProblem>();
    const fit = (g: number): void => {
      const problem = fitter.fit(g);
      if (problem !== undefined) {
        problems.set(g, problem);
      }
    };
    this.#byUrgency().forEach(fit);
    const isShort = this.#groups().some((g) => board.pinned[g] === 1 || board.size(g) < factor);
    const isWanted = this.#view.limits?.mayBalance ?? true;
    const mayBalance = isWanted && isSettled && !isShort;
    const stuck = mayBalance ? new LoadBalancer(board, profile).run() : [];
    const waits = isWanted && !mayBalance;
    const { spreadWaits } = fitter;
    const refusals = refuseShards({ board, problems, stuck, waits, spreadWaits });
    return { ...this.#moves(fitter.spreadMended, isWanted), refusals };
  }

  /** The order of moves in a plan. */
  compare(a: Move, b: Move): number {
    return (
      a.priority - b.priority ||
      rankOf(a.kind) - rankOf(b.kind) ||
      this.#spare(a.groupId) - this.#spare(b.groupId) ||
      a.groupId - b.groupId
    );
  }

  /** Healthy voters of the group above a majority. */
  #spare(groupId: number): number {
    const g = this.#indexes.get(groupId);
    return g === undefined ? -1 : this.#board.members.spare(g);
  }

  #groups(): number[] {
    return Array.from({ length: this.#board.groupCount }, (_, g) => g);
  }

  /** Groups that can change, those next to losing their majority first. */
  #byUrgency(): number[] {
    const { members, pinned } = this.#board;
    const spares = this.#groups().map((g) => members.spare(g));
    return this.#groups()
      .filter((g) => pinned[g] === 0)
      .sort((a, b) => (spares[a] as number) - (spares[b] as number) || a - b);
  }

  #setTargets(profile: ZoneProfile, copies: number): void {
    const { zones, weights } = this.#roster;
    const { groupCount, targets } = this.#board;
    const holding = zones.map((zone, i) => (this.#roster.holds(i) ? zone : -1));
    targets.set(loadTargets({ weights, zones: holding, profile, groupCount, copies }));
  }

  /** Puts what the valid moves of the earlier plan want on the board. */
  #takeUp(): void {
    for (const move of this.#carried) {
      const g = this.#indexes.get(move.groupId);
      if (g !== undefined && this.#board.pinned[g] === 0) {
        this.#takeUpMove(g, move);
      }
    }
  }

  #takeUpMove(g: number, { kind, from, to }: Move): void {
    const board = this.#board;
    const { factor } = this.#roster;
    const indexes = (nodeIds: readonly NodeId[]): number[] =>
      nodeIds.map((nodeId) => this.#roster.indexOf(nodeId));
    const dropEach = (): void => {
      for (const i of indexes(from).filter((each) => board.has(g, each))) {
        board.drop(g, i);
      }
    };
    const isFitting = indexes(to).every((i) => board.has(g, i) || board.hasRoom(g, i));
    const onBoard = indexes(from).filter((i) => board.has(g, i)).length;
    if (kind === 'remove' && board.size(g) - onBoard >= factor) {
      dropEach();
    } else if ((kind === 'swap' || kind === 'add') && isFitting) {
      dropEach();
      for (const i of indexes(to).filter((each) => !board.has(g, each))) {
        board.add(g, i);
      }
    }
  }

  #moves(spreadMended: ReadonlySet<number>, isWanted: boolean): Omit<ShardPlan, 'refusals'> {
    const board = this.#board;
    const balancer = this.#leaders(isWanted);
    const { leaders } = balancer;
    const shardMoves = new ShardMoves({
      ...{ board, leaders, spreadMended, carried: this.#carried },
      factorBefore: this.#view.effectiveFactor,
    });
    const placements: WantedPlacement[] = [];
    const moves: Move[] = [];
    const movingGroups = new Set<number>();
    for (let g = 0; g < board.groupCount; g++) {
      const { groupId, preferredLeader } = board.members.group(g);
      const wanted = shardMoves.of(g);
      const leader = leaders[g] as number;
      placements.push({
        groupId,
        voters: [...wanted.voters].sort((a, b) => a - b).map((i) => this.#roster.idOf(i)),
        learners: [],
        preferredLeader: leader < 0 ? preferredLeader : this.#roster.idOf(leader),
      });
      if (wanted.moves.length > 0) {
        movingGroups.add(g);
        moves.push(...wanted.moves);
      }
    }
    moves.push(...new LeaderMoves({ board, leaders, movingGroups, mayBalance: isWanted }).plan());
    return { placements, moves };
  }

  /** Preferred leaders: as planned before, else as they are, else new; then evened out. */
  #leaders(mayBalance: boolean): LeaderBalancer {
    const board = this.#board;
    const planned = new Map<number, NodeId>();
    for (const { groupId, kind, to, prefer } of this.#carried) {
      const home = kind === 'prefer' ? to[0] : prefer;
      if (home !== undefined) {
        planned.set(groupId, home);
      }
    }
    const may = (g: number, nodeId: NodeId | undefined): number => {
      const i = nodeId === undefined ? undefined : this.#roster.find(nodeId);
      return i !== undefined && board.has(g, i) && this.#roster.prefers(i) ? i : -1;
    };
    const leaders = new Int32Array(board.groupCount).fill(-1);
    for (let g = 0; g < board.groupCount; g++) {
      const { groupId, preferredLeader, leader } = board.members.group(g);
      const first = [planned.get(groupId), preferredLeader, leader].map((id) => may(g, id));
      leaders[g] = first.find((i) => i >= 0) ?? -1;
    }
    const balancer = new LeaderBalancer(board, leaders);
    for (let g = 0; g < board.groupCount; g++) {
      if (board.pinned[g] === 0 && (leaders[g] as number) < 0) {
        balancer.choose(g);
      }
    }
    if (mayBalance) {
      balancer.run();
    }
    return balancer;
  }
}

function rankOf(kind: MoveKind): number {
  const rank = kindOrder.indexOf(kind);
  return rank < 0 ? kindOrder.length : rank;
}
