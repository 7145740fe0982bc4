/** All flaws. */
import { executorFlaws } from './executor-flaws.ts';
import type { Flaw } from './flaw.ts';
import { hostFlaws } from './host-flaws.ts';
import { logFlaws } from './log-flaws.ts';
import { raftFlaws } from './raft-flaws.ts';
import { snapshotFlaws } from './snapshot-flaws.ts';

export const flaws: readonly Flaw[] = [
  ...raftFlaws,
  ...logFlaws,
  ...hostFlaws,
  ...executorFlaws,
  ...snapshotFlaws,
];
