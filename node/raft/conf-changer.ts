/**
 * Turns a configuration and a change into the next configuration: simple changes (at most one
 * voter), entering and leaving joint configurations (Raft thesis §4.1, §4.3; learners §4.2.1).
 * Pure: works on copies; the tracker switches only when all checks passed.
 *
 * Invariant: what comes out satisfies `#check`, or nothing comes out.
 */
import { assert, AssertionError } from '../lib/assert.ts';
import { ConfChangeType, isLeaveJoint, jointEntry } from './conf-change.ts';
import type { ConfChange, ConfChangeSingle } from './conf-change.ts';
import type { ConfState, ReplicaId } from './messages.ts';
import { Progress } from './progress.ts';
import type { GroupConfig, Tracker } from './tracker.ts';

export interface NextGroup {
  readonly config: GroupConfig;
  readonly members: readonly Progress[];
}

/** Why a change was refused. */
export interface ConfChangeRefusal {
  readonly refused: string;
}

const byNumber = (a: number, b: number): number => a - b;
const sortedIds = (ids: ReadonlySet<ReplicaId>): ReplicaId[] => [...ids].sort(byNumber);

/** A configuration under construction. */
class Draft {
  readonly incoming: Set<ReplicaId>;
  readonly outgoing: Set<ReplicaId>;
  readonly learners: Set<ReplicaId>;
  readonly learnersNext: Set<ReplicaId>;
  autoLeave: boolean;
  readonly members = new Map<ReplicaId, Progress>();
  readonly #tracker: Tracker;
  readonly #lastIndex: number;

  constructor(tracker: Tracker, lastIndex: number) {
    const { voters, learners, learnersNext, autoLeave } = tracker.config;
    this.incoming = new Set(voters.incoming);
    this.outgoing = new Set(voters.outgoing);
    this.learners = new Set(learners);
    this.learnersNext = new Set(learnersNext);
    this.autoLeave = autoLeave;
    for (const progress of tracker.members) {
      this.members.set(progress.id, progress.clone());
    }
    this.#tracker = tracker;
    this.#lastIndex = lastIndex;
  }

  get isJoint(): boolean {
    return this.outgoing.size > 0;
  }

  /** Applies the changes to the incoming half; a string is the reason of a refusal. */
  apply(changes: readonly ConfChangeSingle[]): string | undefined {
    for (const { type, id } of changes) {
      // Id 0 marks a change that was replaced by nothing.
      if (id === 0 || type === ConfChangeType.update) {
        continue;
      }
      if (type === ConfChangeType.addVoter) {
        this.#makeVoter(id);
      } else if (type === ConfChangeType.addLearner) {
        this.#makeLearner(id);
      } else {
        this.#remove(id);
      }
    }
    return this.incoming.size === 0 ? 'removed all voters' : undefined;
  }

  #makeVoter(id: ReplicaId): void {
    const progress = this.members.get(id);
    this.incoming.add(id);
    if (progress === undefined) {
      this.#addMember(id, false);
      return;
    }
    progress.isLearner = false;
    this.learners.delete(id);
    this.learnersNext.delete(id);
  }

  #makeLearner(id: ReplicaId): void {
    const progress = this.members.get(id);
    if (progress === undefined) {
      this.learners.add(id);
      this.#addMember(id, true);
      return;
    }
    if (progress.isLearner) {
      return;
    }
    this.#remove(id);
    this.members.set(id, progress);
    // Still a voter of the outgoing half: it becomes a learner when that half is left.
    if (this.outgoing.has(id)) {
      this.learnersNext.add(id);
    } else {
      progress.isLearner = true;
      this.learners.add(id);
    }
  }

  #remove(id: ReplicaId): void {
    this.incoming.delete(id);
    this.learners.delete(id);
    this.learnersNext.delete(id);
    if (!this.outgoing.has(id)) {
      this.members.delete(id);
    }
  }

  #addMember(id: ReplicaId, isLearner: boolean): void {
    // Starts behind the last entry, so that the first probe tells where the follower is.
    const next = Math.max(this.#lastIndex, 1);
    const progress = new Progress(id, next, this.#tracker.newInflights(), isLearner);
    // Gives it the time of one quorum check to be heard of.
    progress.recentActive = true;
    this.members.set(id, progress);
  }

  leaveJoint(): void {
    for (const id of this.learnersNext) {
      this.learners.add(id);
      const progress = this.members.get(id);
      assert(progress !== undefined);
      progress.isLearner = true;
    }
    this.learnersNext.clear();
    for (const id of this.outgoing) {
      if (!this.incoming.has(id) && !this.learners.has(id)) {
        this.members.delete(id);
      }
    }
    this.outgoing.clear();
    this.autoLeave = false;
  }

  finish(): NextGroup {
    this.#check();
    const members = [...this.members.values()].sort((a, b) => a.id - b.id);
    const config = {
      voters: { incoming: sortedIds(this.incoming), outgoing: sortedIds(this.outgoing) },
      learners: sortedIds(this.learners),
      learnersNext: sortedIds(this.learnersNext),
      autoLeave: this.autoLeave,
    };
    return { config, members };
  }

  #check(): void {
    for (const ids of [this.incoming, this.outgoing, this.learners, this.learnersNext]) {
      for (const id of ids) {
        assert(this.members.has(id), `No progress for ${id}`);
      }
    }
    for (const id of this.learnersNext) {
      assert(this.outgoing.has(id), `${id} is to be a learner, but no outgoing voter`);
      assert(this.members.get(id)?.isLearner === false, `${id} is a learner already`);
    }
    for (const id of this.learners) {
      assert(!this.outgoing.has(id) && !this.incoming.has(id), `${id} is learner and voter`);
      assert(this.members.get(id)?.isLearner === true, `${id} is not marked as a learner`);
    }
    if (!this.isJoint) {
      assert(this.learnersNext.size === 0, 'Future learners outside a joint configuration');
      assert(!this.autoLeave, 'Auto-leave outside a joint configuration');
    }
  }
}

export function isRefusal(next: NextGroup | ConfChangeRefusal): next is ConfChangeRefusal {
  return 'refused' in next;
}

/** The next configuration, where a refusal would be a broken promise of whoever proposed. */
export function mustChange(next: NextGroup | ConfChangeRefusal): NextGroup {
  if (isRefusal(next)) {
    throw new AssertionError(`Cannot change the configuration: ${next.refused}`);
  }
  return next;
}

/** At most one voter changes, outside a joint configuration. */
export function simpleChange(
  tracker: Tracker,
  lastIndex: number,
  changes: readonly ConfChangeSingle[],
): NextGroup | ConfChangeRefusal {
  const draft = new Draft(tracker, lastIndex);
  if (draft.isJoint) {
    return { refused: "can't apply simple config change in joint config" };
  }
  const before = new Set(draft.incoming);
  const refused = draft.apply(changes);
  if (refused !== undefined) {
    return { refused };
  }
  if (before.symmetricDifference(draft.incoming).size > 1) {
    return { refused: 'more than one voter changed without entering joint config' };
  }
  return draft.finish();
}

export function enterJoint(
  tracker: Tracker,
  lastIndex: number,
  autoLeave: boolean,
  changes: readonly ConfChangeSingle[],
): NextGroup | ConfChangeRefusal {
  const draft = new Draft(tracker, lastIndex);
  if (draft.isJoint) {
    return { refused: 'config is already joint' };
  }
  if (draft.incoming.size === 0) {
    return { refused: "can't make a zero-voter config joint" };
  }
  for (const id of draft.incoming) {
    draft.outgoing.add(id);
  }
  const refused = draft.apply(changes);
  if (refused !== undefined) {
    return { refused };
  }
  draft.autoLeave = autoLeave;
  return draft.finish();
}

export function leaveJoint(tracker: Tracker, lastIndex: number): NextGroup | ConfChangeRefusal {
  const draft = new Draft(tracker, lastIndex);
  if (!draft.isJoint) {
    return { refused: "can't leave a non-joint config" };
  }
  draft.leaveJoint();
  return draft.finish();
}

/**
 * Why a change must not be proposed now: one that may be unapplied at `pendingIndex`, or a
 * configuration that does not allow it.
 */
export function confChangeObjection(
  change: ConfChange,
  config: GroupConfig,
  pendingIndex: number,
  appliedIndex: number,
): string | undefined {
  const isJoint = config.voters.outgoing.length > 0;
  const wantsToLeave = change.changes.length === 0;
  if (pendingIndex > appliedIndex) {
    return `possible unapplied conf change at index ${pendingIndex} (applied to ${appliedIndex})`;
  }
  if (isJoint && !wantsToLeave) {
    return 'must transition out of joint config first';
  }
  if (!isJoint && wantsToLeave) {
    return 'not in joint state; refusing empty conf change';
  }
  return undefined;
}

/** The configuration after a committed change. */
export function changeGroup(
  tracker: Tracker,
  lastIndex: number,
  change: ConfChange,
): NextGroup | ConfChangeRefusal {
  if (isLeaveJoint(change)) {
    return leaveJoint(tracker, lastIndex);
  }
  const joint = jointEntry(change);
  return joint === 'none'
    ? simpleChange(tracker, lastIndex, change.changes)
    : enterJoint(tracker, lastIndex, joint === 'autoLeave', change.changes);
}

/** Brings an empty tracker to the configuration of a snapshot. */
export function restoreGroup(tracker: Tracker, lastIndex: number, state: ConfState): void {
  const step = (result: NextGroup | ConfChangeRefusal): void => {
    const next = mustChange(result);
    tracker.switchTo(next.config, next.members);
  };
  const change = (type: ConfChangeType, ids: readonly ReplicaId[]): ConfChangeSingle[] =>
    ids.map((id) => ({ type, id }));
  const learners = change(ConfChangeType.addLearner, [...state.learners, ...state.learnersNext]);
  const incoming = [
    ...change(ConfChangeType.remove, state.votersOutgoing),
    ...change(ConfChangeType.addVoter, state.voters),
    ...learners,
  ];
  if (state.votersOutgoing.length === 0) {
    for (const single of incoming) {
      step(simpleChange(tracker, lastIndex, [single]));
    }
    return;
  }
  for (const single of change(ConfChangeType.addVoter, state.votersOutgoing)) {
    step(simpleChange(tracker, lastIndex, [single]));
  }
  step(enterJoint(tracker, lastIndex, state.autoLeave, incoming));
}

/** Equal as sets. */
export function sameConfState(a: ConfState, b: ConfState): boolean {
  const same = (left: readonly ReplicaId[], right: readonly ReplicaId[]): boolean =>
    left.length === right.length && new Set(left).isSubsetOf(new Set(right));
  return (
    same(a.voters, b.voters) &&
    same(a.learners, b.learners) &&
    same(a.votersOutgoing, b.votersOutgoing) &&
    same(a.learnersNext, b.learnersNext) &&
    a.autoLeave === b.autoLeave
  );
}
