/**
 * Spreads the preferred leaders over the nodes that hold the groups, by weight. It copies nothing:
 * a preference is a row in the catalog, and a leadership follows it by transfer.
 *
 * Hysteresis as for loads: only a node outside its band sets anything in motion and is then
 * brought to its share, over other nodes if need be: "leads a group that also lies on", breadth
 * first. A leadership only moves to a node that is emptier in its own measure even then, so each
 * chain evens things, and it ends.
 */
import { assert } from '../lib/assert.ts';
import type { Board } from './board.ts';
import { bandOf } from './load-balancer.ts';
import { fillByWeight, shareCeil, shareFloor } from './load-target.ts';

/** One leadership that may go on. */
interface Hop {
  readonly g: number;
  readonly from: number;
  readonly to: number;
}

/** Who prefers whom, and how many each node leads. */
export class LeaderBalancer {
  readonly #board: Board;
  /** By group: the preferred leader, −1 if nobody can be. */
  readonly leaders: Int32Array;
  /** By node: how many groups it is to lead, and those of them that may go on. */
  readonly #counts: Int32Array;
  readonly #lists: Set<number>[];

  /** `leaders` as they are, −1 for none; each must hold its group. */
  constructor(board: Board, leaders: Int32Array) {
    this.#board = board;
    this.leaders = leaders;
    this.#counts = new Int32Array(board.roster.size);
    this.#lists = Array.from({ length: board.roster.size }, () => new Set<number>());
    for (let g = 0; g < leaders.length; g++) {
      const i = leaders[g] as number;
      if (i >= 0) {
        this.#count(i, 1);
        if (board.pinned[g] === 0) {
          (this.#lists[i] as Set<number>).add(g);
        }
      }
    }
  }

  #count(i: number, by: number): void {
    this.#counts[i] = (this.#counts[i] as number) + by;
  }

  #led(i: number): number {
    return this.#counts[i] as number;
  }

  #weight(i: number): number {
    return this.#board.roster.weights[i] as number;
  }

  #move(g: number, to: number): void {
    const from = this.leaders[g] as number;
    assert(from >= 0 && this.#board.has(g, to), 'A leadership goes from a holder to a holder');
    this.leaders[g] = to;
    this.#count(from, -1);
    this.#count(to, 1);
    (this.#lists[from] as Set<number>).delete(g);
    (this.#lists[to] as Set<number>).add(g);
  }

  /** Gives a leader to a group that has none: the node that leads least, in its own measure. */
  choose(g: number): void {
    assert((this.leaders[g] as number) < 0, 'The group must be without a leader');
    let best = -1;
    let bestFull = Infinity;
    for (const i of this.#board.nodesOf(g).sort((a, b) => a - b)) {
      const full = (this.#led(i) + 0.5) / this.#weight(i);
      if (this.#board.roster.prefers(i) && full < bestFull) {
        best = i;
        bestFull = full;
      }
    }
    if (best >= 0) {
      this.leaders[g] = best;
      this.#count(best, 1);
      (this.#lists[best] as Set<number>).add(g);
    }
  }

  /** Evens out what lies outside the bands. */
  run(): void {
    const { roster } = this.#board;
    const nodes = Array.from({ length: roster.size }, (_, i) => i).filter((i) => roster.prefers(i));
    const shares = fillByWeight({
      weights: nodes.map((i) => this.#weight(i)),
      caps: nodes.map((i) => this.#board.load(i)),
      total: nodes.reduce((sum, i) => sum + this.#led(i), 0),
    });
    // Who helped out may be outside its own band now: again, until nothing moves.
    for (let moved = true; moved;) {
      moved = false;
      for (const [n, i] of nodes.entries()) {
        moved = this.#settle(i, shares[n] as number) || moved;
      }
    }
  }

  /** Brings a node that is outside its band to its share, as far as that evens things. */
  #settle(i: number, share: number): boolean {
    const band = bandOf(share);
    const [isOver, isUnder] = [this.#led(i) > band.most, this.#led(i) < band.least];
    let moved = false;
    while (isOver && this.#led(i) > shareCeil(share) && this.#relieve(i)) {
      moved = true;
    }
    while (isUnder && this.#led(i) < shareFloor(share) && this.#fill(i)) {
      moved = true;
    }
    return moved;
  }

  /** One leadership less for `from`, one more for `to` evens the two. */
  #evens(from: number, to: number): boolean {
    return (this.#led(to) + 1) / this.#weight(to) < this.#led(from) / this.#weight(from);
  }

  /** Moves one leadership away from `giver`, to the nearest node for which that is better. */
  #relieve(giver: number): boolean {
    const { roster } = this.#board;
    const reachedBy = new Map<number, Hop | undefined>([[giver, undefined]]);
    for (const from of reachedBy.keys()) {
      for (const g of this.#lists[from] as Set<number>) {
        for (let k = 0; k < this.#board.size(g); k++) {
          const to = this.#board.nodeAt(g, k);
          if (reachedBy.has(to) || !roster.prefers(to)) {
            continue;
          }
          reachedBy.set(to, { g, from, to });
          if (this.#evens(giver, to)) {
            this.#follow(reachedBy, to, (hop) => hop.from);
            return true;
          }
        }
      }
    }
    return false;
  }

  /** Moves one leadership to `taker`, from the nearest node for which that is better. */
  #fill(taker: number): boolean {
    const reachedBy = new Map<number, Hop | undefined>([[taker, undefined]]);
    for (const to of reachedBy.keys()) {
      for (const g of this.#board.groupsOn(to)) {
        const from = this.leaders[g] as number;
        if (from < 0 || reachedBy.has(from)) {
          continue;
        }
        reachedBy.set(from, { g, from, to });
        if (this.#evens(from, taker)) {
          this.#follow(reachedBy, from, (hop) => hop.to);
          return true;
        }
      }
    }
    return false;
  }

  /** Makes the moves from `end` back to where the search began. */
  #follow(
    reachedBy: ReadonlyMap<number, Hop | undefined>,
    end: number,
    before: (hop: Hop) => number,
  ): void {
    for (let hop = reachedBy.get(end); hop !== undefined; hop = reachedBy.get(before(hop))) {
      this.#move(hop.g, hop.to);
    }
  }
}
