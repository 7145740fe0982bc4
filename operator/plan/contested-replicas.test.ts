/** Who may be called a contestant, and for how long. */
import { describe, expect, test } from '@jest/globals';
import { contestMs, contestedReplicas, noteReplicas } from './contested-replicas.ts';
import type { ReplicasChange } from './contested-replicas.ts';

/** Changes a minute apart, from 0. */
function seen(...list: readonly (readonly [string, number])[]): readonly ReplicasChange[] {
  return list.reduce<readonly ReplicasChange[]>(
    (changes, [manager, replicas], index) =>
      noteReplicas(changes, { manager, replicas, atMs: index * 60_000 }),
    [],
  );
}

describe('contestedReplicas()', () => {
  const fight = seen(['git', 3], ['hpa', 5], ['git', 3], ['hpa', 6]);

  test('names two managers that undo each other, and what each wants', () => {
    const found = contestedReplicas(fight, 4 * 60_000);
    expect(found?.reason).toBe('ReplicasContested');
    expect(found?.message).toContain('changed 3 times in 10 min, by "hpa" to 6 and by "git" to 3');
  });

  test('is over when they have been quiet for long enough', () => {
    expect(contestedReplicas(fight, 3 * 60_000 + contestMs)).toBeUndefined();
    const later = noteReplicas(fight, { manager: 'git', replicas: 3, atMs: 60 * 60_000 });
    expect(contestedReplicas(later, 60 * 60_000)).toBeUndefined();
    // What is too old to count is forgotten, but the last one, which says what was there.
    expect(later).toHaveLength(2);
  });

  test.each([
    ['one manager alone may change its mind', seen(['a', 3], ['a', 5], ['a', 3], ['a', 5])],
    ['a correction by another is none', seen(['a', 3], ['a', 5], ['b', 3])],
    ['nor after many changes of mind', seen(['a', 3], ['a', 5], ['a', 4], ['a', 5], ['b', 3])],
    ['the same number again is no change', seen(['a', 3], ['b', 3], ['a', 3], ['b', 3])],
    ['nobody is noted', seen(['', 3], ['', 5], ['', 3], ['', 5])],
  ])('%s', (_what, changes) => {
    expect(contestedReplicas(changes, 4 * 60_000)).toBeUndefined();
  });
});
