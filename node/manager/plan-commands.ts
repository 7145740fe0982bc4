/**
 * The system group's commands about the plan and its moves: pure, against the applied catalog. The
 * manager's own carry the term in which it decided (`system-commands.ts`); what people and
 * controllers ask is fenced (`fence.ts`).
 *
 * Invariant: an id is given to a move's target in the same entry in which the move begins, and
 * taken back in the one in which it ends: no crash leaves an id that no move stands for, nor a move
 * whose ids are gone.
 */
import { hasId } from '../lib/id-ranges.ts';
import type { RowWrite } from '../items/batch.ts';
import type { Move } from '../shards/move.ts';
import type { NodeId } from '../sys/network.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { Catalog } from './catalog.ts';
import type { GroupRecord } from './catalog-records.ts';
import { checkFence } from './fence.ts';
import type { Fence } from './fence.ts';
import { movesStoredMax } from './plan-records.ts';
import type { MoveRecord, PlanRecord } from './plan-records.ts';
import { withReplica, withoutReplica } from './replica-commands.ts';
import { refusal, unchanged } from './system-decision.ts';
import type { SystemDecision, SystemFacts } from './system-decision.ts';

export type PlanCommand =
  /** What the planner says now: moves that are news, and such that have lost their reason. */
  | {
      readonly op: 'storePlan';
      readonly add: readonly (Move & { readonly order: number })[];
      readonly drop: readonly string[];
      /** All that the planner wants, stored or not. */
      readonly left: { readonly moves: number; readonly bytes: number };
      /** Nothing was left of the plan before. */
      readonly isNew: boolean;
      readonly effectiveFactor: number;
    }
  /** A move's first step: its targets get their ids. */
  | {
      readonly op: 'beginMove';
      readonly moveId: string;
      /** Ids on the targets that its leader has as learners: they are gone on with. */
      readonly reuse?: readonly number[] | undefined;
      /** Leads the group while the preferred leader leaves it. */
      readonly preferMeanwhile?: NodeId | undefined;
    }
  /** A move is done: the ids that left the configuration are gone. */
  | {
      readonly op: 'finishMove';
      readonly moveId: string;
      readonly gone: readonly number[];
    }
  /** A move does not fit what is there: its ids, if it has any, are taken back later. */
  | { readonly op: 'dropMove'; readonly moveId: string }
  | { readonly op: 'pausePlan'; readonly fence: Fence }
  | { readonly op: 'startPlan'; readonly fence: Fence }
  | { readonly op: 'cancelPlan'; readonly fence: Fence }
  /** Nothing of a plan that was called off is left to undo. */
  | { readonly op: 'planCancelled' }
  /** Nothing is left of what a person started. */
  | { readonly op: 'planEnded' }
  /** A move by hand. */
  | { readonly op: 'addMove'; readonly fence: Fence; readonly move: Move };

function storePlan(
  catalog: Catalog,
  command: PlanCommand & { op: 'storePlan' },
  { nowMs }: SystemFacts,
): SystemDecision {
  const { cluster, plan, moves } = catalog;
  const writes: RowWrite[] = [];
  const drop = command.drop.filter((moveId) => moves.has(moveId));
  for (const moveId of drop) {
    writes.push(catalogRow(catalogKeys.move(moveId), undefined));
  }
  const room = movesStoredMax - moves.size + drop.length;
  const add = command.add.filter(({ id }) => !moves.has(id)).slice(0, room);
  for (const move of add) {
    const row: MoveRecord = { ...move, startedAtMs: 0 };
    writes.push(catalogRow(catalogKeys.move(move.id), row));
  }
  // A plan made before a person lowered the copies wanted must not take that back (P17).
  const isWanted = command.effectiveFactor <= cluster.replicationFactor;
  if (isWanted && command.effectiveFactor > cluster.effectiveFactor) {
    const risen = { ...cluster, effectiveFactor: command.effectiveFactor };
    writes.push(catalogRow(catalogKeys.cluster, risen));
  }
  if (writes.length === 0) {
    return unchanged({});
  }
  const { left, isNew } = command;
  const before = isNew
    ? { ...plan, planId: plan.planId + 1, startedAtMs: nowMs, lastProgressAtMs: nowMs }
    : plan;
  const [movesDone, bytesDone] = isNew ? [0, 0] : [plan.movesDone, plan.bytesDone];
  const next: PlanRecord = {
    ...before,
    ...{ movesDone, bytesDone },
    movesTotal: movesDone + left.moves,
    bytesTotal: bytesDone + left.bytes,
    // Another plan is news to whoever pauses or calls off one; how far it is, is not.
    revision: isNew ? plan.revision + 1 : plan.revision,
  };
  writes.push(catalogRow(catalogKeys.plan, next));
  return { writes, reply: {} };
}

function moveOf(catalog: Catalog, moveId: string): MoveRecord {
  const move = catalog.moves.get(moveId);
  if (move === undefined) {
    throw refusal('UnknownMove', `Cannot find move ${moveId}: it was dropped, or is done`);
  }
  return move;
}

function groupOf(catalog: Catalog, groupId: number): GroupRecord {
  const group = catalog.groups.get(groupId);
  if (group === undefined) {
    throw refusal('UnknownGroup', `Cannot find group ${groupId}`);
  }
  return group;
}

/** Kinds whose targets get an id. A node that joins has its id of the system group already. */
const idKinds: ReadonlySet<Move['kind']> = new Set(['add', 'swap', 'addLearner']);

/**
 * A copy goes to active nodes only: the state may have changed since the plan was made, and a node
 * that is drained by now must stay empty. A draining one may get what the planner gives it, for
 * whatever reason: it does so only where no other node is left, and takes it away again if another
 * is. Every member belongs to the system group.
 */
function checkTarget(catalog: Catalog, move: MoveRecord, nodeId: NodeId): void {
  const state = catalog.nodes.get(nodeId)?.state;
  if (state === undefined || state === 'removed') {
    throw refusal('UnknownNode', `Cannot begin move ${move.id}: node ${nodeId} is no member`);
  }
  const isLastResort = move.reason !== 'Manual' && state === 'draining';
  if (move.kind !== 'addLearner' && state !== 'active' && !isLastResort) {
    throw refusal('NoEligibleNode', `Cannot begin move ${move.id}: node ${nodeId} is ${state}`, {
      node: nodeId,
    });
  }
}

/**
 * One at a time in a group: each is decided on what is there, and two would take back and give out
 * the same replica ids.
 */
function checkAlone(catalog: Catalog, move: MoveRecord): void {
  for (const other of catalog.moves.values()) {
    if (other.groupId === move.groupId && other.startedAtMs > 0 && other.id !== move.id) {
      throw refusal(
        'OtherOperationInProgress',
        `Cannot begin move ${move.id}: move ${other.id} of the same group is under way`,
      );
    }
  }
}

function beginMove(
  catalog: Catalog,
  command: PlanCommand & { op: 'beginMove' },
  { nowMs }: SystemFacts,
): SystemDecision {
  const move = moveOf(catalog, command.moveId);
  if (move.startedAtMs > 0) {
    return unchanged({});
  }
  checkAlone(catalog, move);
  const before = groupOf(catalog, move.groupId);
  let group = before;
  for (const nodeId of idKinds.has(move.kind) ? move.to : []) {
    checkTarget(catalog, move, nodeId);
    const known = group.replicas.find((replica) => replica.nodeId === nodeId);
    if (known === undefined) {
      group = withReplica(group, nodeId);
    } else if (move.kind !== 'addLearner' && !command.reuse?.includes(known.replicaId)) {
      // An id of an earlier move is never used again: it is on its way out.
      const message = `Cannot begin move ${move.id}: node ${nodeId} still has replica ${known.replicaId}`;
      throw refusal('ReplicaLeftBehind', message);
    }
  }
  const { preferMeanwhile } = command;
  if (preferMeanwhile !== undefined) {
    group = { ...group, preferredLeader: preferMeanwhile, revision: before.revision + 1 };
  }
  const writes = [catalogRow(catalogKeys.move(move.id), { ...move, startedAtMs: nowMs })];
  if (group !== before) {
    writes.push(catalogRow(catalogKeys.group(group.groupId), group));
  }
  return { writes, reply: {} };
}

/** Who prefers to lead once the move is done. */
function preferredAfter(move: MoveRecord): NodeId | undefined {
  return move.kind === 'prefer' ? move.to[0] : move.prefer;
}

function finishMove(
  catalog: Catalog,
  command: PlanCommand & { op: 'finishMove' },
  { nowMs }: SystemFacts,
): SystemDecision {
  const move = catalog.moves.get(command.moveId);
  if (move === undefined) {
    return unchanged({}); // Done before, by this or an earlier leader.
  }
  const { plan } = catalog;
  const before = groupOf(catalog, move.groupId);
  let group = before;
  for (const replicaId of command.gone) {
    if (!hasId(group.removed, replicaId)) {
      group = withoutReplica(group, replicaId);
    }
  }
  const prefer = preferredAfter(move);
  if (prefer !== undefined && group.replicas.some((replica) => replica.nodeId === prefer)) {
    group = { ...group, preferredLeader: prefer, revision: before.revision + 1 };
  }
  const done: PlanRecord = {
    ...plan,
    lastProgressAtMs: nowMs,
    movesDone: plan.movesDone + 1,
    bytesDone: plan.bytesDone + move.bytes,
  };
  const writes = [
    catalogRow(catalogKeys.move(move.id), undefined),
    catalogRow(catalogKeys.plan, done),
  ];
  if (group !== before) {
    writes.push(catalogRow(catalogKeys.group(group.groupId), group));
  }
  for (const nodeId of move.from) {
    const node = catalog.nodes.get(nodeId);
    if (node?.drain !== undefined) {
      // Not a change of the node that anybody must have seen: its revision stays.
      const drain = { ...node.drain, lastProgressAtMs: nowMs };
      writes.push(catalogRow(catalogKeys.node(nodeId), { ...node, drain }));
    }
  }
  return { writes, reply: {} };
}

function dropMove(catalog: Catalog, moveId: string): SystemDecision {
  const move = catalog.moves.get(moveId);
  if (move === undefined) {
    return unchanged({});
  }
  const { plan } = catalog;
  const next: PlanRecord = {
    ...plan,
    movesTotal: Math.max(plan.movesDone, plan.movesTotal - 1),
    bytesTotal: Math.max(plan.bytesDone, plan.bytesTotal - move.bytes),
  };
  return {
    writes: [catalogRow(catalogKeys.move(moveId), undefined), catalogRow(catalogKeys.plan, next)],
    reply: {},
  };
}

/** Of people, with their fence; of the manager, which carries its term, without. */
function changePlan(
  catalog: Catalog,
  change: Partial<Pick<PlanRecord, 'paused' | 'cancelling' | 'started'>>,
  fence?: Fence,
): SystemDecision {
  const { plan } = catalog;
  const next: PlanRecord = { ...plan, ...change };
  const { revision } = plan;
  const isSo =
    next.paused === plan.paused &&
    next.cancelling === plan.cancelling &&
    next.started === plan.started;
  if (fence !== undefined) {
    checkFence(catalog, fence, { what: 'the plan', revision, isSo });
  }
  if (isSo) {
    return unchanged({ revision, changed: false });
  }
  const row = catalogRow(catalogKeys.plan, { ...next, revision: revision + 1 });
  return { writes: [row], reply: { revision: revision + 1, changed: true } };
}

function addMove(catalog: Catalog, command: PlanCommand & { op: 'addMove' }): SystemDecision {
  const { move } = command;
  const { plan, moves } = catalog;
  const other = [...moves.values()].find(({ groupId }) => groupId === move.groupId);
  const isSo = other?.id === move.id;
  checkFence(catalog, command.fence, { what: 'the plan', revision: plan.revision, isSo });
  if (other !== undefined && other.id !== move.id) {
    throw refusal(
      'OtherOperationInProgress',
      `Cannot move a copy of group ${move.groupId}: move ${other.id} of it is planned`,
    );
  }
  if (other !== undefined) {
    return unchanged({ revision: plan.revision, changed: false });
  }
  const row: MoveRecord = { ...move, order: 0, startedAtMs: 0, manual: true };
  const next: PlanRecord = {
    ...plan,
    revision: plan.revision + 1,
    movesTotal: plan.movesTotal + 1,
    bytesTotal: plan.bytesTotal + move.bytes,
  };
  return {
    writes: [catalogRow(catalogKeys.move(move.id), row), catalogRow(catalogKeys.plan, next)],
    reply: { revision: next.revision, changed: true },
  };
}

export function decidePlan(
  catalog: Catalog,
  command: PlanCommand,
  facts: SystemFacts,
): SystemDecision {
  switch (command.op) {
    case 'storePlan':
      return storePlan(catalog, command, facts);
    case 'beginMove':
      return beginMove(catalog, command, facts);
    case 'finishMove':
      return finishMove(catalog, command, facts);
    case 'dropMove':
      return dropMove(catalog, command.moveId);
    case 'pausePlan':
      return changePlan(catalog, { paused: true, started: false }, command.fence);
    case 'startPlan':
      return changePlan(
        catalog,
        { paused: false, cancelling: false, started: true },
        command.fence,
      );
    case 'cancelPlan':
      return changePlan(catalog, { paused: true, cancelling: true, started: false }, command.fence);
    case 'planCancelled':
      return changePlan(catalog, { cancelling: false });
    case 'planEnded':
      return changePlan(catalog, { started: false });
    case 'addMove':
      return addMove(catalog, command);
  }
}
