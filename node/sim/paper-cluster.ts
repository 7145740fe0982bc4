/**
 * The real manager of shards, catalog and planner, over groups on paper (`paper-group.ts`): a life
 * of minutes takes milliseconds, so that many can be lived. Calls take time, sometimes seconds,
 * wait for a group's leader, get lost, and end without anybody hearing of it; nodes die and return.
 */
import { must } from '../lib/assert.ts';
import { DynakvError, isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import type { GroupCommand, SurveyReply } from '../host/group-commands.ts';
import { bornGroups } from '../manager/bootstrap.ts';
import { Catalog } from '../manager/catalog.ts';
import { hasId } from '../lib/id-ranges.ts';
import type { FeatureFanout } from '../manager/feature-fanout.ts';
import { MoveRate } from '../manager/move-rate.ts';
import { ShardManager } from '../manager/shard-manager.ts';
import { decideSystem } from '../manager/system-commands.ts';
import type { SystemCommand } from '../manager/system-commands.ts';
import type { Router } from '../router/router.ts';
import { systemGroupId } from '../shards/groups.ts';
import { hashPair } from '../shards/hash.ts';
import type { Move } from '../shards/move.ts';
import { planShards } from '../shards/planner.ts';
import { silentLogger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import { SimScheduler } from './clock.ts';
import { PaperGroup } from './paper-group.ts';

const stepMs = 50;
const callMsMax = 10;
/** One way of a call is late by up to so long, sometimes. */
const lateMsMax = 4_000;
const lateChance = 0.08;
const lostChance = 0.03;
const attemptsMax = 30;
/** On every node's disk. */
const freeBytes = 2 ** 40;

export interface PaperClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly shardCount: number;
  readonly replicationFactor: number;
  /** 0: nodes stand each alone. */
  readonly zones: number;
}

interface PaperPlace {
  readonly address: string;
  readonly storeId: string;
  readonly clientAddress: string;
  readonly opsAddress: string;
  readonly zone?: string;
}

export class PaperCluster {
  readonly scheduler = new SimScheduler();
  readonly catalog = new Catalog();
  readonly groups = new Map<number, PaperGroup>();
  /** Nodes that answer. */
  readonly live = new Set<NodeId>();
  readonly #random: Prng;
  readonly #zones: number;
  readonly #time = this.scheduler.openTime();
  readonly #places = new Map<string, NodeId>();
  /** Nodes that do not come back. */
  readonly lost = new Set<NodeId>();
  /** What must never be, and was. */
  readonly violations = new Set<string>();
  #manager: ShardManager | undefined;
  #managedTerm = 0;

  constructor({ seed, nodes, shardCount, replicationFactor, zones }: PaperClusterOptions) {
    this.#random = new Prng(seed);
    this.#zones = zones;
    const ids = Array.from({ length: nodes }, (_, i) => i + 1);
    const members = ids.map((nodeId) => ({ nodeId, ...this.placeOf(nodeId) }));
    const rest = { shardCount, replicationFactor, createdAtMs: 1 };
    const born = bornGroups({ clusterId: 'paper', members, ...rest });
    this.catalog.load(must(born[0]).rows);
    for (const group of born) {
      const lives = (id: number): boolean => this.live.has(this.#place(group.groupId, id));
      this.groups.set(group.groupId, new PaperGroup(group, this.#random, lives));
    }
    ids.forEach((nodeId) => this.live.add(nodeId));
    this.#notePlaces();
    this.#elect();
    this.#time.every(stepMs, () => {
      for (const group of this.groups.values()) {
        group.pass(stepMs);
      }
      this.#elect();
    });
  }

  /** Where the node is reached, and stands. */
  placeOf(nodeId: NodeId): PaperPlace {
    return {
      ...{ address: `n${nodeId}:7000`, storeId: `s${nodeId}` },
      ...{ clientAddress: `n${nodeId}:8000`, opsAddress: `n${nodeId}:9100` },
      ...(this.#zones === 0 ? {} : { zone: `z${hashPair(this.#zones, nodeId) % this.#zones}` }),
    };
  }

  /** Whoever is not lost answers again. */
  revive(): void {
    for (const { nodeId } of this.catalog.nodes.values()) {
      if (!this.lost.has(nodeId)) {
        this.live.add(nodeId);
      }
    }
  }

  get manager(): ShardManager {
    return must(this.#manager);
  }

  #place(groupId: number, replicaId: number): NodeId {
    return this.#places.get(`${groupId}:${replicaId}`) ?? 0;
  }

  #notePlaces(): void {
    for (const { groupId, replicas } of this.catalog.groups.values()) {
      for (const { replicaId, nodeId } of replicas) {
        this.#places.set(`${groupId}:${replicaId}`, nodeId);
      }
    }
  }

  /** Another leader of the system group: another manager. */
  #elect(): void {
    const { leader, term, isLed } = must(this.groups.get(systemGroupId));
    if (!isLed || term === this.#managedTerm) {
      return;
    }
    this.#manager?.closed();
    this.#managedTerm = term;
    const ownId = this.#place(systemGroupId, leader);
    const { catalog } = this;
    this.#manager = new ShardManager({
      ...{ catalog, ownId, clock: this.#time, timers: this.#time, logger: silentLogger },
      router: this.#router() as unknown as Router,
      features: { raise: () => Promise.resolve(false) } as unknown as FeatureFanout,
      rate: new MoveRate(),
      node: (nodeId) => ({
        ...{ live: this.live.has(nodeId), stopping: false, freeBytes, usedBytes: 0 },
        ...{ featureVersionMax: 0, snapshotBytesSent: 0 },
      }),
    });
    this.#manager.opened(term);
  }

  #router(): Pick<Router, 'call' | 'system' | 'survey'> {
    return {
      call: async (groupId, command, deadlineMs) => {
        const group = must(this.groups.get(groupId));
        await this.#untilLed(group, deadlineMs);
        return await this.#sent(() => this.#checked(() => group.run(command as GroupCommand)));
      },
      system: async (body, deadlineMs) => {
        await this.#untilLed(must(this.groups.get(systemGroupId)), deadlineMs);
        return await this.#sent(() => this.#decide(body as SystemCommand));
      },
      survey: async (nodeId, after) => await this.#sent(() => this.#survey(nodeId, after)),
    };
  }

  /** There and back: either way may be lost. */
  async #sent<T>(run: () => T): Promise<T> {
    await this.#pass();
    if (this.#random.chance(lostChance)) {
      throw new DynakvError('Unavailable', 'Lost on the way');
    }
    const answer = run();
    await this.#pass();
    if (this.#random.chance(lostChance)) {
      throw new DynakvError('OutcomeUnknown', 'Lost on the way back');
    }
    return answer;
  }

  async #pass(): Promise<void> {
    const lateMs = this.#random.chance(lateChance) ? this.#random.below(lateMsMax) : 0;
    await this.#wait(1 + this.#random.below(callMsMax) + lateMs);
  }

  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#time.after(ms, resolve);
    });
  }

  /** A router keeps a call until there is a leader to give it to. */
  async #untilLed(group: PaperGroup, deadlineMs: number): Promise<void> {
    while (!group.isLed && this.#time.monotonicMs() < deadlineMs) {
      await this.#wait(stepMs);
    }
  }

  /** Runs what may change a group or the catalog, and looks for what must never be. */
  #checked<T>(run: () => T): T {
    const system = must(this.groups.get(systemGroupId));
    const before = system.voters.length;
    const result = run();
    const after = system.voters.length;
    // A voter that is lost may go alone, where the others need the second one to decide.
    if (after % 2 === 0 && after < before && this.lost.size === 0) {
      this.violations.add(`the system group falls from ${before} to ${after} voters`);
    }
    for (const group of this.groups.values()) {
      const removed = this.catalog.groups.get(group.groupId)?.removed ?? [];
      for (const id of group.members.filter((member) => hasId(removed, member))) {
        this.violations.add(`replica ${id} of group ${group.groupId} is gone, and a member`);
      }
    }
    const begun = [...this.catalog.moves.values()].filter(({ startedAtMs }) => startedAtMs > 0);
    for (const { id, groupId } of begun) {
      if (begun.some((other) => other.groupId === groupId && other.id !== id)) {
        this.violations.add(`move ${id} is not the only one of its group under way`);
      }
    }
    return result;
  }

  #decide(command: SystemCommand): unknown {
    const { term, isLed } = must(this.groups.get(systemGroupId));
    if (!isLed) {
      throw new DynakvError('Unavailable', 'The system group has no leader on paper');
    }
    const isLive = (nodeId: NodeId): boolean => this.live.has(nodeId);
    const facts = { term, nowMs: this.#time.wallMs(), isLive };
    return this.#checked(() => {
      const { writes, reply } = decideSystem(this.catalog, command, facts);
      this.catalog.apply(writes);
      this.#notePlaces();
      return reply;
    });
  }

  #survey(nodeId: NodeId, after: number): SurveyReply {
    if (!this.live.has(nodeId)) {
      throw new DynakvError('Unavailable', `Node ${nodeId} is away`);
    }
    const groups = [...this.groups.values()].flatMap((group) => {
      const here = group.members.find((id) => this.#place(group.groupId, id) === nodeId);
      const tells = group.isLed ? here === group.leader : here !== undefined;
      return group.groupId > after && tells ? [group.facts(here)] : [];
    });
    return { kind: 'surveyed', groups, more: false };
  }

  /** A command of a person, until it is answered; undefined: it was refused. */
  async tell(command: SystemCommand): Promise<unknown> {
    let outcome: { readonly reply: unknown } | undefined;
    const ask = async (): Promise<void> => {
      for (let attempt = 0; attempt < attemptsMax && outcome === undefined; attempt++) {
        try {
          outcome = { reply: await this.#sent(() => this.#decide(command)) };
        } catch (error) {
          if (isDynakvError(error, 'Refused')) {
            outcome = { reply: undefined };
          }
          await this.#pass();
        }
      }
      outcome ??= { reply: undefined };
    };
    void ask();
    await this.scheduler.runUntil(() => outcome !== undefined, 60_000);
    return outcome?.reply;
  }

  /** Why movement has not come to rest; undefined: it has. */
  unrest(): string | undefined {
    // What lost its majority for good waits for a person.
    if (!must(this.groups.get(systemGroupId)).canDecide) {
      return undefined;
    }
    const canMove = ({ groupId }: Move): boolean => this.groups.get(groupId)?.canDecide === true;
    const moves = [...this.catalog.moves.values()].filter(canMove);
    if (moves.length > 0) {
      return `moves are planned: ${moves.map(({ id }) => id).join(' ')}`;
    }
    const wanted = planShards({ view: this.manager.view() }).moves;
    const lasting = wanted.filter((move) => move.kind !== 'transfer' && canMove(move));
    if (lasting.length > 0) {
      return `wanted: ${lasting.map(({ id }) => id).join(' ')}`;
    }
    const changing = [...this.groups.values()].find(
      ({ groupId, canDecide, outgoing, learners }) =>
        canDecide && (outgoing.length > 0 || (groupId !== systemGroupId && learners.length > 0)),
    );
    return changing === undefined ? undefined : `group ${changing.groupId} is changing`;
  }
}
