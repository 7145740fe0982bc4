/**
 * Brings one group to the right number of copies and the best spread over zones, with as few
 * copies made as can be: what is lost or leaving is already gone from the board, so copies are
 * added where the zones want them, on the node that needs load most; what is too many goes.
 *
 * While nodes are unsettled (frozen) only repairs are made: the spread is as good as the nodes
 * that receive now allow, and is mended when the others are back.
 */
import type { Board } from './board.ts';
import { hashPair } from './hash.ts';
import type { ZoneProfile } from './zone-profile.ts';

/** Why a group could not be brought to what is wanted. */
export type FitProblem = 'NothingToMoveTo' | 'InsufficientFreeSpace';

export interface FitterOptions {
  readonly board: Board;
  readonly profile: ZoneProfile;
  /** Copies of each group: the factor, or fewer if there are fewer nodes. */
  readonly copies: number;
  /** All nodes may be moved to and from: the spread may be mended. */
  readonly isSettled: boolean;
}

export class GroupFitter {
  readonly #board: Board;
  readonly #profile: ZoneProfile;
  readonly #copies: number;
  readonly #isSettled: boolean;
  readonly #receivers: readonly number[];
  /** Copies by zone of the group at hand; all 0 in between. */
  readonly #counts: Int32Array;
  /** Zones that must have copies of every group, and how many copies that is. */
  readonly #needyZones: readonly number[];
  readonly #neededTotal: number;
  /** Groups whose copies were moved for the spread's sake. */
  readonly spreadMended = new Set<number>();
  /** Groups whose spread is to be mended once the nodes are settled. */
  readonly spreadWaits = new Set<number>();

  constructor({ board, profile, copies, isSettled }: FitterOptions) {
    this.#board = board;
    this.#profile = profile;
    this.#copies = copies;
    this.#isSettled = isSettled;
    const { roster } = board;
    const all = Array.from({ length: roster.size }, (_, i) => i);
    this.#receivers = all.filter((i) => roster.receives(i));
    this.#counts = new Int32Array(roster.zoneCount);
    const zones = Array.from({ length: roster.zoneCount }, (_, zone) => zone);
    this.#needyZones = zones.filter((zone) => (profile.least[zone] as number) > 0);
    this.#neededTotal = profile.least.reduce((sum, each) => sum + each, 0);
  }

  /** Changes the board; says what it could not do. */
  fit(g: number): FitProblem | undefined {
    const board = this.#board;
    this.#count(g, 1);
    while (board.size(g) > this.#copies) {
      this.#drop(g);
    }
    let problem: FitProblem | undefined;
    while (problem === undefined && board.size(g) < this.#copies) {
      problem = this.#add(g);
    }
    if (problem === undefined && !this.#isSettled && !this.#isBest(g)) {
      this.spreadWaits.add(g);
    }
    while (problem === undefined && this.#isSettled && !this.#isBest(g)) {
      problem = this.#mendSpread(g);
      this.spreadMended.add(g);
    }
    if (board.size(g) < board.roster.factor) {
      this.#keepOdd(g);
    }
    this.#count(g, -1);
    return problem;
  }

  /**
   * A group that must do with fewer copies gets none that would make its voters even in number:
   * they would be no safer than one less.
   */
  #keepOdd(g: number): void {
    const board = this.#board;
    const voters = board.members.voters(g);
    const coming = board.nodesOf(g).filter((i) => !board.members.isVoter(g, i));
    const replaced = voters.filter((i) => !board.has(g, i)).length;
    const last = coming.at(-1);
    if (last !== undefined && coming.length > replaced) {
      const after = voters.length + coming.length - replaced;
      if (after % 2 === 0) {
        this.#bump(this.#zone(last), -1);
        board.drop(g, last);
      }
    }
  }

  #zone(i: number): number {
    return this.#board.roster.zones[i] as number;
  }

  #count(g: number, sign: 1 | -1): void {
    for (let k = 0; k < this.#board.size(g); k++) {
      this.#bump(this.#zone(this.#board.nodeAt(g, k)), sign);
    }
  }

  #bump(zone: number, by: number): void {
    this.#counts[zone] = (this.#counts[zone] as number) + by;
  }

  #isBest(g: number): boolean {
    const { most } = this.#profile;
    for (let k = 0; k < this.#board.size(g); k++) {
      const zone = this.#zone(this.#board.nodeAt(g, k));
      if ((this.#counts[zone] as number) > (most[zone] as number)) {
        return false;
      }
    }
    return this.#neededNow() === 0;
  }

  /** Copies that zones still must get. */
  #neededNow(): number {
    let needed = this.#neededTotal;
    for (const zone of this.#needyZones) {
      needed -= Math.min(this.#counts[zone] as number, this.#profile.least[zone] as number);
    }
    return needed;
  }

  /**
   * Takes one copy away: one that does not answer, else where the zone has most above its need,
   * else one that is only planned or learning, else on the fullest node.
   */
  #drop(g: number): void {
    const board = this.#board;
    const { least } = this.#profile;
    let worst = -1;
    let worstKey: readonly number[] = [];
    for (let k = 0; k < board.size(g); k++) {
      const i = board.nodeAt(g, k);
      const zone = this.#zone(i);
      const key = [
        board.roster.isAlive(i) ? 0 : 1,
        (this.#counts[zone] as number) - (least[zone] as number),
        board.members.hasCopy(g, i) ? 0 : 1,
        board.members.isVoter(g, i) ? 0 : 1,
        board.fullness(i),
        i,
      ];
      if (worst < 0 || isAbove(key, worstKey)) {
        worst = i;
        worstKey = key;
      }
    }
    this.#bump(this.#zone(worst), -1);
    board.drop(g, worst);
  }

  #add(g: number): FitProblem | undefined {
    const { least, most } = this.#profile;
    const missing = this.#copies - this.#board.size(g);
    const limits = this.#neededNow() >= missing ? least : most;
    const inProfile = this.#pick(
      g,
      (zone) => (this.#counts[zone] as number) < (limits[zone] as number),
    );
    // No room, or nodes that do not receive now: any node is better than a copy less.
    const picked = inProfile < 0 ? this.#pickEmptiestZone(g) : inProfile;
    if (picked < 0) {
      return this.#why(g);
    }
    this.#board.add(g, picked);
    this.#bump(this.#zone(picked), 1);
    return undefined;
  }

  #pickEmptiestZone(g: number): number {
    let fewest = Infinity;
    for (const i of this.#receivers) {
      if (this.#board.isOpen(g, i)) {
        fewest = Math.min(fewest, this.#counts[this.#zone(i)] as number);
      }
    }
    return this.#pick(g, (zone) => this.#counts[zone] === fewest);
  }

  /**
   * The node that should be given the group, −1 if none can: one that has a copy already, then the
   * emptiest in its own measure, then by the rendezvous hash, which differs from group to group.
   */
  #pick(g: number, isZoneOpen: (zone: number) => boolean): number {
    const board = this.#board;
    const { groupId } = board.members.group(g);
    let best = -1;
    let bestHas = false;
    let bestFull = Infinity;
    for (const i of this.#receivers) {
      const fullness = board.fullness(i);
      const has = board.members.hasCopy(g, i);
      if ((bestHas && !has) || (bestHas === has && fullness > bestFull)) {
        continue;
      }
      if (!isZoneOpen(this.#zone(i)) || !board.isOpen(g, i)) {
        continue;
      }
      const ties = bestHas === has && fullness === bestFull;
      if (!ties || this.#score(groupId, i) > this.#score(groupId, best)) {
        best = i;
        bestHas = has;
        bestFull = fullness;
      }
    }
    return best;
  }

  #score(groupId: number, i: number): number {
    return hashPair(groupId, this.#board.roster.idOf(i));
  }

  #mendSpread(g: number): FitProblem | undefined {
    const board = this.#board;
    const { least, most } = this.#profile;
    const count = (zone: number): number => this.#counts[zone] as number;
    const isOver = this.#board.nodesOf(g).some((i) => {
      return count(this.#zone(i)) > (most[this.#zone(i)] as number);
    });
    const givers = isOver ? most : least;
    const takers = this.#neededNow() > 0 ? least : most;
    let from = -1;
    for (let k = 0; k < board.size(g); k++) {
      const i = board.nodeAt(g, k);
      const gives = count(this.#zone(i)) > (givers[this.#zone(i)] as number);
      if (gives && (from < 0 || board.fullness(i) > board.fullness(from))) {
        from = i;
      }
    }
    const to = this.#pick(g, (zone) => count(zone) < (takers[zone] as number));
    if (from < 0 || to < 0) {
      return this.#why(g);
    }
    board.move(g, from, to);
    this.#bump(this.#zone(from), -1);
    this.#bump(this.#zone(to), 1);
    return undefined;
  }

  #why(g: number): FitProblem {
    const board = this.#board;
    const isFull = this.#receivers.some((i) => !board.has(g, i) && !board.hasRoom(g, i));
    return isFull ? 'InsufficientFreeSpace' : 'NothingToMoveTo';
  }
}

function isAbove(key: readonly number[], than: readonly number[]): boolean {
  for (let at = 0; at < key.length; at++) {
    const difference = (key[at] as number) - (than[at] as number);
    if (difference !== 0) {
      return difference > 0;
    }
  }
  return false;
}
