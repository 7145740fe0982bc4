/** All flaws. */
import { executorFlaws } from './executor-flaws.ts';
import type { Flaw } from './flaw.ts';
import { hostFlaws } from './host-flaws.ts';
import { logFlaws } from './log-flaws.ts';
import { managerFlaws } from './manager-flaws.ts';
import { raftFlaws } from './raft-flaws.ts';
import { snapshotFlaws } from './snapshot-flaws.ts';
import { storeFlaws } from './store-flaws.ts';

export const flaws: readonly Flaw[] = [
  ...raftFlaws,
  ...logFlaws,
  ...hostFlaws,
  ...executorFlaws,
  ...snapshotFlaws,
  ...storeFlaws,
  ...managerFlaws,
];
