/**
 * The moves of the system group: every node a learner at least, the chosen ones voters (who, is
 * `system-voters.ts`'s choice). No copy of a voter is made: voters are promoted from learners.
 *
 * Voters are chosen for one change at a time. What would be chosen while another change is under
 * way starts from voters that are about to be others: together the two may leave fewer than either.
 */
import { assert } from '../lib/assert.ts';
import type { NodeId } from '../sys/network.ts';
import type { ViewGroup } from './cluster-view.ts';
import { GroupMembers } from './group-members.ts';
import { makeMove } from './move.ts';
import type { Move, MoveKind, MoveReason } from './move.ts';
import type { NodeRoster } from './node-roster.ts';
import { makeRefusal, namedNodes } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { SystemVoters } from './system-voters.ts';

export interface SystemPlan {
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly preferredLeader: NodeId | undefined;
  readonly moves: readonly Move[];
  readonly refusals: readonly Refusal[];
}

interface SystemMove {
  readonly kind: MoveKind;
  readonly from?: readonly number[];
  readonly to?: readonly number[];
  readonly reason: MoveReason;
}

export class SystemPlanner {
  readonly #roster: NodeRoster;
  readonly #group: ViewGroup;
  readonly #members: GroupMembers;
  readonly #now: readonly number[];
  readonly #learners: readonly number[];
  readonly #underWay: Move | undefined;
  readonly #moves: Move[] = [];
  readonly #refusals: Refusal[] = [];

  /** `underWay`: a change of voters that was begun, still makes sense, and is not done. */
  constructor(roster: NodeRoster, group: ViewGroup, underWay?: Move) {
    this.#roster = roster;
    this.#group = group;
    this.#underWay = underWay;
    this.#members = new GroupMembers(roster, [group]);
    this.#now = this.#members.voters(0);
    this.#learners = this.#members.learners(0);
  }

  plan(): SystemPlan {
    if (this.#members.spare(0) < 0) {
      this.#refuseLeaderless();
      return this.#result(this.#now, this.#group.preferredLeader);
    }
    const { wanted, voters: chosen, kept } = new SystemVoters(this.#roster, this.#members).choose();
    const from = this.#underWay?.from ?? [];
    const stuck = kept.filter((i) => !from.includes(this.#roster.idOf(i)));
    if (stuck.length > 0) {
      this.#refuseKept(stuck, wanted);
    }
    const voters = this.#underWay === undefined ? chosen : this.#votersAfter(this.#underWay);
    const preferredLeader = this.#lead(voters);
    this.#addLearners(voters);
    if (this.#underWay === undefined) {
      this.#moveVoters(voters);
    } else {
      this.#moves.push(this.#underWay);
    }
    this.#removeGone(voters);
    return this.#result(voters, preferredLeader);
  }

  #votersAfter({ from, to }: Move): number[] {
    const left = this.#now.filter((i) => !from.includes(this.#roster.idOf(i)));
    return [...new Set([...left, ...to.map((nodeId) => this.#roster.indexOf(nodeId))])];
  }

  #ids(nodes: readonly number[]): NodeId[] {
    return [...nodes].sort((a, b) => a - b).map((i) => this.#roster.idOf(i));
  }

  #push({ kind, from = [], to = [], reason }: SystemMove): void {
    const bytes = kind === 'addLearner' ? (this.#group.bytes ?? 0) : 0;
    const { groupId } = this.#group;
    const ends = { from: this.#ids(from), to: this.#ids(to) };
    this.#moves.push(makeMove({ groupId, kind, ...ends, bytes, reason }));
  }

  #result(voters: readonly number[], preferredLeader: NodeId | undefined): SystemPlan {
    const all = this.#roster.nodes.map((_, i) => i);
    const learners = all.filter((i) => !voters.includes(i) && this.#belongs(i));
    return {
      voters: this.#ids(voters),
      learners: this.#ids(learners),
      preferredLeader,
      moves: this.#moves,
      refusals: this.#refusals,
    };
  }

  #isMember(i: number): boolean {
    return this.#now.includes(i) || this.#learners.includes(i);
  }

  /** Every node belongs to the group until it is removed; one that is down is not added, though. */
  #belongs(i: number): boolean {
    const { state } = this.#roster.node(i);
    return state !== 'removed' && (this.#isMember(i) || this.#roster.joins(i));
  }

  #addLearners(voters: readonly number[]): void {
    for (let i = 0; i < this.#roster.size; i++) {
      const isNew = (this.#belongs(i) || voters.includes(i)) && !this.#isMember(i);
      if (isNew && !this.#members.isBlocked(0, i)) {
        this.#push({ kind: 'addLearner', to: [i], reason: 'Upreplicate' });
      }
    }
  }

  #reasonToGo(i: number): MoveReason {
    if (this.#roster.isLost(i) || this.#members.isFailed(0, i)) {
      return 'Repair';
    }
    return this.#roster.holds(i) ? 'ZoneSpread' : 'Drain';
  }

  /** One joint change for each voter replaced; then one for those that are only added, or go. */
  #moveVoters(voters: readonly number[]): void {
    const order: readonly MoveReason[] = ['Repair', 'Drain', 'ZoneSpread'];
    const rank = (i: number): number => order.indexOf(this.#reasonToGo(i));
    const going = this.#now
      .filter((i) => !voters.includes(i))
      .sort((a, b) => rank(a) - rank(b) || a - b);
    const coming = voters.filter((i) => !this.#now.includes(i));
    while (going.length > 0 && coming.length > 0) {
      const from = going.splice(0, 1);
      const to = coming.splice(0, 1);
      this.#push({
        kind: 'promote',
        from,
        to,
        reason: from.map((i) => this.#reasonToGo(i))[0] ?? 'Repair',
      });
    }
    if (coming.length > 0) {
      this.#push({ kind: 'promote', to: coming, reason: 'Upreplicate' });
    }
    this.#demote(going);
  }

  /** Takes the votes that are one too many, as far as those left can decide: dead ones first. */
  #demote(going: readonly number[]): void {
    const from = [...going];
    while (from.length > 0 && !this.#canDecideWithout(from)) {
      from.pop();
    }
    const [first] = from;
    if (first !== undefined) {
      this.#push({ kind: 'promote', from, reason: this.#reasonToGo(first) });
    }
    if (from.length < going.length) {
      this.#refuseNeeded(going.slice(from.length));
    }
  }

  #canDecideWithout(from: readonly number[]): boolean {
    const left = this.#now.filter((i) => !from.includes(i));
    return 2 * left.filter((i) => this.#roster.isAlive(i)).length > left.length;
  }

  /** A removed node is a member no longer, once it does not vote. */
  #removeGone(voters: readonly number[]): void {
    for (const i of [...this.#now, ...this.#learners]) {
      const isGone = this.#roster.node(i).state === 'removed';
      if ((isGone || this.#members.isFailed(0, i)) && !voters.includes(i)) {
        this.#push({ kind: 'remove', from: [i], reason: 'Extra' });
      }
    }
  }

  /** The preferred leader, and a transfer if the leader must not lead. */
  #lead(voters: readonly number[]): NodeId | undefined {
    const roster = this.#roster;
    const { leader, preferredLeader } = this.#group;
    const able = this.#ids(voters.filter((i) => roster.prefers(i)));
    const likes = (nodeId: NodeId | undefined): nodeId is NodeId =>
      nodeId !== undefined && able.includes(nodeId);
    const ready = this.#ids(voters.filter((i) => this.#now.includes(i) && roster.leads(i)));
    const others = [ready[0], able[0], preferredLeader];
    const wanted = [preferredLeader, leader].find(likes) ?? others.find((id) => id !== undefined);
    const next = ready.find((nodeId) => nodeId === wanted) ?? ready[0];
    const leading = leader === undefined ? undefined : roster.find(leader);
    // Who is to vote only once a move is done is preferred only then.
    const votes = wanted !== undefined && this.#now.includes(this.#roster.indexOf(wanted));
    if (votes && wanted !== preferredLeader) {
      const to = [roster.indexOf(wanted)];
      const before = preferredLeader === undefined ? undefined : roster.find(preferredLeader);
      this.#push({
        ...{ kind: 'prefer', to, from: before === undefined ? [] : [before] },
        reason: before !== undefined && roster.isLost(before) ? 'Repair' : 'Drain',
      });
    }
    const mustGo = leading !== undefined && roster.isAlive(leading) && !roster.leads(leading);
    if (mustGo && next !== undefined && next !== leader) {
      const reason = roster.holds(leading) ? 'Evict' : 'Drain';
      this.#push({ kind: 'transfer', from: [leading], to: [roster.indexOf(next)], reason });
    }
    return wanted;
  }

  #refuseLeaderless(): void {
    const ids = this.#ids(this.#now);
    this.#refusals.push(
      makeRefusal({
        reason: 'LeaderlessShards',
        message:
          'Cannot change the system group, as it has lost a majority of its voters: ' +
          namedNodes(ids),
        facts: { voters: ids.length },
        groups: [this.#group.groupId],
      }),
    );
  }

  #refuseNeeded(needed: readonly number[]): void {
    this.#refusals.push(
      makeRefusal({
        reason: 'NoEligibleNode',
        message:
          `Cannot take the vote in the system group from ${namedNodes(this.#ids(needed))}: ` +
          'too few of the other voters answer',
        facts: { voters: this.#now.length, missing: needed.length },
        groups: [this.#group.groupId],
      }),
    );
  }

  #refuseKept(kept: readonly number[], wanted: number): void {
    assert(kept.length > 0);
    this.#refusals.push(
      makeRefusal({
        reason: 'NoEligibleNode',
        message:
          `Cannot replace ${namedNodes(this.#ids(kept))} as voter of the system group: ` +
          `${wanted} voters are wanted, and no other node can be one`,
        facts: { voters: wanted, missing: kept.length },
        groups: [this.#group.groupId],
      }),
    );
  }
}
