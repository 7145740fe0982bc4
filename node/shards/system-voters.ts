/**
 * Who votes in the system group: up to five nodes, spread over the zones. Voters grow 1 → 3 → 5
 * with the nodes. They become fewer only because a person takes nodes away (drains or removes
 * them), and never fewer than the copies of a shard. A death alone changes no count: the dead voter
 * stays in the configuration until a learner can take its place.
 */
import { must } from '../lib/assert.ts';
import type { NodeId } from '../sys/network.ts';
import type { ViewReplica } from './cluster-view.ts';
import { GroupMembers } from './group-members.ts';
import { systemGroupId } from './groups.ts';
import { hashPair } from './hash.ts';
import { NodeRoster } from './node-roster.ts';
import { effectiveReplication } from './placement.ts';
import { zoneProfile } from './zone-profile.ts';

/** Voters at most: two may fail at once, and each more would slow every commit. */
export const systemVotersMax = 5;

export interface VoterChoice {
  /** Voters there should be; more than `voters` if there are too few nodes. */
  readonly wanted: number;
  /** Nodes that are to vote, by index. */
  readonly voters: readonly number[];
  /** Of these: voters that should go, and stay as nobody can take their place. */
  readonly kept: readonly number[];
}

export class SystemVoters {
  readonly #roster: NodeRoster;
  readonly #members: GroupMembers;
  readonly #now: readonly number[];
  /** Nodes that may vote from now on. */
  readonly #able: readonly number[];
  readonly #chosen: Set<number>;

  /** `members` holds the system group alone. */
  constructor(roster: NodeRoster, members: GroupMembers) {
    this.#roster = roster;
    this.#members = members;
    this.#now = members.voters(0);
    const all = roster.nodes.map((_, i) => i);
    this.#able = all.filter((i) => (this.#now.includes(i) ? this.#mayStay(i) : this.#mayJoin(i)));
    this.#chosen = new Set(this.#now.filter((i) => this.#mayStay(i)));
  }

  #mayStay(i: number): boolean {
    return this.#roster.holds(i) && !this.#members.isFailed(0, i);
  }

  #mayJoin(i: number): boolean {
    return (
      this.#roster.receives(i) &&
      this.#roster.node(i).systemVoter !== false &&
      !this.#members.isBlocked(0, i)
    );
  }

  choose(): VoterChoice {
    const wanted = this.#wantedCount();
    const count = Math.min(wanted, this.#able.length);
    const able = new Set(this.#able);
    const profile = zoneProfile(
      this.#roster.zoneCapacities((i) => able.has(i)),
      count,
    );
    while (this.#chosen.size > count) {
      this.#drop(profile.least);
    }
    while (this.#chosen.size < count) {
      this.#add(this.#isShort(profile.least) ? profile.least : profile.most);
    }
    const isSettled = this.#now.every((i) => !this.#mayStay(i) || this.#roster.receives(i));
    while (isSettled && (this.#isOver(profile.most) || this.#isShort(profile.least))) {
      this.#drop(this.#isOver(profile.most) ? profile.most : profile.least);
      this.#add(this.#isShort(profile.least) ? profile.least : profile.most);
    }
    const going = this.#now.filter((i) => !this.#chosen.has(i));
    const kept = going.slice(0, Math.max(0, wanted - count));
    return { wanted, voters: [...this.#chosen, ...kept], kept };
  }

  #wantedCount(): number {
    const now = this.#now.length;
    const grown = effectiveReplication(systemVotersMax, this.#able.length);
    if (grown >= now) {
      return grown;
    }
    const isTaken = this.#now.some(
      (i) => this.#roster.standing(i) === 'leaving' || this.#roster.node(i).state === 'removed',
    );
    return isTaken ? Math.max(grown, Math.min(this.#roster.factor, now)) : now;
  }

  #zone(i: number): number {
    return this.#roster.zones[i] as number;
  }

  #count(zone: number): number {
    let count = 0;
    for (const i of this.#chosen) {
      count += this.#zone(i) === zone ? 1 : 0;
    }
    return count;
  }

  #isShort(least: Int32Array): boolean {
    return least.some((each, zone) => this.#count(zone) < each);
  }

  #isOver(most: Int32Array): boolean {
    return most.some((each, zone) => this.#count(zone) > each);
  }

  /** Takes a voter out of the zone that has most above its limit; not the leader, if it can. */
  #drop(limits: Int32Array): void {
    const above = (i: number): number =>
      this.#count(this.#zone(i)) - (limits[this.#zone(i)] as number);
    const { leader } = this.#members.group(0);
    const leads = (i: number): number => Number(this.#roster.idOf(i) === leader);
    const order = [...this.#chosen].sort(
      (a, b) => above(b) - above(a) || leads(a) - leads(b) || b - a,
    );
    this.#chosen.delete(must(order[0]));
  }

  /** Adds a voter in a zone below its limit: the zone with fewest, then who has the catalog. */
  #add(limits: Int32Array): void {
    const { replicas, groupId } = this.#members.group(0);
    const score = (i: number): number => hashPair(groupId, this.#roster.idOf(i));
    const lag = (i: number): number =>
      lagOf(replicas.find(({ nodeId }) => nodeId === this.#roster.idOf(i)));
    const open = this.#able.filter(
      (i) => !this.#chosen.has(i) && this.#count(this.#zone(i)) < (limits[this.#zone(i)] as number),
    );
    open.sort(
      (a, b) =>
        this.#count(this.#zone(a)) - this.#count(this.#zone(b)) ||
        lag(a) - lag(b) ||
        score(b) - score(a) ||
        a - b,
    );
    this.#chosen.add(must(open[0], 'A zone below its limit has a node left'));
  }
}

/** Voters first, then learners that have caught up, then learners, then strangers. */
function lagOf(replica: ViewReplica | undefined): number {
  if (replica === undefined) {
    return 3;
  }
  return replica.role === 'learner' ? (replica.caughtUp === true ? 1 : 2) : 0;
}

interface FirstMember {
  readonly nodeId: NodeId;
  readonly zone?: string | undefined;
}

/** Voters of a cluster that is born: those that the planner would choose, and so leaves. */
export function firstSystemVoters(members: readonly FirstMember[]): NodeId[] {
  const replicas = members.map(({ nodeId }): ViewReplica & { readonly nodeId: NodeId } => {
    return { nodeId, role: 'learner', caughtUp: true };
  });
  const system = { groupId: systemGroupId, replicas };
  const roster = new NodeRoster({
    nodes: members.map(({ nodeId, zone }) => ({ nodeId, zone, state: 'active' })),
    groups: [system],
    ...{ replicationFactor: 1, effectiveFactor: 1 },
  });
  const { voters } = new SystemVoters(roster, new GroupMembers(roster, [system])).choose();
  return voters.map((i) => roster.idOf(i)).sort((a, b) => a - b);
}
