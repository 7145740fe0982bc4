/**
 * Answers the admin API on the node that manages. What it shows comes from a fresh look at the
 * groups and from the catalog; what it changes is checked against that look first, then against the
 * catalog in the entry's own place (`fence.ts`, `node-state-commands.ts`). Changes go one at a
 * time: two that are each allowed alone cannot both pass.
 *
 * Invariant: nothing is answered that another leader may have made untrue meanwhile: an answer
 * waits for a read round of the system group.
 */
import { assumedNodeIdFirst } from '../contract/cluster-calls.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { Router } from '../router/router.ts';
import type { ClusterView, ViewNode } from '../shards/cluster-view.ts';
import { checkDrain } from '../shards/drain-check.ts';
import type { Move } from '../shards/move.ts';
import { summarizePlacement } from '../shards/placement-summary.ts';
import { estimatePlan } from '../shards/plan-estimate.ts';
import { planShards } from '../shards/planner.ts';
import type { Plan } from '../shards/planner.ts';
import type { Refusal } from '../shards/refusal.ts';
import type { Clock } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import { checkHandTransfer, handMove } from './hand-moves.ts';
import { checkMaintenance } from './maintenance-check.ts';
import type {
  AdminRequest,
  ChangeCommand,
  ChangeReply,
  DrainReply,
  MoveReply,
  OverviewReply,
  PlanReply,
  RebalanceReply,
  RefusalReply,
  SettingsReply,
} from './admin-requests.ts';
import type { Catalog } from './catalog.ts';
import type { DrainRecord, NodeRecord } from './catalog-records.ts';
import { checkFence } from './fence.ts';
import type { Fence } from './fence.ts';
import type { FeatureFanout } from './feature-fanout.ts';
import { compareMoves } from './move-schedule.ts';
import type { MoveRate } from './move-rate.ts';
import type { ActiveMove } from './move-runner.ts';
import type { MoveRecord } from './plan-records.ts';
import type { ShardManager } from './shard-manager.ts';
import type { SystemCommand } from './system-commands.ts';
import { refusal } from './system-decision.ts';

const commandMs = 10_000;
/** Moves shown at a time. */
const movesShownMax = 1_000;

export interface AdminDeskParts {
  readonly catalog: Catalog;
  readonly router: Router;
  readonly clock: Clock;
  readonly manager: ShardManager;
  readonly features: FeatureFanout;
  readonly rate: MoveRate;
  /** Every change that was asked for leaves a line: what it was, by whom, how it ended. */
  readonly logger: Logger;
}

export class AdminDesk {
  readonly #parts: AdminDeskParts;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: AdminDeskParts) {
    this.#parts = parts;
  }

  /** Throws `NotLeader` where nobody manages: the caller asks on. */
  async run(request: AdminRequest): Promise<unknown> {
    if (this.#parts.manager.term === 0) {
      throw new DynakvError('NotOpen', 'This node does not manage the shards yet');
    }
    switch (request.verb) {
      case 'plan':
        return await this.#looked(() => this.#plan(request));
      case 'rebalance':
        return await this.#looked(() => this.#rebalance(request.movesMax));
      case 'drain':
        return await this.#looked(() => this.#drain(request.nodeId));
      case 'overview':
        return await this.#looked(() => this.#overview());
      case 'settings':
        await this.#system({ op: 'confirm' });
        return this.#settings();
      default:
        return await this.#inTurn(() => this.#audited(request));
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#turn;
    const mine = before.then(work, work);
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  /** An answer from a fresh look, confirmed. */
  async #looked<T>(answer: () => T): Promise<T> {
    await this.#parts.manager.observe();
    await this.#system({ op: 'confirm' });
    return answer();
  }

  async #system(command: SystemCommand): Promise<unknown> {
    const { router, clock } = this.#parts;
    return await router.system(command, clock.monotonicMs() + commandMs);
  }

  // Shown

  #plan(request: AdminRequest & { readonly verb: 'plan' }): PlanReply {
    const view = this.#assumed(request);
    const check =
      request.drain.length > 0 ? checkDrain({ view, nodeIds: request.drain }) : undefined;
    const plan = check === undefined ? planShards({ view }) : check.plan;
    const refusals = check?.refusals ?? plan?.refusals ?? [];
    return this.#planReply(view, plan, refusals);
  }

  #assumed(request: AdminRequest & { readonly verb: 'plan' }): ClusterView {
    const view = this.#parts.manager.view();
    const zones = new Map(request.zones.map(({ nodeId, zone }) => [nodeId, zone]));
    const nodes: ViewNode[] = view.nodes.map((node) => ({
      ...node,
      zone: zones.get(node.nodeId) ?? node.zone,
    }));
    for (const [i, added] of request.add.entries()) {
      nodes.push({ nodeId: assumedNodeIdFirst + i, state: 'active', ...added });
    }
    return { ...view, nodes };
  }

  #planReply(view: ClusterView, plan: Plan | undefined, refusals: readonly Refusal[]): PlanReply {
    const moves = plan?.moves ?? [];
    const { settings } = this.#parts.catalog;
    const estimate = estimatePlan(view, moves, {
      bytesPerSecond: settings.snapshotBytesPerSecond,
      copiesAtOnce: settings.concurrentMovesMax,
    });
    return {
      moves: moves.slice(0, movesShownMax).map((move) => moveReply(move, undefined)),
      movesTotal: moves.length,
      refusals: refusals.map(refusalReply),
      bytes: estimate.bytes,
      bytesMin: estimate.bytesMin,
      seconds: estimate.durationMs / 1_000,
      leaderTransfers: moves.filter(({ kind }) => kind === 'transfer' || kind === 'prefer').length,
    };
  }

  #rebalance(movesMax: number): RebalanceReply {
    const { catalog, manager, rate } = this.#parts;
    const { plan, settings, moves } = catalog;
    const { active, failures } = manager.runner;
    const summary = summarizePlacement(manager.view());
    const shown = [...moves.values()].sort(
      (a, b) => Number(active.has(b.id)) - Number(active.has(a.id)) || compareMoves(a, b),
    );
    const state = plan.cancelling
      ? 'cancelling'
      : plan.paused
        ? 'paused'
        : moves.size > 0
          ? 'running'
          : 'idle';
    const { underWay } = manager;
    const bytesDone = Math.min(plan.bytesTotal, plan.bytesDone + underWay.bytes);
    const bytesLeft = plan.bytesTotal - bytesDone;
    const perSecond = rate.bytesPerSecond;
    return {
      ...{ mode: settings.rebalanceMode, state, planId: plan.planId, revision: plan.revision },
      startedAtMs: plan.startedAtMs,
      lastProgressAtMs: Math.max(plan.lastProgressAtMs, underWay.lastProgressAtMs),
      ...{ movesTotal: plan.movesTotal, movesDone: plan.movesDone },
      ...{ movesRunning: active.size, movesFailed: failures },
      ...{ bytesTotal: plan.bytesTotal, bytesDone, rate: perSecond },
      etaSeconds: moves.size === 0 || perSecond === 0 ? 0 : bytesLeft / perSecond,
      blockedBy: manager.refusals.map(refusalReply),
      ...{ underReplicated: summary.underReplicated, leaderless: summary.leaderless },
      moves: shown
        .slice(0, Math.min(movesMax, movesShownMax))
        .map((move) => moveReply(move, active.get(move.id))),
    };
  }

  #drain(nodeId: NodeId): DrainReply {
    const { catalog, manager } = this.#parts;
    const node = catalog.nodes.get(nodeId);
    if (node === undefined) {
      throw refusal('UnknownNode', `Cannot find node ${nodeId}`, { node: nodeId });
    }
    const view = manager.view();
    const on = view.groups.filter(
      ({ groupId, replicas }) =>
        groupId !== 0 && replicas.some((replica) => replica.nodeId === nodeId),
    );
    return {
      ...{ state: node.state, revision: node.revision, drain: this.#drainOf(node) },
      shardsRemaining: on.length,
      leadersRemaining: view.groups.filter(({ leader }) => leader === nodeId).length,
      bytesRemaining: on.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
      blockedBy: node.state === 'draining' ? manager.refusals.map(refusalReply) : [],
    };
  }

  /** A copy that is under way is progress, too: one of a large shard takes minutes. */
  #drainOf({ nodeId, drain }: NodeRecord): DrainRecord | undefined {
    const { catalog, manager } = this.#parts;
    const times = [...manager.runner.active.values()]
      .filter(({ id }) => catalog.moves.get(id)?.from.includes(nodeId) === true)
      .map((move) => move.lastProgressAtMs);
    return drain === undefined
      ? undefined
      : { ...drain, lastProgressAtMs: Math.max(drain.lastProgressAtMs, ...times) };
  }

  #overview(): OverviewReply {
    const { catalog, manager } = this.#parts;
    return {
      rebalance: this.#rebalance(0),
      nodes: [...catalog.nodes.keys()].map((nodeId) => ({
        nodeId,
        silentSinceMs: manager.watch.silentSinceMs(nodeId),
        ...manager.bytesOf(nodeId),
      })),
    };
  }

  #settings(): SettingsReply {
    const { settings, cluster } = this.#parts.catalog;
    return { settings, replicationFactor: cluster.replicationFactor };
  }

  // Changed

  async #audited(request: AdminRequest): Promise<unknown> {
    const { logger, catalog } = this.#parts;
    const asked = 'command' in request ? request.command : request;
    const epoch = 'fence' in asked ? asked.fence.controlEpoch : 0;
    const by = epoch === catalog.control.epoch && epoch > 0 ? catalog.control.holder : 'a person';
    const facts = { what: 'verb' in asked ? asked.verb : asked.op, by, asked };
    try {
      const reply = await this.#change(request);
      logger.info('Admin: changed', { ...facts, reply });
      return reply;
    } catch (error) {
      logger.info('Admin: refused', { ...facts, error: messageOf(error) });
      throw error;
    }
  }

  async #change(request: AdminRequest): Promise<unknown> {
    switch (request.verb) {
      case 'change':
        await this.#check(request.command);
        return await this.#system(request.command);
      case 'moveReplica':
        return await this.#moveReplica(request);
      case 'transferLeader':
        return await this.#transferLeader(request);
      case 'finalize':
        return await this.#finalize(request.fence);
      default:
        throw new DynakvError('BadFrame', `Cannot change by "${request.verb}"`);
    }
  }

  /** What only the groups' leaders know speaks against it: throws the first refusal. */
  async #check(command: ChangeCommand): Promise<void> {
    const { manager, catalog } = this.#parts;
    if (command.op === 'setNodeState' && command.state === 'draining') {
      const state = catalog.nodes.get(command.nodeId)?.state;
      if (state !== 'active' && state !== 'dead') {
        return; // There is no such node, it holds nothing yet, or is asked once more.
      }
      await manager.observe();
      const { refusals } = checkDrain({ view: manager.view(), nodeIds: [command.nodeId] });
      throwFirst(refusals, command.nodeId);
    }
    if (command.op === 'maintenance' && command.durationMs > 0) {
      await manager.observe();
      checkMaintenance(catalog, manager.view(), command.nodeId);
    }
    const isLeaving = ['drained', 'dead', 'joining'];
    const state = 'nodeId' in command ? catalog.nodes.get(command.nodeId)?.state : undefined;
    if (command.op === 'removeNode' && isLeaving.includes(state ?? '')) {
      await manager.observe();
      if (manager.mayVote(command.nodeId)) {
        throw refusal(
          'SystemVoter',
          `Cannot remove node ${command.nodeId}: it has a vote in the system group; another node ` +
            'takes it first',
          { node: command.nodeId },
        );
      }
    }
  }

  async #moveReplica(request: AdminRequest & { readonly verb: 'moveReplica' }): Promise<unknown> {
    const { fence } = request;
    await this.#parts.manager.observe();
    const move = handMove(this.#parts.manager.view(), request);
    return await this.#system({ op: 'addMove', move, fence });
  }

  async #transferLeader(
    request: AdminRequest & { readonly verb: 'transferLeader' },
  ): Promise<unknown> {
    const { groupId, to, fence } = request;
    const { router, clock, catalog, manager } = this.#parts;
    await manager.observe();
    checkHandTransfer(manager.view(), groupId, to);
    const reply = (await this.#system({
      op: 'preferLeader',
      nodeId: to,
      groupId,
      fence,
    })) as ChangeReply;
    const replica = catalog.groups
      .get(groupId)
      ?.replicas.find((candidate) => candidate.nodeId === to);
    if (replica !== undefined) {
      const command = { kind: 'transfer', to: replica.replicaId } as const;
      await router.call(groupId, command, clock.monotonicMs() + commandMs);
    }
    return reply;
  }

  async #finalize(fence: Fence): Promise<ChangeReply> {
    const { features, manager, catalog } = this.#parts;
    checkFence(catalog, fence, { what: 'the settings', revision: catalog.settings.revision });
    const changed = await features.raise(manager.term);
    return { revision: catalog.settings.revision, changed };
  }
}

function throwFirst(refusals: readonly Refusal[], nodeId: NodeId): void {
  const [first] = refusals;
  if (first !== undefined) {
    const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more reasons)` : '';
    throw refusal(first.reason, first.message + more, { node: nodeId, ...first.facts });
  }
}

function refusalReply({ reason, message, facts, groups }: Refusal): RefusalReply {
  return { reason, message, nodeId: facts['nodeId'] ?? 0, groupIds: groups };
}

function moveReply(
  move: Move | MoveRecord,
  active: Pick<ActiveMove, 'state' | 'blockedBy' | 'bytesDone'> | undefined,
): MoveReply {
  const record = 'order' in move ? move : undefined;
  const { groupId, kind, from, to, bytes, reason } = move;
  return {
    ...{ moveId: move.id, groupId, kind, from, to, bytes },
    reason: record?.manual === true ? 'Manual' : reason,
    state: active?.state ?? 'waiting',
    blockedBy: active?.blockedBy ?? '',
    startedAtMs: record?.startedAtMs ?? 0,
    bytesDone: active?.bytesDone ?? 0,
  };
}
