/**
 * Rebuilds the log from its segments and decides what a break in it means. It only reads.
 *
 * A broken batch is a torn tail and is cut, unless any sound batch anywhere, or the witness,
 * declares a durable end beyond the place where the log would end: then bytes that had been durable
 * are gone, and `LogDamage` is thrown (protocols.md P8). Batches above the proven end may have been in the page
 * cache only: they come back as `tail`, to be written anew before they count (P7).
 *
 * Segments continue each other by position and sum: the first batch of a later segment may start
 * below the end of what an older one holds; what lies above was cut by an earlier start.
 */
import { must } from '../../lib/assert.ts';
import type { Disk } from '../../sys/disk.ts';
import { LiveRanges } from './live-ranges.ts';
import type { Checkpoint, LogRecord } from './record.ts';
import { Replay } from './replay.ts';
import { LogDamage, scanSegment } from './scan.ts';
import type { ScannedBatch, ScannedSegment } from './scan.ts';
import { sequenceOfName } from './segment.ts';
import { readWitness } from './witness.ts';

export interface RecoveredTail {
  readonly payload: Buffer;
  readonly records: readonly LogRecord[];
}

export interface SegmentExtent {
  readonly sizeBytes: number;
  /** Where its batches end; lower than what the file holds if its tail was cut. */
  readonly endPosition: number;
}

export interface Recovery {
  readonly replay: Replay;
  /** Where the log goes on: everything before is durable. */
  readonly provenEnd: number;
  readonly provenCrc: number;
  /** The state at the proven end; undefined if the tail itself begins with one. */
  readonly checkpoint: Checkpoint | undefined;
  /** Where the unproven tail ended; the log's end never falls below it again (P12). */
  readonly tailEnd: number;
  /** Batches above the proven end, already replayed into the segment `nextSequence`. */
  readonly tail: readonly RecoveredTail[];
  readonly nextSequence: number;
  /** The segments that hold batches of the log, by sequence. */
  readonly segments: ReadonlyMap<number, SegmentExtent>;
  /** Segments without any: begun or prepared, never used. */
  readonly unused: readonly number[];
}

class Chain {
  readonly replay = new Replay(new LiveRanges());
  readonly segments = new Map<number, SegmentExtent>();
  #baseSequence = 0;
  #firstSegment = 0;
  /** The highest durable end declared anywhere. */
  #durableEndMax: number;
  #end = 0;
  #endCrc = 0;
  /** Batches of the newest segment: not replayed until it is known where the log goes on. */
  #pending: ScannedBatch[] = [];
  #pendingSequence = 0;

  /** `witnessed`: what the witness says was durable. */
  constructor(witnessed: number) {
    this.#durableEndMax = witnessed;
  }

  get end(): number {
    return this.#end;
  }

  add(segment: ScannedSegment): void {
    this.#durableEndMax = Math.max(this.#durableEndMax, segment.durableEndMax);
    const first = segment.batches[0]?.header;
    if (first === undefined) {
      return;
    }
    if (this.segments.size === 0) {
      this.#baseSequence = segment.sequence;
    } else {
      this.#cutAt(first.position);
      if (first.position !== this.#end || first.previousCrc !== this.#endCrc) {
        throw new LogDamage(
          `segment ${segment.sequence} goes on from position ${first.position}, but the log ` +
            `before it ends at ${this.#end}`,
        );
      }
    }
    this.#replayPending();
    this.#pending = [...segment.batches];
    this.#pendingSequence = segment.sequence;
    this.#moveEnd();
    const { sizeBytes } = segment;
    this.segments.set(segment.sequence, { sizeBytes, endPosition: this.#end });
  }

  /** Drops pending batches at or above `position`, which a later segment replaced. */
  #cutAt(position: number): void {
    while ((this.#pending.at(-1)?.header.position ?? -1) >= position) {
      const cut = must(this.#pending.pop());
      this.#end = cut.header.position;
      this.#endCrc = cut.header.previousCrc;
      const { sizeBytes } = must(this.segments.get(cut.header.sequence));
      this.segments.set(cut.header.sequence, { sizeBytes, endPosition: this.#end });
    }
  }

  #moveEnd(): void {
    const { header } = must(this.#pending.at(-1));
    this.#end = header.position + header.totalBytes;
    this.#endCrc = header.crc;
    this.#firstSegment = header.firstSegment;
  }

  #replayPending(): void {
    if (this.#pendingSequence === 0) {
      return;
    }
    this.replay.ranges.addSegment(this.#pendingSequence);
    for (const batch of this.#pending) {
      this.replay.batch(batch);
    }
    this.#pending = [];
    this.#pendingSequence = 0;
  }

  /** Replays what is proven; returns the rest. */
  finish(): { readonly provenEnd: number; readonly provenCrc: number; tail: ScannedBatch[] } {
    if (this.#durableEndMax > this.#end) {
      throw new LogDamage(
        `the log can be read up to position ${this.#end} only, but was durable up to ` +
          `${this.#durableEndMax}`,
      );
    }
    if (this.#baseSequence > this.#firstSegment) {
      throw new LogDamage(
        `segment ${this.#firstSegment} is still needed, but the log begins with ` +
          `${this.#baseSequence}`,
      );
    }
    const tail = this.#pending.filter(({ header }) => header.position >= this.#durableEndMax);
    this.#cutAt(this.#durableEndMax);
    if (this.#end !== this.#durableEndMax && this.segments.size > 0) {
      throw new LogDamage(`no batch ends at the durable end ${this.#durableEndMax}`);
    }
    this.#replayPending();
    return { provenEnd: this.#end, provenCrc: this.#endCrc, tail };
  }
}

/** Reads all segments of the folder. Throws `LogDamage` if bytes that were durable are gone. */
export async function recover(disk: Disk, directory: string, storeId: string): Promise<Recovery> {
  const chain = new Chain(await readWitness(disk, directory, storeId));
  const unused: number[] = [];
  let sequenceMax = 0;
  for (const name of await disk.list(directory)) {
    const sequence = sequenceOfName(name);
    if (sequence === undefined) {
      continue;
    }
    const path = `${directory}/${name}`;
    const segment = await scanSegment(disk, { path, sequence, storeId });
    chain.add(segment);
    sequenceMax = sequence;
    if (segment.batches.length === 0) {
      unused.push(sequence);
    }
  }
  const tailEnd = chain.end;
  const { provenEnd, provenCrc, tail } = chain.finish();
  const oldest = unused[0] ?? 1;
  if (chain.segments.size === 0 && oldest > 1) {
    throw new LogDamage(`segment ${oldest} holds no sound batch, and older ones are gone`);
  }
  const { replay } = chain;
  const tailBegins = !replay.began && tail.length > 0;
  const checkpoint = tailBegins ? undefined : replay.state.checkpoint();
  const nextSequence = sequenceMax + 1;
  replay.ranges.addSegment(nextSequence);
  const replayed = tail.map((batch) => ({ payload: batch.payload, records: replay.batch(batch) }));
  const { segments } = chain;
  return {
    replay,
    provenEnd,
    provenCrc,
    checkpoint,
    tailEnd,
    tail: replayed,
    nextSequence,
    segments,
    unused,
  };
}
