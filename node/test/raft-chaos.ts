/**
 * One random schedule for a group of Raft cores: loss, duplication, reordering, crashes that lose
 * unfinished writes, compaction, membership changes; then it heals. Checked are election safety,
 * state machine safety (inside the group), monotone commit indexes, that answered reads see
 * everything applied before they were asked, that the cores' invariants hold, and that a healed
 * group converges. The same seed gives the same run.
 */
import { assert, must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import { confChange, ConfChangeType } from '../raft/conf-change.ts';
import type { ConfChangeSingle } from '../raft/conf-change.ts';
import { describeGroupConfig } from '../raft/describe.ts';
import { isJointVoter } from '../raft/joint-quorum.ts';
import { RaftGroup } from './raft-group.ts';
import type { GroupMember, GroupOptions } from './raft-group.ts';

/** Every combination of the options that change the order of work. */
export const chaosModes = [false, true].flatMap((asyncStorageWrites) =>
  [false, true].flatMap((coalesceMessages) =>
    [false, true].map((preVote) => ({ asyncStorageWrites, coalesceMessages, preVote })),
  ),
);

export type ChaosMode = (typeof chaosModes)[number];

/** Limits so small that each is met all the time. */
export function chaosOptions({ preVote, ...mode }: ChaosMode): Omit<GroupOptions, 'random'> {
  return {
    ...mode,
    preVote,
    checkQuorum: preVote,
    leaderVoteEndsLease: preVote,
    messageBytesMax: 64,
    applyingBytesMax: 128,
    inflightMessagesMax: 3,
    electionTicks: 5,
    stepDownOnRemoval: true,
  };
}

const steps = 3000;
const voters = [1, 2, 3];

export class RaftChaos {
  readonly group: RaftGroup;
  readonly #prng: Prng;
  readonly #options: GroupOptions;
  readonly #leaderOfTerm = new Map<number, number>();
  readonly #commits = new Map<number, number>();
  /** By context: what was applied anywhere when the read was asked. */
  readonly #reads = new Map<string, number>();
  #counter = 0;
  answered = 0;

  constructor(seed: number, options: Omit<GroupOptions, 'random'>) {
    this.#prng = new Prng(seed);
    this.#options = { ...options, random: () => this.#prng.below(1000) / 1000 };
    this.group = new RaftGroup(voters, this.#options);
    // Spare processes that a configuration change may bring in.
    for (const id of [4, 5]) {
      const { confState } = this.group.member(1);
      this.group.add(id, this.#options, { ...confState, voters });
    }
  }

  get #highestApplied(): number {
    return Math.max(...this.group.chosen.keys(), 0);
  }

  run(): void {
    for (let i = 0; i < steps; i++) {
      this.#act(this.#prng.pick(this.group.members));
      this.#check();
    }
    this.#heal();
  }

  #act(member: GroupMember): void {
    const { raw } = member;
    const dice = this.#prng.below(100);
    this.#counter += 1;
    if (dice < 12) {
      raw.tick();
    } else if (dice < 52) {
      this.#network();
    } else if (dice < 82) {
      this.#storage(member);
    } else if (dice < 90) {
      raw.propose(Buffer.from(`p${this.#counter}`));
    } else if (dice < 94) {
      const context = `r${this.#counter}`;
      this.#reads.set(context, this.#highestApplied);
      raw.readIndex(Buffer.from(context));
    } else if (dice < 95) {
      member.restart();
      this.#commits.delete(member.id);
    } else if (dice < 96) {
      member.compact();
    } else if (dice < 97) {
      this.#changeMembers(member);
    } else if (dice < 98) {
      raw.transferLeader(1 + this.#prng.below(5));
    } else if (dice < 99) {
      raw.reportUnreachable(1 + this.#prng.below(5));
      raw.reportSnapshot(1 + this.#prng.below(5), this.#prng.chance(0.5) ? 'failed' : 'finished');
    } else {
      raw.forgetLeader();
    }
  }

  #network(): void {
    const { network } = this.group;
    if (network.length === 0) {
      return;
    }
    const [message] = network.splice(this.#prng.below(network.length), 1);
    assert(message !== undefined);
    const dice = this.#prng.below(100);
    if (dice < 10) {
      return;
    }
    if (dice < 15) {
      network.push(message);
    }
    this.group.deliver(message);
  }

  #storage(member: GroupMember): void {
    const dice = this.#prng.below(3);
    if (dice === 0 && member.appendWork.length > 0) {
      this.group.send(member.workAppend());
    } else if (dice === 1 && member.applyWork.length > 0) {
      this.group.send(member.workApply());
    } else if (member.raw.hasReady()) {
      this.group.send(member.process());
    }
  }

  /** Adds one, and with enough voters may take away or demote another in the same step. */
  #changeMembers({ raw }: GroupMember): void {
    const id = 1 + this.#prng.below(5);
    const other = 1 + this.#prng.below(5);
    const changes: ConfChangeSingle[] = [{ type: ConfChangeType.addVoter, id }];
    if (raw.raft.tracker.config.voters.incoming.length > 2 && other !== id) {
      const type = this.#prng.pick([ConfChangeType.remove, ConfChangeType.addLearner]);
      changes.push({ type, id: other });
    }
    raw.proposeConfChange(confChange(changes));
  }

  #check(): void {
    for (const member of this.group.members) {
      const { raft } = member.raw;
      if (raft.role === 'leader') {
        const leader = this.#leaderOfTerm.get(raft.term) ?? member.id;
        assert(leader === member.id, `Two leaders in term ${raft.term}`);
        this.#leaderOfTerm.set(raft.term, leader);
      }
      assert(raft.commitIndex >= (this.#commits.get(member.id) ?? 0), 'Commit index went back');
      this.#commits.set(member.id, raft.commitIndex);
      for (const { index, context } of member.reads) {
        const floor = this.#reads.get(context.toString());
        assert(floor !== undefined && index >= floor, `Stale read: ${index} < ${floor}`);
        this.answered += 1;
      }
      member.reads = [];
    }
  }

  #describe(): string {
    const lines = this.group.members.map(({ id, raw }) => {
      const { role, term, leaderId, leadTransferee, log, tracker } = raw.raft;
      const config = describeGroupConfig(tracker.config);
      return `${id} ${role} ${term} ${leaderId} ${leadTransferee} ${config} ${log.describe()}`;
    });
    return lines.join('\n');
  }

  /** Telling how the sending of a snapshot ended is the host's part. */
  #reportLostSnapshots(): void {
    for (const { raw } of this.group.leaders) {
      for (const { id, state } of raw.status().members) {
        if (state === 'snapshot') {
          raw.reportSnapshot(id, 'failed');
        }
      }
    }
  }

  /** The host stops who was removed: it may not know, and would campaign for ever. */
  #stopRemoved(): void {
    const members = this.group.members.slice();
    members.sort((a, b) => b.appliedIndex - a.appliedIndex);
    const { voters: now, learners } = must(members[0]).raw.raft.tracker.config;
    for (const { id } of members) {
      if (!isJointVoter(now, id) && !learners.includes(id)) {
        this.group.isolate(id);
      }
    }
  }

  #heal(): void {
    for (let round = 0; round < 200; round++) {
      this.group.settle();
      this.group.tick();
      this.#check();
      this.#reportLostSnapshots();
      this.group.heal();
      this.#stopRemoved();
    }
    this.group.settle();
    const { leaders } = this.group;
    const [leader] = leaders.sort((a, b) => b.appliedIndex - a.appliedIndex);
    assert(leader !== undefined, `No leader after healing: ${this.#describe()}`);
    const before = leader.raw.raft.commitIndex;
    leader.raw.propose(Buffer.from('last'));
    this.group.settle();
    assert(leader.raw.raft.commitIndex > before, `No progress after healing: ${this.#describe()}`);
    const { voters: now } = leader.raw.raft.tracker.config;
    for (const id of now.incoming) {
      assert(this.group.member(id).appliedIndex === leader.appliedIndex, `${id} lags behind`);
    }
  }
}
