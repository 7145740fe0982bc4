/**
 * The manager of a cluster's shards: runs on the system group's leader, for as long as it leads. It
 * looks at the nodes and groups, lets the planner say what should move, keeps the plan in the
 * system group, and has a bounded number of moves carried out. Level-triggered: every look starts
 * from what is there, so that a new leader needs nothing of the old one.
 *
 *   observe (survey of the nodes) → nodes' states → plan → store → begin moves → tidy up
 *
 * Not here: what should move (`shards/`), one move's steps (`move-runner.ts`), what people ask
 * (`admin-changes.ts`).
 *
 * Invariant: everything it does is a command that carries its term, or names the configuration that
 * it saw: a manager that was replaced, and does not know it yet, changes nothing that matters.
 */
import { messageOf } from '../lib/errors.ts';
import type { GroupFacts } from '../host/group-commands.ts';
import type { Router } from '../router/router.ts';
import type { ClusterView } from '../shards/cluster-view.ts';
import { systemGroupId } from '../shards/groups.ts';
import { makeMove } from '../shards/move.ts';
import type { Move } from '../shards/move.ts';
import { planShards } from '../shards/planner.ts';
import type { Plan } from '../shards/planner.ts';
import type { Refusal } from '../shards/refusal.ts';
import type { Clock, Timer, Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import type { Catalog } from './catalog.ts';
import type { FeatureFanout } from './feature-fanout.ts';
import type { MoveRate } from './move-rate.ts';
import { MoveRunner } from './move-runner.ts';
import { chooseMoves, compareMoves } from './move-schedule.ts';
import { NodeWatch } from './node-watch.ts';
import type { HeardNode } from './node-watch.ts';
import { Observation, viewOf } from './observation.ts';
import type { SeenNode } from './observation.ts';
import { movesStoredMax } from './plan-records.ts';
import type { MoveRecord } from './plan-records.ts';
import { ReplicaCleanup } from './replica-cleanup.ts';
import { movesToDrop } from './stored-moves.ts';
import type { SystemCommand } from './system-commands.ts';

/** Between looks while nothing is to be done … */
const lookIdleMs = 1_000;
/**
 * … in large clusters this much for each group: to hear of one takes some 5 µs of the loop, a third
 * of a second for 65,536 …
 */
const lookIdleMsPerGroup = 0.05;
/** … but not so long that the leaders' words get old in between (`observation.ts`). */
const lookIdleMsMax = 3_000;
/** While something is to be done looks come so many times as often. */
const lookBusyTimes = 4;
/** An answer to a survey; a node that takes longer is left out of this look. */
const surveyMs = 1_000;
const commandMs = 5_000;
/** A move that did not fit is left alone for so long: what it was planned on must have settled. */
const misfitMs = 5_000;
/** A new manager waits so long for a word about every group: several elections. */
const seenMsMax = 15_000;
/** Planning anew takes so little of the loop's time at most: one part in … */
const planTimeParts = 20;
/**
 * Without any news, the plan is still made anew after this long: what beats say of nodes changes.
 */
const planIdleMs = 5_000;

export interface ShardManagerParts {
  readonly catalog: Catalog;
  readonly router: Router;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly ownId: NodeId;
  readonly features: FeatureFanout;
  readonly rate: MoveRate;
  /** What this node hears of a node. */
  node(
    nodeId: NodeId,
  ): Omit<SeenNode, 'steady'> & HeardNode & { readonly snapshotBytesSent: number };
}

export class ShardManager {
  readonly #parts: ShardManagerParts;
  readonly observation = new Observation();
  readonly watch: NodeWatch;
  readonly runner: MoveRunner;
  readonly cleanup: ReplicaCleanup;
  /** Why the last plan does not do what it should. */
  refusals: readonly Refusal[] = [];
  #term = 0;
  #timer: Timer | undefined;
  #looking = false;
  #plannedMs = -Infinity;
  #openedMs = 0;
  /** Moves that did not fit, until when they are not planned again. */
  readonly #misfits = new Map<string, number>();
  #planCostMs = 0;
  /** The catalog changed since the last plan. */
  #news = true;

  constructor(parts: ShardManagerParts) {
    this.#parts = parts;
    const { catalog, router, clock, timers, logger, ownId } = parts;
    this.watch = new NodeWatch({
      ...{ catalog, ownId },
      heard: (nodeId) => parts.node(nodeId),
      mayVote: (nodeId) => this.mayVote(nodeId),
    });
    this.runner = new MoveRunner({
      ...{ catalog, router, clock, timers, logger },
      seen: (facts) => {
        this.#seen(facts);
      },
      dropped: (moveId) => {
        this.#misfits.set(moveId, clock.monotonicMs() + misfitMs);
      },
      moved: () => {
        this.#schedule();
      },
    });
    this.cleanup = new ReplicaCleanup({
      ...{ catalog, router, clock, logger },
      observation: this.observation,
    });
    catalog.onChange(() => {
      this.#news = true;
    });
  }

  /** The term in which this node manages; 0: it does not. */
  get term(): number {
    return this.#term;
  }

  opened(term: number): void {
    this.#term = term;
    this.observation.clear();
    this.watch.opened();
    this.runner.opened(term);
    this.#misfits.clear();
    this.#plannedMs = -Infinity;
    this.#openedMs = this.#parts.clock.monotonicMs();
    this.#news = true;
    this.#parts.logger.info('Manages the shards', { term });
    this.#lookLater(0);
  }

  closed(): void {
    this.#term = 0;
    this.runner.closed();
    this.#timer?.cancel();
  }

  #lookLater(delayMs: number): void {
    this.#timer?.cancel();
    const term = this.#term;
    this.#timer = this.#parts.timers.after(delayMs, () => {
      if (this.#term === term && term !== 0 && !this.#looking) {
        this.#looking = true;
        this.#look(term)
          .catch((error: unknown) => {
            this.#parts.logger.debug('Look cut short', { error: messageOf(error) });
          })
          .finally(() => {
            this.#looking = false;
            if (this.#term !== 0) {
              this.#lookLater(this.#lookMs());
            }
          });
      }
    });
  }

  #lookMs(): number {
    const { moves, groups } = this.#parts.catalog;
    const idleMs = Math.max(lookIdleMs, groups.size * lookIdleMsPerGroup);
    const isBusy = moves.size > 0 || this.#news;
    return Math.min(idleMs, lookIdleMsMax) / (isBusy ? lookBusyTimes : 1);
  }

  async #look(term: number): Promise<void> {
    await this.observe();
    if (this.#term !== term) {
      return;
    }
    const { clock } = this.#parts;
    const sent = [...this.#parts.catalog.nodes.keys()].map(
      (nodeId) => [nodeId, this.#parts.node(nodeId).snapshotBytesSent] as const,
    );
    this.#parts.rate.add(clock.monotonicMs(), new Map(sent));
    for (const command of this.watch.look(clock.monotonicMs(), clock.wallMs())) {
      await this.#tell(command, term);
    }
    if (this.#parts.catalog.settings.finalizeMode === 'Auto') {
      this.#raiseFeatures(term);
    }
    if (this.#term === term && this.#planIsDue()) {
      await this.#plan(term);
    }
    if (this.#term === term) {
      this.#schedule();
      await this.cleanup.look(term);
    }
  }

  /** Beside the look: a shard without a leader holds this up, and must not hold up repairs. */
  #raiseFeatures(term: number): void {
    const { features, logger } = this.#parts;
    features.raise(term).catch((error: unknown) => {
      logger.debug('Feature version waits', { error: messageOf(error) });
    });
  }

  /** Asks every node that answers for the groups that it leads. */
  async observe(): Promise<void> {
    const { catalog } = this.#parts;
    const nodes = catalog.members.filter(({ nodeId }) => this.#parts.node(nodeId).live);
    await Promise.all(nodes.map(({ nodeId }) => this.#survey(nodeId).catch(() => undefined)));
  }

  async #survey(nodeId: NodeId): Promise<void> {
    const { router, clock } = this.#parts;
    for (let after = -1; ;) {
      const deadlineMs = clock.monotonicMs() + surveyMs;
      const { groups, more } = await router.survey(nodeId, after, deadlineMs);
      this.observation.add(nodeId, groups, clock.monotonicMs());
      const last = groups.at(-1);
      if (!more || last === undefined) {
        return;
      }
      after = last.groupId;
    }
  }

  /** Sent for snapshots in the whole cluster, over the last seconds. */
  get bytesPerSecond(): number {
    return this.#parts.rate.bytesPerSecond;
  }

  /** Of moves under way: bytes that have arrived, and when one of them got further last. */
  get underWay(): { readonly bytes: number; readonly lastProgressAtMs: number } {
    const moves = [...this.runner.active.values()];
    return {
      bytes: moves.reduce((sum, move) => sum + move.bytesDone, 0),
      lastProgressAtMs: Math.max(0, ...moves.map((move) => move.lastProgressAtMs)),
    };
  }

  /** What the node said last of its disk and rows. */
  bytesOf(nodeId: NodeId): { readonly usedBytes: number; readonly freeBytes: number } {
    const { usedBytes, freeBytes } = this.#parts.node(nodeId);
    return { usedBytes, freeBytes };
  }

  /** By the last word of the system group's leader, which is this node. */
  mayVote(nodeId: NodeId): boolean {
    const { catalog, clock } = this.#parts;
    const facts = this.observation.ledBy(systemGroupId, clock.monotonicMs())?.facts;
    const replica = catalog.groups
      .get(systemGroupId)
      ?.replicas.find((each) => each.nodeId === nodeId);
    if (facts === undefined || replica === undefined) {
      return facts === undefined;
    }
    const { voters, votersOutgoing } = facts.confState;
    return voters.includes(replica.replicaId) || votersOutgoing.includes(replica.replicaId);
  }

  view(): ClusterView {
    const { catalog, clock } = this.#parts;
    const { observation } = this;
    const nowMs = clock.monotonicMs();
    return viewOf({
      ...{ catalog, observation, nowMs, wallMs: clock.wallMs() },
      node: (nodeId) => ({
        ...this.#parts.node(nodeId),
        steady: this.watch.isSteady(nodeId, nowMs),
      }),
    });
  }

  #seen(facts: GroupFacts): void {
    const { catalog, clock } = this.#parts;
    const told = catalog.groups
      .get(facts.groupId)
      ?.replicas.find((replica) => replica.replicaId === facts.replicaId);
    if (told !== undefined) {
      this.observation.add(told.nodeId, [facts], clock.monotonicMs());
    }
  }

  /** Nobody plans on what the catalog alone says, unless nobody is there to say more. */
  #hasSeenEnough(): boolean {
    const { catalog, clock } = this.#parts;
    const sinceMs = clock.monotonicMs() - this.#openedMs;
    return sinceMs >= seenMsMax || this.observation.hasSeen(catalog.groups.keys());
  }

  #planIsDue(): boolean {
    if (!this.#hasSeenEnough()) {
      return false;
    }
    const sinceMs = this.#parts.clock.monotonicMs() - this.#plannedMs;
    const restMs = this.#planCostMs * planTimeParts;
    return sinceMs >= restMs && (this.#news || sinceMs >= planIdleMs);
  }

  async #plan(term: number): Promise<void> {
    const { catalog, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    this.#news = false;
    const stored = [...catalog.moves.values()].sort(compareMoves);
    const carried = stored.map((move) => ({
      ...move,
      isBegun: move.startedAtMs > 0 || this.runner.active.has(move.id),
    }));
    const plan = planShards({ view: this.view(), carried });
    this.#plannedMs = clock.monotonicMs();
    this.#planCostMs = this.#plannedMs - startedMs;
    this.refusals = plan.refusals;
    const command = this.#changes(plan, stored);
    if (command !== undefined) {
      await this.#tell(command, term);
    }
    await this.#endPlan(plan, term);
  }

  /** What the catalog does not have yet of the plan, and what it should not have any more. */
  #changes(plan: Plan, stored: readonly MoveRecord[]): SystemCommand | undefined {
    const { cluster } = this.#parts.catalog;
    const known = new Set(stored.map((move) => move.id));
    const drop = this.#dropped(plan, stored);
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [moveId, untilMs] of this.#misfits) {
      if (untilMs <= nowMs) {
        this.#misfits.delete(moveId);
      }
    }
    const wanted = plan.moves
      .map((move, order) => ({ ...move, order }))
      .filter((move) => this.#allows(move) && !this.#misfits.has(move.id));
    const room = movesStoredMax - stored.length + drop.length;
    const news = [...wanted, ...this.#leftBehind(stored)].filter((move) => !known.has(move.id));
    const add = news.slice(0, Math.max(0, room));
    const { effectiveFactor } = plan;
    if (add.length + drop.length === 0 && effectiveFactor <= cluster.effectiveFactor) {
      return undefined;
    }
    const bytes = wanted.reduce((sum, move) => sum + move.bytes, 0);
    const left = { moves: wanted.length, bytes };
    const isNew = stored.length === 0 && add.length > 0;
    return { op: 'storePlan', add, drop, left, isNew, effectiveFactor };
  }

  /**
   * Learners that no move stands for, while none may begin that would go on with them: a plan was
   * called off, and what has no vote is undone.
   */
  #leftBehind(stored: readonly MoveRecord[]): (Move & { readonly order: number })[] {
    if (!this.#parts.catalog.plan.paused) {
      return [];
    }
    const moving = new Set(stored.map((move) => move.groupId));
    return this.view()
      .groups.filter(({ groupId }) => groupId !== systemGroupId && !moving.has(groupId))
      .flatMap(({ groupId, replicas }) =>
        replicas
          .filter(({ role }) => role === 'learner')
          .map(({ nodeId }) => ({
            ...makeMove({
              ...{ groupId, kind: 'remove', from: [nodeId], to: [], bytes: 0, reason: 'Extra' },
            }),
            order: 0,
          })),
      );
  }

  #dropped(plan: Plan, stored: readonly MoveRecord[]): string[] {
    const dropped = movesToDrop({
      ...{ plan, stored, record: this.#parts.catalog.plan },
      hasVote: (move) => this.#hasVote(move),
      isActive: (moveId) => this.runner.active.has(moveId),
    });
    for (const { move, why } of dropped) {
      this.runner.count(move.reason, 'dropped');
      this.#parts.logger.info('Move: dropped', { move: move.id, why });
    }
    return dropped.map(({ move }) => move.id);
  }

  /** A target votes already: the move is past the point where it can be undone. */
  #hasVote({ groupId, to }: Move): boolean {
    const record = this.#parts.catalog.groups.get(groupId);
    const facts = this.observation.seen(groupId)?.facts;
    return (
      record?.replicas.some(
        ({ nodeId, replicaId }) =>
          to.includes(nodeId) && facts?.confState.voters.includes(replicaId) === true,
      ) === true
    );
  }

  /** Nothing is left of what a person started, or called off. */
  async #endPlan(planned: Plan, term: number): Promise<void> {
    const { plan, moves } = this.#parts.catalog;
    if (moves.size > 0 || planned.moves.some((move) => this.#allows(move))) {
      return;
    }
    if (plan.cancelling) {
      await this.#tell({ op: 'planCancelled' }, term);
    } else if (plan.started) {
      await this.#tell({ op: 'planEnded' }, term);
    }
  }

  /** By the mode, and by what people asked. */
  #allows(move: Move): boolean {
    const { settings, plan } = this.#parts.catalog;
    // Who is a member of the system group is no matter of balance; and what a move left behind that
    // was called off goes in any mode.
    const isTidy = move.reason === 'Extra' && move.kind === 'remove';
    if (move.groupId === systemGroupId || isTidy) {
      return true;
    }
    if (plan.paused || (settings.rebalanceMode === 'Paused' && !plan.started)) {
      return false;
    }
    if (settings.rebalanceMode === 'Auto' || plan.started) {
      return true;
    }
    return manualReasons.has(move.reason);
  }

  #schedule(): void {
    const { catalog, clock } = this.#parts;
    if (this.#term === 0) {
      return;
    }
    const { active } = this.runner;
    const idle = [...catalog.moves.values()].filter((move) => !active.has(move.id));
    // What another manager began goes on, whatever the mode and the limits.
    const busy = new Set([...active.values()].map(({ groupId }) => groupId));
    for (const move of idle.filter((each) => each.startedAtMs > 0).sort(compareMoves)) {
      if (!busy.has(move.groupId)) {
        busy.add(move.groupId);
        this.runner.begin(move);
      }
    }
    const running = [...active.values()].flatMap(({ id, state }) => {
      const move = catalog.moves.get(id);
      return move === undefined ? [] : [{ move, state }];
    });
    const { busyGroup } = this.cleanup;
    const chosen = chooseMoves({
      waiting: idle.filter((each) => each.startedAtMs === 0),
      running,
      copiesMax: catalog.settings.concurrentMovesMax,
      busyGroups: new Set(busyGroup === undefined ? [] : [busyGroup]),
      allows: (move) => move.manual === true || this.#allows(move),
      sourceOf: (groupId) => this.observation.ledBy(groupId, clock.monotonicMs())?.nodeId,
      zoneOf: (nodeId) => catalog.nodes.get(nodeId)?.zone,
    });
    for (const move of chosen) {
      this.runner.begin(move);
    }
  }

  async #tell(command: SystemCommand, term: number): Promise<void> {
    const { router, clock } = this.#parts;
    await router.system({ ...command, asTerm: term }, clock.monotonicMs() + commandMs);
  }
}

/** What goes on in `Manual` mode: it keeps data safe, or empties a node that must go. */
const manualReasons: ReadonlySet<Move['reason']> = new Set([
  'Repair',
  'Upreplicate',
  'Evict',
  'Drain',
]);
