/**
 * What the manager sees of the groups: the word of each leader, gathered node by node, and turned
 * into the planner's view. What nobody told for a while is taken from what was told last, and
 * before that from the catalog: a group without a leader keeps its members, but is led by nobody.
 *
 * Nothing here is trusted for a deletion: that needs a leader confirmed anew (`move-runner.ts`).
 */
import type { GroupFacts } from '../host/group-commands.ts';
import type { ConfState } from '../raft/messages.ts';
import type {
  ClusterView,
  MemberState,
  ViewGroup,
  ViewNode,
  ViewReplica,
} from '../shards/cluster-view.ts';
import type { NodeId } from '../sys/network.ts';
import type { Catalog } from './catalog.ts';
import type { GroupRecord, NodeRecord } from './catalog-records.ts';

/** A leader that was not heard of for so long counts as none: longer than an election. */
const toldMsMax = 5_000;
/** Entries that a learner may lack and still be all but done; its leader judges for itself. */
const caughtUpEntriesMax = 1_000;

export interface SeenGroup {
  readonly facts: GroupFacts;
  /** Who told. */
  readonly nodeId: NodeId;
  /** Monotonic, of the observer. */
  readonly seenMs: number;
}

/** What beats say of a node. */
export interface SeenNode {
  readonly live: boolean;
  /** It has answered for a while. */
  readonly steady: boolean;
  /** It is about to end. */
  readonly stopping: boolean;
  /** 0: unknown. */
  readonly freeBytes: number;
  readonly usedBytes: number;
}

export class Observation {
  readonly #groups = new Map<number, SeenGroup>();

  clear(): void {
    this.#groups.clear();
  }

  /** Takes in the answer of a node; of two words about a group, the newer term's counts. */
  add(nodeId: NodeId, groups: readonly GroupFacts[], nowMs: number): void {
    for (const facts of groups) {
      const known = this.#groups.get(facts.groupId);
      if (known === undefined || isNewer(facts, known, nowMs)) {
        this.#groups.set(facts.groupId, { facts, nodeId, seenMs: nowMs });
      }
    }
  }

  /** The leader's word, if it is fresh. */
  ledBy(groupId: number, nowMs: number): SeenGroup | undefined {
    const seen = this.#groups.get(groupId);
    return seen?.facts.led === true && nowMs - seen.seenMs <= toldMsMax ? seen : undefined;
  }

  /** Somebody told of each of the groups. */
  hasSeen(groupIds: Iterable<number>): boolean {
    for (const groupId of groupIds) {
      if (!this.#groups.has(groupId)) {
        return false;
      }
    }
    return true;
  }

  /** Somebody's word, however old. */
  seen(groupId: number): SeenGroup | undefined {
    return this.#groups.get(groupId);
  }
}

function isNewer(facts: GroupFacts, known: SeenGroup, nowMs: number): boolean {
  const before = known.facts;
  if (facts.term !== before.term) {
    return facts.term > before.term;
  }
  if (facts.led !== before.led) {
    return facts.led || nowMs - known.seenMs > toldMsMax;
  }
  // Answers overtake each other: what a leader said later is never taken back.
  return (
    facts.configurationIndex >= before.configurationIndex && facts.commitIndex >= before.commitIndex
  );
}

function roleOf(state: ConfState, replicaId: number): ViewReplica['role'] | undefined {
  const isIncoming = state.voters.includes(replicaId);
  if (state.votersOutgoing.length > 0) {
    const isOutgoing = state.votersOutgoing.includes(replicaId);
    if (isIncoming !== isOutgoing) {
      return isIncoming ? 'incoming' : 'outgoing';
    }
  }
  if (isIncoming) {
    return 'voter';
  }
  return state.learners.includes(replicaId) ? 'learner' : undefined;
}

export function isCaughtUp(facts: GroupFacts, replicaId: number): boolean {
  const member = facts.members.find((each) => each.replicaId === replicaId);
  return member?.state === 'replicate' && facts.commitIndex - member.match <= caughtUpEntriesMax;
}

function viewReplicas(record: GroupRecord, facts: GroupFacts | undefined): ViewReplica[] {
  if (facts === undefined) {
    // Nobody told anything yet: who was given an id is taken for a voter.
    return record.replicas.map(({ nodeId }) => ({ nodeId, role: 'voter' }));
  }
  const replicas: ViewReplica[] = [];
  for (const { nodeId, replicaId } of record.replicas) {
    const role = roleOf(facts.confState, replicaId);
    if (role !== undefined) {
      replicas.push({ nodeId, role, caughtUp: isCaughtUp(facts, replicaId) });
    }
  }
  return replicas;
}

function memberState(node: NodeRecord, wallMs: number, stopping: boolean): MemberState {
  if (node.state === 'removed') {
    return 'removed';
  }
  if (node.quarantined !== undefined) {
    return 'dead'; // Its copies may have forgotten what they promised (P11).
  }
  if (node.state !== 'active') {
    return node.state;
  }
  if ((node.maintenanceUntilMs ?? 0) > wallMs) {
    return 'maintenance';
  }
  return node.evictingLeaders === true || stopping ? 'evictingLeaders' : 'active';
}

export interface ViewParts {
  readonly catalog: Catalog;
  readonly observation: Observation;
  /** Monotonic and wall time of the observer. */
  readonly nowMs: number;
  readonly wallMs: number;
  node(nodeId: NodeId): SeenNode;
}

function viewNode(record: NodeRecord, parts: ViewParts): ViewNode {
  const { nodeId, zone, weight } = record;
  const { live, steady, stopping, freeBytes, usedBytes } = parts.node(nodeId);
  return {
    ...{ nodeId, zone, weight, live, steady, usedBytes },
    state: memberState(record, parts.wallMs, stopping),
    freeBytes: freeBytes === 0 ? undefined : freeBytes,
  };
}

function viewGroup(record: GroupRecord, parts: ViewParts): ViewGroup {
  const { groupId, preferredLeader } = record;
  const led = parts.observation.ledBy(groupId, parts.nowMs);
  const facts = (led ?? parts.observation.seen(groupId))?.facts;
  return {
    groupId,
    replicas: viewReplicas(record, facts),
    leader: led?.nodeId,
    preferredLeader,
    bytes: facts?.bytes ?? 0,
  };
}

/** The planner's view of the cluster as it is. */
export function viewOf(parts: ViewParts): ClusterView {
  const { cluster, nodes, groups } = parts.catalog;
  return {
    nodes: [...nodes.values()].map((node) => viewNode(node, parts)),
    groups: [...groups.values()].map((group) => viewGroup(group, parts)),
    replicationFactor: cluster.replicationFactor,
    effectiveFactor: cluster.effectiveFactor,
  };
}
