/**
 * A Raft group on paper: who votes, learns and leads, and what its leader answers to the commands
 * that change it, without a log. Whether its replicas live is asked of whoever made it.
 */
import { DynakvError } from '../lib/errors.ts';
import type { Prng } from '../lib/prng.ts';
import { must } from '../lib/assert.ts';
import type { GroupCommand, GroupFacts, GroupReply } from '../host/group-commands.ts';
import type { BornGroup } from '../manager/bootstrap.ts';
import { ConfChangeType } from '../raft/conf-change.ts';
import type { ReplicaId } from '../raft/messages.ts';

const { addVoter, addLearner, remove } = ConfChangeType;
/** Without a leader for so long, the group elects one, if it can. */
const electionMs = 300;
/** Some elections are long: votes get lost. */
const longElectionMsMax = 6_000;
const longElectionChance = 0.2;
/** A leader is lost now and then though its node lives: chance a step. */
const deposedChance = 0.002;

function refused(reason: string): DynakvError {
  return new DynakvError('Refused', `Refused on paper: ${reason}`, { reason });
}

export class PaperGroup {
  readonly groupId: number;
  readonly #lives: (replicaId: ReplicaId) => boolean;
  readonly #random: Prng;
  readonly #behind = new Set<ReplicaId>();
  voters: readonly ReplicaId[];
  outgoing: readonly ReplicaId[] = [];
  learners: readonly ReplicaId[];
  #index = 0;
  term = 1;
  leader: ReplicaId;
  #leaderlessMs = 0;
  #electionMs = electionMs;

  constructor(born: BornGroup, random: Prng, lives: (replicaId: ReplicaId) => boolean) {
    this.groupId = born.groupId;
    this.#random = random;
    this.#lives = lives;
    this.voters = born.confState.voters;
    this.learners = born.confState.learners;
    this.leader = must(this.voters[0]);
  }

  #decides(ids: readonly ReplicaId[]): boolean {
    return ids.length === 0 || 2 * ids.filter((id) => this.#lives(id)).length > ids.length;
  }

  /** A majority lives, in both halves. */
  get canDecide(): boolean {
    return this.#decides(this.voters) && this.#decides(this.outgoing);
  }

  get isLed(): boolean {
    return this.leader !== 0 && this.#lives(this.leader) && this.canDecide;
  }

  get members(): readonly ReplicaId[] {
    return [...new Set([...this.voters, ...this.outgoing, ...this.learners])];
  }

  facts(replicaId = this.leader): GroupFacts {
    const led = replicaId === this.leader && this.isLed;
    const members = this.members.map((id) => ({
      replicaId: id,
      match: this.#behind.has(id) ? 0 : this.#index,
      state: this.#behind.has(id) ? ('probe' as const) : ('replicate' as const),
      active: this.#lives(id),
    }));
    return {
      ...{ groupId: this.groupId, replicaId, led, term: this.term },
      ...{ commitIndex: this.#index, configurationIndex: this.#index, bytes: 100, asleep: false },
      confState: {
        ...{ voters: this.voters, votersOutgoing: this.outgoing, learners: this.learners },
        ...{ learnersNext: [], autoLeave: this.outgoing.length > 0 },
      },
      members: led ? members : [],
    };
  }

  /** Some time passes: joint configurations are left, learners catch up, a leader is elected. */
  pass(ms: number): void {
    if (!this.isLed) {
      this.#leaderlessMs += ms;
      this.leader = this.#leaderlessMs > this.#electionMs ? this.#elected() : 0;
      return;
    }
    this.#leaderlessMs = 0;
    if (this.#random.chance(deposedChance)) {
      const isLong = this.#random.chance(longElectionChance);
      this.#electionMs = isLong ? this.#random.below(longElectionMsMax) : electionMs;
      this.leader = 0;
      return;
    }
    if (this.outgoing.length > 0 && this.#random.chance(0.5)) {
      this.outgoing = [];
      this.#index += 1;
    }
    if (this.outgoing.length === 0 && !this.voters.includes(this.leader)) {
      this.leader = 0;
    }
    for (const id of this.#behind) {
      if (this.#lives(id) && this.#random.chance(0.2)) {
        this.#behind.delete(id);
      }
    }
  }

  #elected(): ReplicaId {
    const able = this.voters.filter((id) => this.#lives(id));
    if (able.length === 0 || !this.#decides(this.voters) || !this.#decides(this.outgoing)) {
      return 0;
    }
    this.term += 1;
    return this.#random.pick(able);
  }

  /** What the leader answers; throws what it refuses. */
  run(command: GroupCommand): GroupReply {
    if (!this.isLed) {
      throw new DynakvError('Unavailable', `Group ${this.groupId} has no leader on paper`);
    }
    switch (command.kind) {
      case 'describe':
        return { kind: 'described', facts: this.facts() };
      case 'transfer':
        return this.#transfer(command.to);
      case 'configure':
        return this.#configure(command);
    }
  }

  #transfer(to: ReplicaId): GroupReply {
    if (!this.voters.includes(to) || !this.#lives(to)) {
      throw refused(this.voters.includes(to) ? 'TransferFailed' : 'NotAVoter');
    }
    this.leader = to;
    this.term += 1;
    return { kind: 'transferred' };
  }

  #configure({ expectedIndex, changes }: GroupCommand & { kind: 'configure' }): GroupReply {
    if (this.#index !== expectedIndex) {
      throw refused('ConfigurationChanged');
    }
    if (this.outgoing.length > 0 !== (changes.length === 0)) {
      throw refused('ConfigurationJoint');
    }
    const [voters, learners] = [new Set(this.voters), new Set(this.learners)];
    for (const { type, id } of changes) {
      if (type === addVoter && !voters.has(id) && (!learners.has(id) || this.#behind.has(id))) {
        throw refused('LearnerBehind');
      }
      if (type === addLearner && !this.members.includes(id)) {
        this.#behind.add(id);
      }
      const [joins, leaves] = type === addVoter ? [voters, learners] : [learners, voters];
      if (type === addVoter || type === addLearner) {
        joins.add(id);
        leaves.delete(id);
      } else if (type === remove) {
        voters.delete(id);
        learners.delete(id);
      }
    }
    if (changes.length > 0 && !voters.has(this.leader)) {
      throw refused('LeaderLeaves');
    }
    if (changes.length > 0 && !this.#decides([...voters])) {
      throw refused('QuorumAtRisk');
    }
    this.outgoing = changes.length > 1 ? this.voters : [];
    [this.voters, this.learners] = [[...voters], [...learners]];
    this.#index += 1;
    return { kind: 'configured', index: this.#index };
  }
}
