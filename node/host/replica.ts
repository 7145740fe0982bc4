/**
 * The applied state of one replica: the committed layer (rows applied in memory, not yet in the
 * engine), the node's cache, the engine under one generation (design §3.5).
 *
 * - `apply` makes committed rows visible at once; `drain` hands them to the engine later, in log
 *   order, each batch with the replica's applied row (protocols.md P9: only what the local log
 *   holds durably gets here, as the core applies stable entries only).
 * - `read` never touches the disk. A miss is fetched under a ticket that any write to the key
 *   voids (P1); whoever waited evaluates anew.
 * - An install changes the generation: layer, tickets and pending batches of the old one go (P14).
 */
import { assert } from '../lib/assert.ts';
import { decodeBatch } from '../items/batch.ts';
import type { RowWrite } from '../items/batch.ts';
import type { ConfState } from '../raft/messages.ts';
import type { EngineWrite } from '../sys/engine.ts';
import type { RowCache } from './row-cache.ts';
import type { RowReader } from './row-reader.ts';

export interface AppliedPoint {
  readonly index: number;
  readonly term: number;
}

/** A group's configuration, and what goes with it wherever the state goes. */
export interface Configuration {
  /** Of the entry that made it; 0: the one of birth. */
  readonly index: number;
  readonly state: ConfState;
  /**
   * Which life of the group this is: 1 from its birth on; a recovery that may have forgotten writes
   * begins another, so that no version is given out twice (protocols.md P19).
   */
  readonly incarnation: number;
}

interface LayerRow {
  readonly index: number;
  readonly value: Buffer | undefined;
}

interface PendingEntry {
  readonly index: number;
  readonly term: number;
  readonly writes: readonly RowWrite[];
  readonly bytes: number;
  /** As it is after this entry. */
  readonly configuration: Configuration;
}

interface Ticket {
  live: boolean;
  readonly waiting: ((error: unknown) => void)[];
}

/** How the engine's rows of a generation are named; `storage/generations.ts` in production. */
export interface RowLayout {
  rowKey(generation: number, key: Buffer): Buffer;
  appliedRow(generation: number, point: AppliedPoint, configuration: Configuration): EngineWrite;
}

export interface ReplicaStart {
  readonly generation: number;
  readonly applied: AppliedPoint;
  readonly configuration: Configuration;
}

/** Bytes counted per pending row besides key and value. */
const rowOverheadBytes = 160;

export class Replica {
  readonly #cache: RowCache;
  readonly #reader: RowReader;
  readonly #layout: RowLayout;
  #generation: number;
  #cachePrefix: string;
  #applied: AppliedPoint;
  #engineApplied: AppliedPoint;
  #configuration: Configuration;
  #engineConfiguration: Configuration;
  #layer = new Map<string, LayerRow>();
  #layerBytes = 0;
  #pending: PendingEntry[] = [];
  #tickets = new Map<string, Ticket>();
  /** A leader's writes enter the cache; a follower's only follow what is cached. */
  cacheWrites = false;

  constructor(start: ReplicaStart, cache: RowCache, reader: RowReader, layout: RowLayout) {
    this.#cache = cache;
    this.#reader = reader;
    this.#layout = layout;
    this.#generation = start.generation;
    this.#cachePrefix = `${start.generation}:`;
    this.#applied = start.applied;
    this.#engineApplied = start.applied;
    this.#configuration = start.configuration;
    this.#engineConfiguration = start.configuration;
  }

  get generation(): number {
    return this.#generation;
  }

  /** The last entry applied in memory. */
  get applied(): AppliedPoint {
    return this.#applied;
  }

  /** The last entry whose rows the engine has (not necessarily synced). */
  get engineApplied(): AppliedPoint {
    return this.#engineApplied;
  }

  /** The configuration after the last entry applied in memory. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  get confState(): ConfState {
    return this.#configuration.state;
  }

  /** The configuration that goes with `engineApplied`. */
  get engineConfiguration(): Configuration {
    return this.#engineConfiguration;
  }

  /** Memory held by rows that the engine lacks. */
  get layerBytes(): number {
    return this.#layerBytes;
  }

  get drained(): boolean {
    return this.#pending.length === 0;
  }

  /** Applies one committed entry; `data` empty for no-ops and configuration changes. */
  apply(
    index: number,
    term: number,
    data: Buffer,
    configuration: Configuration,
  ): readonly RowWrite[] {
    assert(index === this.#applied.index + 1, 'Entries apply in order, without holes');
    assert(term >= this.#applied.term, 'Terms never fall along the log');
    const writes = data.length === 0 ? [] : decodeBatch(data);
    let bytes = rowOverheadBytes;
    for (const write of writes) {
      const name = write.key.toString('latin1');
      this.#layer.set(name, { index, value: write.value });
      bytes += write.key.length + (write.value?.length ?? 0) + rowOverheadBytes;
      const ticket = this.#tickets.get(name);
      if (ticket !== undefined) {
        ticket.live = false;
        this.#tickets.delete(name);
      }
      if (this.cacheWrites) {
        this.#cache.set(this.#cachePrefix + name, write.value);
      } else {
        this.#cache.follow(this.#cachePrefix + name, write.value);
      }
    }
    this.#applied = { index, term };
    this.#configuration = configuration;
    this.#layerBytes += bytes;
    this.#pending.push({ index, term, writes, bytes, configuration });
    return writes;
  }

  /** The applied row: its bytes, null if absent, undefined if it must be fetched first. */
  read(name: string): Buffer | null | undefined {
    const row = this.#layer.get(name);
    if (row !== undefined) {
      return row.value ?? null;
    }
    return this.#cache.get(this.#cachePrefix + name);
  }

  /**
   * Fetches a missing row; `done` is called once, right after the cache holds it or the ticket
   * was voided: look again, synchronously.
   */
  fetch(key: Buffer, name: string, done: (error: unknown) => void): void {
    const known = this.#tickets.get(name);
    if (known !== undefined) {
      known.waiting.push(done);
      return;
    }
    const ticket: Ticket = { live: true, waiting: [done] };
    this.#tickets.set(name, ticket);
    const generation = this.#generation;
    this.#reader.read(this.#layout.rowKey(generation, key), (value, error) => {
      if (ticket.live) {
        this.#tickets.delete(name);
        if (error === undefined && generation === this.#generation) {
          this.#cache.set(this.#cachePrefix + name, value);
        }
      }
      for (const waiting of ticket.waiting) {
        waiting(error);
      }
    });
  }

  /**
   * Moves up to `bytesMax` of pending entries (at least one) into `writes`, ending with the
   * applied row. The caller writes them in one batch and then calls the function returned.
   */
  drain(writes: EngineWrite[], bytesMax: number): () => void {
    let bytes = 0;
    let taken = 0;
    while (taken < this.#pending.length && (taken === 0 || bytes < bytesMax)) {
      const entry = this.#pending[taken] as PendingEntry;
      bytes += entry.bytes;
      taken += 1;
      for (const write of entry.writes) {
        writes.push({
          column: 'data',
          key: this.#layout.rowKey(this.#generation, write.key),
          value: write.value,
        });
      }
    }
    const last = this.#pending[taken - 1];
    if (last === undefined) {
      return () => undefined;
    }
    writes.push(this.#layout.appliedRow(this.#generation, last, last.configuration));
    const generation = this.#generation;
    return () => {
      this.#drained(taken, generation);
    };
  }

  #drained(taken: number, generation: number): void {
    assert(generation === this.#generation, 'A batch belongs to one generation');
    const entries = this.#pending.splice(0, taken);
    for (const entry of entries) {
      this.#layerBytes -= entry.bytes;
      for (const write of entry.writes) {
        const name = write.key.toString('latin1');
        if (this.#layer.get(name)?.index === entry.index) {
          this.#layer.delete(name);
        }
      }
      this.#engineApplied = { index: entry.index, term: entry.term };
      this.#engineConfiguration = entry.configuration;
    }
  }

  /** A snapshot took this replica's place under a new generation. */
  install(start: ReplicaStart): void {
    assert(start.generation !== this.#generation, 'An install brings its own generation');
    assert(start.applied.index > this.#applied.index, 'An install never goes back');
    this.#generation = start.generation;
    this.#cachePrefix = `${start.generation}:`;
    this.#applied = start.applied;
    this.#engineApplied = start.applied;
    this.#configuration = start.configuration;
    this.#engineConfiguration = start.configuration;
    this.#layer = new Map();
    this.#layerBytes = 0;
    this.#pending = [];
    for (const ticket of this.#tickets.values()) {
      ticket.live = false;
    }
    this.#tickets = new Map();
  }
}
