/**
 * The Raft core alone, without a node around it: thousands of steps a second, so that orders of
 * events come up that a whole cluster meets once in hours.
 */
import { RaftChaos, chaosModes, chaosOptions } from '../../test/raft-chaos.ts';
import type { Storm } from './storm.ts';

export const raftStorm: Storm = {
  name: 'raft',
  what: 'Raft cores: loss, reordering, crashes, compaction, membership, every order of work',
  run(seed) {
    for (const mode of chaosModes) {
      new RaftChaos(seed, chaosOptions(mode)).run();
    }
    return Promise.resolve();
  },
};
