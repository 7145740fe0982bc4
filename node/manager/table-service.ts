/**
 * Tables for the doors: the local catalog where an old answer does no harm, the system group's
 * leader where it would. "Not found" is never said from the local copy (design §3).
 */
import { uuidOf } from '../lib/uuid.ts';
import type { TableRecord, TableSpec } from '../items/table.ts';
import type { Call, CreateOutcome, DeleteOutcome, TableService } from '../router/ports.ts';
import type { Router } from '../router/router.ts';
import type { Clock } from '../sys/clock.ts';
import type { Random } from '../sys/random.ts';
import type { Catalog } from './catalog.ts';
import type { SystemCommand } from './system-commands.ts';

export class CatalogTables implements TableService {
  readonly #catalog: Catalog;
  readonly #router: Router;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(catalog: Catalog, router: Router, clock: Clock, random: Random) {
    this.#catalog = catalog;
    this.#router = router;
    this.#clock = clock;
    this.#random = random;
  }

  async #ask<T>(command: SystemCommand, call: Call, reads?: true): Promise<T> {
    return (await this.#router.system(command, call.deadlineMs, reads)) as T;
  }

  peek(name: string): TableRecord | undefined {
    const table = this.#catalog.tables.get(name);
    return table?.status === 'ACTIVE' ? table : undefined;
  }

  async find(name: string, call: Call): Promise<TableRecord | undefined> {
    const command: SystemCommand = { op: 'describeTable', name };
    const reply = await this.#ask<{ table?: TableRecord }>(command, call, true);
    return reply.table;
  }

  async list(
    after: string | undefined,
    limit: number,
    call: Call,
  ): Promise<{ readonly names: readonly string[]; readonly more: boolean }> {
    return await this.#ask({ op: 'listTables', after, limit }, call, true);
  }

  async create(spec: TableSpec, call: Call): Promise<CreateOutcome> {
    const uuid = uuidOf(this.#random.bytes(16));
    const nowMs = this.#clock.wallMs();
    return await this.#ask({ op: 'createTable', spec, uuid, nowMs }, call);
  }

  async remove(name: string, call: Call): Promise<DeleteOutcome> {
    return await this.#ask({ op: 'deleteTable', name }, call);
  }
}
