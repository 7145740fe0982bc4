/** The system group's commands about tables: pure, against the applied catalog. */
import type { TableRecord, TableSpec } from '../items/table.ts';
import type { CreateOutcome, DeleteOutcome } from '../router/ports.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { Catalog } from './catalog.ts';
import { unchanged } from './system-decision.ts';
import type { SystemDecision } from './system-decision.ts';

/** Tables of one cluster; DynamoDB's own quota per account and region is 2,500. */
const tablesMax = 2_500;

export type TableCommand =
  | {
      readonly op: 'createTable';
      readonly spec: TableSpec;
      readonly uuid: string;
      readonly nowMs: number;
    }
  | { readonly op: 'deleteTable'; readonly name: string }
  | { readonly op: 'describeTable'; readonly name: string }
  | { readonly op: 'listTables'; readonly after?: string | undefined; readonly limit: number }
  /** All shards have the table's live schema row. */
  | { readonly op: 'tableReady'; readonly name: string; readonly tableId: number }
  /** All shards have the table's tombstone. */
  | { readonly op: 'tableGone'; readonly name: string; readonly tableId: number };

function createTable(
  catalog: Catalog,
  command: TableCommand & { op: 'createTable' },
): SystemDecision {
  const { spec } = command;
  const known = catalog.tables.get(spec.name);
  if (known !== undefined) {
    return unchanged({ kind: 'exists', table: known } satisfies CreateOutcome);
  }
  if (catalog.tables.size >= tablesMax) {
    const message = `Subscriber limit exceeded: There is a limit of ${tablesMax} tables`;
    return unchanged({ kind: 'limit', message } satisfies CreateOutcome);
  }
  const { cluster } = catalog;
  const table: TableRecord = {
    ...spec,
    tableId: cluster.nextTableId,
    uuid: command.uuid,
    schemaVersion: 1,
    status: 'CREATING',
    createdAtMs: command.nowMs,
  };
  return {
    writes: [
      catalogRow(catalogKeys.cluster, { ...cluster, nextTableId: cluster.nextTableId + 1 }),
      catalogRow(catalogKeys.table(spec.name), table),
    ],
    reply: { kind: 'created', table } satisfies CreateOutcome,
  };
}

function deleteTable(catalog: Catalog, name: string): SystemDecision {
  const table = catalog.tables.get(name);
  if (table === undefined) {
    return unchanged({ kind: 'missing' } satisfies DeleteOutcome);
  }
  if (table.status === 'DELETING') {
    return unchanged({ kind: 'deleting', table } satisfies DeleteOutcome);
  }
  if (table.status !== 'ACTIVE') {
    return unchanged({ kind: 'busy', table } satisfies DeleteOutcome);
  }
  if (table.deletionProtection) {
    return unchanged({ kind: 'protected', table } satisfies DeleteOutcome);
  }
  const deleting: TableRecord = {
    ...table,
    status: 'DELETING',
    schemaVersion: table.schemaVersion + 1,
  };
  return {
    writes: [catalogRow(catalogKeys.table(name), deleting)],
    reply: { kind: 'deleting', table: deleting } satisfies DeleteOutcome,
  };
}

function finishTable(
  catalog: Catalog,
  command: TableCommand & { op: 'tableReady' | 'tableGone' },
): SystemDecision {
  const table = catalog.tables.get(command.name);
  const expected = command.op === 'tableReady' ? 'CREATING' : 'DELETING';
  if (table?.tableId !== command.tableId || table.status !== expected) {
    return unchanged({}); // Done before, by this or an earlier leader.
  }
  const next: TableRecord | undefined =
    command.op === 'tableReady' ? { ...table, status: 'ACTIVE' } : undefined;
  return { writes: [catalogRow(catalogKeys.table(command.name), next)], reply: {} };
}

function listTables(
  catalog: Catalog,
  command: TableCommand & { op: 'listTables' },
): SystemDecision {
  const { after, limit } = command;
  const names = [...catalog.tables.keys()]
    .filter((name) => after === undefined || name > after)
    .sort((a, b) => (a < b ? -1 : 1));
  return unchanged({ names: names.slice(0, limit), more: names.length > limit });
}

export function decideTable(catalog: Catalog, command: TableCommand): SystemDecision {
  switch (command.op) {
    case 'createTable':
      return createTable(catalog, command);
    case 'deleteTable':
      return deleteTable(catalog, command.name);
    case 'describeTable':
      return unchanged({ table: catalog.tables.get(command.name) });
    case 'listTables':
      return listTables(catalog, command);
    case 'tableReady':
    case 'tableGone':
      return finishTable(catalog, command);
  }
}
