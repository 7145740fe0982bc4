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
import { MessageType } from '../raft/messages.ts';
import type { Message } from '../raft/messages.ts';
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

/** How often what happens, and how the network treats a message. */
export interface ChaosWeather {
  readonly steps: number;
  readonly voters: readonly number[];
  /** Weights: of their sum, so many of the steps. */
  readonly weights: {
    readonly tick: number;
    readonly network: number;
    readonly storage: number;
    readonly propose: number;
    readonly read: number;
    readonly restart: number;
    readonly compact: number;
    readonly members: number;
    readonly transfer: number;
    readonly unreachable: number;
    readonly forget: number;
    readonly partition: number;
  };
  readonly lossPercent: number;
  readonly duplicatePercent: number;
  /** Chance that a change of the membership exchanges most voters. */
  readonly leaps: number;
  /** Chance that the oldest message is delivered, and not just any. */
  readonly orderly: number;
  /** Chance that a rejection names a place below where the logs may agree, as any may. */
  readonly poorHints: number;
}

type ChaosAct = keyof ChaosWeather['weights'];

const usualWeather: ChaosWeather = {
  steps: 3_000,
  voters: [1, 2, 3],
  weights: {
    ...{ tick: 12, network: 40, storage: 30, propose: 8, read: 4, restart: 1, compact: 1 },
    ...{ members: 1, transfer: 1, unreachable: 1, forget: 1, partition: 0 },
  },
  lossPercent: 10,
  duplicatePercent: 5,
  leaps: 0,
  orderly: 0,
  poorHints: 0,
};

/** Some kinds of trouble, each often, rarely or never: they hide each other's consequences. */
export function drawWeather(random: Prng): ChaosWeather {
  const trouble = (): number => random.pick([0, 0, 1, 4]);
  const weather = {
    steps: 12_000,
    voters: random.pick([
      [1, 2, 3],
      [1, 2, 3, 4, 5],
    ]),
    weights: {
      ...{ tick: random.pick([40, 80]), network: 240, storage: random.pick([60, 160]) },
      ...{ propose: random.pick([10, 30]), read: random.pick([0, 15, 15]) },
      ...{ restart: trouble(), compact: trouble(), members: trouble(), transfer: trouble() },
      // A cut lasts long enough for elections on both sides.
      ...{ unreachable: trouble(), forget: trouble(), partition: random.pick([0, 1, 1, 2]) },
    },
    lossPercent: random.pick([0, 2, 15]),
    duplicatePercent: random.pick([0, 5]),
    leaps: random.pick([0, 0.7]),
    orderly: random.pick([0, 0.8, 0.97]),
    poorHints: random.pick([0, 0, 0.7]),
  };
  // Leaps need long runs of their own: what they lead to is rare enough.
  return weather.leaps > 0 ? { ...weather, poorHints: 0 } : weather;
}

const memberIds = [1, 2, 3, 4, 5];

export class RaftChaos {
  readonly group: RaftGroup;
  readonly #prng: Prng;
  readonly #options: GroupOptions;
  readonly #weather: ChaosWeather;
  readonly #acts: readonly ChaosAct[];
  readonly #leaderOfTerm = new Map<number, number>();
  readonly #commits = new Map<number, number>();
  /** By context: what was applied anywhere when the read was asked. */
  readonly #reads = new Map<string, number>();
  #counter = 0;
  answered = 0;

  constructor(seed: number, options: Omit<GroupOptions, 'random'>, weather = usualWeather) {
    this.#prng = new Prng(seed);
    this.#options = { ...options, random: () => this.#prng.below(1000) / 1000 };
    this.#weather = weather;
    this.#acts = Object.entries(weather.weights).flatMap(([act, weight]) =>
      Array.from({ length: weight }, () => act as ChaosAct),
    );
    const { voters } = weather;
    this.group = new RaftGroup(voters, this.#options);
    // Spare processes that a configuration change may bring in.
    for (const id of memberIds.filter((each) => !voters.includes(each))) {
      const { confState } = this.group.member(1);
      this.group.add(id, this.#options, { ...confState, voters });
    }
  }

  get #highestApplied(): number {
    return Math.max(...this.group.chosen.keys(), 0);
  }

  run(): void {
    for (let i = 0; i < this.#weather.steps; i++) {
      this.#act(this.#prng.pick(this.group.members));
      this.#check();
    }
    this.#heal();
  }

  #act(member: GroupMember): void {
    const { raw } = member;
    this.#counter += 1;
    const anyId = (): number => this.#prng.pick(memberIds);
    switch (this.#prng.pick(this.#acts)) {
      case 'tick':
        raw.tick();
        return;
      case 'network':
        this.#network();
        return;
      case 'storage':
        this.#storage(member);
        return;
      case 'propose':
        this.#leaderOr(member).raw.propose(Buffer.from(`p${this.#counter}`));
        return;
      case 'read': {
        const context = `r${this.#counter}`;
        this.#reads.set(context, this.#highestApplied);
        this.#leaderOr(member).raw.readIndex(Buffer.from(context));
        return;
      }
      case 'restart':
        member.restart();
        this.#commits.delete(member.id);
        return;
      case 'compact':
        member.compact();
        return;
      case 'members':
        this.#changeMembers(this.#leaderOr(member));
        return;
      case 'transfer':
        raw.transferLeader(anyId());
        return;
      case 'unreachable':
        raw.reportUnreachable(anyId());
        raw.reportSnapshot(anyId(), this.#prng.chance(0.5) ? 'failed' : 'finished');
        return;
      case 'forget':
        raw.forgetLeader();
        return;
      case 'partition':
        this.#partition();
    }
  }

  /** One that believes to lead, mostly: others only send the request on. */
  #leaderOr(member: GroupMember): GroupMember {
    const { leaders } = this.group;
    return leaders.length > 0 && this.#prng.chance(0.8) ? this.#prng.pick(leaders) : member;
  }

  /** Two sides from now on, or none any more. */
  #partition(): void {
    const isCut = this.#prng.chance(0.6);
    const left = new Set(memberIds.filter(() => isCut && this.#prng.chance(0.5)));
    this.group.filter = ({ from, to }) => left.has(from) === left.has(to);
  }

  #network(): void {
    const { network } = this.group;
    if (network.length === 0) {
      return;
    }
    const { orderly, lossPercent, duplicatePercent } = this.#weather;
    const at = this.#prng.chance(orderly) ? 0 : this.#prng.below(network.length);
    const [message] = network.splice(at, 1);
    assert(message !== undefined);
    const dice = this.#prng.below(100);
    if (dice < lossPercent) {
      return;
    }
    if (dice < lossPercent + duplicatePercent) {
      network.push(message);
    }
    this.group.deliver(this.#withPoorHint(message));
  }

  #withPoorHint(message: Message): Message {
    const { poorHints } = this.#weather;
    const isRejection = message.type === MessageType.appResp && message.reject;
    return poorHints > 0 && isRejection && this.#prng.chance(poorHints)
      ? { ...message, rejectHint: this.#prng.below(message.rejectHint + 1), logTerm: 0 }
      : message;
  }

  #storage(member: GroupMember): void {
    const works = [
      ...(member.appendWork.length > 0 ? [() => member.workAppend()] : []),
      ...(member.applyWork.length > 0 ? [() => member.workApply()] : []),
      ...(member.raw.hasReady() ? [() => member.process()] : []),
    ];
    if (works.length > 0) {
      this.group.send(this.#prng.pick(works)());
    }
  }

  /**
   * Adds one, and with enough voters may take away or demote another in the same step; or leaps to
   * any three voters at once.
   */
  #changeMembers({ id: own, raw }: GroupMember): void {
    const { incoming } = raw.raft.tracker.config.voters;
    if (this.#prng.chance(this.#weather.leaps)) {
      // A leader hands over before it leaves (`host/membership.ts`).
      const others = memberIds.filter((id) => id !== own);
      const next = [own];
      while (next.length < 3) {
        next.push(must(others.splice(this.#prng.below(others.length), 1)[0]));
      }
      const added = next.map((id) => ({ type: ConfChangeType.addVoter, id }));
      const removed = incoming
        .filter((id) => !next.includes(id))
        .map((id) => ({ type: ConfChangeType.remove, id }));
      raw.proposeConfChange(confChange([...added, ...removed]));
      return;
    }
    const id = this.#prng.pick(memberIds);
    const other = this.#prng.pick(memberIds);
    const changes: ConfChangeSingle[] = [{ type: ConfChangeType.addVoter, id }];
    if (incoming.length > 2 && other !== id) {
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
    const { config } = must(members[0]).raw.raft.tracker;
    const { voters: now, learners } = config;
    const text = describeGroupConfig(config);
    const knows = (id: number): boolean =>
      describeGroupConfig(this.group.raw(id).raft.tracker.config) === text;
    if (now.incoming.filter(knows).length * 2 <= now.incoming.length) {
      return; // Those who are left may still need who leaves.
    }
    for (const { id } of members) {
      if (!isJointVoter(now, id) && !learners.includes(id)) {
        this.group.isolate(id);
      }
    }
  }

  #heal(): void {
    this.group.filter = () => true;
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
