/**
 * An API server for tests, over real HTTP: collections with resource versions, pages, watches with
 * bookmarks, conflicts, preconditions; and the faults that a real one shows on bad days. It knows
 * nothing of kinds: a collection is a path.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { KubeObject } from '../api/kube-object.ts';

interface Change {
  readonly type: string;
  readonly version: number;
  readonly collection: string;
  readonly object: KubeObject;
}

interface Watcher {
  readonly collection: string;
  readonly answer: ServerResponse;
  isSilent: boolean;
}

interface Failure {
  readonly matches: (method: string, path: string) => boolean;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  left: number;
}

interface Place {
  /** With the namespace; a watch of all namespaces has none. */
  readonly collection: string;
  readonly name: string | undefined;
}

export class TestingApiServer {
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly query: URLSearchParams;
  }[] = [];
  readonly #server: Server;
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<Watcher>();
  readonly #sockets = new Set<Socket>();
  readonly #failures: Failure[] = [];
  /** Told of every change, as a controller would be. */
  onChange: ((collection: string) => void) | undefined;
  #history: Change[] = [];
  #forgottenUpTo = 0;
  #version = 100;
  #uids = 0;
  #token: string | undefined;

  private constructor() {
    this.#server = createServer((request, answer) => {
      void this.#serve(request, answer).catch(() => answer.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<TestingApiServer> {
    const self = new TestingApiServer();
    await new Promise<void>((resolve) => self.#server.listen(0, '127.0.0.1', resolve));
    return self;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** The next `count` requests that match are refused. */
  fail(
    status: number,
    options: {
      readonly count?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly matches?: (method: string, path: string) => boolean;
    } = {},
  ): void {
    const { count = 1, headers = {}, matches = () => true } = options;
    this.#failures.push({ matches, status, headers, left: count });
  }

  /** Other tokens are refused with 401 from now on. */
  requireToken(token: string): void {
    this.#token = token;
  }

  /** Watches that are open stay open and say nothing any more. */
  silenceWatches(): void {
    for (const watcher of this.#watchers) {
      watcher.isSilent = true;
    }
  }

  /** Ends watches that are open, as a server does after their time. */
  endWatches(): void {
    for (const watcher of this.#watchers) {
      watcher.answer.end();
    }
  }

  /** What happened until now cannot be watched any more: 410. */
  forgetHistory(): void {
    this.#history = [];
    this.#forgottenUpTo = this.#version;
  }

  sendBookmarks(): void {
    for (const watcher of this.#watchers) {
      this.#tell(watcher, {
        type: 'BOOKMARK',
        version: this.#version,
        collection: watcher.collection,
        object: {
          ...{ apiVersion: 'v1', kind: 'Any' },
          metadata: { name: '', resourceVersion: String(this.#version) },
        },
      });
    }
  }

  /** Puts an object as if someone had applied it. */
  put(collection: string, object: KubeObject): KubeObject {
    const key = `${collection}/${object.metadata.name}`;
    const old = this.#objects.get(key);
    this.#version += 1;
    const metadata = {
      uid: `uid-${(this.#uids += 1)}`,
      ...(old === undefined ? {} : { uid: old.metadata.uid }),
      ...object.metadata,
      resourceVersion: String(this.#version),
    } as KubeObject['metadata'];
    const hasNewSpec = JSON.stringify(old?.['spec']) !== JSON.stringify(object['spec']);
    const generation = (old?.metadata.generation ?? 0) + (hasNewSpec ? 1 : 0);
    const stored = { ...object, metadata: { ...metadata, generation } };
    this.#objects.set(key, stored);
    this.#change(old === undefined ? 'ADDED' : 'MODIFIED', collection, stored);
    return stored;
  }

  remove(collection: string, name: string): void {
    const key = `${collection}/${name}`;
    const old = this.#objects.get(key);
    if (old !== undefined) {
      this.#objects.delete(key);
      this.#version += 1;
      const metadata = { ...old.metadata, resourceVersion: String(this.#version) };
      this.#change('DELETED', collection, { ...old, metadata });
    }
  }

  list(collection: string): readonly KubeObject[] {
    return [...this.#objects]
      .filter(([key]) => isIn(key.slice(0, key.lastIndexOf('/')), collection))
      .map(([, object]) => object);
  }

  find(collection: string, name: string): KubeObject | undefined {
    return this.#objects.get(`${collection}/${name}`);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #change(type: string, collection: string, object: KubeObject): void {
    const change = { type, version: this.#version, collection, object };
    this.#history.push(change);
    for (const watcher of this.#watchers) {
      this.#tell(watcher, change);
    }
    this.onChange?.(collection);
  }

  #tell(watcher: Watcher, { type, collection, object }: Change): void {
    if (!watcher.isSilent && isIn(collection, watcher.collection)) {
      watcher.answer.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  async #serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://test');
    const method = request.method ?? 'GET';
    this.requests.push({ method, path: url.pathname, query: url.searchParams });
    const body = await readBody(request);
    const failure = this.#failures.find(
      (each) => each.left > 0 && each.matches(method, url.pathname),
    );
    if (failure !== undefined) {
      failure.left -= 1;
      refuse(answer, failure.status, 'Injected', failure.headers);
    } else if (
      this.#token !== undefined &&
      request.headers.authorization !== `Bearer ${this.#token}`
    ) {
      refuse(answer, 401, 'Unauthorized');
    } else if (url.searchParams.get('watch') === 'true') {
      this.#watch(placeOf(url.pathname), url.searchParams, answer);
    } else {
      this.#answer(method, url, body, answer);
    }
  }

  #watch(place: Place, query: URLSearchParams, answer: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    answer.writeHead(200, { 'content-type': 'application/json' });
    answer.flushHeaders();
    if (from < this.#forgottenUpTo) {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
      answer.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    const watcher = { collection: place.collection, answer, isSilent: false };
    this.#watchers.add(watcher);
    answer.on('close', () => this.#watchers.delete(watcher));
    for (const change of this.#history.filter((each) => each.version > from)) {
      this.#tell(watcher, change);
    }
  }

  #answer(method: string, url: URL, body: unknown, answer: ServerResponse): void {
    const place = placeOf(url.pathname);
    const name = place.name ?? (body as KubeObject | undefined)?.metadata.name ?? '';
    const old = this.find(place.collection, name);
    if (method === 'GET' && place.name === undefined) {
      this.#list(place.collection, url.searchParams, answer);
    } else if (method === 'POST' && old !== undefined) {
      refuse(answer, 409, 'AlreadyExists');
    } else if (method === 'POST') {
      send(answer, 201, this.put(place.collection, body as KubeObject));
    } else if (method === 'PATCH' && old === undefined && url.searchParams.has('force')) {
      send(answer, 200, this.put(place.collection, body as KubeObject));
    } else if (old === undefined) {
      refuse(answer, 404, 'NotFound');
    } else {
      this.#onObject(method, place, { old, body }, answer);
    }
  }

  #onObject(
    method: string,
    place: Place,
    { old, body }: { readonly old: KubeObject; readonly body: unknown },
    answer: ServerResponse,
  ): void {
    type Wanted = { metadata?: { uid?: string; resourceVersion?: string } } | undefined;
    const { uid, resourceVersion } = (body as Wanted)?.metadata ?? {};
    const isStale =
      (uid ?? old.metadata.uid) !== old.metadata.uid ||
      (resourceVersion ?? old.metadata.resourceVersion) !== old.metadata.resourceVersion;
    if (method === 'GET') {
      send(answer, 200, old);
    } else if (method === 'DELETE') {
      const { preconditions } = body as { preconditions: Record<string, string> };
      const isOther =
        (preconditions['uid'] ?? old.metadata.uid) !== old.metadata.uid ||
        (preconditions['resourceVersion'] ?? old.metadata.resourceVersion) !==
          old.metadata.resourceVersion;
      if (isOther) {
        refuse(answer, 409, 'Conflict');
      } else {
        this.remove(place.collection, old.metadata.name);
        send(answer, 200, { kind: 'Status', status: 'Success' });
      }
    } else if (isStale) {
      refuse(answer, 409, 'Conflict');
    } else if (Array.isArray(body)) {
      const next = patched(old, body as readonly PatchOperation[]);
      if (next === undefined) {
        refuse(answer, 422, 'Invalid');
      } else {
        send(answer, 200, this.put(place.collection, next));
      }
    } else {
      const next = method === 'PUT' ? body : merge(old, body);
      send(answer, 200, this.put(place.collection, next as KubeObject));
    }
  }

  #list(collection: string, query: URLSearchParams, answer: ServerResponse): void {
    const selector = query.get('labelSelector') ?? '';
    const all = this.list(collection).filter((object) => isSelected(object, selector));
    const from = Number(query.get('continue') ?? 0);
    const until = from + Number(query.get('limit') ?? all.length);
    const more = until < all.length ? { continue: String(until) } : {};
    const metadata = { resourceVersion: String(this.#version), ...more };
    send(answer, 200, { kind: 'List', metadata, items: all.slice(from, until) });
  }
}

/** `a=b,c`: the label `a` is `b`, and there is a label `c`. */
function isSelected({ metadata }: KubeObject, selector: string): boolean {
  return selector
    .split(',')
    .filter((term) => term !== '')
    .every((term) => {
      const [name = '', value] = term.split('=');
      const label = metadata.labels?.[name];
      return value === undefined ? label !== undefined : label === value;
    });
}

interface PatchOperation {
  readonly op: string;
  readonly path: string;
  readonly value?: unknown;
}

/** Undefined: a `test` among the operations did not hold. */
function patched(old: KubeObject, operations: readonly PatchOperation[]): KubeObject | undefined {
  const next = structuredClone(old);
  for (const { op, path, value } of operations) {
    const names = path
      .slice(1)
      .split('/')
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop() ?? '';
    let at = next as unknown as Record<string, unknown>;
    for (const name of names) {
      at = at[name] as Record<string, unknown>;
    }
    if (op === 'test' && JSON.stringify(at[last]) !== JSON.stringify(value)) {
      return undefined;
    }
    if (op !== 'test') {
      at[last] = op === 'remove' ? undefined : value;
    }
  }
  return next;
}

/** A collection of one namespace is in the one of all namespaces. */
function isIn(collection: string, watched: string): boolean {
  return collection === watched || collection.replace(/\/namespaces\/[^/]+/, '') === watched;
}

function placeOf(path: string): Place {
  const parts = path.split('/');
  const core = path.startsWith('/api/') ? 3 : 4;
  const isNamespaced = parts[core] === 'namespaces' && parts.length > core + 2;
  const end = core + (isNamespaced ? 3 : 1);
  return { collection: parts.slice(0, end).join('/'), name: parts[end] };
}

function merge(old: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) {
    return patch;
  }
  const base = typeof old === 'object' && old !== null && !Array.isArray(old) ? old : {};
  const next: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(patch)) {
    next[name] = value === null ? undefined : merge(next[name], value);
  }
  return next;
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

function send(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/json' });
  answer.end(JSON.stringify(body));
}

function refuse(
  answer: ServerResponse,
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answer.writeHead(status, { 'content-type': 'application/json', ...headers });
  answer.end(JSON.stringify({ kind: 'Status', code: status, reason, message: reason }));
}
