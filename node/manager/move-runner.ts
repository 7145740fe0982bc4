/**
 * Carries out moves: one loop for each that is under way, which looks at the group and takes the
 * next step (`move-steps.ts`) until nothing is left. Runs on the system group's leader, in one
 * term.
 *
 * What keeps it safe, whatever stops it between any two steps:
 * - a step is decided on a look at the group, and names the configuration of that look;
 * - the end, which declares ids gone, is decided on a look that the leader confirmed by ReadIndex
 *   after the move was in the catalog (protocols.md P16);
 * - every command to the catalog carries the term: a manager that was replaced changes nothing;
 * - who is at work on a move that was dropped is not at work on one that is stored again under the
 *   same id; and no two moves of a group are begun at once (`plan-commands.ts` refuses the second).
 */
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import type { GroupCommand, GroupFacts } from '../host/group-commands.ts';
import type { Router } from '../router/router.ts';
import { describeMove } from '../shards/move.ts';
import type { Move } from '../shards/move.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { Catalog } from './catalog.ts';
import { mayLead } from './catalog-records.ts';
import { LookInterval } from './look-interval.ts';
import { bytesArrived, nextStep } from './move-steps.ts';
import type { MoveState, MoveStep } from './move-steps.ts';
import type { MoveRecord } from './plan-records.ts';
import type { SystemCommand } from './system-commands.ts';

/** One step: a failover of the group included. */
const stepMs = 5_000;
/** A hand-over lets work in flight commit first. */
const transferMs = 8_000;
/** A joint configuration that was not left by itself for so long is left by a change. */
const jointMsMax = 5_000;

export interface MoveRunnerParts {
  readonly catalog: Catalog;
  readonly router: Router;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  /** What a leader said of its group: nobody may plan on less. */
  seen(facts: GroupFacts): void;
  /** A move was dropped, as it did not fit what is there. */
  dropped(moveId: string): void;
  /** A move ended, or no longer copies: there may be room for another. */
  moved(): void;
}

/** A move under way, for the scheduler and for people. */
export interface ActiveMove {
  readonly id: string;
  readonly groupId: number;
  state: MoveState;
  /** Why it waits; empty: it does not. */
  blockedBy: string;
  /** Arrived of what it copies, about. */
  bytesDone: number;
  /** When it last got further, ms since 1970. */
  lastProgressAtMs: number;
}

/** Refusals of the group's leader that pass by themselves. */
const passing: ReadonlySet<unknown> = new Set([
  'ConfigurationChanged',
  'ConfigurationJoint',
  'LearnerBehind',
  'QuorumAtRisk',
  'TransferFailed',
  'TargetStops',
  'ReplicaLeftBehind',
  'OtherOperationInProgress',
]);

export class MoveRunner {
  readonly #parts: MoveRunnerParts;
  readonly #active = new Map<string, ActiveMove>();
  #term = 0;
  /** Steps that failed since the start. */
  failures = 0;
  /** Moves that ended since the start, by reason and outcome. */
  readonly ended = new Map<Move['reason'], { done: number; dropped: number }>();

  constructor(parts: MoveRunnerParts) {
    this.#parts = parts;
    parts.catalog.onChange(() => {
      this.#letGo();
    });
  }

  get active(): ReadonlyMap<string, ActiveMove> {
    return this.#active;
  }

  /** This node manages from now on, until `closed`. */
  opened(term: number): void {
    this.#term = term;
    this.#active.clear();
  }

  closed(): void {
    this.#term = 0;
    this.#active.clear();
  }

  /** Begins a move, or goes on with one that another manager began. */
  begin({ id, groupId, startedAtMs }: MoveRecord): void {
    const lastProgressAtMs = this.#parts.clock.wallMs();
    const active: ActiveMove = {
      ...{ id, groupId, state: 'adding', blockedBy: '' },
      ...{ bytesDone: 0, lastProgressAtMs },
    };
    this.#active.set(id, active);
    const verb = startedAtMs === 0 ? 'Move: begins' : 'Move: goes on';
    this.#log(verb, id);
    void this.#drive(active, this.#term);
  }

  /** Of what is not in the catalog any more. */
  #letGo(): void {
    for (const id of this.#active.keys()) {
      if (!this.#parts.catalog.moves.has(id)) {
        this.#active.delete(id);
      }
    }
  }

  #log(message: string, id: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#parts.logger.info(message, { move: this.#textOf(id), ...fields });
  }

  #textOf(id: string): string {
    const move = this.#parts.catalog.moves.get(id);
    return move === undefined ? id : describeMove(move);
  }

  #isOn(active: ActiveMove, term: number): boolean {
    return this.#term === term && this.#active.get(active.id) === active;
  }

  async #drive(active: ActiveMove, term: number): Promise<void> {
    const startedMs = this.#parts.clock.monotonicMs();
    const text = this.#textOf(active.id);
    const interval = new LookInterval();
    let waitMs = 0;
    let jointSinceMs = 0;
    while (this.#isOn(active, term)) {
      try {
        const facts = await this.#look(active.groupId, false);
        if (!this.#isOn(active, term)) {
          break;
        }
        const isJoint = facts.confState.votersOutgoing.length > 0;
        const nowMs = this.#parts.clock.monotonicMs();
        jointSinceMs = isJoint ? jointSinceMs || nowMs : 0;
        this.#noteBytes(active, facts);
        const isStuck = isJoint && nowMs - jointSinceMs > jointMsMax;
        const step = isStuck ? leaveJoint : this.#step(active, facts);
        this.#enter(active, step.state);
        active.blockedBy = step.kind === 'wait' ? step.why : '';
        const isDone = await this.#take(active, step, facts, term);
        waitMs = step.kind === 'wait' ? this.#wait(active, interval) : interval.stepped();
        if (isDone) {
          break;
        }
      } catch (error) {
        this.#failed(active, error);
        waitMs = interval.failed();
      }
      await new Promise<void>((resolve) => {
        this.#parts.timers.after(waitMs, resolve);
      });
    }
    if (this.#term === term) {
      if (this.#active.get(active.id) === active) {
        this.#active.delete(active.id);
      }
      const ms = Math.round(this.#parts.clock.monotonicMs() - startedMs);
      this.#parts.logger.info('Move: ended', { move: text, ms });
      this.#parts.moved();
    }
  }

  /** Until the next look, ms. */
  #wait({ id, state, bytesDone }: ActiveMove, interval: LookInterval): number {
    const bytesTotal = this.#parts.catalog.moves.get(id)?.bytes ?? 0;
    const nowMs = this.#parts.clock.monotonicMs();
    return interval.waits(state === 'copying' ? { bytesDone, bytesTotal, nowMs } : undefined);
  }

  #count(id: string, outcome: 'done' | 'dropped'): void {
    const move = this.#parts.catalog.moves.get(id);
    if (move !== undefined) {
      this.count(move.reason, outcome);
    }
  }

  /** Counts the end of a move. */
  count(reason: Move['reason'], outcome: 'done' | 'dropped'): void {
    const counts = this.ended.get(reason) ?? { done: 0, dropped: 0 };
    counts[outcome] += 1;
    this.ended.set(reason, counts);
  }

  #enter(active: ActiveMove, state: MoveState): void {
    if (active.state !== state) {
      active.state = state;
      active.lastProgressAtMs = this.#parts.clock.wallMs();
      this.#log(`Move: ${state}`, active.id);
      this.#parts.moved();
    }
  }

  #noteBytes(active: ActiveMove, facts: GroupFacts): void {
    const { catalog, clock } = this.#parts;
    const move = catalog.moves.get(active.id);
    const record = catalog.groups.get(active.groupId);
    if (move === undefined || record === undefined || move.startedAtMs === 0) {
      return;
    }
    const bytes = bytesArrived(move, record, facts);
    if (bytes !== active.bytesDone) {
      active.bytesDone = bytes;
      active.lastProgressAtMs = clock.wallMs();
    }
  }

  #failed(active: ActiveMove, error: unknown): void {
    const reason = isDynakvError(error) ? error.facts['reason'] : undefined;
    active.blockedBy = messageOf(error);
    if (passing.has(reason)) {
      return;
    }
    this.failures += 1;
    this.#parts.logger.debug('Move: step failed', { id: active.id, error: messageOf(error) });
  }

  async #look(groupId: number, confirmed: boolean): Promise<GroupFacts> {
    const reply = await this.#ask(groupId, { kind: 'describe', confirmed }, stepMs);
    if (reply.kind !== 'described') {
      throw new DynakvError('BadFrame', `Expected a description: ${reply.kind}`);
    }
    this.#parts.seen(reply.facts);
    return reply.facts;
  }

  async #ask(groupId: number, command: GroupCommand, limitMs: number): ReturnType<Router['call']> {
    const { router, clock } = this.#parts;
    return await router.call(groupId, command, clock.monotonicMs() + limitMs);
  }

  #step(active: ActiveMove, facts: GroupFacts): MoveStep {
    const { catalog } = this.#parts;
    const move = catalog.moves.get(active.id);
    const record = catalog.groups.get(active.groupId);
    if (move === undefined || record === undefined) {
      return { kind: 'wait', state: active.state, why: 'it was dropped' };
    }
    const nodes = [...catalog.nodes.values()];
    const spared = new Set(nodes.filter((node) => !mayLead(node)).map((node) => node.nodeId));
    return nextStep(move, record, facts, { copies: catalog.cluster.effectiveFactor, spared });
  }

  /** Takes a step; true if the move is done by it. */
  async #take(
    active: ActiveMove,
    step: MoveStep,
    facts: GroupFacts,
    term: number,
  ): Promise<boolean> {
    const { groupId, id: moveId } = active;
    switch (step.kind) {
      case 'wait':
        return false;
      case 'begin': {
        const { preferMeanwhile, reuse } = step;
        await this.#tell({ op: 'beginMove', moveId, reuse, preferMeanwhile, asTerm: term });
        return false;
      }
      case 'configure': {
        const { configurationIndex: expectedIndex } = facts;
        const { changes } = step;
        await this.#ask(groupId, { kind: 'configure', expectedIndex, changes }, stepMs);
        return false;
      }
      case 'transfer':
        this.#log('Move: hands the leadership over', moveId, { replica: step.to });
        await this.#ask(groupId, { kind: 'transfer', to: step.to }, transferMs);
        return false;
      case 'drop':
        this.#log('Move: does not fit', moveId, { why: step.why });
        this.#count(moveId, 'dropped');
        this.#parts.dropped(moveId);
        await this.#tell({ op: 'dropMove', moveId, asTerm: term });
        return true;
      case 'finish':
        return await this.#finish(active, term);
    }
  }

  /** The end, on the leader's confirmed word. */
  async #finish(active: ActiveMove, term: number): Promise<boolean> {
    const facts = await this.#look(active.groupId, true);
    if (!this.#isOn(active, term)) {
      return true;
    }
    const step = this.#step(active, facts);
    if (step.kind !== 'finish') {
      return false;
    }
    const { id: moveId } = active;
    this.#count(moveId, 'done');
    await this.#tell({ op: 'finishMove', moveId, gone: step.gone, asTerm: term });
    return true;
  }

  async #tell(command: SystemCommand): Promise<void> {
    const { router, clock } = this.#parts;
    await router.system(command, clock.monotonicMs() + stepMs);
  }
}

const leaveJoint: MoveStep = { kind: 'configure', state: 'swapping', changes: [] };
