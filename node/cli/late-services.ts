/** The doors' services from the first connection on: refuse politely until the node is open. */
import { DynakvError } from '../lib/errors.ts';
import type { ItemCommand, ItemReply } from '../items/command.ts';
import type { TableRecord, TableSpec } from '../items/table.ts';
import type { NodeCore } from '../manager/node-core.ts';
import type {
  Call,
  CreateOutcome,
  DeleteOutcome,
  ItemService,
  TableService,
} from '../router/ports.ts';

export class LateServices implements ItemService, TableService {
  #core: NodeCore | undefined;
  #closedBecause: string | undefined;

  open(core: NodeCore): void {
    this.#core = core;
  }

  /** Nothing is served any more; `why` is what callers hear. */
  close(why: string): void {
    this.#core = undefined;
    this.#closedBecause = why;
  }

  get #ready(): NodeCore {
    if (this.#closedBecause !== undefined) {
      throw new DynakvError('Unavailable', this.#closedBecause);
    }
    if (this.#core === undefined) {
      throw new DynakvError('Unavailable', 'The node is starting, or belongs to no cluster yet');
    }
    return this.#core;
  }

  async execute(command: ItemCommand, call: Call): Promise<ItemReply> {
    return await this.#ready.router.execute(command, call);
  }

  peek(name: string): TableRecord | undefined {
    return this.#core?.tables.peek(name);
  }

  async find(name: string, call: Call): Promise<TableRecord | undefined> {
    return await this.#ready.tables.find(name, call);
  }

  async list(
    after: string | undefined,
    limit: number,
    call: Call,
  ): Promise<{ readonly names: readonly string[]; readonly more: boolean }> {
    return await this.#ready.tables.list(after, limit, call);
  }

  async create(spec: TableSpec, call: Call): Promise<CreateOutcome> {
    return await this.#ready.tables.create(spec, call);
  }

  async remove(name: string, call: Call): Promise<DeleteOutcome> {
    return await this.#ready.tables.remove(name, call);
  }
}
