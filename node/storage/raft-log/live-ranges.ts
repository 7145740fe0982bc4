/**
 * Which segment holds which live entries: for each segment and group a range of indexes that
 * covers all entries of the group whose newest copy lies there. It decides when a segment may go,
 * and holds no payload.
 *
 * Invariants: every live entry lies in the range of the segment with its newest copy; a range may
 * cover more than that (it is a hull), never an index whose newer copy lies in a later segment.
 */
import { assert, must } from '../../lib/assert.ts';

interface Range {
  low: number;
  high: number;
  /** About how many bytes the entries of the range take. */
  bytes: number;
}

interface SegmentRanges {
  readonly sequence: number;
  readonly groups: Map<number, Range>;
}

function clip(segment: SegmentRanges, groupId: number, low: number, high: number): void {
  const range = segment.groups.get(groupId);
  if (range === undefined) {
    return;
  }
  const lowNow = Math.max(range.low, low);
  const highNow = Math.min(range.high, high);
  if (lowNow > highNow) {
    segment.groups.delete(groupId);
    return;
  }
  const countBefore = range.high - range.low + 1;
  range.bytes = Math.ceil((range.bytes * (highNow - lowNow + 1)) / countBefore);
  range.low = lowNow;
  range.high = highNow;
}

export class LiveRanges {
  /** Oldest first; the last is the active one. */
  #segments: SegmentRanges[] = [];

  /** Begins a new active segment. */
  addSegment(sequence: number): void {
    assert(sequence > (this.#segments.at(-1)?.sequence ?? 0));
    this.#segments.push({ sequence, groups: new Map() });
  }

  get activeSequence(): number {
    return must(this.#segments.at(-1)).sequence;
  }

  get oldestSequence(): number {
    return must(this.#segments[0]).sequence;
  }

  /** The segments that are still needed, oldest first, the active one included. */
  neededSequences(): number[] {
    const first = this.firstNeeded();
    return this.#segments.map((one) => one.sequence).filter((sequence) => sequence >= first);
  }

  /** About how many bytes of live entries all segments hold. */
  get liveBytes(): number {
    let bytes = 0;
    for (const segment of this.#segments) {
      for (const range of segment.groups.values()) {
        bytes += range.bytes;
      }
    }
    return bytes;
  }

  /** The oldest segment that is still needed. */
  firstNeeded(): number {
    const needed = this.#segments.find((segment) => segment.groups.size > 0);
    return needed?.sequence ?? this.activeSequence;
  }

  /** Entries written to the active segment. */
  write(groupId: number, first: number, last: number, bytes: number): void {
    const { groups } = must(this.#segments.at(-1));
    const range = groups.get(groupId);
    if (range === undefined) {
      groups.set(groupId, { low: first, high: last, bytes });
      return;
    }
    range.low = Math.min(range.low, first);
    range.high = Math.max(range.high, last);
    range.bytes += bytes;
  }

  /** Entries ≥ `index` of the group are dead. */
  cutFrom(groupId: number, index: number): void {
    for (const segment of this.#segments) {
      clip(segment, groupId, 0, index - 1);
    }
  }

  /** Entries ≤ `index` of the group are dead. */
  cutUpTo(groupId: number, index: number): void {
    for (const segment of this.#segments) {
      clip(segment, groupId, index + 1, Infinity);
    }
  }

  dropGroup(groupId: number): void {
    for (const segment of this.#segments) {
      segment.groups.delete(groupId);
    }
  }

  /** Live range of a group in the segment. */
  rangeOf(
    sequence: number,
    groupId: number,
  ): { readonly low: number; readonly high: number } | undefined {
    return this.#segments.find((one) => one.sequence === sequence)?.groups.get(groupId);
  }

  /** The segment's live entries were all repeated in later segments. */
  clearSegment(sequence: number): void {
    assert(sequence !== this.activeSequence);
    this.#segments.find((one) => one.sequence === sequence)?.groups.clear();
  }

  /** Forgets the segments below `sequence`, which hold nothing live, and returns their numbers. */
  dropSegmentsBelow(sequence: number): number[] {
    const dropped = this.#segments.filter((one) => one.sequence < sequence);
    assert(dropped.every((one) => one.groups.size === 0));
    this.#segments = this.#segments.filter((one) => one.sequence >= sequence);
    return dropped.map((one) => one.sequence);
  }
}
