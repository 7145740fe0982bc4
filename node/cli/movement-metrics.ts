/**
 * What `/metrics` says of membership and movement. The plan, its moves and what is missing are
 * known to the node that manages; elsewhere those series are zero, so that a sum or a maximum is
 * the truth.
 */
import type { NodeState } from '../manager/catalog-records.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { MoveReason } from '../shards/move.ts';
import { movePriorities } from '../shards/move.ts';
import { summarizePlacement } from '../shards/placement-summary.ts';
import { refusalReasons } from '../shards/refusal.ts';
import { Growth } from './growth.ts';

const nodeStates: readonly (NodeState | 'quarantined')[] = [
  'joining',
  'active',
  'draining',
  'drained',
  'dead',
  'removed',
  'quarantined',
];
const moveReasons = Object.keys(movePriorities) as readonly MoveReason[];
const moveStates = ['waiting', 'adding', 'copying', 'swapping', 'removing'] as const;

function watchNodes(metrics: Metrics, core: NodeCore): void {
  const made = new Growth(metrics.counter('replicas', { change: 'made' }));
  const deleted = new Growth(metrics.counter('replicas', { change: 'deleted' }));
  const learnerLag = metrics.gauge('learnerLag', {});
  metrics.onCollect(() => {
    made.show(core.replicas.counts.made);
    deleted.show(core.replicas.counts.deleted);
    const nodes = [...core.catalog.nodes.values()];
    for (const state of nodeStates) {
      const count = nodes.filter((node) =>
        node.quarantined === undefined || node.state === 'removed'
          ? node.state === state
          : state === 'quarantined',
      ).length;
      metrics.gauge('nodes', { state }).set(count);
    }
    let lag = 0;
    for (const group of core.host.groups.values()) {
      for (const member of group.isLeader ? group.raw.raft.tracker.members : []) {
        lag = Math.max(lag, member.isLearner ? group.commitIndex - member.match : 0);
      }
    }
    learnerLag.set(lag);
  });
}

function watchMoves(metrics: Metrics, core: NodeCore): void {
  const failures = new Growth(metrics.counter('moveFailures', {}));
  const ended = moveReasons.flatMap((reason) =>
    (['done', 'dropped'] as const).map((outcome) => ({
      ...{ reason, outcome },
      growth: new Growth(metrics.counter('movesEnded', { reason, outcome })),
    })),
  );
  metrics.onCollect(() => {
    const { runner } = core.manager;
    failures.show(runner.failures);
    for (const { reason, outcome, growth } of ended) {
      growth.show(runner.ended.get(reason)?.[outcome] ?? 0);
    }
    const active = [...runner.active.values()];
    const isManaging = core.manager.term > 0;
    const waiting = isManaging ? core.catalog.moves.size - active.length : 0;
    for (const state of moveStates) {
      const count = active.filter((move) => move.state === state).length;
      metrics
        .gauge('moves', { state })
        .set(state === 'waiting' ? Math.max(0, waiting) + count : count);
    }
  });
}

function watchPlan(metrics: Metrics, core: NodeCore): void {
  const manages = metrics.gauge('manages', {});
  const left = metrics.gauge('planLeftBytes', {});
  const rate = metrics.gauge('moveRate', {});
  const age = metrics.gauge('planAge', {});
  const idle = metrics.gauge('planIdle', {});
  const under = metrics.gauge('shardsUnderReplicated', {});
  const leaderless = metrics.gauge('shardsLeaderless', {});
  const atRisk = metrics.gauge('shardsQuorumAtRisk', {});
  const load = metrics.gauge('loadMaxOverMean', {});
  metrics.onCollect(() => {
    const { manager, catalog } = core;
    const isManaging = manager.term > 0 && catalog.isLoaded;
    const { plan } = catalog;
    const isRunning = isManaging && catalog.moves.size > 0;
    const nowMs = core.parts.clock.wallMs();
    manages.set(isManaging ? 1 : 0);
    const { underWay } = manager;
    const done = plan.bytesDone + underWay.bytes;
    const progressMs = Math.max(plan.lastProgressAtMs, underWay.lastProgressAtMs);
    left.set(isRunning ? Math.max(0, plan.bytesTotal - done) : 0);
    rate.set(isManaging ? manager.bytesPerSecond : 0);
    age.set(isRunning ? Math.max(0, nowMs - plan.startedAtMs) / 1_000 : 0);
    idle.set(isRunning ? Math.max(0, nowMs - progressMs) / 1_000 : 0);
    const blocked = new Set<string>(isManaging ? manager.refusals.map((each) => each.reason) : []);
    for (const reason of refusalReasons) {
      metrics.gauge('planBlocked', { reason }).set(blocked.has(reason) ? 1 : 0);
    }
    const summary = isManaging ? summarizePlacement(manager.view()) : undefined;
    under.set(summary?.underReplicated ?? 0);
    leaderless.set(summary?.leaderless ?? 0);
    atRisk.set(summary?.quorumAtRisk ?? 0);
    load.set(summary?.loadMaxOverMean ?? 0);
  });
}

/** Shows membership and movement on `/metrics`. */
export function watchMovement(metrics: Metrics, core: NodeCore): void {
  watchNodes(metrics, core);
  watchMoves(metrics, core);
  watchPlan(metrics, core);
}
