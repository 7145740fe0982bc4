/** All flaws. */
import type { Flaw } from './flaw.ts';
import { hostFlaws } from './host-flaws.ts';
import { logFlaws } from './log-flaws.ts';
import { raftFlaws } from './raft-flaws.ts';

export const flaws: readonly Flaw[] = [...raftFlaws, ...logFlaws, ...hostFlaws];
