/**
 * The next step of a move, from what is there: pure. The same look twice gives the same step, so it
 * does not matter who took the one before, or whether anybody heard of its end (decision 0031).
 *
 *   add, swap      give ids → add learners → copy → one change (joint) → confirm → forget
 *   remove         hand over → one change → confirm → forget
 *   addLearner     give an id → add the learner
 *   promote        hand over → one change (joint)
 *   transfer       hand over
 *   prefer         nothing but the end
 */
import type { GroupFacts } from '../host/group-commands.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import type { ConfChangeSingle } from '../raft/conf-change.ts';
import type { ReplicaId } from '../raft/messages.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { NodeId } from '../sys/network.ts';
import type { GroupRecord } from './catalog-records.ts';
import { isCaughtUp } from './observation.ts';
import type { MoveRecord } from './plan-records.ts';

const { addLearner, addVoter, remove } = ConfChangeType;

/** How a move stands, for people (`Move.state` of the admin API). */
export type MoveState = 'waiting' | 'adding' | 'copying' | 'swapping' | 'removing';

export type MoveStep =
  /** Nothing to do but wait; `why` if that is worth a word. */
  | { readonly kind: 'wait'; readonly state: MoveState; readonly why: string }
  /** The catalog gives the targets their ids. */
  | {
      readonly kind: 'begin';
      readonly state: 'adding';
      readonly preferMeanwhile?: NodeId;
      /** Learners that are there already: an earlier move left them. */
      readonly reuse: readonly ReplicaId[];
    }
  | {
      readonly kind: 'configure';
      readonly state: MoveState;
      readonly changes: readonly ConfChangeSingle[];
    }
  | { readonly kind: 'transfer'; readonly state: MoveState; readonly to: ReplicaId }
  /** It was planned on something else than what is there: planning goes on from here. */
  | { readonly kind: 'drop'; readonly state: MoveState; readonly why: string }
  /** Done: these ids are gone. To be taken only on the word of a leader confirmed just now. */
  | { readonly kind: 'finish'; readonly state: 'removing'; readonly gone: readonly ReplicaId[] };

interface Look {
  readonly move: MoveRecord;
  readonly record: GroupRecord;
  readonly facts: GroupFacts;
  /** Replica ids of the nodes that gain, in their order, and of those that lose. */
  readonly gaining: readonly ReplicaId[];
  readonly leaving: readonly ReplicaId[];
  /** Nodes that must not lead if another can. */
  readonly spared: ReadonlySet<NodeId>;
}

/** What the cluster wants beside the move. */
export interface StepBounds {
  /** Voters that each shard is to have. */
  readonly copies: number;
  /** Nodes that must not lead if another can. */
  readonly spared: ReadonlySet<NodeId>;
}

function idsOn(record: GroupRecord, nodeIds: readonly NodeId[]): ReplicaId[] {
  return nodeIds.flatMap((nodeId) => {
    const replica = record.replicas.find((each) => each.nodeId === nodeId);
    return replica === undefined ? [] : [replica.replicaId];
  });
}

function nodeOf({ record }: Pick<Look, 'record'>, id: ReplicaId | undefined): NodeId | undefined {
  return record.replicas.find((replica) => replica.replicaId === id)?.nodeId;
}

function wait(state: MoveState, why: string): MoveStep {
  return { kind: 'wait', state, why };
}

function isVoter({ facts }: Look, id: ReplicaId): boolean {
  return facts.confState.voters.includes(id);
}

function isMember({ facts }: Look, id: ReplicaId): boolean {
  const { voters, votersOutgoing, learners } = facts.confState;
  return [voters, votersOutgoing, learners].some((ids) => ids.includes(id));
}

function isJoint({ facts }: Look): boolean {
  return facts.confState.votersOutgoing.length > 0;
}

/**
 * A voter that stays, for the leadership of one that leaves: the furthest that answers, of those
 * that may lead if there is one.
 */
function successor(look: Look): ReplicaId | undefined {
  const { facts, leaving } = look;
  const { voters } = facts.confState;
  const fit = facts.members.filter(
    ({ replicaId, active }) =>
      active &&
      voters.includes(replicaId) &&
      replicaId !== facts.replicaId &&
      !leaving.includes(replicaId),
  );
  const isSpared = ({ replicaId }: { readonly replicaId: ReplicaId }): number =>
    look.spared.has(nodeOf(look, replicaId) ?? 0) ? 1 : 0;
  return fit.sort((a, b) => isSpared(a) - isSpared(b) || b.match - a.match)[0]?.replicaId;
}

/** A leader that leaves, or is to vote no more, hands over first. */
function handOver(look: Look, state: MoveState): MoveStep | undefined {
  if (!look.leaving.includes(look.facts.replicaId)) {
    return undefined;
  }
  const to = successor(look);
  return to === undefined
    ? wait(state, 'no other voter can take over the leadership')
    : { kind: 'transfer', state, to };
}

/** Ids on the nodes that lose which are in no configuration any more. */
function gone(look: Look): ReplicaId[] {
  return look.leaving.filter((id) => !isMember(look, id));
}

function learnerStep(look: Look): MoveStep | undefined {
  const { gaining, facts } = look;
  const absent = gaining.find((id) => !isMember(look, id));
  if (absent !== undefined) {
    return {
      kind: 'configure',
      state: 'adding',
      changes: [{ type: addLearner, id: absent }],
    };
  }
  const behind = gaining.filter((id) => !isVoter(look, id) && !isCaughtUp(facts, id));
  return behind.length > 0 ? wait('copying', whyNot(look, behind)) : undefined;
}

/** Why a copy does not go on, if it does not. */
function whyNot(look: Look, behind: readonly ReplicaId[]): string {
  for (const { replicaId, active, snapshot } of look.facts.members) {
    if (behind.includes(replicaId) && (!active || snapshot?.blockedBy !== undefined)) {
      const where = `node ${nodeOf(look, replicaId) ?? 0}`;
      return active
        ? `the snapshot to ${where}: ${snapshot?.blockedBy ?? ''}`
        : `${where} is silent`;
    }
  }
  return '';
}

/** Bytes of the move's copies that have arrived, about. */
export function bytesArrived(move: MoveRecord, record: GroupRecord, facts: GroupFacts): number {
  const share = move.bytes / Math.max(1, move.to.length);
  let bytes = 0;
  for (const id of idsOn(record, move.to)) {
    const member = facts.members.find(({ replicaId }) => replicaId === id);
    const isThere = facts.confState.voters.includes(id) || isCaughtUp(facts, id);
    bytes += isThere ? share : Math.min(share, member?.snapshot?.bytesDone ?? 0);
  }
  return Math.round(bytes);
}

/** The only voter has nobody to hand over to before another one votes beside it. */
function isOnlyVoter({ facts }: Look): boolean {
  return facts.confState.voters.length === 1;
}

function copyStep(look: Look): MoveStep {
  const { gaining } = look;
  const leaving = look.leaving.filter((id) => isMember(look, id));
  const missing = gaining.filter((id) => !isVoter(look, id));
  if (missing.length === 0 && leaving.length === 0) {
    return { kind: 'finish', state: 'removing', gone: gone(look) };
  }
  const added = missing.map((id) => ({ type: addVoter, id }));
  const changes = [...added, ...leaving.map((id) => ({ type: remove, id }))];
  const isAlone = isOnlyVoter(look) && missing.length > 0;
  const step: MoveStep = {
    ...{ kind: 'configure', state: 'swapping' },
    changes: isAlone ? added : changes,
  };
  return learnerStep(look) ?? (isAlone ? step : (handOver(look, 'swapping') ?? step));
}

function removeStep(look: Look): MoveStep {
  const leaving = look.leaving.filter((id) => isMember(look, id));
  if (leaving.length === 0) {
    return { kind: 'finish', state: 'removing', gone: gone(look) };
  }
  const changes = leaving.map((id) => ({ type: remove, id }));
  return handOver(look, 'removing') ?? { kind: 'configure', state: 'removing', changes };
}

/**
 * All of a change of voters is still to do, or its second half where an only voter needed another
 * beside it first. One change does it all: what is done in part was done by a late one of an
 * earlier move, and the rest of this one may leave two voters of three.
 */
function isWhole(look: Look, rising: readonly ReplicaId[], falling: readonly ReplicaId[]): boolean {
  const { gaining, leaving, facts } = look;
  const isSecondHalf =
    rising.length === 0 && facts.confState.voters.length === gaining.length + leaving.length;
  return falling.length === leaving.length && (rising.length === gaining.length || isSecondHalf);
}

function promoteStep(look: Look): MoveStep {
  const { gaining } = look;
  const rising = gaining.filter((id) => !isVoter(look, id));
  const falling = look.leaving.filter((id) => isVoter(look, id));
  if (rising.length + falling.length === 0) {
    return { kind: 'finish', state: 'removing', gone: [] };
  }
  if (!isWhole(look, rising, falling)) {
    return { kind: 'drop', state: 'swapping', why: 'others vote than it was planned on' };
  }
  const added = rising.map((id) => ({ type: addVoter, id }));
  const changes = [...added, ...falling.map((id) => ({ type: addLearner, id }))];
  const isAlone = isOnlyVoter(look) && rising.length > 0;
  const step: MoveStep = {
    ...{ kind: 'configure', state: 'swapping' },
    changes: isAlone ? added : changes,
  };
  return learnerStep(look) ?? (isAlone ? step : (handOver(look, 'swapping') ?? step));
}

/**
 * Over, too, once anyone else leads: the node that was to lead may be gone for good. The one that
 * led may have no copy any more, either.
 */
function transferStep(look: Look): MoveStep {
  const [to] = look.gaining;
  const { leaving, facts, move } = look;
  const hasLeft = move.from.length > 0 && !leaving.includes(facts.replicaId);
  if (to === undefined || facts.replicaId === to || hasLeft) {
    return { kind: 'finish', state: 'removing', gone: [] };
  }
  return isVoter(look, to)
    ? { kind: 'transfer', state: 'swapping', to }
    : wait('swapping', 'the node that is to lead has no vote');
}

/** What is there speaks against beginning. */
function objection({ move, record, facts }: Look): string | undefined {
  const holds = (nodeId: NodeId): boolean =>
    record.replicas.some(
      (replica) => replica.nodeId === nodeId && facts.confState.voters.includes(replica.replicaId),
    );
  const lacks = move.from.find((nodeId) => !holds(nodeId));
  const noVote = lacks === undefined ? undefined : `node ${lacks} has no vote in the group`;
  if (move.kind === 'promote') {
    // Chosen while another change was under way: what is left of it may leave two voters of three.
    return noVote;
  }
  if (move.kind !== 'add' && move.kind !== 'swap') {
    return undefined;
  }
  const isLearner = (id: ReplicaId): boolean => facts.confState.learners.includes(id);
  const has = record.replicas.find(
    ({ nodeId, replicaId }) => move.to.includes(nodeId) && !isLearner(replicaId),
  );
  if (has !== undefined) {
    return `node ${has.nodeId} has a copy, or had one a moment ago`;
  }
  return noVote;
}

/**
 * The last line against a move that no longer fits: no change leaves a shard with fewer voters than
 * it is to have, or than it has if that is fewer (protocols.md P17).
 */
function keepsCopies(step: MoveStep, { record, facts }: Look, copies: number): MoveStep {
  if (step.kind !== 'configure' || record.groupId === systemGroupId) {
    return step;
  }
  const voters = new Set(facts.confState.voters);
  const before = voters.size;
  for (const { type, id } of step.changes) {
    if (type === addVoter) {
      voters.add(id);
    } else if (type === remove || type === addLearner) {
      voters.delete(id);
    }
  }
  return voters.size >= Math.min(before, copies)
    ? step
    : {
        ...{ kind: 'drop', state: step.state },
        why: `it would leave ${voters.size} of ${Math.min(before, copies)} copies`,
      };
}

/** Leads while the preferred leader leaves: whoever stays and answers. */
function standIn(look: Look): NodeId | undefined {
  const { move, record } = look;
  const isLeaving = move.from.includes(record.preferredLeader) && move.kind !== 'transfer';
  return isLeaving ? nodeOf(look, successor(look)) : undefined;
}

export function nextStep(
  move: MoveRecord,
  record: GroupRecord,
  facts: GroupFacts,
  { copies, spared }: StepBounds,
): MoveStep {
  const gaining = idsOn(record, move.to);
  const look: Look = { move, record, facts, gaining, leaving: idsOn(record, move.from), spared };
  return keepsCopies(stepOf(look), look, copies);
}

function stepOf(look: Look): MoveStep {
  const { move } = look;
  if (move.kind === 'prefer') {
    return { kind: 'finish', state: 'removing', gone: [] };
  }
  if (move.startedAtMs === 0) {
    const why = objection(look);
    if (why !== undefined) {
      return { kind: 'drop', state: 'adding', why };
    }
    const preferMeanwhile = standIn(look);
    return {
      ...{ kind: 'begin', state: 'adding', reuse: look.gaining },
      ...(preferMeanwhile === undefined ? {} : { preferMeanwhile }),
    };
  }
  if (isJoint(look)) {
    // It is left by itself, as soon as both halves can commit.
    return wait('swapping', '');
  }
  switch (move.kind) {
    case 'add':
    case 'swap':
      return copyStep(look);
    case 'remove':
      return removeStep(look);
    case 'addLearner':
      return look.gaining.every((id) => isMember(look, id))
        ? { kind: 'finish', state: 'removing', gone: [] }
        : (learnerStep(look) ?? wait('adding', ''));
    case 'promote':
      return promoteStep(look);
    case 'transfer':
      return transferStep(look);
  }
}
