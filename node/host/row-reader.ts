/**
 * Reads cold rows off the loop: misses of one turn become one `getMany`, few batches at a time,
 * the queue bounded. Knows nothing of freshness: tickets are the replica's (`replica.ts`).
 */
import { DynakvError } from '../lib/errors.ts';
import type { Engine } from '../sys/engine.ts';

/** Reads waiting for a batch; more are refused as a throttle. */
const queueMax = 20_000;
/** Keys of one batch. */
const batchKeysMax = 256;
/** Batches under way: below the thread pool, so that the log's fdatasync never queues behind. */
const batchesMax = 2;

interface Read {
  readonly key: Buffer;
  readonly done: (value: Buffer | undefined, error: unknown) => void;
}

export class RowReader {
  readonly #engine: Engine;
  readonly #failed: (error: unknown) => void;
  #queue: Read[] = [];
  #underWay = 0;
  #queued: () => void = () => undefined;
  #closed = false;

  /** `failed` hears of read errors: the store must stop serving. */
  constructor(engine: Engine, failed: (error: unknown) => void) {
    this.#engine = engine;
    this.#failed = failed;
  }

  /** Queues a read of the `data` column; started by `flush` at the end of the turn. */
  read(key: Buffer, done: (value: Buffer | undefined, error: unknown) => void): void {
    if (this.#queue.length >= queueMax) {
      done(
        undefined,
        new DynakvError('Throttled', `Cannot queue a read: ${queueMax} reads wait`, {
          limit: 'row-reads',
        }),
      );
      return;
    }
    this.#queue.push({ key, done });
    if (this.#queue.length === 1) {
      this.#queued();
    }
  }

  /** `queued` hears that `flush` is due. */
  onQueued(queued: () => void): void {
    this.#queued = queued;
  }

  /** Starts no further batch: the engine may be closed. */
  close(): void {
    this.#closed = true;
  }

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  flush(): void {
    while (this.#queue.length > 0 && this.#underWay < batchesMax && !this.#closed) {
      const batch = this.#queue.splice(0, batchKeysMax);
      this.#underWay += 1;
      this.#engine
        .getMany(
          'data',
          batch.map((read) => read.key),
        )
        .then(
          (values) => {
            this.#underWay -= 1;
            batch.forEach((read, i) => {
              read.done(values[i], undefined);
            });
            this.flush();
          },
          (error: unknown) => {
            this.#underWay -= 1;
            for (const read of batch) {
              read.done(undefined, error);
            }
            this.#failed(error);
          },
        );
    }
  }
}
