/** How far a log is cut: table over what the followers hold, the sizes and the watermark. */
import { describe, expect, test } from '@jest/globals';
import { encodeBatch } from '../items/batch.ts';
import { MessageType } from '../raft/messages.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import { compactionIndex } from './compaction.ts';

const entryBytes = 1_000;

/** A leader with ten drained rows, all of them at replica 2; replica 3 holds up to `match3`. */
function leader(match3: number | undefined): LoneGroup {
  const lone = new LoneGroup();
  lone.lead();
  for (let i = 0; i < 10; i++) {
    const writes = [{ key: Buffer.from(`k${i}`), value: Buffer.alloc(entryBytes) }];
    lone.group.propose(encodeBatch(writes), lone.group.openTerm, () => undefined);
  }
  lone.commit();
  if (match3 !== undefined) {
    lone.receive(MessageType.appResp, 3, { index: match3 });
  }
  while (!lone.group.replica.drained) {
    lone.group.replica.drain([], 1_000_000)();
  }
  return lone;
}

const last = 12;
const eager = { keepBytes: 0, catchUpBytesMax: 1_000_000 };

describe('compactionIndex()', () => {
  test('never passes the watermark', () => {
    const { group } = leader(last);
    expect(group.lastIndex).toBe(last);
    expect(compactionIndex(group, 0, eager)).toBe(1);
    expect(compactionIndex(group, 7, eager)).toBe(7);
    expect(compactionIndex(group, 99, eager)).toBe(last);
  });

  test('never passes what the engine has', () => {
    const lone = leader(last);
    const writes = [{ key: Buffer.from('x'), value: Buffer.alloc(1) }];
    lone.group.propose(encodeBatch(writes), lone.group.openTerm, () => undefined);
    lone.commit();
    expect(compactionIndex(lone.group, 99, eager)).toBe(last);
  });

  test('a small log is kept, until the group is quiet', () => {
    const { group } = leader(last);
    const limits = { ...eager, keepBytes: 1_000_000 };
    expect(compactionIndex(group, last, limits)).toBe(1);
    group.quietTicks = 50;
    expect(compactionIndex(group, last, limits)).toBe(last);
    group.quietTicks = 0;
    group.asleep = true;
    expect(compactionIndex(group, last, limits)).toBe(last);
  });

  test('what a live follower still needs is kept', () => {
    const { group } = leader(5);
    expect(compactionIndex(group, last, eager)).toBe(5);
  });

  test('a follower that was not heard of does not hold the log back', () => {
    const { group } = leader(undefined);
    const third = group.raw.raft.tracker.get(3);
    if (third !== undefined) {
      third.recentActive = false;
    }
    expect(compactionIndex(group, last, eager)).toBe(last);
  });

  test('beyond the catch-up size a slow follower loses the log, half of that size is kept', () => {
    const { group } = leader(3);
    const limits = { keepBytes: 0, catchUpBytesMax: 6 * entryBytes };
    const index = compactionIndex(group, last, limits);
    const kept = last - index;
    expect(index).toBeGreaterThan(3);
    expect(kept).toBeGreaterThanOrEqual(2);
    expect(kept).toBeLessThanOrEqual(3);
    expect(compactionIndex(group, 8, limits)).toBe(8);
  });
});
