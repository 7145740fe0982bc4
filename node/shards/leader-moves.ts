/**
 * Moves of leadership: preferences to write into the catalog, and transfers where the leader of
 * the moment must not stay, or one node leads far more than its share. A leader that merely is not
 * the preferred one comes home by itself (`manager/leader-home.ts`).
 */
import type { Board } from './board.ts';
import { bandOf } from './load-balancer.ts';
import { fillByWeight, shareCeil, shareFloor } from './load-target.ts';
import { makeMove } from './move.ts';
import type { Move, MoveReason } from './move.ts';

export interface LeaderMovesOptions {
  readonly board: Board;
  /** By group: index of the node that is to lead, −1 for none. */
  readonly leaders: Int32Array;
  /** Groups whose copies move: these moves set the preference. */
  readonly movingGroups: ReadonlySet<number>;
  readonly mayBalance: boolean;
}

export class LeaderMoves {
  readonly #options: LeaderMovesOptions;
  readonly #board: Board;
  /** By node: groups that it leads now, transfers planned so far counted in. */
  readonly #led: Int32Array;
  readonly #moves: Move[] = [];

  constructor(options: LeaderMovesOptions) {
    this.#options = options;
    this.#board = options.board;
    this.#led = new Int32Array(options.board.roster.size);
    for (let g = 0; g < this.#board.groupCount; g++) {
      this.#countLed(this.#leaderOf(g), 1);
    }
  }

  plan(): Move[] {
    for (let g = 0; g < this.#board.groupCount; g++) {
      if (this.#board.pinned[g] === 0) {
        this.#planGroup(g);
      }
    }
    if (this.#options.mayBalance) {
      this.#evenOut();
    }
    return this.#moves;
  }

  #countLed(i: number, by: number): void {
    if (i >= 0) {
      this.#led[i] = (this.#led[i] as number) + by;
    }
  }

  #leaderOf(g: number): number {
    const { leader } = this.#board.members.group(g);
    return leader === undefined ? -1 : (this.#board.roster.find(leader) ?? -1);
  }

  #preferredOf(g: number): number {
    const { preferredLeader } = this.#board.members.group(g);
    return preferredLeader === undefined ? -1 : (this.#board.roster.find(preferredLeader) ?? -1);
  }

  #wantedOf(g: number): number {
    return this.#options.leaders[g] as number;
  }

  #planGroup(g: number): void {
    const { roster, members } = this.#board;
    const [leader, preferred, wanted] = [
      this.#leaderOf(g),
      this.#preferredOf(g),
      this.#wantedOf(g),
    ];
    const isHomeless =
      preferred < 0 || !roster.prefers(preferred) || !members.isVoter(g, preferred);
    const mustGo = leader >= 0 && roster.isAlive(leader) && !roster.leads(leader);
    const next = isHomeless || mustGo ? this.#next(g) : -1;
    // With a copy that moves, the preference changes when that is done. Only a node that is to be
    // emptied must not wait: it would be given back the leaderships that it hands over.
    const isMoving = this.#options.movingGroups.has(g);
    if (isHomeless && next >= 0 && (!isMoving || (preferred >= 0 && roster.isAlive(preferred)))) {
      this.#push(g, 'prefer', preferred, next, this.#reasonOf(preferred));
    } else if (!isHomeless && !isMoving && wanted >= 0 && wanted !== preferred) {
      this.#push(g, 'prefer', preferred, wanted, 'LeaderBalance');
    }
    if (mustGo && next >= 0) {
      this.#transfer(g, next, this.#reasonOf(leader));
    }
  }

  #reasonOf(i: number): MoveReason {
    const { roster } = this.#board;
    if (i < 0) {
      return 'LeaderBalance';
    }
    if (roster.isLost(i)) {
      return 'Repair';
    }
    return roster.prefers(i) ? 'Evict' : 'Drain';
  }

  /** A voter that can lead at once: the one that is to, else who leads least. −1 if none. */
  #next(g: number): number {
    const { roster, members } = this.#board;
    const ready = members.voters(g).filter((i) => roster.leads(i) && !members.isFailed(g, i));
    const staying = ready.filter((i) => this.#board.has(g, i));
    const [first] = [this.#wantedOf(g), this.#preferredOf(g)].filter((i) => staying.includes(i));
    if (first !== undefined) {
      return first;
    }
    const full = (i: number): number => (this.#led[i] as number) / (roster.weights[i] as number);
    const open = staying.length > 0 ? staying : ready;
    return open.sort((a, b) => full(a) - full(b) || a - b)[0] ?? -1;
  }

  #push(
    g: number,
    kind: 'prefer' | 'transfer',
    from: number,
    to: number,
    reason: MoveReason,
  ): void {
    const { roster, members } = this.#board;
    this.#moves.push(
      makeMove({
        ...{ groupId: members.group(g).groupId, kind, bytes: 0, reason },
        ...{ from: from < 0 ? [] : [roster.idOf(from)], to: [roster.idOf(to)] },
      }),
    );
  }

  #transfer(g: number, to: number, reason: MoveReason): void {
    const from = this.#leaderOf(g);
    this.#push(g, 'transfer', from, to, reason);
    this.#countLed(from, -1);
    this.#countLed(to, 1);
  }

  /**
   * Sends leaderships home where a node leads far more or far less than its share. Others that are
   * not at home come back by themselves, in their own time.
   */
  #evenOut(): void {
    const { roster, groupCount } = this.#board;
    const nodes = roster.nodes.map((_, i) => i).filter((i) => roster.leads(i));
    const shares = fillByWeight({
      weights: nodes.map((i) => roster.weights[i] as number),
      caps: nodes.map((i) => this.#board.load(i)),
      total: nodes.reduce((sum, i) => sum + (this.#led[i] as number), 0),
    });
    const most = new Map<number, number>();
    const least = new Map<number, number>();
    for (const [n, i] of nodes.entries()) {
      const share = shares[n] as number;
      const band = bandOf(share);
      const led = this.#led[i] as number;
      most.set(i, led > band.most ? shareCeil(share) : Infinity);
      least.set(i, led < band.least ? shareFloor(share) : 0);
    }
    for (let g = 0; g < groupCount; g++) {
      const from = this.#leaderOf(g);
      const home = this.#preferredOf(g);
      const isAway = from >= 0 && home >= 0 && home !== from && home === this.#wantedOf(g);
      const isOver = (this.#led[from] as number) > (most.get(from) ?? Infinity);
      const isUnder = (this.#led[home] as number) < (least.get(home) ?? 0);
      if (isAway && (isOver || isUnder) && roster.leads(from) && this.#isReady(g, home)) {
        this.#transfer(g, home, 'LeaderBalance');
      }
    }
  }

  #isReady(g: number, i: number): boolean {
    const { roster, members, pinned } = this.#board;
    return pinned[g] === 0 && roster.leads(i) && members.isVoter(g, i) && !members.isFailed(g, i);
  }
}
