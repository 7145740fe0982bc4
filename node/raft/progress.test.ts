import { describe, expect, test } from '@jest/globals';

import { describeProgress } from './describe.ts';
import { Inflights } from './inflights.ts';
import { Progress } from './progress.ts';

function progressAt(match: number, next: number, capacity = 4): Progress {
  const progress = new Progress(2, next, new Inflights(capacity, Infinity), false);
  progress.match = match;
  progress.recentActive = true;
  return progress;
}

describe('Progress', () => {
  test('maybeUpdate() ignores a stale index', () => {
    const progress = progressAt(3, 5);
    expect(progress.maybeUpdate(2)).toBe(false);
    expect(progress.maybeUpdate(3)).toBe(false);
    expect([progress.match, progress.next]).toEqual([3, 5]);
  });

  test('maybeUpdate() moves match, keeps next above it and resumes', () => {
    const progress = progressAt(3, 5);
    progress.flowPaused = true;
    expect(progress.maybeUpdate(4)).toBe(true);
    expect([progress.match, progress.next, progress.isPaused]).toEqual([4, 5, false]);
    expect(progress.maybeUpdate(9)).toBe(true);
    expect([progress.match, progress.next]).toEqual([9, 10]);
  });

  test.each([
    // match, next, rejected, hint → changed, next
    [5, 10, 5, 5, false, 10],
    [5, 10, 4, 4, false, 10],
    [5, 10, 9, 9, true, 6],
  ])('maybeDecrease() in replicate: %#', (match, next, rejected, hint, changed, after) => {
    const progress = progressAt(match, next);
    progress.state = 'replicate';
    expect(progress.maybeDecrease(rejected, hint)).toBe(changed);
    expect(progress.next).toBe(after);
  });

  test.each([
    [0, 0, 0, 0, false, 0],
    [0, 10, 5, 5, false, 10],
    [0, 10, 9, 9, true, 9],
    [0, 10, 9, 2, true, 3],
    [0, 10, 9, 0, true, 1],
    [4, 10, 9, 2, true, 5],
  ])('maybeDecrease() in probe: %#', (match, next, rejected, hint, changed, after) => {
    const progress = progressAt(match, next);
    progress.flowPaused = true;
    expect(progress.maybeDecrease(rejected, hint)).toBe(changed);
    expect(progress.next).toBe(after);
    expect(progress.flowPaused).toBe(!changed);
  });

  test('becomeProbe() after a snapshot goes on behind it', () => {
    const progress = progressAt(1, 2);
    progress.becomeSnapshot(10);
    expect([progress.isPaused, progress.next]).toEqual([true, 11]);
    progress.becomeProbe();
    expect([progress.state, progress.next, progress.pendingSnapshot]).toEqual(['probe', 11, 0]);
  });

  test('becomeProbe() after a failed snapshot starts at match', () => {
    const progress = progressAt(1, 2);
    progress.becomeSnapshot(10);
    progress.pendingSnapshot = 0;
    progress.becomeProbe();
    expect(progress.next).toBe(2);
  });

  test('becomeProbe() forgets commit indexes that may be lost', () => {
    const progress = progressAt(3, 9);
    progress.state = 'replicate';
    progress.sentCommit = 8;
    progress.becomeProbe();
    expect([progress.next, progress.sentCommit]).toEqual([4, 3]);
  });

  test('sentEntries() pauses a probe after one, and a pipeline when its window is full', () => {
    const progress = progressAt(0, 1, 2);
    progress.sentEntries(0, 0);
    expect(progress.isPaused).toBe(false);
    progress.sentEntries(1, 5);
    expect([progress.isPaused, progress.next]).toEqual([true, 1]);
    progress.becomeReplicate();
    progress.sentEntries(2, 5);
    expect([progress.isPaused, progress.next]).toEqual([false, 3]);
    progress.sentEntries(1, 5);
    expect([progress.isPaused, progress.next]).toEqual([true, 4]);
    expect(describeProgress(progress)).toBe(
      'StateReplicate match=0 next=4 paused inflight=2[full]',
    );
  });

  test('canBumpCommit() is true only for what the follower may have', () => {
    const progress = progressAt(3, 6);
    progress.sentCommit = 3;
    expect(progress.canBumpCommit(3)).toBe(false);
    expect(progress.canBumpCommit(4)).toBe(true);
    progress.sentCommit = 5;
    expect(progress.canBumpCommit(9)).toBe(false);
  });

  test('clone() copies every value', () => {
    const progress = progressAt(3, 6);
    progress.becomeSnapshot(7);
    progress.isLearner = true;
    expect(progress.clone()).toEqual(progress);
  });
});
