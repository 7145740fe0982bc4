/**
 * Collects what one append writes: the records of many groups, encoded at once into the buffer
 * that goes to the disk. Use two in turn: one rests under `append` while the other fills.
 *
 * Invariant: after a refused append (`NoSpace`) the builder is as before and may be appended again;
 * after a successful one it must be cleared before it takes more.
 */
import { assert } from '../../lib/assert.ts';
import { ByteWriter } from '../../lib/bytes.ts';
import type { ConfState, Entry, HardState, SnapshotMetadata } from '../../raft/messages.ts';
import { batchHeaderBytes } from './layout.ts';
import { writeEntries, writeRecord } from './record.ts';
import type { Checkpoint, EntriesRecord, LogRecord } from './record.ts';

const capacityBytes = 64 * 1024;
/** A buffer that one giant batch blew up is given back. */
const capacityKeptBytesMax = 4 * 1024 * 1024;

export class LogBatchBuilder {
  readonly #writer = new ByteWriter(capacityBytes);
  #records: LogRecord[] = [];

  constructor() {
    this.#writer.zeros(batchHeaderBytes);
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  /** Bytes so far, header included. */
  get bytes(): number {
    return this.#writer.length;
  }

  /** For the log alone. */
  get writer(): ByteWriter {
    return this.#writer;
  }

  /** For the log alone. */
  get records(): readonly LogRecord[] {
    return this.#records;
  }

  /** Replaces any suffix of the group's log from `entries[0].index` on. Bytes are copied. */
  entries(groupId: number, replicaId: number, entries: readonly Entry[]): this {
    if (entries.length > 0) {
      this.#records.push(writeEntries(this.#writer, 'entries', { groupId, replicaId }, entries));
    }
    return this;
  }

  hardState(groupId: number, replicaId: number, hardState: HardState): this {
    return this.#add({ kind: 'hardState', groupId, replicaId, hardState });
  }

  /**
   * Entries ≤ `index` are no longer needed: (index, term) becomes the compaction point. Not above
   * the group's watermark, this batch's included (P10). `confState` is the configuration at
   * `index`; it must be given if a configuration change lies at or below it.
   */
  compact(
    groupId: number,
    replicaId: number,
    index: number,
    term: number,
    confState?: ConfState,
  ): this {
    return this.#add({ kind: 'compact', groupId, replicaId, index, term, confState });
  }

  /**
   * The group's log restarts at `metadata.index`: every entry goes, those above it too, whatever
   * their terms (an installed snapshot discards the whole log). The watermark becomes the index:
   * the rows must be durable before this is appended.
   */
  snapshot(groupId: number, replicaId: number, metadata: SnapshotMetadata): this {
    return this.#add({ kind: 'snapshot', groupId, replicaId, metadata });
  }

  /** Birth of a replica. Its id must not be one that was removed here (P11). */
  createGroup(
    groupId: number,
    replicaId: number,
    metadata: SnapshotMetadata,
    hardState: HardState,
  ): this {
    return this.#add({ kind: 'create', groupId, replicaId, metadata, hardState });
  }

  /**
   * A tombstone for ever: neither this replica id nor a lower one comes back here. Allowed for an
   * unknown group.
   */
  removeGroup(groupId: number, replicaId: number): this {
    return this.#add({ kind: 'remove', groupId, replicaId });
  }

  /** The applied index captured before an engine sync that has completed since (P10). */
  watermark(groupId: number, replicaId: number, appliedIndex: number): this {
    return this.#add({ kind: 'watermark', groupId, replicaId, index: appliedIndex });
  }

  /** A boot's nonce; durable before the first hello (P12). */
  boot(nonce: string): this {
    return this.#add({ kind: 'boot', nonce });
  }

  /** For the log alone: repeats live entries of an old segment. */
  rewritten(groupId: number, replicaId: number, entries: readonly Entry[]): this {
    this.#records.push(writeEntries(this.#writer, 'rewritten', { groupId, replicaId }, entries));
    return this;
  }

  /** For the log alone: the state at the head of a segment. */
  checkpoint(checkpoint: Checkpoint): this {
    assert(this.isEmpty, 'A checkpoint is the first record of a batch');
    return this.#add({ kind: 'checkpoint', checkpoint });
  }

  /** For the log alone: records already encoded. */
  encoded(payload: Buffer, records: readonly LogRecord[]): this {
    this.#writer.raw(payload);
    this.#records.push(...records);
    return this;
  }

  /** Makes it ready for the next batch; keeps its memory. */
  clear(): void {
    this.#records = [];
    this.#writer.clear(capacityKeptBytesMax);
    this.#writer.zeros(batchHeaderBytes);
  }

  #add(record: Exclude<LogRecord, EntriesRecord>): this {
    writeRecord(this.#writer, record);
    this.#records.push(record);
    return this;
  }
}
