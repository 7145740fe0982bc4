/**
 * What the operator does with objects: read, list in pages, watch, create, apply, patch the status,
 * delete. Objects go over the wire as the JSON they are. Reads go to the store (no resource version
 * is named), so they are never stale.
 */
import type { Kind } from './kinds.ts';
import { findKind, pathOf } from './kinds.ts';
import { isKubeError, KubeError } from './kube-error.ts';
import type { KubeHttp } from './kube-http.ts';
import type { KubeObject } from '../api/kube-object.ts';
import type { Listing, WatchEvent } from './kube-objects.ts';

/** As in `kubectl get dynamocluster -o yaml --show-managed-fields`. */
export const fieldManager = 'dynakv-operator';
/** Objects a page. */
export const pageLimit = 500;

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  /** Only this object, and only as it was seen. */
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
}

export interface JsonPatchOperation {
  readonly op: 'test' | 'add' | 'replace' | 'remove';
  readonly path: string;
  readonly value?: unknown;
}

export class KubeClient {
  readonly #http: KubeHttp;

  constructor(http: KubeHttp) {
    this.#http = http;
  }

  async get<T extends KubeObject>(kind: Kind<T>, namespace: string, name: string): Promise<T> {
    return (await this.#http.send({ method: 'GET', path: pathOf(kind, namespace, name) })) as T;
  }

  /** The object, or undefined when there is none. */
  async find<T extends KubeObject>(
    kind: Kind<T>,
    namespace: string,
    name: string,
  ): Promise<T | undefined> {
    return await orUndefined(this.get(kind, namespace, name));
  }

  /** All of it, page by page. A list that expires midway is begun anew, once. */
  async list<T extends KubeObject>(kind: Kind<T>, from: Selection): Promise<Listing<T>> {
    try {
      return await this.#pages(kind, from);
    } catch (error) {
      if (isKubeError(error, 410)) {
        return await this.#pages(kind, from);
      }
      throw error;
    }
  }

  async create<T extends KubeObject>(object: T): Promise<T> {
    const path = pathOf(findKind(object), object.metadata.namespace);
    return (await this.#http.send({
      ...{ method: 'POST', path, query: { fieldManager }, body: object },
    })) as T;
  }

  /** Replaces it; refused with 409 unless its resource version is the live one. */
  async update<T extends KubeObject>(object: T): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = pathOf(findKind(object), namespace, name);
    return (await this.#http.send({
      ...{ method: 'PUT', path, query: { fieldManager }, body: object },
    })) as T;
  }

  /** Server-side apply: what we name is ours, whoever had it before. */
  async apply<T extends KubeObject>(object: KubeObject, subresource?: 'status'): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = pathOf(findKind(object), namespace, name);
    const manager = subresource === undefined ? fieldManager : `${fieldManager}-${subresource}`;
    return (await this.#http.send({
      method: 'PATCH',
      path: subresource === undefined ? path : `${path}/${subresource}`,
      query: { fieldManager: manager, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: object,
    })) as T;
  }

  /** A JSON merge patch, of the object itself or of a subresource such as `status`. */
  async mergePatch<T extends KubeObject>(
    object: KubeObject,
    body: object,
    subresource?: 'status' | 'scale',
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = pathOf(findKind(object), namespace, name);
    return (await this.#http.send({
      method: 'PATCH',
      path: subresource === undefined ? path : `${path}/${subresource}`,
      query: { fieldManager },
      contentType: 'application/merge-patch+json',
      body,
    })) as T;
  }

  /** JSON patch operations in one go; a failed `test` among them refuses all with 422. */
  async jsonPatch<T extends KubeObject>(
    object: KubeObject,
    operations: readonly JsonPatchOperation[],
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    return (await this.#http.send({
      method: 'PATCH',
      path: pathOf(findKind(object), namespace, name),
      query: { fieldManager },
      contentType: 'application/json-patch+json',
      body: operations,
    })) as T;
  }

  /** Deletes exactly the object named by its uid; one that is gone is as good as deleted. */
  async delete(object: KubeObject, options: DeleteOptions): Promise<void> {
    const { uid, resourceVersion, ...rest } = options;
    const { namespace, name } = object.metadata;
    const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...rest, preconditions };
    const path = pathOf(findKind(object), namespace, name);
    await orUndefined(this.#http.send({ method: 'DELETE', path, body }));
  }

  /** Events from a resource version on, until the server or `signal` ends the watch. */
  async *watch<T extends KubeObject>(
    kind: Kind<T>,
    from: Selection & { readonly resourceVersion: string; readonly timeoutSeconds: number },
    signal: AbortSignal,
    onBytes: () => void,
  ): AsyncGenerator<WatchEvent<T>> {
    const { namespace, labelSelector, resourceVersion, timeoutSeconds } = from;
    const request = {
      method: 'GET',
      path: pathOf(kind, namespace),
      query: {
        ...{ labelSelector, resourceVersion, watch: 'true', allowWatchBookmarks: 'true' },
        timeoutSeconds: String(timeoutSeconds),
      },
    } as const;
    for await (const line of this.#http.lines(request, signal, onBytes)) {
      const event = JSON.parse(line) as { type: string; object: unknown };
      if (event.type === 'ERROR') {
        throw watchFailure(request.path, event.object);
      }
      yield event as WatchEvent<T>;
    }
  }

  async #pages<T extends KubeObject>(kind: Kind<T>, from: Selection): Promise<Listing<T>> {
    const { apiVersion, kind: name } = kind;
    const items: T[] = [];
    let next: string | undefined;
    for (;;) {
      const answer = (await this.#http.send({
        method: 'GET',
        path: pathOf(kind, from.namespace),
        query: { labelSelector: from.labelSelector, limit: String(pageLimit), continue: next },
      })) as {
        readonly items: readonly Omit<T, 'apiVersion' | 'kind'>[];
        readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
      };
      // Items of a list come without their kind.
      items.push(...answer.items.map((item) => ({ ...item, apiVersion, kind: name }) as T));
      next = answer.metadata.continue;
      if (next === undefined || next === '') {
        return { items, resourceVersion: answer.metadata.resourceVersion };
      }
    }
  }
}

/** A failure that the server put into the stream. */
function watchFailure(path: string, status: unknown): KubeError {
  const { code, reason, message } = status as { code?: number; reason?: string; message?: string };
  return new KubeError({
    status: code ?? 500,
    reason: reason ?? 'Unknown',
    message: `The watch of ${path} was ended with ${code ?? 500}: ${message ?? ''}`,
  });
}

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isKubeError(error, 404)) {
      return undefined;
    }
    throw error;
  }
}
