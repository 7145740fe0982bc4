/**
 * The raft log of a node: all groups in one row of segments, one durable write per append.
 * It keeps the small state of every group and which segment holds which entries, never payloads:
 * the host takes the recovered entries over and keeps the tail that Raft needs.
 *
 * Invariants: an append resolves only when its bytes are on stable storage, and appends become
 * durable in call order; what needs a segment for which there is no room is refused before anything
 * changes; after any other error of the disk (want of room for bytes already allocated too) the
 * store is quarantined, on disk too, and refuses for good. Format, recovery and their reasons:
 * docs/raft-log.md; protocols.md P7 to P14.
 */
import { assert } from '../../lib/assert.ts';
import { DynakvError, isDynakvError, messageOf } from '../../lib/errors.ts';
import { mebibyte } from '../../lib/units.ts';
import type { Disk } from '../../sys/disk.ts';
import type { Logger } from '../../sys/log.ts';
import { saltOf, sealBatch } from './batch.ts';
import { LogBatchBuilder } from './batch-builder.ts';
import { alignUp, segmentHeaderBytes } from './layout.ts';
import type { LiveRanges } from './live-ranges.ts';
import type { LogState } from './log-state.ts';
import { quarantined, readQuarantine, remedy, writeQuarantine } from './quarantine.ts';
import { recover } from './recovery.ts';
import type { Recovery, SegmentExtent } from './recovery.ts';
import type { RecoveredGroup } from './replay.ts';
import { readForRewrite } from './rewrite.ts';
import type { SegmentRewrite } from './rewrite.ts';
import { readSegmentHeader } from './scan.ts';
import { sequenceOfName } from './segment.ts';
import { SegmentFiles, isNoSpace } from './segment-files.ts';
import type { OpenSegment } from './segment-files.ts';
import { Witness } from './witness.ts';

export const segmentBytesDefault = 16 * mebibyte;

/** Below so many segments nothing is rewritten. */
const segmentsKeptMin = 3;
/** Rewriting begins when the files take so many times the bytes of the entries that live. */
const spaceFactor = 2.5;

export interface RaftLogOptions {
  readonly disk: Disk;
  /** Folder of the log alone; made if it is not there. */
  readonly directory: string;
  /** The store that the log belongs to; another one's log is refused. */
  readonly storeId: string;
  readonly logger: Logger;
  /** Size of a segment; default 16 MiB. A larger batch gets a larger one. */
  readonly segmentBytes?: number;
  /** This boot's nonce, made durable before `open` resolves (P12). */
  readonly bootNonce?: string;
  /** Called once when the log fails for good, in an append or in the background. */
  readonly onFailure?: (error: DynakvError) => void;
}

export interface RaftLogStats {
  readonly segments: number;
  readonly segmentBytes: number;
  readonly liveBytes: number;
  /** No room for another segment: hold new writes back, let compaction and watermarks through. */
  readonly spaceLow: boolean;
}

export class RaftLog {
  readonly #disk: Disk;
  readonly #options: RaftLogOptions;
  readonly #logger: Logger;
  readonly #files: SegmentFiles;
  readonly #state: LogState;
  readonly #ranges: LiveRanges;
  /** Closed segments. */
  readonly #closed: Map<number, SegmentExtent>;
  readonly #checkpointBatch = new LogBatchBuilder();
  readonly #markerBatch = new LogBatchBuilder();
  readonly #witness: Witness;
  #recovered: Map<number, RecoveredGroup>;
  #active: OpenSegment;
  /** Where the next batch goes in the active segment. */
  #offset = segmentHeaderBytes;
  /** Position of the end of what was written. */
  #end: number;
  #endCrc: number;
  /** Position up to which everything is on stable storage. */
  #durableEnd: number;
  /** The same without a marker at the end: what the witness is to say. */
  #witnessEnd: number;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #failure: Error | undefined;
  #closing = false;
  /** The last batch is a marker: nothing durable is unproven. */
  #proven = false;
  #appends = 0;
  #appendsAtTick = -1;
  #appendsAtRewrite = 0;
  #rewriting: Promise<void> | undefined;
  #preparing = false;

  /** True if no log was there and this one was born empty. */
  readonly created: boolean;

  private constructor(
    options: RaftLogOptions,
    files: SegmentFiles,
    active: OpenSegment,
    witness: Witness,
    recovery: Recovery,
  ) {
    this.#options = options;
    this.#disk = options.disk;
    this.#logger = options.logger;
    this.#files = files;
    this.#active = active;
    this.#witness = witness;
    this.#state = recovery.replay.state;
    this.#ranges = recovery.replay.ranges;
    this.#recovered = recovery.replay.groups();
    this.#closed = new Map(recovery.segments);
    this.#end = recovery.provenEnd;
    this.#endCrc = recovery.provenCrc;
    this.#durableEnd = recovery.provenEnd;
    this.#witnessEnd = recovery.provenEnd;
    this.created = recovery.segments.size === 0;
  }

  /** The store id of the log in a folder; undefined if there is no log, or no sound header. */
  static async readStoreId(disk: Disk, directory: string): Promise<string | undefined> {
    for (const name of await disk.list(directory)) {
      if (sequenceOfName(name) !== undefined) {
        const header = await readSegmentHeader(disk, `${directory}/${name}`);
        if (header !== undefined) {
          return header.storeId;
        }
      }
    }
    return undefined;
  }

  /**
   * Recovers the log, or makes an empty one. When it resolves, all that it hands out is on stable
   * storage (P7). Rejects with `Quarantined` (with the remedy), `NewerFormat`, `WrongCluster` or
   * `NoSpace`; the last three leave the log as it was.
   */
  static async open(options: RaftLogOptions): Promise<RaftLog> {
    const { disk, directory, logger } = options;
    const reason = await readQuarantine(disk, directory);
    if (reason !== undefined) {
      throw quarantined(directory, reason);
    }
    try {
      return await openSound(options, RaftLog.#begin);
    } catch (error) {
      if (isDynakvError(error)) {
        throw error;
      }
      if (isNoSpace(error)) {
        const message = `Cannot open the raft log in "${directory}": ${messageOf(error)}`;
        throw new DynakvError('NoSpace', message, { directory }, error);
      }
      const code = (error as { code?: unknown }).code;
      const isDamage = (error as { name?: unknown }).name === 'LogDamage';
      if (!isDamage && code !== 'EIO') {
        throw error;
      }
      const message = messageOf(error);
      logger.error('Raft log: quarantined at start', { directory, reason: message });
      await writeQuarantine(disk, directory, message, logger);
      throw quarantined(directory, message, error);
    }
  }

  /** Writes the head of the new active segment: checkpoint, unproven tail, this boot. */
  static async #begin(
    this: void,
    options: RaftLogOptions,
    files: SegmentFiles,
    recovery: Recovery,
  ): Promise<RaftLog> {
    const batch = new LogBatchBuilder();
    if (recovery.checkpoint !== undefined) {
      batch.checkpoint(recovery.checkpoint);
    }
    for (const { payload, records } of recovery.tail) {
      batch.encoded(payload, records);
    }
    if (options.bootNonce !== undefined) {
      batch.boot(options.bootNonce);
      recovery.replay.state.apply({ kind: 'boot', nonce: options.bootNonce });
    }
    // The durable position was announced to peers: it must not fall, however compact this batch is.
    const bytesMin = recovery.tailEnd - recovery.provenEnd;
    const active = await files.take(segmentHeaderBytes + Math.max(batch.bytes, bytesMin));
    assert(active.sequence === recovery.nextSequence);
    const { disk, directory, storeId } = options;
    const witness = await Witness.open(disk, directory, storeId);
    const log = new RaftLog(options, files, active, witness, recovery);
    const firstSegment = log.#ranges.firstNeeded();
    await log.#write([log.#seal(batch, firstSegment, bytesMin)]);
    log.#witnessEnd = log.#durableEnd; // this boot's nonce must not be lost unnoticed either
    await witness.note(log.#witnessEnd);
    for (const sequence of recovery.unused) {
      await files.free([{ sequence, sizeBytes: 0 }]);
    }
    log.#freeBelow(firstSegment);
    return log;
  }

  /** What was found at start, until `releaseRecovered`. */
  get groups(): ReadonlyMap<number, RecoveredGroup> {
    return this.#recovered;
  }

  /** The host has taken the entries over. */
  releaseRecovered(): void {
    this.#recovered = new Map();
  }

  /** Nonces of the boots, oldest first, at most a thousand (P12). */
  get bootHistory(): readonly string[] {
    return this.#state.bootHistory;
  }

  /** Never falls, over restarts either (P12). */
  get durablePosition(): number {
    return this.#durableEnd;
  }

  /** Replicas of the group up to this id were removed here and must not return; 0: none was. */
  removedUpTo(groupId: number): number {
    return this.#state.removedUpTo(groupId);
  }

  /** No room for another segment; see `stats`. Asked for every write. */
  get spaceLow(): boolean {
    return this.#files.spaceLow;
  }

  stats(): RaftLogStats {
    const needed = this.#ranges.neededSequences();
    return {
      segments: needed.length,
      segmentBytes: this.#bytesOf(needed),
      liveBytes: this.#ranges.liveBytes,
      spaceLow: this.#files.spaceLow,
    };
  }

  /**
   * Makes a batch durable: one durable write. The batch must rest until this settles.
   * `NoSpace`: there is no room for the next segment, nothing was written, and the batch may be
   * appended again later. Any other rejection is final, and every later append is refused with
   * `StoreFailed`: an error of the disk quarantines the store (`ENOSPC` too once the segment is
   * there: its room was allocated); a broken invariant stops this log until the next start.
   */
  async append(batch: LogBatchBuilder): Promise<void> {
    this.#appends += 1;
    await this.#inTurn(() => this.#appendNow(batch));
    this.#prepareAhead();
  }

  /**
   * Call about once a second. It lets the witness say how far the log is durable. A log without
   * appends since the last call also writes a marker, which proves its last batch durable: from
   * then on damage to it is no longer taken for a torn tail.
   */
  tickIdle(): void {
    const idle = this.#appends === this.#appendsAtTick;
    this.#appendsAtTick = this.#appends;
    if (this.#failure !== undefined || this.#closing) {
      return;
    }
    this.#witness.note(this.#witnessEnd).catch((error: unknown) => this.#failLater(error));
    if (this.#waiting > 0) {
      return;
    }
    if (idle && !this.#proven) {
      this.#inTurn(() => this.#marker()).catch((error: unknown) => this.#report(error));
    }
    // A log short of space appends nothing, as writes are refused: only this notices new room.
    this.#prepareAhead();
    this.#maintain();
  }

  /** Resolves when nothing is under way any more, in the background either. */
  async settle(): Promise<void> {
    await this.#rewriting;
    await this.#turn;
    await this.#witness.settle();
    await this.#files.settle();
  }

  /** Waits for what is under way, proves the last batch, and closes the files. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#rewriting;
    if (this.#failure === undefined && !this.#proven) {
      await this.#inTurn(() => this.#marker()).catch((error: unknown) => this.#report(error));
    }
    await this.#turn;
    if (this.#failure === undefined) {
      await this.#witness
        .note(this.#witnessEnd)
        .catch(async (error: unknown) => this.#report(await this.#fail(error)));
    }
    await this.#witness.close();
    await this.#files.close();
    await this.#active.file.close();
  }

  async #inTurn(job: () => Promise<void>): Promise<void> {
    const before = this.#turn;
    let done: () => void = () => undefined;
    this.#turn = new Promise((resolve) => {
      done = resolve;
    });
    this.#waiting += 1;
    try {
      await before;
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
      await job();
    } finally {
      this.#waiting -= 1;
      done();
    }
  }

  async #appendNow(batch: LogBatchBuilder): Promise<void> {
    try {
      const sealed: Buffer[] = [];
      const rolls = this.#offset + alignUp(batch.bytes) > this.#active.sizeBytes;
      if (rolls) {
        sealed.push(await this.#roll(batch.bytes));
      }
      for (const record of batch.records) {
        this.#state.apply(record);
      }
      const firstSegment = this.#ranges.firstNeeded();
      sealed.push(this.#seal(batch, firstSegment));
      await this.#write(sealed);
      this.#proven = batch.isEmpty;
      this.#witnessEnd = batch.isEmpty ? this.#witnessEnd : this.#durableEnd;
      this.#freeBelow(firstSegment);
      if (rolls) {
        this.#maintain();
      }
    } catch (error) {
      throw isDynakvError(error, 'NoSpace') ? error : await this.#fail(error);
    }
  }

  async #marker(): Promise<void> {
    this.#markerBatch.clear();
    await this.#appendNow(this.#markerBatch);
  }

  /**
   * Goes over to the next segment, with room for a batch; returns the checkpoint that it begins
   * with, to be written along with the batch. `NoSpace` comes before anything changes.
   */
  async #roll(batchBytes: number): Promise<Buffer> {
    this.#checkpointBatch.clear();
    this.#checkpointBatch.checkpoint(this.#state.checkpoint());
    const bytes = alignUp(this.#checkpointBatch.bytes) + alignUp(batchBytes);
    const next = await this.#files.take(segmentHeaderBytes + bytes);
    const { sequence, sizeBytes, file } = this.#active;
    this.#closed.set(sequence, { sizeBytes, endPosition: this.#end });
    this.#active = next;
    this.#offset = segmentHeaderBytes;
    this.#ranges.addSegment(next.sequence);
    await file.close();
    return this.#seal(this.#checkpointBatch, this.#ranges.firstNeeded());
  }

  /** The bytes of the next batch of the log, still to be written. */
  #seal(batch: LogBatchBuilder, firstSegment: number, bytesMin = 0): Buffer {
    const { sequence } = this.#active;
    const place = {
      sequence,
      position: this.#end,
      durableEnd: this.#durableEnd,
      previousCrc: this.#endCrc,
      firstSegment,
    };
    const salt = saltOf(this.#options.storeId, sequence);
    const { bytes, crc } = sealBatch(batch.writer, place, salt, bytesMin);
    this.#end += bytes.length;
    this.#endCrc = crc;
    return bytes;
  }

  /** Makes sealed batches durable, all that there are since the last write. */
  async #write(sealed: readonly Buffer[]): Promise<void> {
    const { file, sizeBytes } = this.#active;
    const [first] = sealed;
    const bytes = sealed.length === 1 && first !== undefined ? first : Buffer.concat(sealed);
    const offset = this.#offset;
    this.#offset += bytes.length;
    assert(this.#offset <= sizeBytes, 'A batch must fit into its segment');
    await file.writeDurably(bytes, offset);
    this.#durableEnd = this.#end;
  }

  /** Frees what a durable batch declared dispensable. */
  #freeBelow(firstSegment: number): void {
    if (this.#ranges.oldestSequence >= firstSegment) {
      return;
    }
    const freed: { sequence: number; sizeBytes: number }[] = [];
    for (const sequence of this.#ranges.dropSegmentsBelow(firstSegment)) {
      freed.push({ sequence, sizeBytes: this.#closed.get(sequence)?.sizeBytes ?? 0 });
      this.#closed.delete(sequence);
    }
    this.#files.free(freed).catch((error: unknown) => this.#failLater(error));
  }

  /** Prepares the next segment when half of the active one is full. */
  #prepareAhead(): void {
    const due = this.#offset * 2 > this.#active.sizeBytes && !this.#files.hasReserve;
    if (!due || this.#preparing || this.#closing) {
      return;
    }
    this.#preparing = true;
    this.#files
      .prepare()
      .catch((error: unknown) => (isNoSpace(error) ? undefined : this.#failLater(error)))
      .finally(() => {
        this.#preparing = false;
      });
  }

  #maintain(): void {
    const isNews = this.#appends !== this.#appendsAtRewrite;
    if (this.#rewriting !== undefined || this.#closing || !isNews || !this.#rewriteIsDue()) {
      return;
    }
    this.#appendsAtRewrite = this.#appends;
    this.#rewriting = this.#rewriteOldest()
      .catch((error: unknown) => (isNoSpace(error) ? undefined : this.#failLater(error)))
      .finally(() => {
        this.#rewriting = undefined;
      });
  }

  #rewriteIsDue(): boolean {
    const needed = this.#ranges.neededSequences();
    return (
      needed.length > segmentsKeptMin &&
      this.#bytesOf(needed) > spaceFactor * this.#ranges.liveBytes
    );
  }

  #bytesOf(sequences: readonly number[]): number {
    let bytes = 0;
    for (const sequence of sequences) {
      bytes += this.#closed.get(sequence)?.sizeBytes ?? this.#active.sizeBytes;
    }
    return bytes;
  }

  async #rewriteOldest(): Promise<void> {
    // One pass over what was there at the beginning: it ends even where packing gains nothing.
    const end = this.#ranges.activeSequence;
    while (this.#rewriteIsDue() && this.#failure === undefined && !this.#closing) {
      const sequence = this.#ranges.firstNeeded();
      if (sequence >= end) {
        return;
      }
      const rewrite = await this.#readForRewrite(sequence);
      const batch = new LogBatchBuilder();
      for (let more = rewrite !== undefined; more;) {
        await this.#inTurn(async () => {
          batch.clear();
          more = rewrite?.fill(batch) === true;
          if (more) {
            await this.#appendNow(batch);
          } else if (this.#closed.has(sequence)) {
            this.#ranges.clearSegment(sequence);
          }
        });
      }
    }
  }

  /** Undefined if the segment lost its last live entry, and was freed, while it was read. */
  async #readForRewrite(sequence: number): Promise<SegmentRewrite | undefined> {
    const endPosition = this.#closed.get(sequence)?.endPosition ?? 0;
    const path = this.#files.path(sequence);
    const { storeId } = this.#options;
    const place = { path, sequence, storeId, endPosition };
    try {
      return await readForRewrite(this.#disk, place, this.#ranges, this.#state);
    } catch (error) {
      if (!this.#closed.has(sequence)) {
        return undefined;
      }
      throw error;
    }
  }

  /** The last word on this store: noted, quarantined on disk, and told to every later caller. */
  async #fail(error: unknown): Promise<Error> {
    if (this.#failure !== undefined) {
      return this.#failure;
    }
    const { directory, onFailure } = this.#options;
    const reason = messageOf(error);
    // A broken invariant says nothing about the disk: this process must not go on, the next may.
    const isAssertion = (error as { name?: unknown }).name === 'AssertionError';
    const advice = isAssertion ? 'a rule of the program is broken; start the node again' : remedy;
    const failure = new DynakvError(
      'StoreFailed',
      `Cannot use the raft log in "${directory}" any more: ${reason}; ${advice}`,
      { directory, reason },
      error,
    );
    this.#failure = failure;
    this.#logger.error('Raft log: failed', { directory, reason, quarantined: !isAssertion });
    if (!isAssertion) {
      await writeQuarantine(this.#disk, directory, reason, this.#logger);
    }
    onFailure?.(failure);
    return failure;
  }

  #failLater(error: unknown): void {
    this.#fail(error).catch((second: unknown) => this.#report(second));
  }

  #report(error: unknown): void {
    this.#logger.warn('Raft log: background work failed', { error: messageOf(error) });
  }
}

function parentOf(path: string): string {
  const end = path.lastIndexOf('/');
  return end > 0 ? path.slice(0, end) : end === 0 ? '/' : '.';
}

type Begin = (options: RaftLogOptions, files: SegmentFiles, recovery: Recovery) => Promise<RaftLog>;

/** Opens a log that is not quarantined; every refusal comes before the first change. */
async function openSound(options: RaftLogOptions, begin: Begin): Promise<RaftLog> {
  const { disk, directory, storeId, logger } = options;
  await refuseForeign(options);
  const recovery = await recover(disk, directory, storeId);
  recovery.replay.groups(); // a gap in a group is damage: found before anything is written
  await disk.makeDirectory(directory);
  await disk.syncDirectory(parentOf(directory));
  const segmentBytes = options.segmentBytes ?? segmentBytesDefault;
  const nextSequence = recovery.nextSequence;
  const files = new SegmentFiles({ disk, directory, storeId, segmentBytes, logger, nextSequence });
  logger.info('Raft log: recovered', {
    directory,
    segments: recovery.segments.size,
    groups: recovery.replay.state.groups.size,
    provenEnd: recovery.provenEnd,
    tailBatches: recovery.tail.length,
  });
  return await begin(options, files, recovery);
}

async function refuseForeign(options: RaftLogOptions): Promise<void> {
  const { disk, directory, storeId } = options;
  for (const name of await disk.list(directory)) {
    if (sequenceOfName(name) === undefined) {
      continue;
    }
    const header = await readSegmentHeader(disk, `${directory}/${name}`);
    if (header !== undefined && header.storeId !== storeId) {
      throw new DynakvError(
        'WrongCluster',
        `Cannot open the raft log in "${directory}" as store "${storeId}": it belongs to store ` +
          `"${header.storeId}"`,
        { directory, storeId, found: header.storeId },
      );
    }
  }
}
