/**
 * What a whole cluster must bear, too, tried when a seed has healed, as it can be judged strictly
 * only then: a system group without a majority, while data of known tables goes on being served;
 * an entry that cannot be applied, which stops its shard, says so, and touches nothing else, also
 * after restarts. Each trial gives the first problem as a sentence.
 */
import type { Group } from '../../host/group.ts';
import { assert, must } from '../../lib/assert.ts';
import { isDynakvError, messageOf } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';
import type { ItemCommand, ItemReply } from '../../items/command.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import { systemGroupId } from '../../shards/groups.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import { ManagedCluster } from '../managed-cluster.ts';
import type { EventLog } from './event-log.ts';
import { bornTable, getOf, nameIn, putOf, valueOf } from './swarm-rows.ts';

const callMs = 5_000;
const attemptsMax = 5;
const pauseMs = 300;
/** Longer than any election: by then nobody takes itself for a leader without a majority. */
const awayMs = 8_000;
/** An entry is everywhere by then. */
const stopMs = 30_000;
const downMs = 500;
/** No entry begins like this. */
const poison = Buffer.from([0xee, 1, 2, 3]);

export interface TrialParts {
  readonly cluster: SimCluster;
  readonly shards: number;
  readonly random: Prng;
  readonly log: EventLog;
  /** Starts a process; whoever would not start is told of elsewhere. */
  readonly bring: (nodeId: NodeId) => void;
}

export class LastTrials {
  readonly #parts: TrialParts;
  /** The shard that was given an entry it cannot apply. */
  poisoned: number | undefined;

  constructor(parts: TrialParts) {
    this.#parts = parts;
  }

  get #running(): NodeCore[] {
    const { cluster } = this.#parts;
    return cluster.nodeIds
      .map((nodeId) => cluster.core(nodeId))
      .filter((core) => core !== undefined);
  }

  /** Undefined as well where no shard can spare what the system group cannot. */
  async systemAway(): Promise<string | undefined> {
    const { cluster, random, log, bring } = this.#parts;
    const choice = this.#chooseSurvivors();
    if (choice === undefined) {
      return undefined;
    }
    const { groupId, survivors } = choice;
    log.note(0, 'no system', `group ${groupId} is served by ${survivors.join()}`);
    const away = this.#running
      .map(({ host }) => host.nodeId)
      .filter((id) => !survivors.includes(id));
    for (const nodeId of away) {
      cluster.crash(nodeId, random.chance(0.5));
    }
    await cluster.scheduler.runFor(awayMs);
    let problem: string | undefined;
    for (const nodeId of survivors) {
      const system = must(cluster.core(nodeId)).host.groups.get(systemGroupId);
      problem ??=
        (system?.openTerm ?? 0) > 0
          ? `Node ${nodeId} leads the system group without a majority`
          : await this.#writeProblem(nodeId, groupId);
    }
    for (const nodeId of away) {
      bring(nodeId);
    }
    return problem;
  }

  /** A majority of a shard that is none of the system group. */
  #chooseSurvivors(): { readonly groupId: number; readonly survivors: NodeId[] } | undefined {
    const { cluster, random, shards } = this.#parts;
    const managed = new ManagedCluster(cluster);
    const system = managed.held(systemGroupId)?.voters ?? [];
    const choices = Array.from({ length: shards }, (_, i) => i + 1).flatMap((groupId) => {
      const voters = (managed.held(groupId)?.voters ?? []).filter(
        (nodeId) => cluster.core(nodeId) !== undefined,
      );
      const needed = (voters.length >> 1) + 1;
      // Those without a vote in the system group first.
      const sorted = [...voters].sort(
        (a, b) => Number(system.includes(a)) - Number(system.includes(b)),
      );
      const survivors = sorted.slice(0, needed).sort((a, b) => a - b);
      const left = survivors.filter((nodeId) => system.includes(nodeId)).length;
      return needed > 1 && 2 * left <= system.length - 1 ? [{ groupId, survivors }] : [];
    });
    return choices.length === 0 ? undefined : random.pick(choices);
  }

  async poison(): Promise<string | undefined> {
    const { cluster, random, log, bring, shards } = this.#parts;
    const groupId = 1 + random.below(shards);
    const awake = await this.#writeProblem(must(this.#running[0]).host.nodeId, groupId);
    const leader = this.#replicas(groupId).find((group) => group.openTerm > 0);
    if (awake !== undefined || leader === undefined) {
      return awake ?? `Group ${groupId} has no leader right after a write`;
    }
    this.poisoned = groupId;
    log.note(0, 'poison', `group ${groupId}`);
    const outcomes: string[] = [];
    leader.propose(poison, leader.openTerm, (outcome) => {
      outcomes.push(outcome);
    });
    const first = await this.#poisonProblem();
    if (first !== undefined) {
      return first;
    }
    for (const nodeId of this.#running.map(({ host }) => host.nodeId)) {
      cluster.crash(nodeId, true);
      await cluster.scheduler.runFor(downMs);
      bring(nodeId);
      await cluster.scheduler.runFor(downMs);
    }
    log.note(0, 'poison', 'all were restarted');
    return outcomes.join() === 'unknown'
      ? await this.#poisonProblem()
      : `An entry that cannot be applied ended as ${outcomes.join()}`;
  }

  #replicas(groupId: number): Group[] {
    return this.#running
      .map(({ host }) => host.groups.get(groupId))
      .filter((group) => group?.isMember === true)
      .filter((group) => group !== undefined);
  }

  /** The shard has stopped on all its replicas and takes nothing; all others serve. */
  async #poisonProblem(): Promise<string | undefined> {
    const { cluster, random, shards } = this.#parts;
    const groupId = must(this.poisoned);
    const isStopped = await cluster.scheduler.runUntil(() => {
      const replicas = this.#replicas(groupId);
      return replicas.length > 0 && replicas.every((each) => each.stoppedBecause !== undefined);
    }, stopMs);
    if (!isStopped) {
      return `Group ${groupId} has not stopped at an entry that cannot be applied`;
    }
    const nodes = this.#running.map(({ host }) => host.nodeId);
    if ((await this.#writeProblem(random.pick(nodes), groupId, 1)) === undefined) {
      return `Group ${groupId} takes writes behind an entry that cannot be applied`;
    }
    for (let other = 1; other <= shards; other++) {
      for (const nodeId of other === groupId ? [] : nodes) {
        const problem = await this.#writeProblem(nodeId, other);
        if (problem !== undefined) {
          return problem;
        }
      }
    }
    return undefined;
  }

  /** Writes a row of the shard through the node and reads it, strongly. */
  async #writeProblem(
    nodeId: NodeId,
    groupId: number,
    attempts = attemptsMax,
  ): Promise<string | undefined> {
    const { shards, random } = this.#parts;
    const name = nameIn(groupId, shards, 'trial');
    const value = `${random.uint32()}`;
    const put = await this.#ask(
      nodeId,
      putOf(bornTable, name, { value, paddingBytes: 1 }),
      attempts,
    );
    const got =
      typeof put === 'string' ? put : await this.#ask(nodeId, getOf(bornTable, name, true));
    if (typeof got === 'string') {
      return `Shard ${groupId} is not served through node ${nodeId}: ${got}`;
    }
    const found = got.kind === 'got' && got.found !== undefined ? got.found.item : undefined;
    const read = found === undefined ? 'nothing' : valueOf(name, found);
    return read === value ? undefined : `Shard ${groupId} has ${read} for "${name}", not ${value}`;
  }

  /** The answer, or the last error. */
  async #ask(
    nodeId: NodeId,
    command: ItemCommand,
    attempts = attemptsMax,
  ): Promise<ItemReply | string> {
    const { cluster } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const { router } = must(cluster.core(nodeId), `Node ${nodeId} runs`);
      const deadlineMs = cluster.scheduler.nowMs + callMs;
      try {
        return await cluster.settle(router.execute(command, { deadlineMs, requestId: 'trial' }));
      } catch (error) {
        assert(isDynakvError(error), messageOf(error));
        if (attempt >= attempts) {
          return messageOf(error);
        }
      }
      await cluster.scheduler.runFor(pauseMs);
    }
  }
}
