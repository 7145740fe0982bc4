/**
 * Carries plans out in steps, on paper: copies take a few steps each, a node has one in and one out
 * at a time, everything is planned anew in each step. What the planner is for, without anything
 * that can fail.
 */
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { applyMoves } from '../shards/applied-moves.ts';
import type { ClusterView } from '../shards/cluster-view.ts';
import type { Move } from '../shards/move.ts';
import { judgeMoves } from '../shards/move-verdict.ts';
import { planShards } from '../shards/planner.ts';

export interface RunOptions {
  readonly seed: number;
  readonly stepsMax: number;
  /** Copies under way at once. */
  readonly copiesAtOnce: number;
}

export interface RunResult {
  readonly steps: number;
  /** Moves done, and copies made by them. */
  readonly moves: number;
  readonly copies: number;
  readonly bytes: number;
  /** Copies that were begun and given up. */
  readonly dropped: number;
  /** Moves that are still to be done. */
  readonly left: number;
}

/** Steps that a copy takes at most. */
const copyStepsMax = 3;

interface Running {
  readonly move: Move;
  stepsLeft: number;
}

export class ShardSimulation {
  view: ClusterView;
  /** The stored plan. */
  plan: readonly Move[] = [];
  #running: Running[] = [];

  constructor(view: ClusterView) {
    this.view = view;
  }

  run({ seed, stepsMax, copiesAtOnce }: RunOptions): RunResult {
    const random = new Prng(seed);
    const result = { steps: 0, moves: 0, copies: 0, bytes: 0, dropped: 0, left: 0 };
    while (result.steps < stepsMax) {
      const finished = this.#finish();
      const { moves, effectiveFactor } = planShards({ view: this.view, carried: this.plan });
      this.plan = moves;
      this.view = { ...this.view, effectiveFactor };
      result.dropped += this.#dropUnplanned();
      const quick = this.#doQuick();
      result.moves += finished.length + quick;
      result.copies += finished.reduce((sum, move) => sum + move.to.length, 0);
      result.bytes += finished.reduce((sum, move) => sum + move.bytes, 0);
      this.#begin(copiesAtOnce, random);
      if (this.#running.length === 0 && quick === 0) {
        break;
      }
      result.steps += 1;
    }
    result.left = this.plan.length;
    return result;
  }

  /** Copies that are there: their change of configuration is made, if it still makes sense. */
  #finish(): Move[] {
    const finished: Move[] = [];
    for (const each of this.#running) {
      each.stepsLeft -= 1;
      const isDone = each.stepsLeft <= 0;
      if (isDone && must(judgeMoves(this.view, [each.move])[0]).standing === 'valid') {
        this.view = applyMoves(this.view, [each.move]);
        finished.push(each.move);
      }
    }
    this.#running = this.#running.filter(({ stepsLeft }) => stepsLeft > 0);
    return finished;
  }

  #dropUnplanned(): number {
    const planned = new Set(this.plan.map(({ id }) => id));
    const kept = this.#running.filter(({ move }) => planned.has(move.id));
    const dropped = this.#running.length - kept.length;
    this.#running = kept;
    return dropped;
  }

  /** What copies nothing is done at once, one move a group; how many were done. */
  #doQuick(): number {
    const busy = new Set(this.#running.map(({ move }) => move.groupId));
    const quick: Move[] = [];
    for (const move of this.plan) {
      if (!isCopy(move) && !busy.has(move.groupId)) {
        quick.push(move);
        busy.add(move.groupId);
      }
    }
    this.view = applyMoves(this.view, quick);
    return quick.length;
  }

  #begin(copiesAtOnce: number, random: Prng): void {
    const busyGroups = new Set(this.#running.map(({ move }) => move.groupId));
    const inward = new Set(this.#running.flatMap(({ move }) => move.to));
    const outward = new Set(this.#running.map(({ move }) => this.#sourceOf(move)));
    for (const move of this.plan) {
      const source = this.#sourceOf(move);
      const isFree =
        !busyGroups.has(move.groupId) &&
        !outward.has(source) &&
        move.to.every((nodeId) => !inward.has(nodeId));
      if (isCopy(move) && isFree && this.#running.length < copiesAtOnce) {
        this.#running.push({ move, stepsLeft: 1 + random.below(copyStepsMax) });
        busyGroups.add(move.groupId);
        outward.add(source);
        for (const nodeId of move.to) {
          inward.add(nodeId);
        }
        this.view = withLearners(this.view, move);
      }
    }
  }

  #sourceOf(move: Move): number | undefined {
    return this.view.groups.find(({ groupId }) => groupId === move.groupId)?.leader;
  }
}

/** Takes its time. Learners of the system group are small, and there at once. */
function isCopy({ kind }: Move): boolean {
  return kind === 'add' || kind === 'swap';
}

/** The copies that a move begins with: learners, which take their room from the first byte on. */
function withLearners(view: ClusterView, move: Move): ClusterView {
  return applyMoves(view, [{ ...move, kind: 'addLearner', from: [], prefer: undefined }]);
}
