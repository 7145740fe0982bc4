/**
 * Both ports of the doors in memory, for their tests: one map of rows, evaluated as the shards'
 * leaders do, and a catalog whose states a test moves by hand. No I/O, no clock.
 */
import { evaluateCondition } from '../expressions/condition.ts';
import type { ItemCommand, ItemReply, Precondition, StoredItem } from '../items/command.ts';
import type { TableRecord, TableSpec, TableStatus } from '../items/table.ts';
import { DynakvError } from '../lib/errors.ts';
import { compareText } from '../values/compare.ts';
import { readItemText } from '../values/canonical-json.ts';
import type { Call, CreateOutcome, DeleteOutcome, ItemService, TableService } from './ports.ts';

export class TestingBackend implements ItemService, TableService {
  /** Commands executed, the newest last. */
  readonly commands: ItemCommand[] = [];
  /** Thrown by the next calls of `execute`, the first first. */
  readonly failures: Error[] = [];
  /** The state in which tables are created. */
  createdStatus: TableStatus = 'ACTIVE';
  /** How many tables there may be. */
  tablesMax = 1000;
  /** Whether `peek` knows any table: a node with an empty catalog does not. */
  peeks = true;
  readonly #rows = new Map<string, StoredItem>();
  readonly #tables = new Map<string, TableRecord>();
  #writes = 0;
  #tableIds = 0;

  setStatus(name: string, status: TableStatus): void {
    const table = this.#tables.get(name);
    if (table !== undefined) {
      this.#tables.set(name, { ...table, status });
    }
  }

  /** Removes a table that is DELETING. */
  drop(name: string): void {
    this.#tables.delete(name);
  }

  peek(name: string): TableRecord | undefined {
    const table = this.#tables.get(name);
    return this.peeks && table?.status === 'ACTIVE' ? table : undefined;
  }

  find(name: string, _call?: Call): Promise<TableRecord | undefined> {
    return Promise.resolve(this.#tables.get(name));
  }

  list(
    after: string | undefined,
    limit: number,
    _call?: Call,
  ): Promise<{ readonly names: readonly string[]; readonly more: boolean }> {
    const names = [...this.#tables.keys()]
      .sort(compareText)
      .filter((name) => after === undefined || compareText(name, after) > 0);
    return Promise.resolve({ names: names.slice(0, limit), more: names.length > limit });
  }

  create(spec: TableSpec, _call?: Call): Promise<CreateOutcome> {
    const table = this.#tables.get(spec.name);
    if (table !== undefined) {
      return Promise.resolve({ kind: 'exists', table });
    }
    if (this.#tables.size >= this.tablesMax) {
      return Promise.resolve({ kind: 'limit', message: 'Too many tables' });
    }
    this.#tableIds += 1;
    const created: TableRecord = {
      ...spec,
      tableId: this.#tableIds,
      uuid: '00000000-0000-4000-8000-000000000001',
      schemaVersion: 1,
      status: this.createdStatus,
      createdAtMs: 1_700_000_000_000,
    };
    this.#tables.set(spec.name, created);
    return Promise.resolve({ kind: 'created', table: { ...created, status: 'CREATING' } });
  }

  remove(name: string, _call?: Call): Promise<DeleteOutcome> {
    const table = this.#tables.get(name);
    if (table === undefined) {
      return Promise.resolve({ kind: 'missing' });
    }
    if (table.deletionProtection) {
      return Promise.resolve({ kind: 'protected', table });
    }
    if (table.status !== 'ACTIVE') {
      return Promise.resolve({ kind: 'busy', table });
    }
    this.#tables.delete(name);
    return Promise.resolve({ kind: 'deleting', table });
  }

  execute(command: ItemCommand, _call?: Call): Promise<ItemReply> {
    const failure = this.failures.shift();
    if (failure !== undefined) {
      return Promise.reject(failure);
    }
    if (![...this.#tables.values()].some((table) => table.tableId === command.tableId)) {
      return Promise.reject(new DynakvError('SchemaMismatch', 'The table is gone'));
    }
    this.commands.push(command);
    return Promise.resolve(this.#evaluate(command));
  }

  #evaluate(command: ItemCommand): ItemReply {
    const key = command.rowKey.toString('hex');
    const found = this.#rows.get(key);
    if (command.kind === 'get') {
      return { kind: 'got', found };
    }
    if (!holds(command.precondition, found?.version)) {
      return { kind: 'preconditionFailed', version: found?.version };
    }
    const item = found === undefined ? undefined : readItemText(found.item);
    if (command.condition !== undefined && !evaluateCondition(command.condition, item)) {
      return { kind: 'conditionFailed', old: command.returnOldOnFailure ? found : undefined };
    }
    this.#writes += 1;
    const version = `1-${this.#writes}-0`;
    if (command.kind === 'put') {
      this.#rows.set(key, { item: command.item, itemSize: command.itemSize, version });
    } else {
      this.#rows.delete(key);
    }
    return {
      kind: 'written',
      version: command.kind === 'put' ? version : undefined,
      existed: command.returns === 'nothing' ? undefined : found !== undefined,
      old: command.returns === 'old' ? found : undefined,
    };
  }
}

function holds(precondition: Precondition | undefined, version: string | undefined): boolean {
  const { match, noneMatch } = precondition ?? {};
  if (
    match !== undefined &&
    (version === undefined || (match !== 'any' && !match.includes(version)))
  ) {
    return false;
  }
  return !(
    noneMatch !== undefined &&
    version !== undefined &&
    (noneMatch === 'any' || noneMatch.includes(version))
  );
}
