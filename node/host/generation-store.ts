/**
 * The host's view of `storage/generations.ts`: row names, installs, and the deletion of what is
 * left.
 */
import { rowKey, rowsRange, stripGeneration } from '../storage/generation-rows.ts';
import type { Generations } from '../storage/generations.ts';
import type { StagedPoint, Staging, StagingOwner } from '../storage/staging-rows.ts';
import type { EngineRange, EngineWrite } from '../sys/engine.ts';
import type { AppliedPoint, Configuration, RowLayout } from './replica.ts';
import type { GenerationStore } from './snapshotter.ts';

export class EngineGenerations implements GenerationStore, RowLayout {
  readonly #generations: Generations;
  readonly #failed: (error: unknown) => void;

  constructor(generations: Generations, failed: (error: unknown) => void) {
    this.#generations = generations;
    this.#failed = failed;
  }

  rowKey(generation: number, key: Buffer): Buffer {
    return rowKey(generation, key);
  }

  strip(engineKey: Buffer): Buffer {
    return stripGeneration(engineKey);
  }

  appliedRow(generation: number, point: AppliedPoint, configuration: Configuration): EngineWrite {
    return this.#generations.appliedRow(generation, {
      ...point,
      confState: configuration.state,
      configurationIndex: configuration.index,
      incarnation: configuration.incarnation,
      installStamp: undefined,
    });
  }

  stagings(): readonly Staging[] {
    return this.#generations.stagings.list();
  }

  staging(groupId: number): Staging | undefined {
    return this.#generations.stagings.get(groupId);
  }

  beginStaging(owner: StagingOwner): Promise<Staging> {
    return this.#generations.beginStaging(owner);
  }

  writeStaged(groupId: number, rows: readonly EngineWrite[], point: StagedPoint): void {
    this.#generations.stagings.write(groupId, rows, point);
  }

  abandonStaging(groupId: number): void {
    const generation = this.#generations.abandonStaging(groupId);
    if (generation !== undefined) {
      this.discard(generation);
    }
  }

  rowRange(generation: number): EngineRange {
    return { column: 'data', ...rowsRange(generation) };
  }

  install(
    group: { readonly groupId: number; readonly replicaId: number },
    generation: number,
    point: AppliedPoint,
    configuration: Configuration,
  ): void {
    const { groupId, replicaId } = group;
    this.#generations.flipNow(
      { groupId, replicaId, generation },
      {
        ...point,
        confState: configuration.state,
        configurationIndex: configuration.index,
        incarnation: configuration.incarnation,
        installStamp: generation,
      },
    );
  }

  discard(generation: number): void {
    this.#generations.abandon(generation);
    this.#generations.deleteGeneration(generation).catch(this.#failed);
  }

  /** Deletes what earlier lives of the process left behind. */
  discardUnreferenced(): void {
    for (const generation of this.#generations.unreferenced()) {
      this.discard(generation);
    }
  }
}
