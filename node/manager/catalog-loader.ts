/**
 * Reads the rows of this node's replica of the system group into the catalog: at start, and when a
 * snapshot replaced them. Between those the catalog follows applied rows (`system-group.ts`).
 *
 * Invariant: the catalog is what a scan at one applied index says, and all applied since.
 */
import type { RowWrite } from '../items/batch.ts';
import type { Drainer } from '../host/drainer.ts';
import type { EngineGenerations } from '../host/generation-store.ts';
import type { Group } from '../host/group.ts';
import type { Engine } from '../sys/engine.ts';
import type { Catalog } from './catalog.ts';

const scanRows = 1_000;
const scanBytes = 1 << 20;

export interface CatalogLoaderParts {
  readonly catalog: Catalog;
  readonly engine: Engine;
  readonly store: EngineGenerations;
  readonly drainer: Drainer;
}

export class CatalogLoader {
  readonly #parts: CatalogLoaderParts;

  constructor(parts: CatalogLoaderParts) {
    this.#parts = parts;
  }

  async load(generation: number): Promise<void> {
    const rows = await this.#scan(generation);
    // Without any row the replica is empty: this node joined and was told nothing yet.
    if (rows.length > 0) {
      this.#parts.catalog.load(rows);
    }
  }

  /** A snapshot replaced the rows; what is applied while they are scanned makes it start over. */
  async reload(group: Group): Promise<void> {
    for (;;) {
      const { applied, generation } = group.replica;
      this.#parts.drainer.drainGroup(group);
      const rows = await this.#scan(generation);
      if (group.replica.applied === applied) {
        this.#parts.catalog.load(rows);
        return;
      }
    }
  }

  async #scan(generation: number): Promise<RowWrite[]> {
    const { engine, store } = this.#parts;
    const iterator = engine.iterate(store.rowRange(generation));
    const found: RowWrite[] = [];
    try {
      for (;;) {
        const rows = await iterator.next(scanRows, scanBytes);
        if (rows.length === 0) {
          return found;
        }
        for (const [key, value] of rows) {
          found.push({ key: store.strip(key), value });
        }
      }
    } finally {
      await iterator.close();
    }
  }
}
