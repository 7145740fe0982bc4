/**
 * The clients of a seed: each sends one operation after the other to any node that runs, by the
 * workloads that are on, and every operation ends in the history as done, refused or unknown.
 *
 * Values are unique in a run (the checker relies on it), and a name is given up for a fresh one
 * after some operations, which bounds the checker's work on it. Eventual reads are not part of
 * the history: they may be old, but must be something that was written (`eventual-reads.ts`).
 *
 * Invariant: one operation at a time for each client; an answer after the client gave up is lost.
 */
import type { ItemCommand, ItemReply, Precondition } from '../../items/command.ts';
import { must } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import { groupOfHash } from '../../shards/groups.ts';
import type { NodeId } from '../../sys/network.ts';
import type { SimCluster } from '../cluster.ts';
import type { History, RegisterAnswer, RegisterCondition, RegisterInput } from '../history.ts';
import type { StepChecks } from '../invariants/step-checks.ts';
import type { EventualReads } from './eventual-reads.ts';
import type { EventLog } from './event-log.ts';
import { bornTable, deleteOf, getOf, putOf, valueOf } from './swarm-rows.ts';
import type { TableVersion } from './swarm-rows.ts';
import type { SwarmOptions, WorkloadKind } from './swarm-options.ts';

/** A client's patience is drawn from this range, ms. */
const patienceMinMs = 500;
const patienceMaxMs = 6_000;
/** Elements of a list before it is begun anew. */
const listMax = 20;
/** Chance that an operation is on a table of the table workload, if there is one. */
const otherTableChance = 0.4;

export interface ClientParts {
  readonly cluster: SimCluster;
  readonly options: SwarmOptions;
  readonly random: Prng;
  readonly log: EventLog;
  readonly history: History;
  readonly eventual: EventualReads;
  readonly checks: StepChecks;
  /** Names of tables that may be there. */
  readonly tableNames: readonly string[];
}

/** A name in use, and how many operations it will still see. */
interface Slot {
  readonly workload: WorkloadKind;
  readonly index: number;
  window: number;
  operationsLeft: number;
}

/** What a client last learned of a key. */
interface Known {
  readonly value: string | undefined;
  readonly version: string | undefined;
}

interface Client {
  readonly number: number;
  readonly known: Map<string, Known>;
}

interface Drawn {
  readonly input: RegisterInput;
  readonly command: ItemCommand;
}

export class SwarmClients {
  readonly #parts: ClientParts;
  readonly #random: Prng;
  readonly #slots: Slot[];
  #sequence = 0;
  #running = false;
  underWay = 0;
  readonly counts = { ok: 0, refused: 0, notDone: 0, unknown: 0, eventual: 0 };

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#random = parts.random;
    const { workloads, keys, operationsPerKey } = parts.options;
    this.#slots = Array.from({ length: keys }, (_, index) => ({
      workload: must(workloads[index % workloads.length]),
      index,
      window: 0,
      operationsLeft: operationsPerKey,
    }));
  }

  /** Operations that ended, whichever way. */
  get done(): number {
    const { ok, refused, notDone, unknown, eventual } = this.counts;
    return ok + refused + notDone + unknown + eventual;
  }

  start(): void {
    this.#running = true;
    for (let number = 1; number <= this.#parts.options.clients; number++) {
      this.#next({ number, known: new Map() });
    }
  }

  stop(): void {
    this.#running = false;
  }

  #next(client: Client): void {
    const { cluster, options } = this.#parts;
    cluster.scheduler.after(this.#random.below(2 * Math.ceil(options.thinkMs) + 1), () => {
      if (!this.#running) {
        return;
      }
      const up = cluster.nodeIds.filter((nodeId) => cluster.core(nodeId) !== undefined);
      const nodeId = up.length === 0 ? undefined : this.#random.pick(up);
      if (nodeId === undefined) {
        this.#next(client);
      } else {
        this.#operate(client, nodeId);
      }
    });
  }

  #operate(client: Client, nodeId: NodeId): void {
    const table = this.#pickTable(nodeId);
    const slot = this.#random.pick(this.#slots);
    slot.operationsLeft -= 1;
    if (slot.operationsLeft === 0) {
      slot.window += 1;
      slot.operationsLeft = this.#parts.options.operationsPerKey;
    }
    const id = `${slot.workload}${slot.index}.${slot.window}`;
    const key = `${table.tableId}/${id}`;
    if (this.#random.chance(this.#parts.options.eventualChance)) {
      this.#readEventually(client, nodeId, table, id);
      return;
    }
    const drawn = this.#draw(slot.workload, client, table, id);
    const operation = this.#parts.history.invoke(client.number, key, drawn.input);
    this.#send(nodeId, drawn.command, (error, reply) => {
      client.known.delete(key);
      if (reply !== undefined) {
        this.#acknowledged(drawn.command, reply);
        this.#settle(operation, drawn.input, id, reply, (known) => {
          client.known.set(key, known);
        });
      } else if (isDynakvError(error) && error.retry !== 'unknown') {
        this.counts.notDone += 1;
        this.#parts.history.notDone(operation);
      } else {
        this.counts.unknown += 1;
        this.#parts.history.unknown(operation);
      }
      this.#next(client);
    });
  }

  #pickTable(nodeId: NodeId): TableVersion {
    const { cluster, tableNames } = this.#parts;
    if (tableNames.length === 0 || !this.#random.chance(otherTableChance)) {
      return bornTable;
    }
    const name = this.#random.pick(tableNames);
    return cluster.core(nodeId)?.tables.peek(name) ?? bornTable;
  }

  #readEventually(client: Client, nodeId: NodeId, table: TableVersion, id: string): void {
    const key = `${table.tableId}/${id}`;
    this.#send(nodeId, getOf(table, id, false), (_error, reply) => {
      this.counts.eventual += 1;
      if (reply?.kind === 'got' && reply.found !== undefined) {
        const value = valueOf(id, reply.found.item);
        this.#parts.eventual.add(nodeId, key, value, reply.found.version);
      }
      this.#next(client);
    });
  }

  /** Sends to a node; `done` is called once, also if the node dies or never answers. */
  #send(
    nodeId: NodeId,
    command: ItemCommand,
    done: (error: unknown, reply: ItemReply | undefined) => void,
  ): void {
    const { cluster } = this.#parts;
    const patienceMs = patienceMinMs + this.#random.below(patienceMaxMs - patienceMinMs);
    let isOver = false;
    this.underWay += 1;
    const finish = (error: unknown, reply: ItemReply | undefined): void => {
      if (!isOver) {
        isOver = true;
        this.underWay -= 1;
        timer.cancel();
        done(error, reply);
      }
    };
    const timer = cluster.scheduler.after(patienceMs, () => {
      finish(undefined, undefined);
    });
    // Through the node's own timers: a paused process reads no request, a dead one neither.
    cluster.time(nodeId).after(0, () => {
      const deadlineMs = cluster.scheduler.nowMs + patienceMs;
      execute(must(cluster.core(nodeId)), command, deadlineMs).then(
        (reply) => {
          finish(undefined, reply);
        },
        (error: unknown) => {
          finish(error, undefined);
        },
      );
    });
  }

  #acknowledged(command: ItemCommand, reply: ItemReply): void {
    if (reply.kind === 'written' && reply.version !== undefined) {
      const index = Number(reply.version.split('-')[1]);
      const groupId = groupOfHash(command.hash, this.#parts.options.shards);
      this.#parts.checks.acknowledged(groupId, index);
    }
  }

  #settle(
    operation: number,
    input: RegisterInput,
    id: string,
    reply: ItemReply,
    learn: (known: Known) => void,
  ): void {
    const { history } = this.#parts;
    if (reply.kind === 'got') {
      this.counts.ok += 1;
      const { found } = reply;
      const value = found === undefined ? undefined : valueOf(id, found.item);
      const version = found?.version;
      learn({ value, version });
      const answer: RegisterAnswer =
        value === undefined || version === undefined
          ? { kind: 'missing' }
          : { kind: 'found', value, version };
      history.ok(operation, answer);
    } else if (reply.kind === 'written') {
      this.counts.ok += 1;
      const { version, existed } = reply;
      learn({ value: input.kind === 'put' ? input.value : undefined, version });
      history.ok(operation, {
        kind: 'done',
        ...(version === undefined ? {} : { version }),
        ...(input.kind === 'put' && existed !== undefined ? { created: !existed } : {}),
      });
    } else {
      this.counts.refused += 1;
      history.refused(operation);
    }
  }

  #draw(workload: WorkloadKind, client: Client, table: TableVersion, id: string): Drawn {
    const known = client.known.get(`${table.tableId}/${id}`);
    const read: Drawn = { input: { kind: 'read' }, command: getOf(table, id, true) };
    const unique = `${client.number}.${++this.#sequence}`;
    switch (workload) {
      case 'register':
        return this.#drawRegister(known, table, id, unique) ?? read;
      case 'counter': {
        const count = Number(known?.value?.split(':')[0] ?? 0);
        return known === undefined
          ? read
          : this.#follow(known, table, id, `${count + 1}:${unique}`);
      }
      case 'list': {
        const list = known?.value?.split(',') ?? [];
        if (known?.version !== undefined && list.length >= listMax) {
          return this.#remove(table, id, known.version);
        }
        return known === undefined
          ? read
          : this.#follow(known, table, id, [...list, unique].join());
      }
      case 'recreate':
        if (known === undefined && this.#random.chance(0.4)) {
          return read;
        }
        return known?.version !== undefined || this.#random.chance(0.3)
          ? this.#remove(table, id, this.#random.chance(0.6) ? known?.version : undefined)
          : this.#put(table, id, unique, { kind: 'absent' });
    }
  }

  #drawRegister(
    known: Known | undefined,
    table: TableVersion,
    id: string,
    unique: string,
  ): Drawn | undefined {
    const die = this.#random.below(10);
    if (die < 4) {
      return undefined;
    }
    if (die === 4) {
      return this.#remove(table, id, undefined);
    }
    if (die < 8 && known?.version !== undefined) {
      return this.#put(table, id, unique, { kind: 'version', version: known.version });
    }
    if (die === 8) {
      return this.#put(table, id, unique, { kind: this.#random.pick(['absent', 'exists']) });
    }
    return this.#put(table, id, unique);
  }

  /** The next value, if the row is still as the client knows it. */
  #follow(known: Known, table: TableVersion, id: string, value: string): Drawn {
    const { version } = known;
    return this.#put(
      table,
      id,
      value,
      version === undefined ? { kind: 'absent' } : { kind: 'version', version },
    );
  }

  #put(table: TableVersion, id: string, value: string, condition?: RegisterCondition): Drawn {
    const paddingBytes = this.#random.below(this.#parts.options.valueBytesMax);
    return {
      input: { kind: 'put', value, ...(condition === undefined ? {} : { condition }) },
      command: putOf(table, id, { value, paddingBytes }, preconditionOf(condition)),
    };
  }

  #remove(table: TableVersion, id: string, version: string | undefined): Drawn {
    const condition = version === undefined ? undefined : ({ kind: 'version', version } as const);
    return {
      input: { kind: 'delete', ...(condition === undefined ? {} : { condition }) },
      command: deleteOf(table, id, preconditionOf(condition)),
    };
  }
}

/** A node that joined and knows no catalog yet refuses, as its doors do. */
async function execute(
  { router }: NodeCore,
  command: ItemCommand,
  deadlineMs: number,
): Promise<ItemReply> {
  return await router.execute(command, { deadlineMs, requestId: 'swarm' });
}

function preconditionOf(condition: RegisterCondition | undefined): Precondition | undefined {
  switch (condition?.kind) {
    case 'version':
      return { match: [condition.version] };
    case 'exists':
      return { match: 'any' };
    case 'absent':
      return { noneMatch: 'any' };
    default:
      return undefined;
  }
}
