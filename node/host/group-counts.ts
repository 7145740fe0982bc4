/** Counts of one or many groups since the start, for `/metrics`. */
import type { Group } from './group.ts';

export class GroupCounts {
  leaderships = 0;
  accepted = 0;
  dropped = 0;
  readonly reads = { confirmed: 0, retried: 0, dropped: 0 };

  add(group: Group): void {
    this.leaderships += group.counts.leaderships;
    this.accepted += group.counts.accepted;
    this.dropped += group.counts.dropped;
    this.reads.confirmed += group.reads.rounds.confirmed;
    this.reads.retried += group.reads.rounds.retried;
    this.reads.dropped += group.reads.rounds.dropped;
  }

  /** A copy, to go on counting. */
  clone(): GroupCounts {
    const copy = new GroupCounts();
    copy.leaderships = this.leaderships;
    copy.accepted = this.accepted;
    copy.dropped = this.dropped;
    Object.assign(copy.reads, this.reads);
    return copy;
  }
}
