/**
 * What became of moves that were planned earlier, judged against the cluster as it is now. The
 * executor asks it to show progress and to drop what has lost its reason; the planner asks it to go
 * on where the stored plan was.
 *
 * Level-triggered: only the observation counts, not what anyone believes to have done.
 */
import type { NodeId } from '../sys/network.ts';
import type { ClusterView, ViewGroup } from './cluster-view.ts';
import { GroupMembers } from './group-members.ts';
import type { CarriedMove, Move } from './move.ts';
import { NodeRoster } from './node-roster.ts';

/**
 * - `done`: what the move wanted is so;
 * - `valid`: it still makes sense, whether begun or not;
 * - `obsolete`: it does not: drop it, plan anew (what it began, the next plan tidies up).
 */
export type MoveStanding = 'done' | 'valid' | 'obsolete';

export interface MoveVerdict {
  readonly move: Move;
  readonly standing: MoveStanding;
  /** Why it is obsolete: a clause for people. */
  readonly why?: string;
}

/** A group as the verdict sees it. */
interface Judged {
  readonly roster: NodeRoster;
  readonly group: ViewGroup;
  /** Voters of the newest configuration. */
  readonly voters: ReadonlySet<NodeId>;
  /** Everyone in the configuration, in either half. */
  readonly members: ReadonlySet<NodeId>;
  readonly hasMajority: boolean;
}

const done = { standing: 'done' } as const;
const valid = { standing: 'valid' } as const;

type Verdict = Omit<MoveVerdict, 'move'>;

function obsolete(why: string): Verdict {
  return { standing: 'obsolete', why };
}

/** Judges moves in the order given. */
export function judgeMoves(view: ClusterView, moves: readonly CarriedMove[]): MoveVerdict[] {
  return judgeMovesOn(new NodeRoster(view), view, moves);
}

/** `judgeMoves` for a caller that has the roster of the view. */
export function judgeMovesOn(
  roster: NodeRoster,
  view: ClusterView,
  moves: readonly CarriedMove[],
): MoveVerdict[] {
  const wanted = new Set(moves.map((move) => move.groupId));
  const members = new GroupMembers(
    roster,
    view.groups.filter(({ groupId }) => wanted.has(groupId)),
  );
  const groups = new Map<number, Judged>();
  for (const [g, group] of members.groups.entries()) {
    groups.set(group.groupId, {
      ...{ roster, group },
      voters: new Set(members.voters(g).map((i) => roster.idOf(i))),
      members: new Set(group.replicas.map(({ nodeId }) => nodeId)),
      hasMajority: members.spare(g) >= 0,
    });
  }
  return moves.map((move) => {
    const judged = groups.get(move.groupId);
    const verdict = judged === undefined ? obsolete('there is no such group') : judge(judged, move);
    return { move, ...verdict };
  });
}

function judge(judged: Judged, move: CarriedMove): Verdict {
  const verdict = judgeKind(judged, move);
  return verdict.standing === 'valid' && !judged.hasMajority && move.kind !== 'prefer'
    ? obsolete('the group has lost its majority')
    : verdict;
}

function judgeKind(judged: Judged, move: CarriedMove): Verdict {
  switch (move.kind) {
    case 'add':
      return judgeAdd(judged, move);
    case 'swap':
      return judgeSwap(judged, move);
    case 'remove':
      return judgeRemove(judged, move);
    case 'addLearner':
      return judgeLearner(judged, move);
    case 'promote':
      return judgePromote(judged, move);
    case 'prefer':
      return judgePrefer(judged, move);
    case 'transfer':
      return judgeTransfer(judged, move);
  }
}

/** Each node that is still to be given a copy can take one, or is taking one. */
function judgeTargets({ roster, group, voters }: Judged, move: Move): Verdict {
  for (const nodeId of move.to) {
    const i = roster.find(nodeId);
    const replica = group.replicas.find((each) => each.nodeId === nodeId);
    const isBegun = replica?.role === 'learner' && replica.failed !== true;
    // What a person wants goes to active nodes only; a draining one gets the planner's last resort.
    const isAsked = move.reason === 'Manual';
    const takes =
      i !== undefined &&
      ((roster.receives(i) && !(isAsked && roster.node(i).state !== 'active')) ||
        (isBegun && roster.holds(i)));
    if (!voters.has(nodeId) && !takes) {
      const state = i === undefined ? 'unknown' : roster.node(i).state;
      return obsolete(`node ${nodeId} takes no copies now: ${state}`);
    }
  }
  return valid;
}

/** Every node learns the catalog, one that joins or drains, too. */
function judgeLearner({ roster, members }: Judged, move: Move): Verdict {
  if (move.to.every((nodeId) => members.has(nodeId))) {
    return done;
  }
  const gone = move.to.find((nodeId) => {
    const i = roster.find(nodeId);
    return !members.has(nodeId) && (i === undefined || !roster.joins(i));
  });
  return gone === undefined ? valid : obsolete(`node ${gone} is not there`);
}

function judgeAdd(judged: Judged, move: Move): Verdict {
  const { roster, voters } = judged;
  if (move.to.every((nodeId) => voters.has(nodeId))) {
    return done;
  }
  return voters.size >= roster.factor
    ? obsolete(`the group has ${voters.size} of ${roster.factor} copies`)
    : judgeTargets(judged, move);
}

function judgeSwap(judged: Judged, move: Move): Verdict {
  const { roster, group, voters, members } = judged;
  const [from, to] = [move.from[0] ?? 0, move.to[0] ?? 0];
  if (voters.has(to) && !members.has(from)) {
    return done;
  }
  if (!members.has(from)) {
    return obsolete(`node ${from} holds no copy any more`);
  }
  const i = roster.find(from);
  const isFailed = group.replicas.some(({ nodeId, failed }) => nodeId === from && failed === true);
  const isBack = i !== undefined && roster.holds(i) && !roster.isLost(i) && !isFailed;
  if (move.reason === 'Repair' && isBack && !voters.has(to)) {
    return obsolete(`node ${from} is back with its copy`);
  }
  if (move.reason === 'Drain' && i !== undefined && roster.holds(i) && !voters.has(to)) {
    return obsolete(`node ${from} is not to be emptied any more`);
  }
  return judgeTargets(judged, move);
}

function judgeRemove({ roster, voters, members }: Judged, move: CarriedMove): Verdict {
  const there = move.from.filter((nodeId) => members.has(nodeId));
  if (there.length === 0) {
    return done;
  }
  const left = [...voters].filter((nodeId) => !there.includes(nodeId));
  if (left.length === voters.size) {
    return valid;
  }
  if (left.length < roster.factor) {
    return obsolete(`the group would be left with ${left.length} of ${roster.factor} copies`);
  }
  // One that waits may come after a swap which brings a voter that lives.
  return (move.isBegun === true ? judgeQuorum(roster, left) : undefined) ?? valid;
}

/** The voters that there would be must be able to decide. */
function judgeQuorum(roster: NodeRoster, voters: readonly NodeId[]): Verdict | undefined {
  const alive = voters.filter((nodeId) => {
    const i = roster.find(nodeId);
    return i !== undefined && roster.isAlive(i);
  });
  return 2 * alive.length <= voters.length
    ? obsolete(`it would leave ${alive.length} live of ${voters.length} voters`)
    : undefined;
}

function judgePromote(judged: Judged, move: Move): Verdict {
  const { roster, voters } = judged;
  const isDone =
    move.to.every((nodeId) => voters.has(nodeId)) &&
    move.from.every((nodeId) => !voters.has(nodeId));
  if (isDone) {
    return done;
  }
  const kept = [...voters].filter((nodeId) => !move.from.includes(nodeId));
  const after = [...new Set([...kept, ...move.to])];
  return judgeQuorum(roster, after) ?? judgeTargets(judged, move);
}

function judgePrefer({ roster, group, voters }: Judged, move: Move): Verdict {
  const to = move.to[0] ?? 0;
  if (group.preferredLeader === to) {
    return done;
  }
  const i = roster.find(to);
  return voters.has(to) && i !== undefined && roster.prefers(i)
    ? valid
    : obsolete(`node ${to} cannot be preferred now`);
}

function judgeTransfer({ roster, group, voters }: Judged, move: Move): Verdict {
  const [from, to] = [move.from[0] ?? 0, move.to[0] ?? 0];
  if (group.leader !== undefined && group.leader !== from) {
    return done;
  }
  const i = roster.find(to);
  return voters.has(to) && i !== undefined && roster.leads(i)
    ? valid
    : obsolete(`node ${to} cannot lead now`);
}
