/**
 * What the operator remembers of each cluster between rounds: only since when something holds, so
 * that waits can be measured. It is lost at a restart, and then waits begin anew.
 */
import type { Look } from '../observe/observer.ts';
import type { PlanMemory } from '../plan/round.ts';
import { nodeIdOf } from '../api/node-place.ts';
import { makeRound } from '../plan/round.ts';

interface Remembered {
  lowerSinceMs: number;
  readonly evictingSinceMs: Map<number, number>;
}

export class PlanMemories {
  readonly #of = new Map<string, Remembered>();

  /** Takes a look in, and answers the memory for the plan that follows. */
  update(uid: string, look: Look): PlanMemory {
    const memory: Remembered = this.#of.get(uid) ?? { lowerSinceMs: 0, evictingSinceMs: new Map() };
    this.#of.set(uid, memory);
    const { observed, settings, drain, drainRefusals } = look;
    const told = { settings, drain, drainRefusals };
    const base = { lowerSinceMs: 0, evictingSinceMs: memory.evictingSinceMs, ...told };
    const round = makeRound(observed, base);
    const isLower = observed.cluster.spec.replicas < round.floor;
    if (!isLower) {
      memory.lowerSinceMs = 0;
    } else if (memory.lowerSinceMs === 0) {
      memory.lowerSinceMs = observed.nowMs;
    }
    const evicting = new Set<number>();
    for (const node of round.nodes.values()) {
      if (node.evictingLeaders) {
        evicting.add(nodeIdOf(node));
      }
    }
    for (const nodeId of evicting) {
      if (!memory.evictingSinceMs.has(nodeId)) {
        memory.evictingSinceMs.set(nodeId, observed.nowMs);
      }
    }
    for (const nodeId of memory.evictingSinceMs.keys()) {
      if (!evicting.has(nodeId)) {
        memory.evictingSinceMs.delete(nodeId);
      }
    }
    return { ...base, lowerSinceMs: memory.lowerSinceMs };
  }

  forget(uid: string): void {
    this.#of.delete(uid);
  }
}
