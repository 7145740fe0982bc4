/**
 * The commands of the system group, evaluated on its leader against the applied catalog: pure.
 * A command names rows to write, or an answer that changes nothing.
 */
import { DynakvError } from '../lib/errors.ts';
import type { RowWrite } from '../items/batch.ts';
import type { TableRecord, TableSpec } from '../items/table.ts';
import type { CreateOutcome, DeleteOutcome } from '../router/ports.ts';
import { catalogKeys, catalogRow } from './catalog.ts';
import type { Catalog, NodeRecord } from './catalog.ts';

/** Tables of one cluster; DynamoDB's own quota per account and region is 2,500. */
const tablesMax = 2_500;

export type SystemCommand =
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
  | { readonly op: 'tableGone'; readonly name: string; readonly tableId: number }
  /** A node said where it is reached from now on. */
  | { readonly op: 'moved'; readonly nodeId: number; readonly address: string }
  /** A node said that its store failed. */
  | { readonly op: 'quarantine'; readonly nodeId: number; readonly reason: string }
  | {
      readonly op: 'join';
      readonly address: string;
      readonly clientAddress: string;
      readonly opsAddress: string;
      readonly zone?: string | undefined;
    };

export interface SystemDecision {
  /** Empty = nothing changes. */
  readonly writes: readonly RowWrite[];
  readonly reply: unknown;
}

function unchanged(reply: unknown): SystemDecision {
  return { writes: [], reply };
}

function createTable(
  catalog: Catalog,
  command: SystemCommand & { op: 'createTable' },
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
  command: SystemCommand & { op: 'tableReady' | 'tableGone' },
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
  command: SystemCommand & { op: 'listTables' },
): SystemDecision {
  const { after, limit } = command;
  const names = [...catalog.tables.keys()]
    .filter((name) => after === undefined || name > after)
    .sort((a, b) => (a < b ? -1 : 1));
  return unchanged({ names: names.slice(0, limit), more: names.length > limit });
}

function join(catalog: Catalog, command: SystemCommand & { op: 'join' }): SystemDecision {
  const { cluster } = catalog;
  for (const node of catalog.nodes.values()) {
    if (node.address === command.address && node.state !== 'removed') {
      return unchanged({ nodeId: node.nodeId, clusterId: cluster.clusterId });
    }
  }
  const nodeId = cluster.nextNodeId;
  const { address, clientAddress, opsAddress, zone } = command;
  const node: NodeRecord = { nodeId, address, clientAddress, opsAddress, zone, state: 'joining' };
  return {
    writes: [
      catalogRow(catalogKeys.cluster, { ...cluster, nextNodeId: nodeId + 1 }),
      catalogRow(catalogKeys.node(nodeId), node),
    ],
    reply: { nodeId, clusterId: cluster.clusterId },
  };
}

function moved(catalog: Catalog, command: SystemCommand & { op: 'moved' }): SystemDecision {
  const { nodeId, address } = command;
  const node = catalog.nodes.get(nodeId);
  if (node === undefined || node.address === address) {
    return unchanged({});
  }
  return { writes: [catalogRow(catalogKeys.node(nodeId), { ...node, address })], reply: {} };
}

function quarantine(
  catalog: Catalog,
  command: SystemCommand & { op: 'quarantine' },
): SystemDecision {
  const node = catalog.nodes.get(command.nodeId);
  if (node === undefined || node.quarantined !== undefined) {
    return unchanged({});
  }
  const row = catalogRow(catalogKeys.node(node.nodeId), { ...node, quarantined: command.reason });
  return { writes: [row], reply: {} };
}

/** Decides a command; the caller logs the writes, or releases the reply as a refusal (P4). */
export function decideSystem(catalog: Catalog, command: SystemCommand): SystemDecision {
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
    case 'moved':
      return moved(catalog, command);
    case 'quarantine':
      return quarantine(catalog, command);
    case 'join':
      return join(catalog, command);
    default:
      throw new DynakvError('BadFrame', `Cannot run the system command ${JSON.stringify(command)}`);
  }
}
