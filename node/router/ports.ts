/**
 * What the doors call. Implemented by the router (items) and the manager's client (tables); a
 * door's tests pass fakes.
 *
 * Failures are thrown as `DynakvError` (lib/errors.ts): `SchemaMismatch` (look the table up with
 * `fresh` and try again), `Throttled`, `OutcomeUnknown` (500), `DeadlineBeforeStart`,
 * `Unavailable`, `StoreFailed`, `NoSpace`.
 */
import type { ItemCommand, ItemReply } from '../items/command.ts';
import type { TableRecord, TableSpec } from '../items/table.ts';

export interface Call {
  /** On the node's monotonic clock: no answer is of use after it. */
  readonly deadlineMs: number;
  readonly requestId: string;
}

export interface ItemService {
  execute(command: ItemCommand, call: Call): Promise<ItemReply>;
}

export type CreateOutcome =
  | { readonly kind: 'created'; readonly table: TableRecord }
  | { readonly kind: 'exists'; readonly table: TableRecord }
  | { readonly kind: 'limit'; readonly message: string };

export type DeleteOutcome =
  | { readonly kind: 'deleting'; readonly table: TableRecord }
  | { readonly kind: 'missing' }
  | { readonly kind: 'busy'; readonly table: TableRecord }
  | { readonly kind: 'protected'; readonly table: TableRecord };

export interface TableService {
  /** The ACTIVE table of this name in the local catalog, at once; undefined = ask `find`. */
  peek(name: string): TableRecord | undefined;
  /** The table in any state, by the system group's leader (linearizable): never a stale "no". */
  find(name: string, call: Call): Promise<TableRecord | undefined>;
  /** Names in order, all states, linearizable. */
  list(
    after: string | undefined,
    limit: number,
    call: Call,
  ): Promise<{ readonly names: readonly string[]; readonly more: boolean }>;
  create(spec: TableSpec, call: Call): Promise<CreateOutcome>;
  remove(name: string, call: Call): Promise<DeleteOutcome>;
}
