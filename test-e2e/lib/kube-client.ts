/**
 * What tests do with a cluster's objects: read, apply, delete, watch until something holds. Objects
 * go over the wire as the JSON they are. It asks the API server which resource a kind is, so custom
 * resources need nothing more.
 */
import { realRandom } from '../../node/sys/real/random.ts';
import { realTimers } from '../../node/sys/real/timers.ts';
import type { KubeConnection } from '../../operator/kube/connection.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import { KubeHttp } from '../../operator/kube/kube-http.ts';
import type { KubeRequest } from '../../operator/kube/kube-http.ts';
import type { CollectionRef, KubeObject, ObjectRef } from './kube-objects.ts';
import { timeouts } from './timeouts.ts';
import { until } from './waiting.ts';

export const fieldManager = 'dynakv-e2e';

/** One event of a watch. */
export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubeObject;
}

export interface Listing<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly uid?: string;
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export class KubeClient {
  readonly #http: KubeHttp;
  /** apiVersion → its resources; asked again when a kind is not among them. */
  readonly #resources = new Map<string, readonly Resource[]>();

  constructor(connection: KubeConnection) {
    this.#http = new KubeHttp({
      ...{ connection, timers: realTimers, random: realRandom },
      // Tests see each failure.
      ...{ attemptsMax: 1, userAgent: fieldManager },
      timeoutMs: () => timeouts.request,
    });
  }

  close(): void {
    this.#http.close();
  }

  /** Any request; the doors below cover the usual ones. */
  async send(request: KubeRequest): Promise<unknown> {
    return await this.#http.send(request);
  }

  async get<T extends KubeObject>(ref: ObjectRef): Promise<T> {
    return (await this.#http.send({ method: 'GET', path: await this.pathOf(ref) })) as T;
  }

  /** The object, or undefined when there is none. */
  async find<T extends KubeObject>(ref: ObjectRef): Promise<T | undefined> {
    try {
      return await this.get<T>(ref);
    } catch (error) {
      if (isKubeError(error, 404)) {
        return undefined;
      }
      throw error;
    }
  }

  async list<T extends KubeObject>(from: CollectionRef): Promise<Listing<T>> {
    const { labelSelector, fieldSelector } = from;
    const answer = (await this.#http.send({
      method: 'GET',
      path: await this.pathOf(from),
      query: { labelSelector, fieldSelector },
    })) as { items: Omit<T, 'apiVersion' | 'kind'>[]; metadata: { resourceVersion: string } };
    // Items of a list come without their kind.
    const { apiVersion, kind } = from;
    const items = answer.items.map((item) => ({ ...item, apiVersion, kind }) as unknown as T);
    return { items, resourceVersion: answer.metadata.resourceVersion };
  }

  async create<T extends KubeObject>(object: KubeObject): Promise<T> {
    const { apiVersion, kind, metadata } = object;
    const { namespace } = metadata;
    const path = await this.pathOf({
      apiVersion,
      kind,
      ...(namespace === undefined ? {} : { namespace }),
    });
    const query = { fieldManager };
    return (await this.#http.send({ method: 'POST', path, query, body: object })) as T;
  }

  /** Server-side apply; ours wins over other managers unless `force` is false. */
  async apply<T extends KubeObject>(object: KubeObject, force = true): Promise<T> {
    const { apiVersion, kind, metadata } = object;
    return (await this.#http.send({
      method: 'PATCH',
      path: await this.pathOf({ apiVersion, kind, ...metadata }),
      query: { fieldManager, force: String(force) },
      contentType: 'application/apply-patch+yaml',
      body: object,
    })) as T;
  }

  /** A JSON merge patch, of the object itself or of a subresource such as `status`. */
  async patch<T extends KubeObject>(
    ref: ObjectRef,
    body: unknown,
    subresource?: string,
  ): Promise<T> {
    const path = await this.pathOf(ref);
    return (await this.#http.send({
      method: 'PATCH',
      path: subresource === undefined ? path : `${path}/${subresource}`,
      query: { fieldManager },
      contentType: 'application/merge-patch+json',
      body,
    })) as T;
  }

  /** Deletes it; an object that is not there is as good as deleted. */
  async delete(ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
    const { uid, ...rest } = options;
    try {
      await this.#http.send({
        method: 'DELETE',
        path: await this.pathOf(ref),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          ...rest,
          ...(uid === undefined ? {} : { preconditions: { uid } }),
        },
      });
    } catch (error) {
      if (!isKubeError(error, 404)) {
        throw error;
      }
    }
  }

  /** Events from a resource version on, until the server or `signal` ends the watch. */
  async *watch(
    from: CollectionRef,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const { labelSelector, fieldSelector } = from;
    const seconds = Math.ceil(timeouts.watch / 1_000);
    const lines = this.#http.lines(
      {
        method: 'GET',
        path: await this.pathOf(from),
        query: {
          labelSelector,
          fieldSelector,
          resourceVersion,
          watch: 'true',
          allowWatchBookmarks: 'true',
          timeoutSeconds: String(seconds),
        },
      },
      signal,
      () => undefined,
    );
    for await (const line of lines) {
      yield JSON.parse(line) as WatchEvent;
    }
  }

  /** The path of an object, or of a collection when there is no name. */
  async pathOf(ref: CollectionRef & { readonly name?: string }): Promise<string> {
    const resource = await this.#resource(ref.apiVersion, ref.kind);
    const group = ref.apiVersion.includes('/')
      ? `/apis/${ref.apiVersion}`
      : `/api/${ref.apiVersion}`;
    const inNamespace =
      resource.namespaced && ref.namespace !== undefined ? `/namespaces/${ref.namespace}` : '';
    const name = ref.name === undefined ? '' : `/${encodeURIComponent(ref.name)}`;
    return `${group}${inNamespace}/${resource.name}${name}`;
  }

  async #resource(apiVersion: string, kind: string): Promise<Resource> {
    const isIt = (each: Resource): boolean => each.kind === kind && !each.name.includes('/');
    const known = this.#resources.get(apiVersion)?.find(isIt);
    if (known !== undefined) {
      return known;
    }
    // What an API server serves is told a moment after a definition is Established.
    return await until(`the API server to serve ${kind} in ${apiVersion}`, timeouts.request, () =>
      this.#discover(apiVersion, isIt),
    );
  }

  async #discover(
    apiVersion: string,
    isIt: (each: Resource) => boolean,
  ): Promise<Resource | undefined> {
    const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const answer = (await this.#http.send({ method: 'GET', path })) as { resources: Resource[] };
    this.#resources.set(apiVersion, answer.resources);
    return answer.resources.find(isIt);
  }
}
