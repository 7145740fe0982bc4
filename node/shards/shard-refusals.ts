/** What a plan for the shards could not do, told in sentences with the numbers. */
import type { Board } from './board.ts';
import type { FitProblem } from './group-fitter.ts';
import { bandOf } from './load-balancer.ts';
import { counted, makeRefusal, namedGroups, namedNodes } from './refusal.ts';
import type { Refusal } from './refusal.ts';

export interface ShardOutcome {
  readonly board: Board;
  /** Groups that could not be fitted, and why. */
  readonly problems: ReadonlyMap<number, FitProblem>;
  /** Nodes that could not be brought into their band. */
  readonly stuck: readonly number[];
  /** Loads would be evened out if nodes and shards were settled. */
  readonly waits: boolean;
  /** Groups that would be spread better over zones if nodes were settled. */
  readonly spreadWaits: ReadonlySet<number>;
}

export function refuseShards(outcome: ShardOutcome): Refusal[] {
  const all = [
    refuseLeaderless(outcome),
    refuseDrains(outcome),
    refuseShort(outcome, 'NothingToMoveTo'),
    refuseShort(outcome, 'InsufficientFreeSpace'),
    refuseBalance(outcome),
    refuseStuck(outcome),
  ];
  return all.filter((refusal) => refusal !== undefined);
}

function idsOf(board: Board, groups: readonly number[]): number[] {
  return groups.map((g) => board.members.group(g).groupId);
}

function allGroups({ groupCount }: Board): number[] {
  return Array.from({ length: groupCount }, (_, g) => g);
}

function refuseLeaderless({ board }: ShardOutcome): Refusal | undefined {
  const groups = idsOf(
    board,
    allGroups(board).filter((g) => board.pinned[g] === 1),
  );
  if (groups.length === 0) {
    return undefined;
  }
  const down = board.roster.nodes.filter((_, i) => !board.roster.isAlive(i));
  const named = down.length === 0 ? 'the nodes concerned' : namedNodes(down.map((n) => n.nodeId));
  return makeRefusal({
    reason: 'LeaderlessShards',
    message:
      `Cannot move ${counted(groups.length, 'shard')} that lost a majority of the copies ` +
      `(${namedGroups(groups)}): bring back ${named}`,
    facts: { shards: groups.length, nodesDown: down.length },
    groups,
  });
}

function refuseDrains({ board: { roster } }: ShardOutcome): Refusal | undefined {
  const kept = roster.keptDrains;
  if (kept.length === 0) {
    return undefined;
  }
  const left = roster.holderCount - kept.length;
  return makeRefusal({
    reason: 'BelowReplicationFactor',
    message:
      `Cannot drain ${namedNodes(kept)}: ${roster.factor} copies need ${roster.factor} nodes, ` +
      `and ${left} would be left`,
    facts: { copies: roster.factor, nodesLeft: left },
  });
}

/** Groups with too few copies, for one cause. */
function refuseShort({ board, problems }: ShardOutcome, cause: FitProblem): Refusal | undefined {
  const { factor, receiverCount } = board.roster;
  const short = allGroups(board).filter((g) => {
    const isOurs = (problems.get(g) ?? 'NothingToMoveTo') === cause;
    return isOurs && board.pinned[g] === 0 && (board.size(g) < factor || problems.has(g));
  });
  if (short.length === 0) {
    return undefined;
  }
  const fewest = Math.min(...short.map((g) => board.size(g)));
  const groups = idsOf(board, short);
  if (cause === 'InsufficientFreeSpace') {
    const bytes = short.reduce((sum, g) => sum + (board.bytes[g] as number), 0);
    const rooms = board.roster.nodes.map((_, i) => i).filter((i) => board.roster.receives(i));
    const most = Math.max(0, ...rooms.map((i) => board.roomBytes(i)).filter(Number.isFinite));
    return makeRefusal({
      reason: cause,
      message:
        `Cannot place copies of ${counted(short.length, 'shard')} (${namedGroups(groups)}): ` +
        `they take ${bytes} bytes, and no node that could take one has more than ${most} left`,
      facts: { shards: short.length, bytes, roomBytesMost: most },
      groups,
    });
  }
  const why =
    receiverCount < factor
      ? `${factor} copies need ${factor} nodes, and ${receiverCount} can take any`
      : `each of the ${receiverCount} nodes that take copies has one, or one that failed`;
  return makeRefusal({
    reason: cause,
    message:
      `Cannot complete ${counted(short.length, 'shard')} with as few as ${fewest} of ${factor} ` +
      `copies (${namedGroups(groups)}): ${why}`,
    facts: { shards: short.length, copies: factor, copiesFewest: fewest, nodes: receiverCount },
    groups,
  });
}

function refuseBalance({ board, waits, spreadWaits }: ShardOutcome): Refusal | undefined {
  const { roster } = board;
  const outside = roster.nodes.filter((_, i) => waits && roster.holds(i) && !isInBand(board, i));
  const what = [
    outside.length > 0 ? [`balance ${counted(outside.length, 'node')}`] : [],
    spreadWaits.size > 0 ? [`spread ${counted(spreadWaits.size, 'shard')} better`] : [],
  ].flat();
  if (what.length === 0) {
    return undefined;
  }
  const frozen = roster.nodes.filter((_, i) => roster.standing(i) === 'frozen');
  const short = allGroups(board).filter((g) => board.size(g) < roster.factor).length;
  const why =
    short > 0
      ? `${counted(short, 'shard')} must be repaired first`
      : `${namedNodes(frozen.map(({ nodeId }) => nodeId))} must be active and steady first`;
  return makeRefusal({
    reason: 'BalanceWaits',
    message: `Cannot ${what.join(' and ')} yet: ${why}`,
    facts: {
      ...{ nodes: outside.length, shards: short, spread: spreadWaits.size },
      unsettled: frozen.length,
    },
  });
}

function isInBand(board: Board, i: number): boolean {
  const { least, most } = bandOf(board.target(i));
  return board.load(i) >= least && board.load(i) <= most;
}

/** A whole placement within the bands always exists, so only room can be missing. */
function refuseStuck({ board, stuck }: ShardOutcome): Refusal | undefined {
  const outside = stuck.filter((i) => !isInBand(board, i));
  if (outside.length === 0) {
    return undefined;
  }
  const full = board.roster.nodes
    .map((_, i) => i)
    .filter((i) => board.roster.receives(i) && Number.isFinite(board.roomBytes(i)))
    .sort((a, b) => board.roomBytes(a) - board.roomBytes(b));
  const least = full[0];
  const room = least === undefined ? 0 : Math.max(0, board.roomBytes(least));
  const name = least === undefined ? 'some node' : `node ${board.roster.idOf(least)}`;
  return makeRefusal({
    reason: 'InsufficientFreeSpace',
    message:
      `Cannot balance ${namedNodes(outside.map((i) => board.roster.idOf(i)))}: ` +
      `copies have no room where they should go, ${name} has ${room} bytes left`,
    facts: { nodes: outside.length, roomBytesLeast: room },
  });
}
