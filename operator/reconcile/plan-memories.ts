/**
 * What the operator remembers of each cluster between rounds: only since when something holds, so
 * that waits can be measured. It is lost at a restart, and then waits begin anew.
 */
import { managerOf } from '../api/field-managers.ts';
import type { Look } from '../observe/observer.ts';
import { noteReplicas } from '../plan/contested-replicas.ts';
import type { ReplicasChange } from '../plan/contested-replicas.ts';
import type { PlanMemory } from '../plan/round.ts';
import { nodeIdOf } from '../api/node-place.ts';
import { makeRound } from '../plan/round.ts';

interface Remembered {
  replicasChanges: readonly ReplicasChange[];
  lowerSinceMs: number;
  readonly evictingSinceMs: Map<number, number>;
  readonly cordonedSinceMs: Map<string, number>;
}

export class PlanMemories {
  readonly #of = new Map<string, Remembered>();

  /** Takes a look in, and answers the memory for the plan that follows. */
  update(uid: string, look: Look): PlanMemory {
    const memory: Remembered = this.#of.get(uid) ?? {
      ...{ replicasChanges: [], lowerSinceMs: 0 },
      ...{ evictingSinceMs: new Map(), cordonedSinceMs: new Map() },
    };
    this.#of.set(uid, memory);
    const { observed, settings, drain, drainRefusals } = look;
    const { metadata, spec } = observed.cluster;
    memory.replicasChanges = noteReplicas(memory.replicasChanges, {
      manager: managerOf(metadata, ['spec', 'replicas']),
      ...{ replicas: spec.replicas, atMs: observed.nowMs },
    });
    const { replicasChanges } = memory;
    const told = { settings, drain, drainRefusals, replicasChanges };
    const { evictingSinceMs, cordonedSinceMs } = memory;
    const cordoned = observed.machines.filter((machine) => machine.cordoned);
    noteSince(
      cordonedSinceMs,
      cordoned.map(({ name }) => name),
      observed.nowMs,
    );
    const base = { lowerSinceMs: 0, evictingSinceMs, cordonedSinceMs, ...told };
    const round = makeRound(observed, base);
    const isLower = observed.cluster.spec.replicas < round.floor;
    if (!isLower) {
      memory.lowerSinceMs = 0;
    } else if (memory.lowerSinceMs === 0) {
      memory.lowerSinceMs = observed.nowMs;
    }
    const evicting = [...round.nodes.values()].filter((node) => node.evictingLeaders).map(nodeIdOf);
    noteSince(memory.evictingSinceMs, evicting, observed.nowMs);
    return { ...base, lowerSinceMs: memory.lowerSinceMs };
  }

  forget(uid: string): void {
    this.#of.delete(uid);
  }
}

/** Since when each of them is in the list; those that are not any more are forgotten. */
function noteSince<Key>(since: Map<Key, number>, now: readonly Key[], nowMs: number): void {
  for (const key of now.filter((each) => !since.has(each))) {
    since.set(key, nowMs);
  }
  for (const key of [...since.keys()].filter((each) => !now.includes(each))) {
    since.delete(key);
  }
}
