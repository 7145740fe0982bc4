/**
 * Applies recovered batches in order and keeps the entries, to hand each group its log. The same
 * `LogState` as for appends decides what a record means; here its contradictions are damage.
 *
 * Invariant: a batch is replayed only when it is settled that it belongs to the log.
 */
import { messageOf } from '../../lib/errors.ts';
import type { Entry, HardState, SnapshotMetadata } from '../../raft/messages.ts';
import type { LiveRanges } from './live-ranges.ts';
import { LogState } from './log-state.ts';
import { decodeRecords } from './record.ts';
import type { Checkpoint, GroupState, LogRecord } from './record.ts';
import { LogDamage } from './scan.ts';
import type { ScannedBatch } from './scan.ts';

/** What the log knows of a group at start. */
export interface RecoveredGroup {
  readonly replicaId: number;
  readonly hardState: HardState;
  /** The compaction point: index, term and the configuration there. */
  readonly snapshotMetadata: SnapshotMetadata;
  /** All entries above the compaction point, consecutive. */
  readonly entries: Entry[];
  /** An engine whose applied index is below it lost rows that it had synced (P10). */
  readonly watermark: number;
}

export class Replay {
  readonly ranges: LiveRanges;
  readonly state: LogState;
  readonly #entries = new Map<number, Map<number, Entry>>();
  #began = false;

  constructor(ranges: LiveRanges) {
    this.ranges = ranges;
    this.state = new LogState(ranges);
  }

  /** False until the first batch: the state is not known yet. */
  get began(): boolean {
    return this.#began;
  }

  /** Applies a batch that lies in the active segment of the ranges; returns its records. */
  batch(batch: ScannedBatch): readonly LogRecord[] {
    try {
      const records = decodeRecords(batch.payload);
      if (!this.#began && records[0]?.kind !== 'checkpoint') {
        throw new LogDamage('the oldest segment does not begin with a checkpoint');
      }
      for (const record of records) {
        this.#record(record);
      }
      return records;
    } catch (error) {
      const { sequence, position } = batch.header;
      throw new LogDamage(
        `the batch at position ${position} of segment ${sequence} contradicts the log before ` +
          `it: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  #record(record: LogRecord): void {
    if (record.kind === 'checkpoint' && this.#began) {
      checkAgrees(this.state, record.checkpoint);
    }
    this.#began = true;
    const before = 'groupId' in record ? this.state.groups.get(record.groupId) : undefined;
    const lastIndexBefore = before?.lastIndex ?? 0;
    const indexBefore = before?.metadata.index ?? 0;
    this.state.apply(record);
    switch (record.kind) {
      case 'entries':
        this.#drop(record.groupId, record.first, lastIndexBefore);
        this.#keep(record.groupId, record.entries);
        return;
      case 'rewritten':
        this.#keep(record.groupId, record.entries);
        return;
      case 'compact':
        this.#drop(record.groupId, indexBefore + 1, record.index);
        return;
      case 'snapshot':
        this.#entries.delete(record.groupId);
        return;
      case 'remove':
        if (!this.state.groups.has(record.groupId)) {
          this.#entries.delete(record.groupId);
        }
        return;
      default:
        return;
    }
  }

  #keep(groupId: number, entries: readonly Entry[]): void {
    let kept = this.#entries.get(groupId);
    if (kept === undefined) {
      kept = new Map();
      this.#entries.set(groupId, kept);
    }
    for (const entry of entries) {
      kept.set(entry.index, entry);
    }
  }

  #drop(groupId: number, from: number, to: number): void {
    const kept = this.#entries.get(groupId);
    if (kept !== undefined && to - from >= kept.size) {
      // A damaged log may claim any range: never walk over more than there is.
      for (const index of [...kept.keys()].filter((each) => each >= from && each <= to)) {
        kept.delete(index);
      }
      return;
    }
    for (let index = from; kept !== undefined && index <= to; index++) {
      kept.delete(index);
    }
  }

  /** Every group with its whole log; a gap in one is damage. */
  groups(): Map<number, RecoveredGroup> {
    const groups = new Map<number, RecoveredGroup>();
    for (const [groupId, group] of this.state.groups) {
      const entries = this.#collect(groupId, group);
      const { replicaId, hardState, metadata, watermark } = group;
      groups.set(groupId, {
        replicaId,
        hardState,
        snapshotMetadata: metadata,
        entries,
        watermark,
      });
    }
    return groups;
  }

  #collect(groupId: number, group: GroupState): Entry[] {
    const kept = this.#entries.get(groupId);
    const entries: Entry[] = [];
    let term = group.metadata.term;
    for (let index = group.metadata.index + 1; index <= group.lastIndex; index++) {
      const entry = kept?.get(index);
      if (entry === undefined || entry.term < term) {
        throw new LogDamage(`entry ${index} of group ${groupId} is missing or out of order`);
      }
      term = entry.term;
      entries.push(entry);
    }
    return entries;
  }
}

/** A checkpoint inside the log repeats what the log before it says, or one of them is wrong. */
function checkAgrees(state: LogState, checkpoint: Checkpoint): void {
  if (JSON.stringify(state.checkpoint()) !== JSON.stringify(checkpoint)) {
    throw new LogDamage('a checkpoint differs from the log before it');
  }
}
