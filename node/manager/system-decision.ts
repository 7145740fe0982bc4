/** What a command of the system group comes to, and what its leader knows beside the catalog. */
import { DynakvError } from '../lib/errors.ts';
import type { ErrorFacts } from '../lib/errors.ts';
import type { RowWrite } from '../items/batch.ts';
import type { NodeId } from '../sys/network.ts';

export interface SystemDecision {
  /** Empty = nothing changes. */
  readonly writes: readonly RowWrite[];
  readonly reply: unknown;
}

/** Facts of the leader that decides: never trusted for correctness. */
export interface SystemFacts {
  /** The term in which it leads. */
  readonly term: number;
  /** Its wall clock, ms since 1970. */
  readonly nowMs: number;
  /** It hears of the node, or is it. */
  isLive(nodeId: NodeId): boolean;
}

export function unchanged(reply: unknown): SystemDecision {
  return { writes: [], reply };
}

/** A refusal by a named rule: `reason` is stable, the sentence has the numbers. */
export function refusal(reason: string, message: string, facts: ErrorFacts = {}): DynakvError {
  return new DynakvError('Refused', message, { reason, ...facts });
}
