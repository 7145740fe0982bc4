/**
 * Moves applied rows from memory into the engine, later and in larger batches (design §3.5), and
 * keeps the two ends of the log together: engine syncs, watermarks, compaction (P10).
 *
 * Order that keeps data: rows drained → applied points captured → engine synced → watermark
 * logged and durable → entries compacted. Each step only starts when the one before has ended.
 * A slow engine defers draining; a full committed layer refuses admission (`layerFull`).
 */
import { mebibyte } from '../lib/units.ts';
import type { Timer, Timers } from '../sys/clock.ts';
import type { Engine, EngineHealth, EngineWrite } from '../sys/engine.ts';
import { compactionIndex } from './compaction.ts';
import type { CompactionLimits } from './compaction.ts';
import type { Group } from './group.ts';
import type { Host } from './host.ts';
import { LogPins } from './log-pins.ts';
import type { PinTerms } from './log-pins.ts';

/** Rows wait for the engine about this long. */
const drainPeriodMs = 25;
/** One engine batch: its synchronous write blocks the loop for a few milliseconds at most. */
const drainBatchBytes = 256 * 1024;
/** Above this much waiting, a batch is written at the end of every turn. */
const drainEagerBytes = 4 * mebibyte;
/** Between engine syncs, watermarks and compaction. */
const syncPeriodMs = 1_000;

export interface DrainerOptions {
  /** Memory for rows that the engine lacks, all groups; beyond it writes are throttled. */
  readonly layerBytesMax: number;
  /** Default: `compactionDefaults`. */
  readonly compaction?: CompactionLimits | undefined;
}

export class Drainer {
  readonly #engine: Engine;
  readonly #timers: Timers;
  readonly #options: DrainerOptions;
  #host: Host | undefined;
  /** Armed while rows wait for the engine; an idle node has none. */
  #drainTimer: Timer | undefined;
  #syncTimer: Timer | undefined;
  #due = false;
  #layerBytes = 0;
  /** Where the next batch starts. */
  #nextGroup = 0;
  #syncing = false;
  #closed = false;
  #health: EngineHealth | undefined;
  /** Watermarks that are durable in the log. */
  readonly #watermarks = new Map<Group, number>();
  readonly #pins = new LogPins();

  constructor(
    parts: {
      readonly engine: Engine;
      readonly timers: Timers;
    },
    options: DrainerOptions,
  ) {
    this.#engine = parts.engine;
    this.#timers = parts.timers;
    this.#options = options;
  }

  get layerBytes(): number {
    return this.#layerBytes;
  }

  /** Writes must be throttled until the engine has caught up. */
  get layerFull(): boolean {
    return this.#layerBytes > this.#options.layerBytesMax;
  }

  get health(): EngineHealth | undefined {
    return this.#health;
  }

  start(host: Host): void {
    this.#host = host;
    this.#syncTimer = this.#timers.every(syncPeriodMs, () => {
      this.#sync();
    });
  }

  close(): void {
    this.#closed = true;
    this.#drainTimer?.cancel();
    this.#syncTimer?.cancel();
  }

  /** Keeps a group's log above `index` until `unpin`; see `log-pins.ts`. */
  pin(group: Group, token: object, index: number, terms: PinTerms): void {
    this.#pins.pin(group, token, index, terms);
  }

  unpin(group: Group, token: object): void {
    this.#pins.unpin(group, token);
  }

  /** The host's end of turn; `applied` = some group may have applied something. */
  afterTurn(applied: boolean): void {
    const host = this.#host;
    if (host === undefined || this.#closed) {
      return;
    }
    if (this.#due || this.#layerBytes >= drainEagerBytes) {
      this.#due = false;
      this.#countLayer(host);
      if (this.#layerBytes > 0 && this.#health?.stalled !== true) {
        this.#drainBatch(host);
        this.#countLayer(host);
      }
    }
    if ((applied || this.#layerBytes > 0) && this.#drainTimer === undefined) {
      this.#drainTimer = this.#timers.after(drainPeriodMs, () => {
        this.#drainTimer = undefined;
        this.#due = true;
        host.turnSoon();
      });
    }
  }

  #countLayer(host: Host): void {
    let bytes = 0;
    for (const group of host.groups.values()) {
      // A stopped group drains no more: it must not hold back the others' admission.
      bytes += group.stoppedBecause === undefined ? group.replica.layerBytes : 0;
    }
    this.#layerBytes = bytes;
  }

  #drainBatch(host: Host): void {
    const writes: EngineWrite[] = [];
    const done: (() => void)[] = [];
    let bytes = 0;
    const groups = [...host.groups.values()];
    // Each batch starts after the last one's end: no group's watermark lags for its number.
    const first = this.#nextGroup % Math.max(1, groups.length);
    for (let i = 0; i < groups.length && bytes < drainBatchBytes; i++) {
      this.#nextGroup = first + i + 1;
      const group = groups[(first + i) % groups.length] as Group;
      const before = group.replica.layerBytes;
      if (!group.replica.drained && group.stoppedBecause === undefined) {
        done.push(group.replica.drain(writes, drainBatchBytes - bytes));
        bytes += before;
      }
    }
    if (writes.length === 0) {
      return;
    }
    try {
      this.#engine.write(writes);
    } catch (error) {
      host.fail(error);
      return;
    }
    for (const callback of done) {
      callback();
    }
    if (bytes >= drainBatchBytes) {
      // More waits: go on in the next turn, after I/O had its chance.
      this.#due = true;
      host.turnSoon();
    }
  }

  /** Drains everything of one group now (before a snapshot or a scan of it). */
  drainGroup(group: Group): void {
    while (!group.replica.drained) {
      const writes: EngineWrite[] = [];
      const done = group.replica.drain(writes, drainBatchBytes);
      this.#engine.write(writes);
      done();
    }
  }

  /** The group's replica left this node. */
  forget(group: Group): void {
    this.#watermarks.delete(group);
    this.#pins.forget(group);
  }

  #sync(): void {
    const host = this.#host;
    if (host === undefined || this.#closed) {
      return;
    }
    this.#health = this.#engine.health();
    if (this.#health.backgroundErrors > 0) {
      host.fail(new Error(`RocksDB reports ${this.#health.backgroundErrors} background errors`));
      return;
    }
    if (this.#syncing) {
      return;
    }
    if (host.logWriter.lazyCommits > 0 && host.logWriter.idle) {
      host.logWriter.writeCommits();
      host.turnSoon();
    }
    const captured: [Group, number][] = [];
    for (const group of host.groups.values()) {
      const index = group.replica.engineApplied.index;
      if (group.stoppedBecause === undefined && index > (this.#watermarks.get(group) ?? 0)) {
        captured.push([group, index]);
      }
    }
    if (captured.length === 0) {
      this.#compact(host);
      return;
    }
    this.#syncing = true;
    this.#engine.syncWal().then(
      () => {
        this.#logWatermarks(host, captured);
      },
      (error: unknown) => {
        host.fail(error);
      },
    );
  }

  #logWatermarks(host: Host, all: readonly (readonly [Group, number])[]): void {
    // A replica removed meanwhile is unknown to the log.
    const captured = all.filter(([group]) => host.groups.get(group.groupId) === group);
    if (captured.length === 0) {
      this.#syncing = false;
      return;
    }
    host.logWriter.bookkeep(
      (builder) => {
        for (const [group, index] of captured) {
          builder.watermark(group.groupId, group.replicaId, index);
        }
      },
      () => {
        this.#syncing = false;
        for (const [group, index] of captured) {
          if (host.groups.get(group.groupId) === group) {
            this.#watermarks.set(group, index);
          }
        }
        this.#compact(host);
      },
    );
    host.turnSoon();
  }

  #compact(host: Host): void {
    const compacting: [Group, number, number][] = [];
    for (const group of host.groups.values()) {
      const watermark = Math.min(this.#watermarks.get(group) ?? 0, this.#pins.floor(group));
      const index = compactionIndex(group, watermark, this.#options.compaction);
      if (index > group.storage.compactedIndex) {
        const term = group.storage.term(index);
        if (typeof term === 'number') {
          compacting.push([group, index, term]);
        }
      }
    }
    if (compacting.length === 0) {
      return;
    }
    host.logWriter.bookkeep((builder) => {
      for (const [group, index, term] of compacting) {
        builder.compact(
          group.groupId,
          group.replicaId,
          index,
          term,
          group.replica.engineConfiguration.state,
        );
      }
    });
    for (const [group, index] of compacting) {
      group.storage.compact(index);
    }
    host.turnSoon();
  }
}
