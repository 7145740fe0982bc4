/**
 * Clients of the simulated cluster: conditional and plain puts, deletes and strong reads of a few
 * keys of the `kv` table through any node, every operation with its outcome in a history.
 */
import { isDynakvError } from '../lib/errors.ts';
import type { Prng } from '../lib/prng.ts';
import type { NodeCore } from '../manager/node-core.ts';
import { encodeKeyValue } from '../values/key-encoding.ts';
import { hashOfPartitionKey, rowKey } from '../items/keys.ts';
import type { ItemCommand, ItemReply, Precondition, RowTarget } from '../items/command.ts';
import { itemSize } from '../values/item-size.ts';
import { itemText } from '../values/canonical-json.ts';
import type { Item } from '../values/attribute-value.ts';
import type { SimCluster } from './cluster.ts';
import type { History, RegisterAnswer, RegisterInput } from './history.ts';

const callMs = 5_000;
const kvTableId = 1;

/** The row of a key of the `kv` table. */
export function kvTarget(id: string): RowTarget {
  const partitionKey = encodeKeyValue('S', id);
  const hash = hashOfPartitionKey(partitionKey);
  return {
    tableId: kvTableId,
    schemaVersion: 1,
    hash,
    rowKey: rowKey(kvTableId, hash, partitionKey),
  };
}

export function kvPut(id: string, json: string, precondition?: Precondition): ItemCommand {
  const item: Item = { id: { S: id }, json: { S: json } };
  return {
    ...kvTarget(id),
    kind: 'put',
    item: itemText(item),
    itemSize: itemSize(item),
    precondition,
    returns: 'existence',
    returnOldOnFailure: false,
  };
}

/** The value that `kvPut` wrote. */
export function kvValue(item: Buffer): string {
  const parsed = JSON.parse(item.toString('utf8')) as { json: { S: string } };
  return parsed.json.S;
}

/** By key: versions of two keys may be equal, so one says nothing of the other's row. */
type Known = Map<string, string>;

export class RegisterClients {
  readonly #cluster: SimCluster;
  readonly #history: History;
  readonly #random: Prng;
  readonly #keys: readonly string[];
  readonly #pauseMsMax: number;
  #value = 0;
  #running = true;
  underWay = 0;
  done = 0;

  /** Between operations of a client up to `pauseMsMax`: long scenarios need calm ones. */
  constructor(
    cluster: SimCluster,
    history: History,
    random: Prng,
    keys: readonly string[],
    pauseMsMax = 20,
  ) {
    this.#pauseMsMax = pauseMsMax;
    this.#cluster = cluster;
    this.#history = history;
    this.#random = random;
    this.#keys = keys;
  }

  /** Starts `count` clients; each sends one operation after the other. */
  start(count: number): void {
    for (let client = 1; client <= count; client++) {
      this.#next(client, new Map());
    }
  }

  stop(): void {
    this.#running = false;
  }

  #next(client: number, known: Known): void {
    if (!this.#running) {
      return;
    }
    this.#cluster.scheduler.after(this.#random.below(this.#pauseMsMax), () => {
      const cores = this.#cluster.nodeIds
        .map((nodeId) => this.#cluster.core(nodeId))
        .filter((core) => core !== undefined);
      if (cores.length === 0 || !this.#running) {
        this.#next(client, known);
        return;
      }
      void this.#operate(client, this.#random.pick(cores), known);
    });
  }

  async #operate(client: number, core: NodeCore, known: Known): Promise<void> {
    const key = this.#random.pick(this.#keys);
    const { input, command } = this.#draw(key, known);
    const id = this.#history.invoke(client, key, input);
    this.underWay += 1;
    try {
      const reply = await Promise.race([
        core.router.execute(command, {
          deadlineMs: this.#cluster.scheduler.nowMs + callMs,
          requestId: `${client}`,
        }),
        this.#lost(),
      ]);
      this.#note(id, key, input, reply, known);
    } catch (error) {
      const surelyNot = isDynakvError(error) && error.retry !== 'unknown';
      if (surelyNot) {
        this.#history.notDone(id);
      } else {
        this.#history.unknown(id);
      }
    }
    this.underWay -= 1;
    this.done += 1;
    this.#next(client, known);
  }

  /** A node that died never answers. */
  async #lost(): Promise<never> {
    await new Promise<void>((resolve) => {
      this.#cluster.scheduler.after(callMs * 2, resolve);
    });
    throw new Error('The connection was lost');
  }

  #draw(key: string, known: Known): { input: RegisterInput; command: ItemCommand } {
    const kind = this.#random.below(10);
    if (kind < 4) {
      return {
        input: { kind: 'read' },
        command: { ...kvTarget(key), kind: 'get', consistent: true },
      };
    }
    if (kind === 4) {
      return {
        input: { kind: 'delete' },
        command: {
          ...kvTarget(key),
          kind: 'delete',
          returns: 'existence',
          returnOldOnFailure: false,
        },
      };
    }
    this.#value += 1;
    const value = String(this.#value);
    const version = known.get(key);
    if (kind < 8 && version !== undefined) {
      return {
        input: { kind: 'put', value, condition: { kind: 'version', version } },
        command: kvPut(key, value, { match: [version] }),
      };
    }
    if (kind === 8) {
      return {
        input: { kind: 'put', value, condition: { kind: 'absent' } },
        command: kvPut(key, value, { noneMatch: 'any' }),
      };
    }
    return { input: { kind: 'put', value }, command: kvPut(key, value) };
  }

  #note(id: number, key: string, input: RegisterInput, reply: ItemReply, known: Known): void {
    known.delete(key);
    switch (reply.kind) {
      case 'got': {
        if (reply.found !== undefined) {
          known.set(key, reply.found.version);
        }
        const answer: RegisterAnswer =
          reply.found === undefined
            ? { kind: 'missing' }
            : {
                kind: 'found',
                value: kvValue(reply.found.item),
                version: reply.found.version,
              };
        this.#history.ok(id, answer);
        return;
      }
      case 'written': {
        if (reply.version !== undefined) {
          known.set(key, reply.version);
        }
        const version = reply.version === undefined ? {} : { version: reply.version };
        const created =
          input.kind === 'put' && reply.existed !== undefined ? { created: !reply.existed } : {};
        this.#history.ok(id, { kind: 'done', ...version, ...created });
        return;
      }
      default:
        this.#history.refused(id);
    }
  }
}
