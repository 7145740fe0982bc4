/**
 * The members of all shards as observed, packed by index: who votes, who learns, which groups can
 * change at all. Read only: what is planned lies in `board.ts`.
 */
import { assert, must } from '../lib/assert.ts';
import type { ViewGroup, ViewReplica } from './cluster-view.ts';
import type { NodeRoster } from './node-roster.ts';

const votesNew = 1;
const votesOld = 2;
const learns = 4;
const isFailed = 8;

function marksOf(replica: ViewReplica): number {
  const failed = replica.failed === true ? isFailed : 0;
  switch (replica.role) {
    case 'voter':
      return votesNew | votesOld | failed;
    case 'incoming':
      return votesNew | failed;
    case 'outgoing':
      return votesOld | failed;
    case 'learner':
      return learns | failed;
  }
}

export class GroupMembers {
  /** By group index, in order of their ids. */
  readonly groups: readonly ViewGroup[];
  readonly #roster: NodeRoster;
  readonly #width: number;
  /** Node indexes, −1 after the last of a group. */
  readonly #nodes: Int32Array;
  readonly #marks: Uint8Array;

  constructor(roster: NodeRoster, groups: readonly ViewGroup[]) {
    this.#roster = roster;
    this.groups = groups;
    this.#width = groups.reduce((most, group) => Math.max(most, group.replicas.length), 1);
    this.#nodes = new Int32Array(groups.length * this.#width).fill(-1);
    this.#marks = new Uint8Array(groups.length * this.#width);
    for (let g = 0; g < groups.length; g++) {
      const { replicas, groupId } = this.group(g);
      for (let k = 0; k < replicas.length; k++) {
        const replica = must(replicas[k]);
        const i = roster.indexOf(replica.nodeId);
        assert(this.#marksAt(g, i) === 0, `Node ${replica.nodeId} is in group ${groupId} twice`);
        this.#insert(g, i, marksOf(replica));
      }
    }
  }

  /** In order of the nodes: the order in the view means nothing. */
  #insert(g: number, i: number, marks: number): void {
    const first = g * this.#width;
    let at = first + this.#width - 1;
    while (
      at > first &&
      ((this.#nodes[at - 1] as number) < 0 || (this.#nodes[at - 1] as number) > i)
    ) {
      this.#nodes[at] = this.#nodes[at - 1] as number;
      this.#marks[at] = this.#marks[at - 1] as number;
      at -= 1;
    }
    this.#nodes[at] = i;
    this.#marks[at] = marks;
  }

  group(g: number): ViewGroup {
    return this.groups[g] as ViewGroup;
  }

  #marksAt(g: number, i: number): number {
    for (let at = g * this.#width; at < (g + 1) * this.#width; at++) {
      if (this.#nodes[at] === i) {
        return this.#marks[at] as number;
      }
    }
    return 0;
  }

  #select(g: number, is: (marks: number) => boolean): number[] {
    const found: number[] = [];
    for (let at = g * this.#width; at < (g + 1) * this.#width; at++) {
      if ((this.#nodes[at] as number) >= 0 && is(this.#marks[at] as number)) {
        found.push(this.#nodes[at] as number);
      }
    }
    return found;
  }

  /** Voters of the newest configuration, failed ones too. */
  voters(g: number): number[] {
    return this.#select(g, (marks) => (marks & votesNew) !== 0);
  }

  learners(g: number): number[] {
    return this.#select(g, (marks) => (marks & learns) !== 0);
  }

  /** Votes in the newest configuration, failed or not. */
  isVoter(g: number, i: number): boolean {
    return (this.#marksAt(g, i) & votesNew) !== 0;
  }

  isFailed(g: number, i: number): boolean {
    return (this.#marksAt(g, i) & isFailed) !== 0;
  }

  /** There is a copy on the node that a plan can use: giving it the group costs nothing. */
  hasCopy(g: number, i: number): boolean {
    const marks = this.#marksAt(g, i);
    return (marks & (votesNew | learns)) !== 0 && (marks & isFailed) === 0;
  }

  /** What lies on the node must go before it can be given the group. */
  isBlocked(g: number, i: number): boolean {
    const marks = this.#marksAt(g, i);
    return marks === votesOld || (marks & isFailed) !== 0;
  }

  /**
   * Healthy voters above a bare majority, in the half of the configuration that has fewer; below 0
   * if a majority is lost, and then nothing about the group can change.
   */
  spare(g: number): number {
    return Math.min(this.#spareOf(g, votesNew), this.#spareOf(g, votesOld));
  }

  #spareOf(g: number, half: number): number {
    let healthy = 0;
    let all = 0;
    for (let at = g * this.#width; at < (g + 1) * this.#width; at++) {
      const marks = this.#marks[at] as number;
      if ((marks & half) !== 0) {
        all += 1;
        healthy +=
          (marks & isFailed) === 0 && this.#roster.isAlive(this.#nodes[at] as number) ? 1 : 0;
      }
    }
    return healthy - (Math.floor(all / 2) + 1);
  }
}
