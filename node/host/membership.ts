/**
 * Runs the commands about a group's membership on its leader. What is checked here, right before
 * the proposal and whoever asks:
 *
 * - the configuration is the one that the caller saw (protocols.md P16), and not joint;
 * - the core can carry the change out: an entry that it cannot apply would stop every replica;
 * - a new voter has all but a moment's worth of the log, and of the new voters a majority answers:
 *   a joint configuration that cannot commit cannot be left either;
 * - the leader does not remove itself: it hands over first, so that nothing ends as unknown.
 *
 * Invariant: `configured` is answered only when the entry that was proposed is the configuration
 * applied at its index.
 */
import { DynakvError, isDynakvError } from '../lib/errors.ts';
import { ConfChangeType, confChange } from '../raft/conf-change.ts';
import type { ConfChangeSingle } from '../raft/conf-change.ts';
import { changeGroup, isRefusal } from '../raft/conf-changer.ts';
import type { NextGroup } from '../raft/conf-changer.ts';
import type { ReplicaId } from '../raft/messages.ts';
import type { Group } from './group.ts';
import { surveyGroupsMax } from './group-commands.ts';
import type {
  GroupCommand,
  GroupFacts,
  GroupReply,
  SnapshotFacts,
  SurveyCommand,
  SurveyReply,
} from './group-commands.ts';
import type { Host } from './host.ts';
import { Transfer } from './transfer.ts';

/** Entries that a learner may lack when it becomes a voter: a moment's worth under full load. */
const promotionLagEntriesMax = 1_000;
/** Between steps of a transfer. */
const transferStepMs = 5;

export type GroupDone = (error: DynakvError | undefined, reply: GroupReply | undefined) => void;

export interface MembershipParts {
  readonly host: Host;
  /** Bytes of a replica's rows, about; 0: not known yet. */
  bytesOf(group: Group): number;
  /** The snapshot under way to a replica. */
  snapshotTo(group: Group, replicaId: ReplicaId): SnapshotFacts | undefined;
}

export class Membership {
  readonly #parts: MembershipParts;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  run(group: Group, command: GroupCommand, done: GroupDone): void {
    try {
      switch (command.kind) {
        case 'describe':
          this.#describe(group, command.confirmed, done);
          return;
        case 'configure':
          this.#configure(group, command, done);
          return;
        case 'transfer':
          this.#transfer(group, command.to, done);
      }
    } catch (error) {
      if (!isDynakvError(error)) {
        throw error;
      }
      done(error, undefined);
    }
  }

  /** A page of the groups that this node leads, or that nobody leads, by id. */
  survey({ after }: SurveyCommand): SurveyReply {
    const told = [...this.#parts.host.groups.values()]
      .filter((group) => group.groupId > after && isToldBySurvey(group))
      .sort((a, b) => a.groupId - b.groupId);
    const groups = told.slice(0, surveyGroupsMax).map((group) => this.facts(group));
    return { kind: 'surveyed', groups, more: told.length > surveyGroupsMax };
  }

  /** What this replica knows of its group, as far as it leads it. */
  facts(group: Group): GroupFacts {
    const { configuration } = group.replica;
    const led = group.openTerm !== 0;
    return {
      groupId: group.groupId,
      replicaId: group.replicaId,
      led,
      term: group.term,
      commitIndex: group.commitIndex,
      configurationIndex: configuration.index,
      confState: configuration.state,
      members: (led ? group.raw.raft.tracker.members : []).map((progress) => ({
        replicaId: progress.id,
        match: progress.match,
        state: progress.state,
        active: this.#answers(group, progress.id),
        snapshot:
          progress.state === 'snapshot' ? this.#parts.snapshotTo(group, progress.id) : undefined,
      })),
      bytes: this.#parts.bytesOf(group),
      asleep: group.asleep,
    };
  }

  #describe(group: Group, confirmed: boolean, done: GroupDone): void {
    const term = openTerm(group);
    if (!confirmed) {
      done(undefined, { kind: 'described', facts: this.facts(group) });
      return;
    }
    group.readBarrier((isConfirmed) => {
      if (isConfirmed && group.openTerm === term) {
        done(undefined, { kind: 'described', facts: this.facts(group) });
      } else {
        done(notLeader(group), undefined);
      }
    });
  }

  #configure(
    group: Group,
    command: GroupCommand & { readonly kind: 'configure' },
    done: GroupDone,
  ): void {
    const term = openTerm(group);
    const { expectedIndex, changes } = command;
    const { configuration } = group.replica;
    if (configuration.index !== expectedIndex) {
      throw refused(group, 'ConfigurationChanged', `it is of index ${configuration.index} now`, {
        configurationIndex: configuration.index,
      });
    }
    if (group.transferring) {
      throw new DynakvError('NotOpen', `Group ${group.groupId} hands over its leadership`);
    }
    const isJoint = configuration.state.votersOutgoing.length > 0;
    if (isJoint !== (changes.length === 0)) {
      const why = isJoint ? 'it is between two configurations' : 'there is nothing to change';
      throw refused(group, 'ConfigurationJoint', why);
    }
    const change = confChange(changes);
    const { tracker } = group.raw.raft;
    const next = changeGroup(tracker, group.lastIndex, change);
    if (isRefusal(next)) {
      throw refused(group, 'ConfigurationImpossible', next.refused);
    }
    checkPromotions(group, changes);
    this.#checkVoters(group, next);
    const index = group.proposeConfChange(change, term, (outcome) => {
      if (outcome === 'unknown') {
        const message = `Whether group ${group.groupId} was changed is unknown`;
        done(new DynakvError('OutcomeUnknown', message), undefined);
      } else if (outcome === 'done' && group.replica.configuration.index === index) {
        done(undefined, { kind: 'configured', index });
      } else {
        const message = `Group ${group.groupId} was not changed: another entry came in between`;
        done(new DynakvError('SurelyNotDone', message), undefined);
      }
    });
  }

  /**
   * The replica answers, or its node does: the core's own mark is cleared at every quorum check,
   * and is not set yet under a new leader.
   */
  #answers(group: Group, replicaId: ReplicaId): boolean {
    const nodeId = group.nodes.get(replicaId);
    return (
      replicaId === group.replicaId ||
      group.raw.raft.tracker.get(replicaId)?.recentActive === true ||
      (nodeId !== undefined && this.#parts.host.liveness.isLive(nodeId))
    );
  }

  #checkVoters(group: Group, next: NextGroup): void {
    const { incoming } = next.config.voters;
    if (!incoming.includes(group.replicaId)) {
      const why = `replica ${group.replicaId} leads it, and hands over before it leaves`;
      throw refused(group, 'LeaderLeaves', why);
    }
    const active = incoming.filter((id) => this.#answers(group, id));
    if (active.length * 2 <= incoming.length) {
      const why = `of its next ${incoming.length} voters only ${active.length} answer`;
      throw refused(group, 'QuorumAtRisk', why);
    }
  }

  #transfer(group: Group, to: ReplicaId, done: GroupDone): void {
    openTerm(group);
    if (to === group.replicaId) {
      done(undefined, { kind: 'transferred' });
      return;
    }
    const progress = group.raw.raft.tracker.get(to);
    if (progress === undefined || progress.isLearner) {
      throw refused(group, 'NotAVoter', `replica ${to} is none`);
    }
    const nodeId = group.nodes.get(to);
    if (nodeId !== undefined && this.#parts.host.liveness.isStopping(nodeId)) {
      throw refused(group, 'TargetStops', `node ${nodeId} is about to stop`);
    }
    if (group.transferring) {
      throw new DynakvError('NotOpen', `Group ${group.groupId} hands over its leadership already`);
    }
    const { host } = this.#parts;
    const transfer = new Transfer(host, group, to);
    const step = (): void => {
      const state = transfer.step();
      if (state === 'done') {
        done(undefined, { kind: 'transferred' });
      } else if (state === 'failed') {
        const message = `Replica ${to} did not take over group ${group.groupId} in time`;
        done(new DynakvError('Refused', message, { reason: 'TransferFailed' }), undefined);
      } else {
        host.parts.timers.after(transferStepMs, step);
      }
    };
    step();
  }
}

function isToldBySurvey(group: Group): boolean {
  const isOrphan = group.leader === 0 && group.isMember && group.stoppedBecause === undefined;
  return group.openTerm !== 0 || isOrphan;
}

/** A learner becomes a voter only when it can acknowledge what is committed next. */
function checkPromotions(group: Group, changes: readonly ConfChangeSingle[]): void {
  const { tracker } = group.raw.raft;
  for (const { type, id } of changes) {
    const progress = tracker.get(id);
    if (type !== ConfChangeType.addVoter || progress?.isLearner === false) {
      continue;
    }
    const lag = group.commitIndex - (progress?.match ?? 0);
    if (progress?.state !== 'replicate' || lag > promotionLagEntriesMax) {
      const state = progress === undefined ? 'is no learner' : `is ${lag} entries behind`;
      throw refused(group, 'LearnerBehind', `replica ${id} ${state}`, { lag });
    }
  }
}

function openTerm(group: Group): number {
  if (group.openTerm === 0) {
    throw notLeader(group);
  }
  return group.openTerm;
}

function notLeader(group: Group): DynakvError {
  const isOpening = group.isLeader && group.stoppedBecause === undefined;
  return new DynakvError(
    isOpening ? 'NotOpen' : 'NotLeader',
    `This node does not lead group ${group.groupId}`,
    { group: group.groupId, leaderNode: group.isLeader ? undefined : group.leaderNode },
  );
}

function refused(
  group: Group,
  reason: string,
  why: string,
  facts: Readonly<Record<string, number>> = {},
): DynakvError {
  return new DynakvError('Refused', `Cannot change group ${group.groupId}: ${why}`, {
    reason,
    group: group.groupId,
    ...facts,
  });
}
