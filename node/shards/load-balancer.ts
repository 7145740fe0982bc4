/**
 * Evens out how many groups the nodes hold, with as few copies made as can be. The spread over
 * zones stays as it is: a copy moves inside its zone, or from a zone with more than it needs to one
 * that may have more.
 *
 * Hysteresis: only nodes outside their band set anything in motion, 0.9 × target − 1 … 1.1 × target
 * + 1. They are then brought to the target itself; the others move towards theirs, never away. So
 * what comes out lies inside every band, and a second run finds nothing to do.
 *
 * Method: the placement is a flow of copies to nodes, and a move of one copy, from a node to
 * another, is an edge between the two. Nearly all of the work is direct moves from a node that has
 * too much to one that has too little. When there is none, the shortest chain of moves is found
 * breadth first: if a better placement exists there is one, and along a shortest chain no move
 * spoils another.
 */
import type { Board } from './board.ts';
import { cancelCycles } from './cycle-canceller.ts';
import type { Hop, MoveGraph } from './cycle-canceller.ts';
import { hashPair } from './hash.ts';
import { shareCeil, shareFloor } from './load-target.ts';
import type { ZoneProfile } from './zone-profile.ts';

/** How far the load of a node may be from its target before anything moves. */
export const loadBand = { ratio: 0.1, groups: 1 } as const;

/**
 * Groups of a node that are compared for one move, and for all moves together if every copy had to
 * move: a second or two. A few are enough to find one that is cheap and may go.
 */
const compared = { most: 1_024, least: 64, total: 2 ** 24 } as const;

export function bandOf(target: number): { readonly least: number; readonly most: number } {
  return {
    least: target * (1 - loadBand.ratio) - loadBand.groups,
    most: target * (1 + loadBand.ratio) + loadBand.groups,
  };
}

export class LoadBalancer {
  readonly #board: Board;
  readonly #profile: ZoneProfile;
  /** By node: the loads that it may end with. */
  readonly #least: Int32Array;
  readonly #most: Int32Array;
  readonly #nodes: readonly number[];
  readonly #comparedMax: number;
  /** Only moves that make no copy more, for now. */
  #isFree = false;
  /** Where the comparison of a long list goes on. */
  #turn = 0;

  constructor(board: Board, profile: ZoneProfile) {
    this.#board = board;
    this.#profile = profile;
    const { size } = board.roster;
    this.#least = new Int32Array(size);
    this.#most = new Int32Array(size);
    const all = Array.from({ length: size }, (_, i) => i);
    this.#nodes = all.filter((i) => board.roster.receives(i));
    const copies = Math.max(1, board.groupCount * board.roster.factor);
    const each = Math.floor(compared.total / copies);
    this.#comparedMax = Math.min(compared.most, Math.max(compared.least, each));
  }

  /**
   * Changes the board; the nodes that could not be brought where they should be. First with what
   * costs nothing (copies not made yet may go elsewhere), then with what is left to do.
   */
  run(): number[] {
    for (const isFree of this.#hasFreeMoves() ? [true, false] : [false]) {
      this.#isFree = isFree;
      this.#setGoals();
      for (let moved = true; moved;) {
        const gave = this.#relieve();
        const took = this.#fill();
        // A node that was stuck may have found a way since.
        moved = (gave || took) && this.#unsettled().length > 0;
      }
    }
    cancelCycles(this.#graph());
    return this.#unsettled();
  }

  /** Some copy is planned and not made, or made and not planned. */
  #hasFreeMoves(): boolean {
    const { groupCount, pinned, members } = this.#board;
    for (let g = 0; g < groupCount; g++) {
      const isPlanned = this.#board.nodesOf(g).every((i) => members.hasCopy(g, i));
      const isMade = members.learners(g).every((i) => this.#board.has(g, i));
      if (pinned[g] === 0 && !(isPlanned && isMade)) {
        return true;
      }
    }
    return false;
  }

  #graph(): MoveGraph {
    const board = this.#board;
    return {
      nodes: this.#nodes,
      groupsOn: (i) => board.groupsOn(i),
      canMove: (g, from, to) => this.#canMove(g, from, to),
      costOf: (g, from, to) => this.#cost(g, from, to),
      maySpare: (i) => board.load(i) > (this.#least[i] as number),
      mayTake: (i) => board.load(i) < (this.#most[i] as number),
      move: ({ g, from, to }) => {
        board.move(g, from, to);
      },
    };
  }

  #setGoals(): void {
    for (const i of this.#nodes) {
      const target = this.#board.target(i);
      const load = this.#board.load(i);
      const band = bandOf(target);
      const isInside = load >= band.least && load <= band.most;
      this.#least[i] = isInside ? Math.min(load, shareFloor(target)) : shareFloor(target);
      this.#most[i] = isInside ? Math.max(load, shareCeil(target)) : shareCeil(target);
    }
  }

  #unsettled(): number[] {
    return this.#nodes.filter((i) => this.#excess(i) > 0 || this.#lack(i) > 0);
  }

  #excess(i: number): number {
    return this.#board.load(i) - (this.#most[i] as number);
  }

  #lack(i: number): number {
    return (this.#least[i] as number) - this.#board.load(i);
  }

  /** Nodes with too much give, to those with too little first; true if any did. */
  #relieve(): boolean {
    const board = this.#board;
    const stuck = new Uint8Array(board.roster.size);
    let moved = false;
    for (;;) {
      const giver = this.#top((i) => (stuck[i] === 1 ? -Infinity : this.#excess(i)));
      if (giver < 0 || this.#excess(giver) <= 0) {
        return moved;
      }
      const needy = this.#top((i) => (this.#lack(i) > 0 ? -board.fullness(i) : -Infinity));
      if (this.#moveOne(giver, needy) || this.#give(giver)) {
        moved = true;
      } else {
        stuck[giver] = 1;
      }
    }
  }

  #give(giver: number): boolean {
    const board = this.#board;
    const takers = this.#nodes
      .filter((i) => board.load(i) < (this.#most[i] as number))
      .sort(
        (a, b) =>
          Number(this.#lack(b) > 0) - Number(this.#lack(a) > 0) ||
          board.fullness(a) - board.fullness(b) ||
          a - b,
      );
    return (
      takers.some((taker) => this.#moveOne(giver, taker)) ||
      this.#apply(this.#chainFrom(giver, (i) => board.load(i) < (this.#most[i] as number)))
    );
  }

  /** Nodes with too little take from the fullest; true if any did. */
  #fill(): boolean {
    const board = this.#board;
    const stuck = new Uint8Array(board.roster.size);
    let moved = false;
    for (;;) {
      const taker = this.#top((i) => (stuck[i] === 1 ? -Infinity : this.#lack(i)));
      if (taker < 0 || this.#lack(taker) <= 0) {
        return moved;
      }
      const gives = (i: number): boolean => board.load(i) > (this.#least[i] as number);
      const fullest = this.#top((i) => (gives(i) ? board.fullness(i) : -Infinity));
      if (this.#moveOne(fullest, taker) || this.#take(taker, gives)) {
        moved = true;
      } else {
        stuck[taker] = 1;
      }
    }
  }

  #take(taker: number, gives: (i: number) => boolean): boolean {
    const board = this.#board;
    const givers = this.#nodes
      .filter(gives)
      .sort((a, b) => board.fullness(b) - board.fullness(a) || a - b);
    return (
      givers.some((giver) => this.#moveOne(giver, taker)) ||
      this.#apply(this.#chainTo(taker, gives))
    );
  }

  /** The node with the highest value, −1 if all are −Infinity. */
  #top(value: (i: number) => number): number {
    let best = -1;
    let bestValue = -Infinity;
    for (const i of this.#nodes) {
      const each = value(i);
      if (each > bestValue) {
        best = i;
        bestValue = each;
      }
    }
    return best;
  }

  #moveOne(from: number, to: number): boolean {
    if (from < 0 || to < 0) {
      return false;
    }
    const g = this.#choose(from, to);
    if (g >= 0) {
      this.#board.move(g, from, to);
    }
    return g >= 0;
  }

  #canMove(g: number, from: number, to: number): boolean {
    const board = this.#board;
    if (!board.isOpen(g, to) || (this.#isFree && this.#cost(g, from, to) > 0)) {
      return false;
    }
    const [zoneFrom, zoneTo] = [
      board.roster.zones[from] as number,
      board.roster.zones[to] as number,
    ];
    return (
      zoneFrom === zoneTo ||
      (board.zoneCount(g, zoneFrom) > (this.#profile.least[zoneFrom] as number) &&
        board.zoneCount(g, zoneTo) < (this.#profile.most[zoneTo] as number))
    );
  }

  /** What a move adds to the bytes copied, in cost steps; nothing for a copy not made yet. */
  #cost(g: number, from: number, to: number): number {
    const { members, costs } = this.#board;
    const saved = members.hasCopy(g, from) ? 0 : 1;
    const made = members.hasCopy(g, to) ? 0 : 1;
    return (made - saved) * (costs[g] as number);
  }

  /** The group that goes: the cheapest, then by the rendezvous hash. −1 if none can. */
  #choose(from: number, to: number): number {
    const board = this.#board;
    const list = board.groupsOn(from);
    const count = Math.min(list.length, this.#comparedMax);
    const start = list.length > count ? this.#turn % list.length : 0;
    this.#turn += count;
    const nodeId = board.roster.idOf(to);
    let best = -1;
    let bestCost = Infinity;
    let bestScore = -1;
    for (let n = 0; n < count; n++) {
      const g = list[(start + n) % list.length] as number;
      const cost = this.#cost(g, from, to);
      if (cost > bestCost) {
        continue;
      }
      const score = hashPair(board.members.group(g).groupId, nodeId);
      if ((cost < bestCost || score > bestScore) && this.#canMove(g, from, to)) {
        best = g;
        bestCost = cost;
        bestScore = score;
      }
    }
    return best;
  }

  /** A shortest chain of moves from `giver` to a node that `isEnd`; empty if there is none. */
  #chainFrom(giver: number, isEnd: (i: number) => boolean): Hop[] {
    const reachedBy = new Map<number, Hop | undefined>([[giver, undefined]]);
    const open = new Set(this.#nodes);
    open.delete(giver);
    for (const from of reachedBy.keys()) {
      for (const g of this.#board.groupsOn(from)) {
        for (const to of open) {
          if (this.#canMove(g, from, to)) {
            open.delete(to);
            reachedBy.set(to, { g, from, to });
            if (isEnd(to)) {
              return walkBack(reachedBy, to, (hop) => hop.from);
            }
          }
        }
      }
    }
    return [];
  }

  /** A shortest chain of moves from a node that `isStart` to `taker`; empty if there is none. */
  #chainTo(taker: number, isStart: (i: number) => boolean): Hop[] {
    const reachedBy = new Map<number, Hop | undefined>([[taker, undefined]]);
    const open = new Set(this.#nodes);
    open.delete(taker);
    for (const to of reachedBy.keys()) {
      for (const from of open) {
        const g = this.#board.groupsOn(from).find((each) => this.#canMove(each, from, to));
        if (g !== undefined) {
          open.delete(from);
          reachedBy.set(from, { g, from, to });
          if (isStart(from)) {
            return walkBack(reachedBy, from, (hop) => hop.to);
          }
        }
      }
    }
    return [];
  }

  #apply(chain: readonly Hop[]): boolean {
    for (const { g, from, to } of chain) {
      this.#board.move(g, from, to);
    }
    return chain.length > 0;
  }
}

/** The hops from `end` back to where the search began, in this order. */
function walkBack(
  reachedBy: ReadonlyMap<number, Hop | undefined>,
  end: number,
  before: (hop: Hop) => number,
): Hop[] {
  const hops: Hop[] = [];
  for (let hop = reachedBy.get(end); hop !== undefined; hop = reachedBy.get(before(hop))) {
    hops.push(hop);
  }
  return hops;
}
