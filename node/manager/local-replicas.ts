/**
 * The replicas of this node: opened at start from log and engine, made empty when the catalog gives
 * one out for this node, deleted when the catalog says that their id is gone (protocols.md P16).
 *
 * Made:     create record in the log, durable → generation and pointer in the engine → open.
 * Deleted:  closed → tombstone in the log, durable → pointer gone in the engine → rows, at leisure.
 *
 * A crash between any two of these steps is finished at the next start (`atStart`): a replica that
 * never acted may be made anew, a tombstone tells that a pointer is a leftover. Anything else that
 * log and engine do not agree on is quarantine (`host/group-factory.ts`, P11).
 *
 * Invariant: absence from the catalog is no evidence of anything; this copy may be an old one.
 */
import { DynakvError } from '../lib/errors.ts';
import { hasId } from '../lib/id-ranges.ts';
import type { Drainer } from '../host/drainer.ts';
import type { EngineGenerations } from '../host/generation-store.ts';
import type { Group, GroupListener } from '../host/group.ts';
import {
  emptyConfState,
  hardStateAt,
  isUnborn,
  openGroup,
  reconcile,
} from '../host/group-factory.ts';
import type { EngineState, LogState, RaftTuning } from '../host/group-factory.ts';
import type { Host } from '../host/host.ts';
import type { RowCache } from '../host/row-cache.ts';
import type { RowReader } from '../host/row-reader.ts';
import { systemGroupId } from '../shards/groups.ts';
import type { Generations } from '../storage/generations.ts';
import type { GroupPointer } from '../storage/generation-rows.ts';
import { LogBatchBuilder } from '../storage/raft-log/batch-builder.ts';
import type { RaftLog } from '../storage/raft-log/raft-log.ts';
import type { Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import type { Catalog } from './catalog.ts';
import type { GroupRecord } from './catalog-records.ts';
import { emptyReplica } from './empty-replica.ts';

export interface LocalReplicasParts {
  readonly nodeId: NodeId;
  readonly tuning: RaftTuning;
  readonly host: Host;
  readonly drainer: Drainer;
  readonly log: RaftLog;
  readonly generations: Generations;
  readonly store: EngineGenerations;
  readonly cache: RowCache;
  readonly reader: RowReader;
  readonly catalog: Catalog;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  listenerOf(groupId: number): GroupListener;
  /** Where the group's replicas live, by the catalog. */
  place(group: Group): void;
  /** The group is here from now on; awaited at start. */
  opened(group: Group): Promise<void>;
  /** The group is gone: whoever holds something for it lets go. */
  released(group: Group): void;
  failed(error: unknown): void;
}

export class LocalReplicas {
  readonly #parts: LocalReplicasParts;
  /** Groups with a step under way; a group has one at a time. */
  readonly #busy = new Set<number>();
  #followDue = false;
  #closed = false;
  /** Since the start, for `/metrics`. */
  readonly counts = { made: 0, deleted: 0 };

  constructor(parts: LocalReplicasParts) {
    this.#parts = parts;
  }

  /** Opens every replica; refuses with the remedy when log and engine do not agree. */
  async openAll(): Promise<void> {
    const { generations, log, store } = this.#parts;
    await this.#finishDeletions();
    for (const [groupId, state] of log.groups) {
      if (generations.pointer(groupId) !== undefined) {
        continue;
      }
      if (!isUnborn(state)) {
        throw quarantined(groupId, 'RocksDB lost its generation');
      }
      await this.#point(groupId, state.replicaId); // The crash came before its first step.
    }
    const restarts = new LogBatchBuilder();
    for (const pointer of generations.groups()) {
      const { logState, engineState } = this.#reconcile(pointer, restarts);
      await this.#add(pointer.groupId, logState, engineState);
    }
    if (!restarts.isEmpty) {
      await log.append(restarts);
    }
    log.releaseRecovered();
    store.discardUnreferenced();
  }

  /** Pointers whose replica has a tombstone: the crash came before RocksDB heard of it. */
  async #finishDeletions(): Promise<void> {
    const { generations, log } = this.#parts;
    for (const { groupId, replicaId } of generations.groups()) {
      const held = log.groups.get(groupId)?.replicaId;
      if (held !== replicaId && replicaId <= log.removedUpTo(groupId)) {
        await generations.remove(groupId, replicaId);
      }
    }
  }

  #reconcile(
    { groupId, replicaId, generation }: GroupPointer,
    restarts: LogBatchBuilder,
  ): { readonly logState: LogState; readonly engineState: EngineState } {
    const { log, generations } = this.#parts;
    const found = log.groups.get(groupId);
    const applied = generations.readApplied(generation);
    if (found === undefined || applied === undefined) {
      throw quarantined(groupId, found === undefined ? 'the log lost it' : 'its state is lost');
    }
    const engineState: EngineState = {
      replicaId,
      generation,
      applied: { index: applied.index, term: applied.term },
      configuration: {
        index: applied.configurationIndex,
        state: applied.confState,
        incarnation: applied.incarnation,
      },
      installed: applied.installStamp !== undefined,
    };
    const verdict = reconcile(found, engineState);
    if (verdict.kind === 'quarantine') {
      throw quarantined(groupId, verdict.why);
    }
    if (verdict.kind === 'open') {
      return { logState: found, engineState };
    }
    const { metadata } = verdict;
    const hardState = hardStateAt(found.hardState, metadata);
    restarts.snapshot(groupId, replicaId, metadata).hardState(groupId, replicaId, hardState);
    const logState = { ...found, entries: [], snapshotMetadata: metadata, hardState };
    return { logState, engineState };
  }

  async #add(groupId: number, logState: LogState, engineState: EngineState): Promise<Group> {
    const { tuning, random, cache, reader, store, logger, host } = this.#parts;
    const group = openGroup(
      { tuning, random, cache, reader, layout: store, logger },
      groupId,
      logState,
      engineState,
      new Map<number, NodeId>(),
      host,
    );
    this.#parts.place(group);
    group.listen(this.#parts.listenerOf(groupId));
    host.add(group);
    await this.#parts.opened(group);
    return group;
  }

  /** A generation without rows, and the pointer that makes it the replica's. */
  async #point(groupId: number, replicaId: number): Promise<EngineState> {
    const { generations } = this.#parts;
    const generation = await generations.allocate();
    await generations.flip({ groupId, replicaId, generation }, emptyReplica.applied);
    const applied = { index: 0, term: 0 };
    const configuration = { index: 0, state: emptyConfState, incarnation: 1 };
    return { replicaId, generation, applied, configuration, installed: false };
  }

  /** The catalog changed: makes and deletes what it says, after this turn. */
  follow(): void {
    if (!this.#followDue) {
      this.#followDue = true;
      this.#parts.timers.endOfTurn(() => {
        this.#followDue = false;
        this.#followNow();
      });
    }
  }

  close(): void {
    this.#closed = true;
  }

  #followNow(): void {
    if (this.#closed || this.#parts.host.failure !== undefined) {
      return;
    }
    for (const record of this.#parts.catalog.groups.values()) {
      if (!this.#busy.has(record.groupId)) {
        this.#followGroup(record);
      }
    }
  }

  #followGroup(record: GroupRecord): void {
    const { host, log, nodeId } = this.#parts;
    const { groupId } = record;
    if (groupId === systemGroupId) {
      return; // A node has it from its birth to its end.
    }
    const held = host.groups.get(groupId);
    if (held !== undefined) {
      if (hasId(record.removed, held.replicaId)) {
        this.#run(groupId, this.#delete(held));
      }
      return;
    }
    const wanted = record.replicas.find((replica) => replica.nodeId === nodeId);
    if (wanted !== undefined && wanted.replicaId > log.removedUpTo(groupId)) {
      this.#run(groupId, this.#make(groupId, wanted.replicaId));
    }
  }

  #run(groupId: number, work: Promise<void>): void {
    this.#busy.add(groupId);
    work.then(
      () => {
        this.#busy.delete(groupId);
        this.follow();
      },
      (error: unknown) => {
        if (!this.#closed) {
          this.#parts.failed(error);
        }
      },
    );
  }

  async #make(groupId: number, replicaId: number): Promise<void> {
    const { host, logger } = this.#parts;
    const { metadata: snapshotMetadata, hardState } = emptyReplica;
    await new Promise<void>((resolve) => {
      host.logWriter.bookkeep((builder) => {
        builder.createGroup(groupId, replicaId, snapshotMetadata, hardState);
      }, resolve);
      host.turnSoon();
    });
    const engineState = await this.#point(groupId, replicaId);
    if (this.#closed || host.failure !== undefined) {
      return;
    }
    const logState = { replicaId, hardState, snapshotMetadata, entries: [], watermark: 0 };
    await this.#add(groupId, logState, engineState);
    this.counts.made += 1;
    logger.info('Replica made', { group: groupId, replica: replicaId });
  }

  async #delete(group: Group): Promise<void> {
    const { host, generations, store, logger } = this.#parts;
    const { groupId, replicaId } = group;
    const { generation } = group.replica;
    await new Promise<void>((resolve) => {
      host.remove(group, resolve);
      this.#parts.released(group);
    });
    await generations.remove(groupId, replicaId);
    store.discard(generation);
    this.counts.deleted += 1;
    logger.info('Replica deleted', { group: groupId, replica: replicaId });
  }
}

function quarantined(groupId: number, why: string): DynakvError {
  return new DynakvError(
    'Quarantined',
    `Cannot start: the replica of group ${groupId} is quarantined, as ${why}. It may have ` +
      'forgotten a vote or an acknowledged write. Keep the folder; start this node with an empty ' +
      'data folder as a new node, or restore a one-copy cluster from a backup',
    { groupId },
  );
}
