/**
 * Brings a command to the leader of its group, wherever it is, and its answer back (design §3.2).
 *
 * It retries only what surely was not done: a wrong leader, a leader not open yet, an unreachable
 * node, an overwritten proposal. An unknown outcome, a throttle and another schema are the
 * caller's to see. Every command ends by its deadline; one that may have been done then ends as
 * `OutcomeUnknown`.
 */
import { backoffMs } from '../lib/backoff.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { ErrorCode } from '../lib/errors.ts';
import type { Executors } from '../executor/executors.ts';
import type { ForegroundLoad } from '../host/foreground-load.ts';
import type { Group } from '../host/group.ts';
import type { GroupCommand, SurveyReply, WhereaboutsReply } from '../host/group-commands.ts';
import type { Host } from '../host/host.ts';
import type { ItemCommand, ItemReply } from '../items/command.ts';
import type { SchemaRow } from '../items/schema-row.ts';
import { groupOfHash, systemGroupId } from '../shards/groups.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import { FrameKind } from '../sys/network.ts';
import type { Network, NodeId } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import { Calls } from './calls.ts';
import { decodeRequest, encodeReply, mayHaveEffect } from './command-codec.ts';
import type { AnyCommand, AnyReply, NodeAnswer, NodeQuestion } from './command-codec.ts';
import type { Call, ItemService } from './ports.ts';

/** Deadlines are kept to about this. */
const sweepPeriodMs = 50;
/** Waits between attempts: short, since a failover lasts a few hundred milliseconds. */
const retryBackoff = { baseMs: 5, maxMs: 100 };
/** Attempts at a member without a leader that wait for an election: about half a second. */
const electionAttempts = 10;

/** Answers that show a hint to be wrong. */
const staleHintCodes: ReadonlySet<ErrorCode> = new Set(['NotLeader', 'NoReplica', 'Unavailable']);

export type AnyDone = (error: DynakvError | undefined, reply: AnyReply | undefined) => void;

/** Evaluates commands of the system group on its leader. */
export interface SystemRunner {
  run(group: Group, body: unknown, done: AnyDone): void;
}

/** Runs what is asked of a group's leader about the group. */
export interface GroupRunner {
  run(group: Group, command: GroupCommand, done: AnyDone): void;
}

/** Where groups live, from the catalog. */
export interface Placement {
  readonly shardCount: number;
  nodesOf(groupId: number): readonly NodeId[];
}

export interface RouterParts {
  /** Commands under way at this node as gateway; more are a throttle. */
  readonly commandsMax: number;
  readonly host: Host;
  readonly executors: Executors;
  readonly system: SystemRunner;
  readonly membership: GroupRunner;
  /** Answers what is asked of this node; throws `Unavailable` what it does not know yet. */
  readonly ownAnswer: (question: NodeQuestion) => NodeAnswer;
  readonly placement: Placement;
  readonly network: Network;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Of this process alone. */
  readonly bootNonce: string;
  /** Hears how long commands take. */
  readonly load: ForegroundLoad;
}

interface Operation {
  readonly groupId: number;
  readonly command: AnyCommand;
  readonly deadlineMs: number;
  readonly startedMs: number;
  readonly done: AnyDone;
  attempts: number;
  /** The leader as the last answer named it: asked next, once. */
  told: NodeId | undefined;
  /** An attempt is with an executor or a peer and may have effect. */
  pending: boolean;
  ended: boolean;
  lastError: DynakvError | undefined;
}

function isItemCommand({ kind }: AnyCommand): boolean {
  return kind === 'get' || kind === 'put' || kind === 'delete' || kind === 'schema';
}

export class Router implements ItemService {
  readonly #parts: RouterParts;
  readonly #calls: Calls;
  readonly #hints = new Map<number, NodeId>();
  readonly #operations = new Set<Operation>();
  /** Attempts repeated, by the error of the one before. */
  readonly retries = new Map<ErrorCode, number>();
  unknownOutcomes = 0;
  #closed = false;
  #sweepArmed = false;
  /** Commands refused so far because a limit was reached, by the limit's name. */
  readonly throttled = new Map<string, number>();

  constructor(parts: RouterParts) {
    this.#parts = parts;
    const { network, clock, bootNonce } = parts;
    this.#calls = new Calls({
      ...{ network, clock, bootNonce },
      turnSoon: () => {
        parts.host.turnSoon();
      },
    });
  }

  get underWay(): number {
    return this.#operations.size;
  }

  execute(command: ItemCommand, call: Call): Promise<ItemReply> {
    const groupId = groupOfHash(command.hash, this.#parts.placement.shardCount);
    return this.call(groupId, command, call.deadlineMs) as Promise<ItemReply>;
  }

  /** Writes a schema row in one shard's log. */
  async schema(groupId: number, row: SchemaRow, deadlineMs: number): Promise<void> {
    await this.call(groupId, { kind: 'schema', row }, deadlineMs);
  }

  /** A command of the system group; `reads` if it surely changes nothing. */
  async system(body: unknown, deadlineMs: number, reads?: true): Promise<unknown> {
    const reply = await this.call(systemGroupId, { kind: 'system', body, reads }, deadlineMs);
    if (reply.kind !== 'system') {
      throw new DynakvError('BadFrame', `Expected a reply of the system group: ${reply.kind}`);
    }
    return reply.body;
  }

  /** The groups that a node leads, a page of them. Not tried again: ask when it answers. */
  async survey(nodeId: NodeId, after: number, deadlineMs: number): Promise<SurveyReply> {
    const answer = await this.#ask(nodeId, { kind: 'survey', after }, deadlineMs);
    if (answer.kind !== 'surveyed') {
      throw new DynakvError('BadFrame', `Expected the answer to a survey: ${answer.kind}`);
    }
    return answer;
  }

  /** Where the system group is, by the catalog of a node. Not tried again. */
  async whereabouts(nodeId: NodeId, deadlineMs: number): Promise<WhereaboutsReply> {
    const answer = await this.#ask(nodeId, { kind: 'whereabouts' }, deadlineMs);
    if (answer.kind !== 'found') {
      throw new DynakvError('BadFrame', `Expected whereabouts: ${answer.kind}`);
    }
    return answer;
  }

  async #ask(nodeId: NodeId, question: NodeQuestion, deadlineMs: number): Promise<AnyReply> {
    if (nodeId === this.#parts.host.nodeId) {
      return this.#parts.ownAnswer(question);
    }
    return await new Promise((resolve, reject) => {
      this.#calls.send(nodeId, systemGroupId, question, deadlineMs, (error, reply) => {
        if (reply !== undefined) {
          resolve(reply);
        } else {
          reject(error ?? new DynakvError('Unavailable', 'No reply'));
        }
      });
      this.#armSweep();
    });
  }

  call(groupId: number, command: AnyCommand, deadlineMs: number): Promise<AnyReply> {
    return new Promise((resolve, reject) => {
      this.#start(groupId, command, deadlineMs, (error, reply) => {
        if (reply !== undefined) {
          resolve(reply);
        } else {
          reject(error ?? new DynakvError('Unavailable', 'No reply'));
        }
      });
    });
  }

  #start(groupId: number, command: AnyCommand, deadlineMs: number, done: AnyDone): void {
    if (this.#closed) {
      done(new DynakvError('Unavailable', 'The node is stopping'), undefined);
      return;
    }
    if (this.#parts.host.failure !== undefined) {
      done(new DynakvError('StoreFailed', messageOf(this.#parts.host.failure)), undefined);
      return;
    }
    const { commandsMax } = this.#parts;
    if (this.#operations.size >= commandsMax) {
      this.#countThrottle('gateway-commands');
      done(
        new DynakvError('Throttled', `Cannot take a command: ${commandsMax} are under way`, {
          limit: 'gateway-commands',
        }),
        undefined,
      );
      return;
    }
    const operation: Operation = {
      groupId,
      command,
      deadlineMs,
      startedMs: this.#parts.clock.monotonicMs(),
      done,
      attempts: 0,
      told: undefined,
      pending: false,
      ended: false,
      lastError: undefined,
    };
    this.#operations.add(operation);
    this.#armSweep();
    this.#attempt(operation);
  }

  /** Clients' requests alone: the steps of a move must not look like load that it yields to. */
  #measure(command: AnyCommand, startedMs: number): void {
    if (isItemCommand(command)) {
      this.#parts.load.request(this.#parts.clock.monotonicMs() - startedMs);
    }
  }

  #countThrottle(limit: string): void {
    this.throttled.set(limit, (this.throttled.get(limit) ?? 0) + 1);
  }

  #end(operation: Operation, error: DynakvError | undefined, reply: AnyReply | undefined): void {
    if (!operation.ended) {
      if (error?.code === 'Throttled' || error?.code === 'NoSpace') {
        this.#countThrottle(String(error.facts['limit'] ?? 'disk-space'));
      }
      operation.ended = true;
      this.#operations.delete(operation);
      this.#measure(operation.command, operation.startedMs);
      this.unknownOutcomes += error?.code === 'OutcomeUnknown' ? 1 : 0;
      operation.done(error, reply);
    }
  }

  #attempt(operation: Operation): void {
    if (operation.ended) {
      return;
    }
    const { groupId, command } = operation;
    const group = this.#running(groupId);
    const local = command.kind === 'get' && !command.consistent;
    operation.attempts += 1;
    operation.pending = true;
    const settle: AnyDone = (error, reply) => {
      operation.pending = false;
      if (error === undefined) {
        this.#end(operation, undefined, reply);
      } else {
        this.#failed(operation, error);
      }
    };
    if (group !== undefined && ((local && group.isMember) || group.isLeader)) {
      this.#runHere(group, command, settle);
      return;
    }
    const to = this.#target(operation, group);
    if (to === undefined) {
      settle(new DynakvError('Unavailable', `Group ${groupId} has no known leader`), undefined);
      return;
    }
    this.#calls.send(to, groupId, command, operation.deadlineMs, settle);
  }

  #runHere(group: Group, command: AnyCommand, done: AnyDone): void {
    switch (command.kind) {
      case 'system':
        this.#parts.system.run(group, command.body, done);
        return;
      case 'describe':
      case 'configure':
      case 'transfer':
        this.#parts.membership.run(group, command, done);
        return;
      case 'survey':
      case 'whereabouts':
        done(new DynakvError('BadFrame', `A ${command.kind} is asked of a node`), undefined);
        return;
      default:
        this.#parts.executors.run(group, command, done);
    }
  }

  /** This node's replica of a group, if it runs. */
  #running(groupId: number): Group | undefined {
    const group = this.#parts.host.groups.get(groupId);
    return group?.stoppedBecause === undefined ? group : undefined;
  }

  /** The node to ask: the leader as just told, or as known here, else each replica in turn. */
  #target(operation: Operation, group: Group | undefined): NodeId | undefined {
    const { groupId, attempts, told } = operation;
    const self = this.#parts.host.nodeId;
    operation.told = undefined;
    if (told !== undefined && told !== self) {
      return told;
    }
    const believed = group?.leaderNode;
    if (believed !== undefined && believed !== self) {
      return believed;
    }
    const hint = this.#hints.get(groupId);
    if (hint !== undefined && hint !== self) {
      return hint;
    }
    const others = this.#parts.placement.nodesOf(groupId).filter((nodeId) => nodeId !== self);
    if (group?.isMember !== true) {
      return others[attempts % others.length];
    }
    if (attempts <= electionAttempts) {
      return undefined; // Whoever is elected makes itself known here.
    }
    // The replica here may have missed that it is a member no longer, and the others lead on.
    const live = others.filter((nodeId) => this.#parts.host.liveness.isLive(nodeId));
    return live[attempts % live.length];
  }

  #failed(operation: Operation, error: DynakvError): void {
    if (operation.ended) {
      return;
    }
    operation.lastError = error;
    this.#learn(operation, error);
    const isFinal =
      error.code === 'Throttled' || error.code === 'SchemaMismatch' || error.code === 'NoSpace';
    if (isFinal || error.retry === 'never' || error.retry === 'unknown') {
      this.#end(operation, error, undefined);
      return;
    }
    this.retries.set(error.code, (this.retries.get(error.code) ?? 0) + 1);
    const unit = this.#parts.random.uint32() / 0x1_0000_0000;
    const waitMs = backoffMs(retryBackoff, operation.attempts - 1, unit);
    this.#parts.timers.after(waitMs, () => {
      this.#attempt(operation);
    });
  }

  #learn(operation: Operation, error: DynakvError): void {
    const leader = error.facts['leaderNode'];
    if (error.code === 'NotLeader' && typeof leader === 'number') {
      operation.told = leader;
      this.#hints.set(operation.groupId, leader);
    } else if (staleHintCodes.has(error.code)) {
      this.#hints.delete(operation.groupId);
    }
  }

  /** A command from another node: run here or refused, never sent on. */
  onRequest(from: NodeId, payload: Buffer): void {
    const request = decodeRequest(payload);
    const startedMs = this.#parts.clock.monotonicMs();
    const reply: AnyDone = (error, answer) => {
      this.#measure(request.command, startedMs);
      const frame = encodeReply(request.id, error, answer);
      this.#parts.network.send(from, 'bulk', FrameKind.reply, frame);
      this.#parts.host.turnSoon();
    };
    if (request.deadlineLeftMs === 0) {
      reply(new DynakvError('DeadlineBeforeStart', 'The deadline passed on the way'), undefined);
      return;
    }
    if (request.command.kind === 'survey' || request.command.kind === 'whereabouts') {
      this.#answer(request.command, reply);
      return;
    }
    const group = this.#parts.host.groups.get(request.groupId);
    if (this.#closed || group === undefined) {
      reply(
        new DynakvError('NoReplica', `This node serves no replica of group ${request.groupId}`),
        undefined,
      );
      return;
    }
    if (request.command.kind === 'system' && group.groupId !== systemGroupId) {
      reply(new DynakvError('BadFrame', `Group ${group.groupId} has no catalog`), undefined);
      return;
    }
    if (isItemCommand(request.command) && group.groupId === systemGroupId) {
      reply(new DynakvError('BadFrame', 'The system group has no items'), undefined);
      return;
    }
    this.#runHere(group, request.command, reply);
  }

  #answer(question: NodeQuestion, done: AnyDone): void {
    let answer: NodeAnswer;
    try {
      answer = this.#parts.ownAnswer(question);
    } catch (error) {
      if (!(error instanceof DynakvError)) {
        throw error;
      }
      done(error, undefined);
      return;
    }
    done(undefined, answer);
  }

  onReply(from: NodeId, payload: Buffer): void {
    this.#calls.onReply(from, payload);
  }

  peerDown(nodeId: NodeId): void {
    this.#calls.peerDown(nodeId);
    for (const [groupId, hint] of this.#hints) {
      if (hint === nodeId) {
        this.#hints.delete(groupId);
      }
    }
  }

  /** One timer for all deadlines, only while something is under way. */
  #armSweep(): void {
    if (!this.#sweepArmed && !this.#closed) {
      this.#sweepArmed = true;
      this.#parts.timers.after(sweepPeriodMs, () => {
        this.#sweepArmed = false;
        this.#sweep();
        if (this.#operations.size > 0 || this.#calls.underWay > 0) {
          this.#armSweep();
        }
      });
    }
  }

  /** Ends what is past its deadline. */
  #sweep(): void {
    this.#calls.sweep();
    const nowMs = this.#parts.clock.monotonicMs();
    for (const operation of this.#operations) {
      if (operation.deadlineMs <= nowMs) {
        this.#end(operation, this.#expired(operation), undefined);
      }
    }
  }

  #expired(operation: Operation): DynakvError {
    const when = this.#closed ? 'The node stopped' : 'The deadline passed';
    if (operation.pending && mayHaveEffect(operation.command)) {
      return new DynakvError('OutcomeUnknown', `${when} while the write was under way`);
    }
    const why = operation.lastError === undefined ? '' : `: ${operation.lastError.message}`;
    return new DynakvError('Unavailable', `${when} before anything was done${why}`);
  }

  close(): void {
    this.#closed = true;
    this.#calls.close();
    for (const operation of this.#operations) {
      this.#end(operation, this.#expired(operation), undefined);
    }
  }
}
