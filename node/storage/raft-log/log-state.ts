/**
 * What the records of the log leave when applied in order: the small state of every group, the
 * tombstones, the boots, and which segment holds which live entries. Entries themselves are not
 * kept here. Appends and recovery share it, so both mean the same by a record.
 *
 * Invariants: per group `metadata.index ≤ lastIndex`, and compaction never passes the watermark.
 * Replica ids of a group are given out in ascending order, and a node has one replica of it at a
 * time: so the highest id removed here is a tombstone for all below it, too.
 */
import { assert, must } from '../../lib/assert.ts';
import type { HardState, SnapshotMetadata } from '../../raft/messages.ts';
import type { LiveRanges } from './live-ranges.ts';
import type { Checkpoint, GroupState, LogRecord } from './record.ts';

/** Boots remembered; a peer that has been away for more refuses this store (P12). */
export const bootHistoryMax = 1000;

interface MutableGroup {
  replicaId: number;
  hardState: HardState;
  metadata: SnapshotMetadata;
  lastIndex: number;
  watermark: number;
}

export class LogState {
  readonly #ranges: LiveRanges;
  readonly #groups = new Map<number, MutableGroup>();
  /** The highest replica id of a group that was removed here. */
  readonly #removed = new Map<number, number>();
  #bootHistory: string[] = [];

  constructor(ranges: LiveRanges) {
    this.#ranges = ranges;
  }

  get groups(): ReadonlyMap<number, GroupState> {
    return this.#groups;
  }

  get bootHistory(): readonly string[] {
    return this.#bootHistory;
  }

  /** Replicas of the group up to this id were removed here and must not return; 0: none was. */
  removedUpTo(groupId: number): number {
    return this.#removed.get(groupId) ?? 0;
  }

  checkpoint(): Checkpoint {
    return {
      bootHistory: [...this.#bootHistory],
      groups: [...this.#groups].map(([id, group]) => [id, { ...group }] as const),
      removed: [...this.#removed].map(([id, replicaId]) => [id, [replicaId]] as const),
    };
  }

  /** Takes a record into account; it lies in the active segment of the ranges. */
  apply(record: LogRecord): void {
    switch (record.kind) {
      case 'boot':
        this.#bootHistory.push(record.nonce);
        this.#bootHistory.splice(0, this.#bootHistory.length - bootHistoryMax);
        return;
      case 'checkpoint':
        this.#restore(record.checkpoint);
        return;
      case 'create':
        this.#create(record.groupId, record.replicaId, record.metadata, record.hardState);
        return;
      case 'remove':
        this.#remove(record.groupId, record.replicaId);
        return;
      default:
        this.#applyToGroup(record);
    }
  }

  #applyToGroup(
    record: Exclude<LogRecord, { kind: 'boot' | 'checkpoint' | 'create' | 'remove' }>,
  ): void {
    const { groupId } = record;
    const group = must(this.#groups.get(groupId), `Cannot log for group ${groupId}: it is unknown`);
    assert(
      group.replicaId === record.replicaId,
      `Cannot log for replica ${record.replicaId} of group ${groupId}: it is ${group.replicaId}`,
    );
    switch (record.kind) {
      case 'entries':
        assert(
          record.first > group.metadata.index && record.first <= group.lastIndex + 1,
          `Cannot append entry ${record.first} to group ${groupId}: it holds ` +
            `${group.metadata.index + 1} to ${group.lastIndex}`,
        );
        if (record.first <= group.lastIndex) {
          this.#ranges.cutFrom(groupId, record.first);
        }
        this.#ranges.write(groupId, record.first, record.last, record.bytes);
        group.lastIndex = record.last;
        return;
      case 'rewritten':
        assert(record.last <= group.lastIndex, 'Only live entries are rewritten');
        this.#ranges.write(groupId, record.first, record.last, record.bytes);
        return;
      case 'hardState':
        assert(record.hardState.term >= group.hardState.term, 'A term never falls');
        group.hardState = record.hardState;
        return;
      case 'compact':
        this.#compact(groupId, group, record);
        return;
      case 'snapshot':
        this.#ranges.dropGroup(groupId);
        group.metadata = record.metadata;
        group.lastIndex = record.metadata.index;
        group.watermark = record.metadata.index;
        return;
      case 'watermark':
        group.watermark = Math.max(group.watermark, record.index);
        return;
    }
  }

  #compact(
    groupId: number,
    group: MutableGroup,
    record: Extract<LogRecord, { kind: 'compact' }>,
  ): void {
    const { index, term } = record;
    if (index <= group.metadata.index) {
      return;
    }
    assert(
      index <= group.watermark,
      `Cannot compact group ${groupId} to ${index}: its watermark is ${group.watermark}`,
    );
    assert(
      index <= group.lastIndex,
      `Cannot compact group ${groupId} to ${index}: its last entry is ${group.lastIndex}`,
    );
    group.metadata = { index, term, confState: record.confState ?? group.metadata.confState };
    this.#ranges.cutUpTo(groupId, index);
  }

  #create(
    groupId: number,
    replicaId: number,
    metadata: SnapshotMetadata,
    hardState: HardState,
  ): void {
    assert(!this.#groups.has(groupId), `Cannot create group ${groupId}: it is there`);
    assert(
      replicaId > this.removedUpTo(groupId),
      `Cannot create replica ${replicaId} of group ${groupId}: that id was removed here`,
    );
    const lastIndex = metadata.index;
    this.#groups.set(groupId, { replicaId, hardState, metadata, lastIndex, watermark: 0 });
  }

  #remove(groupId: number, replicaId: number): void {
    if (this.#groups.get(groupId)?.replicaId === replicaId) {
      this.#groups.delete(groupId);
      this.#ranges.dropGroup(groupId);
    }
    this.#removed.set(groupId, Math.max(replicaId, this.removedUpTo(groupId)));
  }

  #restore(checkpoint: Checkpoint): void {
    this.#bootHistory = [...checkpoint.bootHistory];
    this.#groups.clear();
    for (const [groupId, group] of checkpoint.groups) {
      this.#groups.set(groupId, { ...group });
    }
    this.#removed.clear();
    for (const [groupId, replicaIds] of checkpoint.removed) {
      this.#removed.set(groupId, Math.max(...replicaIds));
    }
  }
}
