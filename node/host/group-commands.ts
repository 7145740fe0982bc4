/**
 * What the ShardManager asks of a group's leader: to describe it, to change its configuration, to
 * hand over the leadership (design §6). They travel like any command; `membership.ts` runs them.
 */
import type { ConfChangeSingle } from '../raft/conf-change.ts';
import type { ConfState, ReplicaId } from '../raft/messages.ts';
import type { ProgressState } from '../raft/progress.ts';
import type { NodeId, PeerAddress } from '../sys/network.ts';

/** Changes of one configuration entry at most. */
export const configureChangesMax = 32;
/** Groups in one answer to a survey: some 300 bytes each, so an answer stays below 256 KiB. */
export const surveyGroupsMax = 500;

export type GroupCommand =
  /**
   * The group as its leader knows it. `confirmed`: by a read round begun after the command came,
   * so that the configuration is the one in force (protocols.md P16); it wakes a group asleep.
   */
  | { readonly kind: 'describe'; readonly confirmed: boolean }
  /**
   * A configuration change, carried out if the configuration is the one of the index named. Two or
   * more changes go by a joint configuration, which is left by itself; none leaves a joint
   * configuration that was not. Answered once the (joint) configuration is applied at the leader.
   */
  | {
      readonly kind: 'configure';
      readonly expectedIndex: number;
      readonly changes: readonly ConfChangeSingle[];
    }
  /** Hands the leadership to a voter; answered when this replica leads no more. */
  | { readonly kind: 'transfer'; readonly to: ReplicaId };

export interface MemberFacts {
  readonly replicaId: ReplicaId;
  /** Its log equals the leader's up to here. */
  readonly match: number;
  readonly state: ProgressState;
  /** The leader heard of it within an election timeout. */
  readonly active: boolean;
  /** How far the snapshot is that goes to it, if one does. */
  readonly snapshot?: SnapshotFacts | undefined;
}

export interface SnapshotFacts {
  /** Of the group's rows; what an earlier stream brought included. */
  readonly bytesDone: number;
  /** Why it does not go on, by name; absent: it does, or its turn has not come. */
  readonly blockedBy?: string | undefined;
}

export interface GroupFacts {
  readonly groupId: number;
  /** The replica that tells. */
  readonly replicaId: ReplicaId;
  /**
   * It leads the group, and tells for all. Else it is a member that knows of no leader: all it can
   * say is its own configuration.
   */
  readonly led: boolean;
  readonly term: number;
  readonly commitIndex: number;
  readonly configurationIndex: number;
  readonly confState: ConfState;
  /** As the leader knows them; of a member, none. */
  readonly members: readonly MemberFacts[];
  /** Bytes of its rows, about; 0: not known yet. */
  readonly bytes: number;
  readonly asleep: boolean;
}

/**
 * Asked of a node rather than of a group's leader: the groups that it leads, and those that nobody
 * leads as far as it knows, in pages.
 */
export interface SurveyCommand {
  readonly kind: 'survey';
  /** Groups above this id; -1: from the first. */
  readonly after: number;
}

export interface SurveyReply {
  readonly kind: 'surveyed';
  readonly groups: readonly GroupFacts[];
  /** There are more above the last one. */
  readonly more: boolean;
}

/** Asked of any node: where the members of the system group are, by its catalog. */
export interface WhereaboutsCommand {
  readonly kind: 'whereabouts';
}

export interface WhereaboutsReply {
  readonly kind: 'found';
  /** Of the system group's log: the catalog is as new as this. */
  readonly index: number;
  readonly members: readonly PeerAddress[];
  readonly systemReplicas: readonly { readonly replicaId: ReplicaId; readonly nodeId: NodeId }[];
}

export type GroupReply =
  | { readonly kind: 'described'; readonly facts: GroupFacts }
  | { readonly kind: 'configured'; readonly index: number }
  | { readonly kind: 'transferred' };
