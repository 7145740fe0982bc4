/**
 * The rows of the catalog about movement: settings, who is in control, the plan that runs and its
 * moves. A plan is the front part of what the planner wants: at most `movesStoredMax` moves, in
 * their order; as they are done, planning goes on from there.
 *
 * Invariant: a row of a move exists from the moment when it is planned until nothing of it is left
 * to do; whoever finds it goes on with it.
 */
import { mebibyte, minuteMs } from '../lib/units.ts';
import type { Move } from '../shards/move.ts';

export type RebalanceMode = 'Auto' | 'Manual' | 'Paused';
export type FinalizeMode = 'Auto' | 'Manual';

export interface SettingsRecord {
  /**
   * `Auto`: plans by itself after every change; `Manual`: only what keeps data safe or empties a
   * node; `Paused`: only what is under way ends.
   */
  readonly rebalanceMode: RebalanceMode;
  /** Copies under way to the nodes of one zone at a time. */
  readonly concurrentMovesMax: number;
  /** Sent by one node for snapshots. */
  readonly snapshotBytesPerSecond: number;
  /** A node that is silent for longer is replaced. */
  readonly deadNodeGraceMs: number;
  readonly finalizeMode: FinalizeMode;
  readonly revision: number;
}

export const settingsDefaults: SettingsRecord = {
  rebalanceMode: 'Auto',
  concurrentMovesMax: 2,
  snapshotBytesPerSecond: 32 * mebibyte,
  deadNodeGraceMs: 5 * minuteMs,
  finalizeMode: 'Auto',
  revision: 0,
};

/** The right to change things: calls of an older epoch are refused. */
export interface ControlRecord {
  readonly epoch: number;
  readonly holder: string;
  readonly acquiredAtMs: number;
}

export const noControl: ControlRecord = { epoch: 0, holder: '', acquiredAtMs: 0 };

export interface PlanRecord {
  /** 0: there was none yet. */
  readonly planId: number;
  readonly revision: number;
  /** A person stopped it: no move begins until a person starts it. */
  readonly paused: boolean;
  /** A person called it off: what has no vote yet is undone. Paused, too. */
  readonly cancelling: boolean;
  /** A person started it: it runs to its end in any mode. */
  readonly started: boolean;
  readonly startedAtMs: number;
  readonly lastProgressAtMs: number;
  /** Of the whole plan, stored or not. */
  readonly movesTotal: number;
  readonly bytesTotal: number;
  readonly movesDone: number;
  readonly bytesDone: number;
}

export const noPlan: PlanRecord = {
  planId: 0,
  revision: 0,
  paused: false,
  cancelling: false,
  started: false,
  startedAtMs: 0,
  lastProgressAtMs: 0,
  movesTotal: 0,
  bytesTotal: 0,
  movesDone: 0,
  bytesDone: 0,
};

/** Moves in the catalog at a time: a few minutes' work, and less than a megabyte. */
export const movesStoredMax = 1_000;

export interface MoveRecord extends Move {
  /** Place in the plan's order. */
  readonly order: number;
  /** When its first step was taken, ms since 1970; 0: it waits. */
  readonly startedAtMs: number;
  /** By a person's hand rather than the planner's. */
  readonly manual?: true | undefined;
}
