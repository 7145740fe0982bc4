/**
 * Events of the objects that the operator looks after: what `kubectl describe` shows as a story.
 * The same event again within the series time only counts up. Events are lost rather than waited
 * for: they tell, and nothing depends on them.
 */
import { createHash } from 'node:crypto';
import { messageOf } from '../../node/lib/errors.ts';
import type { Clock } from '../../node/sys/clock.ts';
import type { Logger } from '../../node/sys/log.ts';
import { findKind } from './kinds.ts';
import type { KubeClient } from './kube-client.ts';
import { isKubeError } from './kube-error.ts';
import type { KubeObject } from '../api/kube-object.ts';

export interface EventRecorderOptions {
  readonly client: Pick<KubeClient, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Who says it. */
  readonly instance: string;
}

export interface Note {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, stable. */
  readonly reason: string;
  readonly message: string;
}

/** Within this time the same event is counted, not written anew, ms. */
const seriesMs = 10 * 60 * 1_000;
/** A warning that holds is written again no more often than this, ms. */
const repeatMs = 60_000;
const seriesCountMax = 1_000;
const messageCharactersMax = 1_024;

interface Series {
  readonly name: string;
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #series = new Map<string, Series>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  async record(about: KubeObject, note: Note): Promise<void> {
    const nowMs = this.#options.clock.wallMs();
    const id = `${about.metadata.uid ?? ''} ${note.type} ${note.reason} ${note.message}`;
    const known = this.#series.get(id);
    try {
      if (known === undefined || nowMs - known.firstMs > seriesMs) {
        await this.#write(about, note, { id, nowMs });
      } else if (nowMs - known.lastMs > repeatMs) {
        await this.#count(about, known, nowMs);
      }
    } catch (error) {
      this.#options.log.debug('An event could not be written', { why: messageOf(error) });
    }
  }

  async #write(
    about: KubeObject,
    note: Note,
    { id, nowMs }: { readonly id: string; readonly nowMs: number },
  ): Promise<void> {
    const hash = createHash('sha256').update(`${id} ${nowMs}`).digest('hex').slice(0, 16);
    const name = `${about.metadata.name}.${hash}`;
    this.#series.delete(id);
    this.#series.set(id, { name, firstMs: nowMs, lastMs: nowMs, count: 1 });
    const [oldest] = this.#series.keys();
    if (this.#series.size > seriesCountMax && oldest !== undefined) {
      this.#series.delete(oldest);
    }
    const time = secondTime(nowMs);
    const { apiVersion, kind, metadata } = about;
    const { namespace = 'default' } = metadata;
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        ...{ apiVersion, kind, namespace, name: metadata.name, uid: metadata.uid },
        resourceVersion: metadata.resourceVersion,
      },
      type: note.type,
      reason: note.reason,
      message: note.message.slice(0, messageCharactersMax),
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      source: { component: 'dynakv-operator' },
      reportingComponent: 'dynakv-operator',
      reportingInstance: this.#options.instance,
    };
    findKind(object);
    await this.#options.client.create(object);
  }

  async #count(about: KubeObject, series: Series, nowMs: number): Promise<void> {
    series.count += 1;
    series.lastMs = nowMs;
    const { namespace = 'default' } = about.metadata;
    const event = { apiVersion: 'v1', kind: 'Event', metadata: { name: series.name, namespace } };
    try {
      await this.#options.client.mergePatch(event, {
        count: series.count,
        lastTimestamp: secondTime(nowMs),
      });
    } catch (error) {
      // The server keeps events for an hour; one that is gone is written anew next time.
      if (!isKubeError(error, 404)) {
        throw error;
      }
      series.lastMs = 0;
    }
  }
}

/** Kubernetes' Time: whole seconds. */
export function secondTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
