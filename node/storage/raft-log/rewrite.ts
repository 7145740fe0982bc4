/**
 * Rewriting forward: the entries of the oldest segment that are still live (an idle group's tail)
 * are repeated in the active one, so that the old file can go. Terms, votes and configurations need
 * nothing of the kind: every segment begins with a checkpoint of them all.
 *
 * The entries are read back from the old file and checked again, not asked from the host: the
 * host's memory may be ahead of what this log holds. What has died since the reading is left out
 * when a batch is built, in the step in which it is appended.
 */
import { must } from '../../lib/assert.ts';
import { mebibyte } from '../../lib/units.ts';
import type { Entry } from '../../raft/messages.ts';
import type { Disk } from '../../sys/disk.ts';
import type { LogBatchBuilder } from './batch-builder.ts';
import type { LiveRanges } from './live-ranges.ts';
import type { LogState } from './log-state.ts';
import { decodeRecords } from './record.ts';
import { LogDamage, scanSegment } from './scan.ts';
import type { ScannedBatch, SegmentPlace } from './scan.ts';

/** One batch of repeated entries stays small, so that it does not hold up an append for long. */
const batchBytesMax = mebibyte;

interface FoundGroup {
  readonly groupId: number;
  readonly replicaId: number;
  readonly entries: Map<number, Entry>;
}

export interface SegmentRewrite {
  readonly sequence: number;
  /** Fills the next batch with live entries; false when there are none left. */
  fill(batch: LogBatchBuilder): boolean;
}

export interface ClosedSegment extends SegmentPlace {
  /** Where its batches end; above it there may be some that an earlier start cut. */
  readonly endPosition: number;
}

async function find(disk: Disk, place: ClosedSegment, state: LogState): Promise<FoundGroup[]> {
  const found = new Map<number, FoundGroup>();
  const { batches } = await scanSegment(disk, place);
  checkComplete(place, batches);
  for (const { payload } of batches) {
    for (const record of decodeRecords(payload)) {
      if (record.kind !== 'entries' && record.kind !== 'rewritten') {
        continue;
      }
      const { groupId, replicaId } = record;
      if (state.groups.get(groupId)?.replicaId !== replicaId) {
        continue;
      }
      const group = found.get(groupId) ?? { groupId, replicaId, entries: new Map() };
      found.set(groupId, group);
      for (const entry of record.entries) {
        group.entries.set(entry.index, entry);
      }
    }
  }
  return [...found.values()];
}

/** Reads the live entries of a closed segment. Throws `LogDamage` if the file is not sound. */
export async function readForRewrite(
  disk: Disk,
  place: ClosedSegment,
  ranges: LiveRanges,
  state: LogState,
): Promise<SegmentRewrite> {
  const { sequence } = place;
  const liveEntry = (group: FoundGroup, index: number): Entry | undefined => {
    const range = ranges.rangeOf(sequence, group.groupId);
    const isLive =
      range !== undefined &&
      index >= range.low &&
      index <= range.high &&
      state.groups.get(group.groupId)?.replicaId === group.replicaId;
    return isLive ? group.entries.get(index) : undefined;
  };
  const groups = await find(disk, place, state);
  const queue = groups.flatMap((group) =>
    [...group.entries.keys()].sort((a, b) => a - b).map((index) => ({ group, index })),
  );
  let next = 0;
  const fill = (batch: LogBatchBuilder): boolean => {
    let bytes = 0;
    let run: Entry[] = [];
    let runGroup: FoundGroup | undefined;
    const flush = (): void => {
      if (run.length > 0) {
        const { groupId, replicaId } = must(runGroup);
        batch.rewritten(groupId, replicaId, run);
      }
      run = [];
    };
    for (; next < queue.length && bytes < batchBytesMax; next++) {
      const { group, index } = must(queue[next]);
      const entry = liveEntry(group, index);
      if (group !== runGroup || run.at(-1)?.index !== index - 1) {
        flush();
        runGroup = group;
      }
      if (entry !== undefined) {
        run.push(entry);
        bytes += entry.data.length;
      }
    }
    flush();
    return !batch.isEmpty;
  };
  return { sequence, fill };
}

/** All that the log knows to be in the segment must have been read, or the file lost bytes. */
function checkComplete(place: ClosedSegment, batches: readonly ScannedBatch[]): void {
  const last = batches.at(-1)?.header;
  const end = last === undefined ? 0 : last.position + last.totalBytes;
  if (end < place.endPosition) {
    throw new LogDamage(
      `segment ${place.sequence} can be read up to position ${end} only, but was durable up to ` +
        `${place.endPosition}`,
    );
  }
}
