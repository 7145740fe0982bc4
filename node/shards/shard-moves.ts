/**
 * From a finished board to moves: what each shard has against what it is to have. Pairs of a copy
 * that goes and one that comes become swaps; what is left over is added, removed, or stays because
 * nothing can replace it.
 *
 * A move that was planned before comes out the same, with the same id, as long as it is wanted.
 */
import type { NodeId } from '../sys/network.ts';
import type { Board } from './board.ts';
import { makeMove, movePriorities } from './move.ts';
import type { Move, MoveReason } from './move.ts';

export interface ShardMovesOptions {
  readonly board: Board;
  /** By group: index of the node that is to lead, −1 for none. */
  readonly leaders: Int32Array;
  /** Moves of an earlier plan that are still valid. */
  readonly carried: readonly Move[];
  /** Groups whose copies were moved for the spread's sake. */
  readonly spreadMended: ReadonlySet<number>;
  /** The factor as it was before this plan. */
  readonly factorBefore: number;
}

/** One copy for another. */
interface Pair {
  readonly from: number;
  readonly to: number;
  readonly reason: MoveReason;
}

/** A move before it has its id, by index. */
interface Change {
  readonly kind: 'swap' | 'add' | 'remove';
  readonly from: readonly number[];
  readonly to: readonly number[];
  readonly reason: MoveReason;
}

/** What one group is to have, by index, the copies that must stay for want of a better included. */
export interface WantedGroup {
  readonly voters: readonly number[];
  readonly moves: readonly Move[];
}

export class ShardMoves {
  readonly #options: ShardMovesOptions;
  readonly #board: Board;
  readonly #carried = new Map<number, Move[]>();

  constructor(options: ShardMovesOptions) {
    this.#options = options;
    this.#board = options.board;
    for (const move of options.carried) {
      const moves = this.#carried.get(move.groupId) ?? [];
      moves.push(move);
      this.#carried.set(move.groupId, moves);
    }
  }

  of(g: number): WantedGroup {
    const board = this.#board;
    const { members, roster } = board;
    const voters = members.voters(g);
    const idle = members.learners(g).filter((i) => !board.has(g, i));
    const going = voters.filter((i) => !board.has(g, i));
    if (
      board.pinned[g] === 1 ||
      (going.length === 0 && idle.length === 0 && isSame(board, g, voters))
    ) {
      return { voters, moves: [] };
    }
    const coming = board.nodesOf(g).filter((i) => !members.isVoter(g, i));
    const pairs = this.#pair(g, going, coming);
    const unpaired = going.filter((i) => !pairs.some(({ from }) => from === i));
    const isEnough = board.size(g) >= roster.factor && this.#canDecide(board.nodesOf(g));
    const leaving = isEnough ? unpaired : [];
    const staying = isEnough ? [] : unpaired;
    const added = coming.filter((i) => !pairs.some(({ to }) => to === i));
    const changes = [
      ...pairs.map(({ from, to, reason }) => changeOf('swap', [from], [to], reason)),
      changeOf('add', [], added, this.#addReason),
      changeOf('remove', [...leaving, ...idle], [], 'Extra'),
    ].filter(({ from, to }) => from.length + to.length > 0);
    changes.sort((a, b) => movePriorities[a.reason] - movePriorities[b.reason]);
    const sequence = new PreferredSequence(board, g, this.#options.leaders[g] as number);
    const moves = changes.map((change) => this.#move(g, change, sequence));
    return { voters: [...board.nodesOf(g), ...staying], moves };
  }

  /** Without those that are one too many: some of those that stay may be silent. */
  #canDecide(voters: readonly number[]): boolean {
    const { roster } = this.#board;
    return 2 * voters.filter((i) => roster.isAlive(i)).length > voters.length;
  }

  get #addReason(): MoveReason {
    return this.#board.roster.factor > this.#options.factorBefore ? 'Upreplicate' : 'Repair';
  }

  /** Pairs as planned before, then within a zone, then as they come. */
  #pair(g: number, going: readonly number[], coming: readonly number[]): Pair[] {
    const { roster, members } = this.#board;
    const pairs: Pair[] = [];
    const left = [...going].sort((a, b) => a - b);
    const open = [...coming].sort((a, b) => a - b);
    const take = (from: number, to: number, before: MoveReason): void => {
      left.splice(left.indexOf(from), 1);
      open.splice(open.indexOf(to), 1);
      pairs.push({ from, to, reason: this.#reason(g, { from, to, reason: before }) });
    };
    for (const move of this.#carried.get(members.group(g).groupId) ?? []) {
      const [from, to] = [roster.find(move.from[0] ?? 0), roster.find(move.to[0] ?? 0)];
      const isSwap = move.kind === 'swap' && from !== undefined && to !== undefined;
      if (isSwap && left.includes(from) && open.includes(to)) {
        take(from, to, move.reason);
      }
    }
    for (const isSameZone of [true, false]) {
      for (const from of [...left]) {
        const to = open.find((i) => !isSameZone || roster.zones[i] === roster.zones[from]);
        if (to !== undefined) {
          take(from, to, 'Balance');
        }
      }
    }
    return pairs;
  }

  /** Why one copy goes for another; for its own sake, or the reason that it had before. */
  #reason(g: number, { from, to, reason }: Pair): MoveReason {
    const { roster, members } = this.#board;
    if (roster.isLost(from) || members.isFailed(g, from)) {
      return 'Repair';
    }
    if (!roster.holds(from)) {
      return 'Drain';
    }
    if (reason === 'Manual' || reason === 'ZoneSpread') {
      return reason;
    }
    const isMended = this.#options.spreadMended.has(g) && roster.zones[from] !== roster.zones[to];
    return isMended ? 'ZoneSpread' : 'Balance';
  }

  #move(g: number, { kind, from, to, reason }: Change, sequence: PreferredSequence): Move {
    const { roster, members } = this.#board;
    const ids = (nodes: readonly number[]): NodeId[] =>
      [...nodes].sort((a, b) => a - b).map((i) => roster.idOf(i));
    return makeMove({
      ...{ groupId: members.group(g).groupId, kind, reason, from: ids(from), to: ids(to) },
      bytes: to.reduce((sum, i) => sum + this.#bytes(g, i), 0),
      prefer: sequence.after(from, to),
    });
  }

  /** What giving the group to the node copies. */
  #bytes(g: number, i: number): number {
    const { replicas } = this.#board.members.group(g);
    const nodeId = this.#board.roster.idOf(i);
    const isThere = replicas.some(
      (replica) => replica.nodeId === nodeId && replica.caughtUp === true,
    );
    return isThere ? 0 : (this.#board.bytes[g] as number);
  }
}

function changeOf(
  kind: Change['kind'],
  from: readonly number[],
  to: readonly number[],
  reason: MoveReason,
): Change {
  return { kind, from, to, reason };
}

/** Every copy on the board votes already. */
function isSame(board: Board, g: number, voters: readonly number[]): boolean {
  return board.size(g) === voters.length;
}

/**
 * The preferred leader while the moves of a group are made one after the other: at each point one
 * of the voters, the wanted one as soon as it votes.
 */
class PreferredSequence {
  readonly #board: Board;
  readonly #voters: Set<number>;
  readonly #wanted: number;
  #now: number;

  constructor(board: Board, g: number, wanted: number) {
    this.#board = board;
    this.#voters = new Set(board.members.voters(g));
    this.#wanted = wanted;
    const { preferredLeader } = board.members.group(g);
    this.#now = preferredLeader === undefined ? -1 : (board.roster.find(preferredLeader) ?? -1);
  }

  /** The preferred leader to set with a change of voters, if it changes. */
  after(going: readonly number[], coming: readonly number[]): NodeId | undefined {
    for (const i of going) {
      this.#voters.delete(i);
    }
    for (const i of coming) {
      this.#voters.add(i);
    }
    const before = this.#now;
    if (this.#voters.has(this.#wanted)) {
      this.#now = this.#wanted;
    } else if (!this.#voters.has(before)) {
      const able = [...this.#voters].filter((i) => this.#board.roster.prefers(i));
      this.#now = able.sort((a, b) => a - b)[0] ?? before;
    }
    return this.#now === before ? undefined : this.#board.roster.idOf(this.#now);
  }
}
