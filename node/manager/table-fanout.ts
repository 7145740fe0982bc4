/**
 * Carries schema changes into every shard's own log (design §5, protocols.md P18). Runs on the
 * system group's leader: for each table that is CREATING or DELETING, the schema row goes to all
 * shards; only when all have it does the catalog move on. A new leader finds unfinished ones in
 * the catalog and finishes them; every step is idempotent.
 */
import { messageOf } from '../lib/errors.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { SchemaRow } from '../items/schema-row.ts';
import type { TableRecord } from '../items/table.ts';
import type { Router } from '../router/router.ts';
import { shardGroupIds } from '../shards/groups.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { Random } from '../sys/random.ts';
import type { Catalog } from './catalog.ts';
import type { SystemCommand } from './system-commands.ts';

/** One attempt at one shard, and at the catalog. */
const attemptMs = 5_000;
const retryBackoff = { baseMs: 50, maxMs: 2_000 };

export interface TableFanoutParts {
  readonly catalog: Catalog;
  readonly router: Router;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
}

export class TableFanout {
  readonly #parts: TableFanoutParts;
  /** The term this node leads the system group in; 0 = it does not. */
  #term = 0;
  /** Table id and version under way, in this term. */
  readonly #running = new Set<string>();

  constructor(parts: TableFanoutParts) {
    this.#parts = parts;
    parts.catalog.onChange(() => {
      this.#look();
    });
  }

  opened(term: number): void {
    this.#term = term;
    this.#running.clear();
    this.#look();
  }

  closed(): void {
    this.#term = 0;
  }

  #look(): void {
    if (this.#term === 0) {
      return;
    }
    for (const table of this.#parts.catalog.tables.values()) {
      if (table.status === 'CREATING' || table.status === 'DELETING') {
        const key = `${table.tableId}.${table.schemaVersion}`;
        if (!this.#running.has(key)) {
          this.#running.add(key);
          void this.#carry(table, this.#term, key);
        }
      }
    }
  }

  async #carry(table: TableRecord, term: number, key: string): Promise<void> {
    const row: SchemaRow = {
      tableId: table.tableId,
      version: table.schemaVersion,
      state: table.status === 'CREATING' ? 'live' : 'dropped',
    };
    await Promise.all(
      shardGroupIds(this.#parts.catalog.shardCount).map((groupId) =>
        this.#untilDone(term, (deadlineMs) => this.#parts.router.schema(groupId, row, deadlineMs)),
      ),
    );
    const finish: SystemCommand = {
      op: row.state === 'live' ? 'tableReady' : 'tableGone',
      name: table.name,
      tableId: table.tableId,
    };
    await this.#untilDone(term, async (deadlineMs) => {
      await this.#parts.router.system(finish, deadlineMs);
    });
    if (this.#term === term) {
      this.#running.delete(key);
      this.#parts.logger.info('Table changed in all shards', {
        table: table.name,
        state: row.state,
      });
    }
  }

  /** Tries while this node leads in `term`; another leader would start over. */
  async #untilDone(term: number, step: (deadlineMs: number) => Promise<void>): Promise<void> {
    for (let attempt = 0; this.#term === term; attempt++) {
      try {
        await step(this.#parts.clock.monotonicMs() + attemptMs);
        return;
      } catch (error) {
        this.#parts.logger.debug('Schema change waits', { error: messageOf(error), attempt });
      }
      const unit = this.#parts.random.uint32() / 0x1_0000_0000;
      await new Promise<void>((resolve) => {
        this.#parts.timers.after(backoffMs(retryBackoff, attempt, unit), resolve);
      });
    }
  }
}
