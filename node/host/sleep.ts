/**
 * Idle groups cost nothing (design §5, protocols.md P15). A leader whose group has been quiet asks
 * all followers to sleep on (term, commit); while it asks, it sends no heartbeats. A follower
 * agrees if it believes in that leader and term and holds exactly that log, all applied. When all
 * agreed, the leader sleeps too; when not all did in time, it ticks on, and its heartbeats wake
 * the rest. Any message, proposal or read wakes a replica; lost liveness of the leader's node
 * wakes its groups (`host.ts`).
 *
 * Waking is not symmetric: a replica that lost sight of a leader who still hears it is awake alone.
 * A voter then campaigns, and its requests wake the rest; a learner cannot, nor can a voter with a
 * change of the configuration to apply. So whoever is awake without a leader asks all members to
 * wake up, again and again until one leads it: heartbeats of the leader, or an election, end it. It
 * asks nobody while the cluster may have nodes that do not know the call.
 */
import type { ReplicaId } from '../raft/messages.ts';
import type { NodeId } from '../sys/network.ts';
import type { Group } from './group.ts';
import { allReplicated } from './progress-view.ts';

/** Quiet ticks before a leader asks. */
const quietTicksMin = 20;
/** Ticks an asking leader waits; below the election timeout less one heartbeat. */
const askTicksMax = 4;
/** Ticks before a leader asks again after a refusal. */
const retryTicks = 50;
/**
 * Ticks without a leader between two calls to wake up: usual elections are over by then, so that
 * they cost no frames.
 */
const callTicks = 20;

export interface SleepTerms {
  readonly groupId: number;
  readonly term: number;
  readonly commit: number;
}

/** Who calls, and of which group. */
export interface WakeCall {
  readonly groupId: number;
  readonly replicaId: ReplicaId;
}

interface Asking {
  readonly terms: SleepTerms;
  readonly missing: Set<NodeId>;
  ticks: number;
}

export interface SleepEffects {
  askSleep(to: NodeId, terms: SleepTerms): void;
  agreeSleep(to: NodeId, terms: SleepTerms): void;
  /** Every node of the cluster knows the call to wake up. */
  mayCall(): boolean;
  /** The replica `replicaId` of the group is awake and has no leader. */
  callAwake(to: NodeId, call: WakeCall): void;
  isLive(nodeId: NodeId): boolean;
}

export class Sleep {
  readonly #effects: SleepEffects;
  readonly #asking = new Map<Group, Asking>();
  readonly #waitTicks = new Map<Group, number>();
  /** Ticks that an awake replica has had no leader. */
  readonly #leaderlessTicks = new Map<Group, number>();

  constructor(effects: SleepEffects) {
    this.#effects = effects;
  }

  /** One tick of an awake group; true = the tick is used up by asking, do not tick the core. */
  tick(group: Group): boolean {
    const asking = this.#asking.get(group);
    if (asking !== undefined) {
      return this.#tickAsking(group, asking);
    }
    const wait = this.#waitTicks.get(group);
    if (wait !== undefined) {
      if (wait > 0) {
        this.#waitTicks.set(group, wait - 1);
        return false;
      }
      this.#waitTicks.delete(group);
    }
    if (group.quietTicks < quietTicksMin || !isAtRest(group) || !allReplicated(group)) {
      return false;
    }
    return this.#ask(group);
  }

  #ask(group: Group): boolean {
    const followers: NodeId[] = [];
    for (const { id } of group.raw.raft.tracker.members) {
      const nodeId = group.nodes.get(id);
      if (nodeId === undefined) {
        return false; // A member whose place is not known yet cannot agree.
      }
      if (id !== group.replicaId) {
        followers.push(nodeId);
      }
    }
    if (!followers.every((nodeId) => this.#effects.isLive(nodeId))) {
      return false;
    }
    const terms = { groupId: group.groupId, term: group.term, commit: group.commitIndex };
    if (followers.length === 0) {
      group.asleep = true;
      return true;
    }
    this.#asking.set(group, { terms, missing: new Set(followers), ticks: 0 });
    for (const nodeId of followers) {
      this.#effects.askSleep(nodeId, terms);
    }
    return true;
  }

  #tickAsking(group: Group, asking: Asking): boolean {
    asking.ticks += 1;
    const disturbed = group.quietTicks < quietTicksMin || !matches(group, asking.terms);
    if (!disturbed && asking.ticks < askTicksMax) {
      return true;
    }
    this.#asking.delete(group);
    this.#waitTicks.set(group, retryTicks);
    return false;
  }

  /** A follower was asked. */
  asked(group: Group, from: NodeId, terms: SleepTerms): void {
    if (
      !group.isLeader &&
      group.leaderNode === from &&
      matches(group, terms) &&
      isAtRest(group) &&
      group.stoppedBecause === undefined
    ) {
      group.asleep = true;
      this.#effects.agreeSleep(from, terms);
    }
  }

  /** A follower agreed. */
  agreed(group: Group, from: NodeId, terms: SleepTerms): void {
    const asking = this.#asking.get(group);
    if (asking === undefined || asking.terms.commit !== terms.commit) {
      return;
    }
    if (asking.terms.term !== terms.term || !matches(group, terms) || !isAtRest(group)) {
      return;
    }
    asking.missing.delete(from);
    if (asking.missing.size === 0) {
      this.#asking.delete(group);
      group.asleep = group.isLeader && group.quietTicks >= quietTicksMin;
    }
  }

  /** One tick of an awake group that does not lead. */
  tickFollower(group: Group): void {
    if (group.leader !== 0 || !group.isMember) {
      this.#leaderlessTicks.delete(group);
      return;
    }
    const ticks = (this.#leaderlessTicks.get(group) ?? 0) + 1;
    this.#leaderlessTicks.set(group, ticks);
    if (ticks % callTicks !== 0 || !this.#effects.mayCall()) {
      return;
    }
    const { groupId, replicaId } = group;
    for (const { id } of group.raw.raft.tracker.members) {
      const nodeId = group.nodes.get(id);
      if (id !== replicaId && nodeId !== undefined) {
        this.#effects.callAwake(nodeId, { groupId, replicaId });
      }
    }
  }

  /** A replica without a leader calls. One that is no member any more disturbs nobody. */
  called(group: Group, from: NodeId, { replicaId }: WakeCall): void {
    const isMember = group.raw.raft.tracker.get(replicaId) !== undefined;
    if (isMember && group.nodes.get(replicaId) === from && group.stoppedBecause === undefined) {
      group.wake();
    }
  }

  forget(group: Group): void {
    this.#asking.delete(group);
    this.#waitTicks.delete(group);
    this.#leaderlessTicks.delete(group);
  }
}

function matches(group: Group, terms: SleepTerms): boolean {
  return group.term === terms.term && group.commitIndex === terms.commit;
}

/** Nothing to write, to apply, to read, to hand over. */
function isAtRest(group: Group): boolean {
  return (
    group.lastIndex === group.commitIndex &&
    group.replica.applied.index === group.commitIndex &&
    group.reads.idle &&
    group.settlement.count === 0 &&
    !group.transferring &&
    !group.raw.hasReady()
  );
}
