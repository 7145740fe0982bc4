/**
 * Snapshots being received: for each group at most one generation that is not the group's yet, and
 * how far its rows go. What a point means, and why it is exact after any crash, is said in
 * `staging-rows.ts`; who claims and deletes generations is `generations.ts`.
 *
 * Invariant: rows of a staging are written by `write` alone, together with the new point.
 */
import { assert } from '../lib/assert.ts';
import type { Engine, EngineWrite } from '../sys/engine.ts';
import { emptyPoint, encodeStaging, stagingKey } from './staging-rows.ts';
import type { StagedPoint, Staging, StagingOwner } from './staging-rows.ts';

export class Stagings {
  readonly #engine: Engine;
  readonly #byGroup = new Map<number, Staging>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  list(): Staging[] {
    return [...this.#byGroup.values()];
  }

  get(groupId: number): Staging | undefined {
    return this.#byGroup.get(groupId);
  }

  /** One that an earlier life of the process left. */
  found(staging: Staging): void {
    this.#byGroup.set(staging.groupId, staging);
  }

  begin(owner: StagingOwner, generation: number): Staging {
    const { groupId, replicaId, incarnation } = owner;
    assert(!this.#byGroup.has(groupId), 'A group receives one snapshot at a time');
    const staging = { groupId, replicaId, generation, incarnation, point: emptyPoint };
    this.#engine.write([row(staging)]);
    this.#byGroup.set(groupId, staging);
    return staging;
  }

  /** Writes rows of the staged state and, in the same batch, how far they go. Not synced. */
  write(groupId: number, rows: readonly EngineWrite[], point: StagedPoint): void {
    const before = this.#byGroup.get(groupId);
    assert(before !== undefined, 'Rows are written to a staging that was begun');
    assert(point.index >= before.point.index, 'A staged state never goes back');
    const staging = { ...before, point };
    this.#engine.write([...rows, row(staging)]);
    this.#byGroup.set(groupId, staging);
  }

  /** Forgets a staging; the caller deletes the generation that is returned. */
  abandon(groupId: number): number | undefined {
    const staging = this.#byGroup.get(groupId);
    if (staging !== undefined) {
      // Before the rows: a crash in between leaves rows that nothing names, never the reverse.
      this.#engine.write([removal(groupId)]);
      this.#byGroup.delete(groupId);
    }
    return staging?.generation;
  }

  /** To be put into the batch that makes `generation` the group's. */
  installWrites(groupId: number, generation: number): EngineWrite[] {
    return this.#byGroup.get(groupId)?.generation === generation ? [removal(groupId)] : [];
  }

  /** That batch was written. */
  installed(groupId: number, generation: number): void {
    if (this.#byGroup.get(groupId)?.generation === generation) {
      this.#byGroup.delete(groupId);
    }
  }
}

function row(staging: Staging): EngineWrite {
  const { groupId } = staging;
  return { column: 'default', key: stagingKey(groupId), value: encodeStaging(staging) };
}

function removal(groupId: number): EngineWrite {
  return { column: 'default', key: stagingKey(groupId), value: undefined };
}
