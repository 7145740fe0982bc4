/**
 * The placement while a plan is made: which nodes hold which groups, how loaded each node is, what
 * has been promised to each. Groups and nodes are indexes (of `GroupMembers` and `NodeRoster`).
 *
 * It starts from the observed copies that can stay. A group that lost its majority is `pinned`: it
 * counts as load where its copies lie, and is never touched.
 *
 * Invariant: a node holds a group at most once; `loads`, the lists by node and the slots by group
 * always say the same.
 */
import { assert } from '../lib/assert.ts';
import type { GroupMembers } from './group-members.ts';
import type { NodeRoster } from './node-roster.ts';

/**
 * Steps in which the costs of copying are told apart: an eighth of a mean copy. Shards whose sizes
 * differ by less count as equal, or else a new node would always get the smallest of all shards.
 */
const costStepsPerMean = 8;

export class Board {
  readonly roster: NodeRoster;
  readonly members: GroupMembers;
  readonly groupCount: number;
  /** By node: groups that it holds. */
  readonly loads: Int32Array;
  /** By node: what it should hold; set before anything is chosen by it. */
  readonly targets: Float64Array;
  /** By group: its bytes. */
  readonly bytes: Float64Array;
  /** By group: what copying it costs, in steps; at least 1. */
  readonly costs: Float64Array;
  /** By group: 1 if nothing about it may change. */
  readonly pinned: Uint8Array;
  readonly #width: number;
  readonly #slots: Int32Array;
  readonly #sizes: Int32Array;
  /** By node: its groups that may move, in no order that means anything but a repeatable one. */
  readonly #lists: number[][];
  /** By slot: where the group stands in its node's list. */
  readonly #places: Int32Array;
  readonly #roomBytes: Float64Array;

  constructor(roster: NodeRoster, members: GroupMembers) {
    this.roster = roster;
    this.members = members;
    this.groupCount = members.groups.length;
    this.loads = new Int32Array(roster.size);
    this.targets = new Float64Array(roster.size);
    this.bytes = Float64Array.from(members.groups, (group) => group.bytes ?? 0);
    this.costs = costsOf(this.bytes);
    this.pinned = Uint8Array.from(members.groups, (_, g) => (members.spare(g) < 0 ? 1 : 0));
    const most = members.groups.reduce((max, { replicas }) => Math.max(max, replicas.length), 0);
    // A group can hold all that it has and all that it is to have.
    this.#width = most + roster.factor;
    this.#slots = new Int32Array(this.groupCount * this.#width).fill(-1);
    this.#places = new Int32Array(this.groupCount * this.#width);
    this.#sizes = new Int32Array(this.groupCount);
    this.#lists = Array.from({ length: roster.size }, () => []);
    this.#roomBytes = Float64Array.from({ length: roster.size }, (_, i) => roster.roomBytes(i));
    for (let g = 0; g < this.groupCount; g++) {
      for (const i of members.voters(g)) {
        if (this.pinned[g] === 1) {
          this.loads[i] = (this.loads[i] as number) + 1;
        } else if (roster.holds(i) && !members.isFailed(g, i)) {
          this.add(g, i);
        }
      }
    }
  }

  size(g: number): number {
    return this.#sizes[g] as number;
  }

  /** The k-th node of a group. */
  nodeAt(g: number, k: number): number {
    return this.#slots[g * this.#width + k] as number;
  }

  nodesOf(g: number): number[] {
    const from = g * this.#width;
    return Array.from(this.#slots.subarray(from, from + this.size(g)));
  }

  /** Groups on a node that may move. */
  groupsOn(i: number): readonly number[] {
    return this.#lists[i] as number[];
  }

  load(i: number): number {
    return this.loads[i] as number;
  }

  target(i: number): number {
    return this.targets[i] as number;
  }

  has(g: number, i: number): boolean {
    return this.#slotOf(g, i) >= 0;
  }

  #slotOf(g: number, i: number): number {
    const from = g * this.#width;
    const to = from + (this.#sizes[g] as number);
    for (let at = from; at < to; at++) {
      if (this.#slots[at] === i) {
        return at;
      }
    }
    return -1;
  }

  zoneCount(g: number, zone: number): number {
    const { zones } = this.roster;
    const from = g * this.#width;
    const to = from + (this.#sizes[g] as number);
    let count = 0;
    for (let at = from; at < to; at++) {
      count += zones[this.#slots[at] as number] === zone ? 1 : 0;
    }
    return count;
  }

  /** How full the node would be with one more, in its own measure (half a copy ahead). */
  fullness(i: number): number {
    return (this.load(i) + 0.5) / Math.max(this.target(i), 1e-9);
  }

  /** The node may be given the group, as far as itself is concerned: it has room and no copy. */
  isOpen(g: number, i: number): boolean {
    return (
      this.roster.receives(i) &&
      !this.has(g, i) &&
      !this.members.isBlocked(g, i) &&
      this.hasRoom(g, i)
    );
  }

  hasRoom(g: number, i: number): boolean {
    return (
      this.members.hasCopy(g, i) || (this.#roomBytes[i] as number) >= (this.bytes[g] as number)
    );
  }

  roomBytes(i: number): number {
    return this.#roomBytes[i] as number;
  }

  add(g: number, i: number): void {
    const size = this.#sizes[g] as number;
    assert(size < this.#width && !this.has(g, i), 'A node holds a group once');
    const at = g * this.#width + size;
    this.#slots[at] = i;
    this.#sizes[g] = size + 1;
    const list = this.#lists[i] as number[];
    this.#places[at] = list.length;
    list.push(g);
    this.loads[i] = (this.loads[i] as number) + 1;
    this.#take(g, i, 1);
  }

  drop(g: number, i: number): void {
    const at = this.#slotOf(g, i);
    assert(at >= 0, 'The node must hold the group');
    this.#unlist(i, this.#places[at] as number);
    const last = g * this.#width + (this.#sizes[g] as number) - 1;
    this.#slots[at] = this.#slots[last] as number;
    this.#places[at] = this.#places[last] as number;
    this.#slots[last] = -1;
    this.#sizes[g] = (this.#sizes[g] as number) - 1;
    this.loads[i] = (this.loads[i] as number) - 1;
    this.#take(g, i, -1);
  }

  move(g: number, from: number, to: number): void {
    this.drop(g, from);
    this.add(g, to);
  }

  #take(g: number, i: number, times: number): void {
    if (!this.members.hasCopy(g, i)) {
      this.#roomBytes[i] = (this.#roomBytes[i] as number) - times * (this.bytes[g] as number);
    }
  }

  #unlist(i: number, place: number): void {
    const list = this.#lists[i] as number[];
    const last = list.pop();
    assert(last !== undefined, 'The node must hold the group');
    if (place < list.length) {
      list[place] = last;
      this.#places[this.#slotOf(last, i)] = place;
    }
  }
}

function costsOf(bytes: Float64Array): Float64Array {
  const mean = bytes.reduce((sum, each) => sum + each, 0) / Math.max(bytes.length, 1);
  return bytes.map((each) => 1 + (mean > 0 ? Math.round((each / mean) * costStepsPerMean) : 0));
}
