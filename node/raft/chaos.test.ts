/**
 * Goal: the safety of Raft under loss, duplication, reordering, crashes that lose unfinished
 * writes, compaction and membership changes. Method: random schedules from fixed seeds
 * (`test/raft-chaos.ts`), with every combination of the options that change the order of work.
 */
import { describe, expect, test } from '@jest/globals';
import { RaftChaos, chaosModes, chaosOptions } from '../test/raft-chaos.ts';

describe('Raft under chaos', () => {
  test.each(chaosModes)('is safe and recovers: %j', (mode) => {
    let answered = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const chaos = new RaftChaos(seed, chaosOptions(mode));
      chaos.run();
      answered += chaos.answered;
    }
    expect(answered).toBeGreaterThan(0);
  });
});
