/**
 * A copy of a collection that follows the API server: a list in pages, then a watch from there.
 * Handlers hear of every difference, also of one that a list found because the watch had missed it.
 *
 * It never stops by itself. A watch that ends is continued at the last resource version seen, also
 * by way of bookmarks; one that is too old (410) leads to a new list, compared with the copy; one
 * that is silent for longer than bookmarks come is taken for dead and cut. The copy may be behind:
 * what destroys something reads the object itself first.
 */
import { backoffMs } from '../../node/lib/backoff.ts';
import type { Clock, Timers } from '../../node/sys/clock.ts';
import type { Logger } from '../../node/sys/log.ts';
import type { Random } from '../../node/sys/random.ts';
import { FailureStreak } from './failure-streak.ts';
import type { Kind } from './kinds.ts';
import type { KubeClient, Selection } from './kube-client.ts';
import { isExpired, isKubeError } from './kube-error.ts';
import { pause } from './kube-http.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { keyOf } from './kube-objects.ts';

export interface InformerOptions<T extends KubeObject> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly kind: Kind<T>;
  readonly from: Selection;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** Told of each difference: `old` undefined: it is new; `now` undefined: it is gone. */
  readonly onChange: (now: T | undefined, old: T | undefined) => void;
  /** A watch without a byte for so long is dead, ms. Servers send a bookmark about every minute. */
  readonly idleMsMax?: number;
}

const idleMsDefault = 90_000;
/** The server ends a watch itself after this, spread so that watches do not end together, s. */
const watchSeconds = { least: 300, spread: 300 };
/** An API server that comes back is found within the largest of these, ms. */
const backoff = { baseMs: 200, maxMs: 4_000 };

export class Informer<T extends KubeObject> {
  readonly #options: InformerOptions<T>;
  readonly #objects = new Map<string, T>();
  readonly #end = new AbortController();
  readonly #failures: FailureStreak;
  #resourceVersion: string | undefined;
  #hasSynced = false;
  #lastContactMs: number;
  #restarts = 0;
  #running: Promise<void> | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#lastContactMs = options.clock.monotonicMs();
    this.#failures = new FailureStreak('A watch', options);
  }

  get kind(): string {
    return this.#options.kind.kind;
  }

  /** A first list has been taken over in whole. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Watches and lists begun anew since the start. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Since the server was last heard of, ms. */
  get silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#lastContactMs;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#end.abort(new Error('the informer stops'));
    await this.#running;
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  async #run(): Promise<void> {
    const { timers, random } = this.#options;
    while (!this.#end.signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) {
          await this.#relist();
        }
        await this.#follow(this.#resourceVersion ?? '');
      } catch (error) {
        if (this.#end.signal.aborted) {
          return;
        }
        if (isExpired(error)) {
          this.#resourceVersion = undefined;
        } else {
          this.#failures.failed(error, { kind: this.kind });
          // Refused for good (403, 404): a new list says so again, and works once it is allowed.
          if (isKubeError(error) && error.status >= 400 && error.status < 500) {
            this.#resourceVersion = undefined;
          }
          const unit = random.uint32() / 2 ** 32;
          await pause(timers, backoffMs(backoff, this.#failures.count - 1, unit), this.#end.signal);
        }
      }
      this.#restarts += 1;
    }
  }

  async #relist(): Promise<void> {
    const { client, kind, from } = this.#options;
    const { items, resourceVersion } = await client.list(kind, from);
    this.#touch();
    const gone = new Set(this.#objects.keys());
    for (const item of items) {
      gone.delete(keyOf(item));
      this.#take(item);
    }
    for (const key of gone) {
      this.#drop(key);
    }
    this.#resourceVersion = resourceVersion;
    this.#hasSynced = true;
  }

  async #follow(resourceVersion: string): Promise<void> {
    const { client, kind, from, random, clock, timers, idleMsMax = idleMsDefault } = this.#options;
    const dead = new AbortController();
    const signal = AbortSignal.any([dead.signal, this.#end.signal]);
    let heardMs = clock.monotonicMs();
    const watchdog = timers.every(Math.max(10, idleMsMax / 10), () => {
      if (clock.monotonicMs() - heardMs > idleMsMax) {
        dead.abort(new Error(`the watch was silent for ${idleMsMax} ms`));
      }
    });
    const timeoutSeconds = watchSeconds.least + (random.uint32() % watchSeconds.spread);
    const onBytes = (): void => {
      heardMs = clock.monotonicMs();
      this.#touch();
    };
    try {
      const place = { ...from, resourceVersion, timeoutSeconds };
      for await (const { type, object } of client.watch(kind, place, signal, onBytes)) {
        if (type === 'DELETED') {
          this.#drop(keyOf(object));
        } else if (type !== 'BOOKMARK') {
          this.#take(object);
        }
        this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
      }
      if (signal.aborted) {
        throw signal.reason;
      }
    } finally {
      watchdog.cancel();
    }
  }

  #touch(): void {
    this.#lastContactMs = this.#options.clock.monotonicMs();
    this.#failures.worked({ kind: this.kind });
  }

  #take(object: T): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion && old !== undefined) {
      return;
    }
    // The same name again: the old one is gone, even if its end was missed.
    const isAnother = old !== undefined && old.metadata.uid !== object.metadata.uid;
    if (isAnother) {
      this.#drop(key);
    }
    this.#objects.set(key, object);
    this.#tell(object, isAnother ? undefined : old);
  }

  #drop(key: string): void {
    const old = this.#objects.get(key);
    if (this.#objects.delete(key)) {
      this.#tell(undefined, old);
    }
  }

  #tell(now: T | undefined, old: T | undefined): void {
    try {
      this.#options.onChange(now, old);
    } catch (error) {
      // A handler that fails must not end the copy.
      this.#options.log.error('A handler of changes failed', { kind: this.kind, error });
    }
  }
}
