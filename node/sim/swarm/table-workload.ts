/**
 * One more client: makes tables, lets the others use them for a while, drops them, and begins
 * again under the same names. A name made again must be another, empty table; the history tells,
 * because its keys carry the table's id.
 */
import type { TableRecord, TableSpec } from '../../items/table.ts';
import { must } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import type { Prng } from '../../lib/prng.ts';
import type { TableService } from '../../router/ports.ts';
import type { SimCluster } from '../cluster.ts';
import type { EventLog } from './event-log.ts';

export const tableNames: readonly string[] = ['t1', 't2'];

const callMs = 3_000;
const pollMs = 200;
/** How long a table is used, at most. */
const usedMaxMs = 8_000;
/** Errors that say what the caller did, not what the cluster is up to. */
const isOurs = (error: unknown): boolean => !isDynakvError(error);

export interface TableWorkloadParts {
  readonly cluster: SimCluster;
  readonly random: Prng;
  readonly log: EventLog;
}

export class TableWorkload {
  readonly #parts: TableWorkloadParts;
  #running = false;
  #broken: unknown;
  made = 0;
  dropped = 0;

  constructor(parts: TableWorkloadParts) {
    this.#parts = parts;
  }

  /** What ended a client before its time: an error that is no answer. */
  get broken(): unknown {
    return this.#broken;
  }

  start(): void {
    this.#running = true;
    for (const name of tableNames) {
      this.#live(name).catch((error: unknown) => {
        this.#broken = error;
      });
    }
  }

  stop(): void {
    this.#running = false;
  }

  async #live(name: string): Promise<void> {
    const { random, log } = this.#parts;
    const spec: TableSpec = {
      name,
      partitionKey: { name: 'id', type: 'S' },
      billingMode: 'PAY_PER_REQUEST',
      deletionProtection: false,
    };
    while (this.#running) {
      await this.#insist((tables, call) => tables.create(spec, call));
      await this.#waitFor(name, (table) => table?.status === 'ACTIVE');
      this.made += 1;
      log.note(0, 'table', `${name} serves`);
      await this.#pause(random.below(usedMaxMs));
      await this.#insist((tables, call) => tables.remove(name, call));
      await this.#waitFor(name, (table) => table === undefined);
      this.dropped += 1;
      log.note(0, 'table', `${name} is gone`);
    }
  }

  async #waitFor(name: string, holds: (table: TableRecord | undefined) => boolean): Promise<void> {
    while (this.#running) {
      const answer = await this.#insist((tables, call) => tables.find(name, call));
      if (answer !== undefined && holds(answer.value)) {
        return;
      }
      await this.#pause(pollMs);
    }
  }

  /** Again and again through any node until it is answered, or the run is over. */
  async #insist<T>(
    step: (tables: TableService, call: { deadlineMs: number; requestId: string }) => Promise<T>,
  ): Promise<{ readonly value: T } | undefined> {
    const { cluster, random } = this.#parts;
    while (this.#running) {
      const up = cluster.nodeIds.filter((nodeId) => cluster.core(nodeId) !== undefined);
      if (up.length > 0) {
        const { tables } = must(cluster.core(random.pick(up)));
        const deadlineMs = cluster.scheduler.nowMs + callMs;
        try {
          const answer = step(tables, { deadlineMs, requestId: 'tables' });
          const value = await Promise.race([answer, this.#pause(callMs * 2)]);
          if (value !== paused) {
            return { value };
          }
        } catch (error) {
          if (isOurs(error)) {
            throw error;
          }
        }
      }
      await this.#pause(pollMs);
    }
    return undefined;
  }

  #pause(ms: number): Promise<typeof paused> {
    return new Promise((resolve) => {
      this.#parts.cluster.scheduler.after(ms, () => {
        resolve(paused);
      });
    });
  }
}

const paused = Symbol('paused');
