/**
 * What must hold of tables at any moment, over all nodes of a simulated cluster: the schema rows
 * of a shard only rise and a tombstone stays (P18), a table is ACTIVE in a catalog only once
 * every shard has it, and gone only once every shard has its tombstone; a table id names one
 * table for ever. Looks at every entry that a replica applies, and every few simulated
 * milliseconds.
 *
 * Invariant: it only looks; a run with it takes the same course as one without.
 */
import type { Group } from '../../host/group.ts';
import { decodeBatch } from '../../items/batch.ts';
import { decodeSchemaRow, schemaTableOf } from '../../items/schema-row.ts';
import type { SchemaRow } from '../../items/schema-row.ts';
import type { TableRecord } from '../../items/table.ts';
import { assert } from '../../lib/assert.ts';
import type { NodeCore } from '../../manager/node-core.ts';
import { shardGroupIds, systemGroupId } from '../../shards/groups.ts';
import type { SimCluster } from '../cluster.ts';

const lookPeriodMs = 5;

export class SchemaWatch {
  readonly #cluster: SimCluster;
  readonly #attached = new WeakSet<Group>();
  /** By group: the highest index looked at, and what its shard knows of each table. */
  readonly #appliedMax = new Map<number, number>();
  readonly #known = new Map<number, Map<number, SchemaRow>>();
  /** Tables that a life of a node has had in its catalog. */
  readonly #listed = new WeakMap<NodeCore, Map<number, TableRecord>>();
  /** Table id → uuid of the one table that it may name. */
  readonly #uuids = new Map<number, string>();
  /** Every schema row that was ever applied: what a delayed message might bring again. */
  readonly history: SchemaRow[] = [];

  constructor(cluster: SimCluster) {
    this.#cluster = cluster;
    this.#lookLater();
  }

  #lookLater(): void {
    this.#cluster.scheduler.after(lookPeriodMs, () => {
      this.look();
      this.#lookLater();
    });
  }

  look(): void {
    for (const nodeId of this.#cluster.nodeIds) {
      const core = this.#cluster.core(nodeId);
      if (core === undefined) {
        continue;
      }
      for (const group of core.host.groups.values()) {
        if (group.groupId !== systemGroupId && !this.#attached.has(group)) {
          this.#attached.add(group);
          this.#attach(group);
        }
      }
      if (core.catalog.isLoaded) {
        this.#lookAtCatalog(nodeId, core);
      }
    }
  }

  #attach({ groupId, replica }: Group): void {
    const apply = replica.apply.bind(replica);
    replica.apply = (index, term, data, configuration) => {
      if (index > (this.#appliedMax.get(groupId) ?? 0)) {
        this.#appliedMax.set(groupId, index);
        if (data.length > 0) {
          this.#follow(groupId, index, data);
        }
      }
      return apply(index, term, data, configuration);
    };
  }

  #follow(groupId: number, index: number, data: Buffer): void {
    const known = this.#known.get(groupId) ?? new Map<number, SchemaRow>();
    this.#known.set(groupId, known);
    for (const { key, value } of decodeBatch(data)) {
      const tableId = schemaTableOf(key);
      if (tableId === undefined) {
        continue;
      }
      const before = known.get(tableId);
      const where = `group ${groupId}, entry ${index}, table ${tableId}`;
      assert(value !== undefined, `A schema row is deleted: ${where}`);
      const row = decodeSchemaRow(value);
      const isNewer = before === undefined || row.version > before.version;
      assert(
        isNewer,
        `A schema entry is late and not ignored: ${where}: version ${row.version} (${row.state}) ` +
          `after ${before?.version ?? 0} (${before?.state ?? 'none'})`,
      );
      known.set(tableId, row);
      this.history.push(row);
    }
  }

  #lookAtCatalog(nodeId: number, core: NodeCore): void {
    const before = this.#listed.get(core) ?? new Map<number, TableRecord>();
    const now = new Map<number, TableRecord>();
    for (const table of core.catalog.tables.values()) {
      now.set(table.tableId, table);
      const uuid = this.#uuids.get(table.tableId) ?? table.uuid;
      assert(uuid === table.uuid, `Table id ${table.tableId} is used again: "${table.name}"`);
      this.#uuids.set(table.tableId, uuid);
      if (table.status === 'ACTIVE' && before.get(table.tableId)?.status !== 'ACTIVE') {
        this.#demand(nodeId, core, table, 'is ACTIVE', (row) => {
          return row !== undefined && row.version >= table.schemaVersion;
        });
      }
    }
    for (const [tableId, table] of before) {
      if (!now.has(tableId)) {
        this.#demand(nodeId, core, table, 'is gone', (row) => row?.state === 'dropped');
      }
    }
    this.#listed.set(core, now);
  }

  #demand(
    nodeId: number,
    core: NodeCore,
    { tableId }: TableRecord,
    what: string,
    holds: (row: SchemaRow | undefined) => boolean,
  ): void {
    for (const groupId of shardGroupIds(core.catalog.shardCount)) {
      const rows = this.#known.get(groupId);
      // The tables of birth come with the first state, not with an entry.
      if (tableId === 1 || rows === undefined) {
        assert(
          tableId === 1,
          `Table ${tableId} ${what} on node ${nodeId}, group ${groupId} has none`,
        );
        continue;
      }
      assert(
        holds(rows.get(tableId)),
        `Table ${tableId} ${what} on node ${nodeId}, and group ${groupId} does not have that`,
      );
    }
  }
}
