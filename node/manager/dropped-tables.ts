/**
 * Frees the rows of dropped tables on this node, at leisure. A drop is an applied schema row; its
 * rows are unreachable from then on (table ids are never reused), so deleting them is bookkeeping
 * of each replica, repeated harmlessly after a crash.
 *
 * Invariant: rows go only when the engine has the drop itself: a replica restarted before it
 * would else replay writes onto holes.
 */
import type { Group } from '../host/group.ts';
import { decodeSchemaRow, schemaRowKey } from '../items/schema-row.ts';
import { rowKey } from '../storage/generation-rows.ts';
import type { Engine, EngineRange } from '../sys/engine.ts';
import type { Logger } from '../sys/log.ts';

const schemaRowsMax = 10_000;
const schemaBytesMax = 4 * 1024 * 1024;

interface Drop {
  readonly group: Group;
  readonly tableId: number;
  /** Applied index of the drop. */
  readonly index: number;
}

function tableRows(generation: number, tableId: number): EngineRange {
  const from = Buffer.alloc(4);
  from.writeUInt32BE(tableId, 0);
  const to = Buffer.alloc(4);
  to.writeUInt32BE(tableId + 1, 0);
  return { column: 'data', from: rowKey(generation, from), to: rowKey(generation, to) };
}

export class DroppedTables {
  readonly #engine: Engine;
  readonly #logger: Logger;
  readonly #failed: (error: unknown) => void;
  #drops: Drop[] = [];
  #busy = false;

  constructor(engine: Engine, logger: Logger, failed: (error: unknown) => void) {
    this.#engine = engine;
    this.#logger = logger;
    this.#failed = failed;
  }

  dropped(group: Group, tableId: number): void {
    // The entry of the drop itself: it was applied just now.
    this.#drops.push({ group, tableId, index: group.replica.applied.index });
  }

  /** The replica left this node: its rows go with its generation. */
  forget(group: Group): void {
    this.#drops = this.#drops.filter((drop) => drop.group !== group);
  }

  /**
   * At start, and when a snapshot came: drops whose rows an earlier life, or the sender, may not
   * have freed.
   */
  async find(group: Group): Promise<void> {
    const { generation, engineApplied } = group.replica;
    const iterator = this.#engine.iterate({
      column: 'data',
      from: rowKey(generation, schemaRowKey(0)),
      to: rowKey(generation, schemaRowKey(0xffff_ffff)),
    });
    const rows = await iterator.next(schemaRowsMax, schemaBytesMax).finally(() => iterator.close());
    for (const [, value] of rows) {
      const schema = decodeSchemaRow(value);
      if (schema.state === 'dropped') {
        this.#drops.push({ group, tableId: schema.tableId, index: engineApplied.index });
      }
    }
  }

  /** Frees what is due; called about once a second. */
  sweep(): void {
    if (this.#busy || this.#drops.length === 0) {
      return;
    }
    this.#busy = true;
    this.#free().then(
      () => {
        this.#busy = false;
      },
      (error: unknown) => {
        this.#failed(error);
      },
    );
  }

  async #free(): Promise<void> {
    const due = this.#drops.filter((drop) => drop.group.replica.engineApplied.index >= drop.index);
    this.#drops = this.#drops.filter((drop) => !due.includes(drop));
    for (const { group, tableId } of due) {
      const range = tableRows(group.replica.generation, tableId);
      const iterator = this.#engine.iterate(range);
      const rows = await iterator.next(1, 1).finally(() => iterator.close());
      if (rows.length > 0) {
        this.#engine.deleteRange(range);
        this.#logger.info('Dropped table freed', { group: group.groupId, tableId });
      }
    }
  }
}
