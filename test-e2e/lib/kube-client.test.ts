/**
 * The client and its waits against a small HTTP server that answers as an API server does. Goal: a
 * wait survives refusals, ended watches and deletions, and says what was missing. Method: the test
 * holds the objects, the server streams what changes.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeClient } from './kube-client.ts';
import type { KubeObject } from './kube-objects.ts';
import { watchGone, watchUntil } from './watch-until.ts';

const from = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'n' };
const resources = {
  resources: [
    { name: 'configmaps', kind: 'ConfigMap', namespaced: true },
    { name: 'nodes', kind: 'Node', namespaced: false },
    { name: 'nodes/status', kind: 'Node', namespaced: false },
  ],
};

function object(name: string, data: string): KubeObject {
  const metadata = { name, namespace: 'n', uid: `uid-${name}` };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}

class TestApi {
  readonly requests: string[] = [];
  readonly objects = new Map<string, KubeObject>();
  readonly #server: Server;
  readonly #watches = new Set<ServerResponse>();
  refuseLists = 0;
  /** How often it does not know its resources yet. */
  unknownResources = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get watches(): number {
    return this.#watches.size;
  }

  send(type: string, changed: KubeObject): void {
    if (type === 'DELETED') {
      this.objects.delete(changed.metadata.name);
    } else {
      this.objects.set(changed.metadata.name, changed);
    }
    for (const watch of this.#watches) {
      watch.write(`${JSON.stringify({ type, object: changed })}\n`);
    }
  }

  /** Ends all watches, by an event if one is given. */
  endWatches(event?: object): void {
    for (const watch of this.#watches) {
      watch.end(event === undefined ? undefined : `${JSON.stringify(event)}\n`);
    }
    this.#watches.clear();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://x');
    this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.setHeader('Content-Type', 'application/json');
    if (url.pathname === '/api/v1' && this.unknownResources > 0) {
      this.unknownResources -= 1;
      response.statusCode = 404;
      response.end('404 page not found');
    } else if (url.pathname === '/api/v1') {
      response.end(JSON.stringify(resources));
    } else if (url.searchParams.get('watch') === 'true') {
      response.flushHeaders();
      this.#watches.add(response);
      response.on('close', () => this.#watches.delete(response));
    } else if (this.refuseLists > 0) {
      this.refuseLists -= 1;
      response.statusCode = 429;
      response.end(JSON.stringify({ reason: 'TooManyRequests', message: 'slow down' }));
    } else {
      const metadata = { resourceVersion: '7' };
      response.end(JSON.stringify({ items: [...this.objects.values()], metadata }));
    }
  }
}

describe('KubeClient', () => {
  let api: TestApi;
  let client: KubeClient;

  beforeEach(async () => {
    api = new TestApi();
    client = new KubeClient({ server: await api.listen(), namespace: 'n' });
  });

  afterEach(async () => {
    client.close();
    await api.close();
  });

  /** Resolves when the server has seen the client's watch. */
  async function watched(): Promise<void> {
    while (api.watches === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const wanted = (missing: (found: readonly KubeObject[]) => string | undefined) => ({
    what: 'two objects',
    timeoutMs: 5_000,
    missing,
  });
  const two = wanted((found) => (found.length === 2 ? undefined : `${found.length} are there`));

  test('pathOf() asks the server for the resource of a kind, once', async () => {
    expect(await client.pathOf({ ...from, name: 'a' })).toBe('/api/v1/namespaces/n/configmaps/a');
    expect(await client.pathOf({ apiVersion: 'v1', kind: 'Node', name: 'a' })).toBe(
      '/api/v1/nodes/a',
    );
    expect(api.requests).toEqual(['GET /api/v1']);
  });

  test('pathOf() waits for a resource that is not served yet', async () => {
    api.unknownResources = 2;
    expect(await client.pathOf({ ...from, name: 'a' })).toBe('/api/v1/namespaces/n/configmaps/a');
    expect(api.requests).toEqual(['GET /api/v1', 'GET /api/v1', 'GET /api/v1']);
  });

  test('a refusal carries status, reason and message', async () => {
    api.refuseLists = 1;
    await expect(client.list(from)).rejects.toMatchObject({
      name: 'KubeError',
      status: 429,
      reason: 'TooManyRequests',
      message: 'GET /api/v1/namespaces/n/configmaps was refused with 429: slow down',
    });
  });

  test('watchUntil() needs no watch when all is there', async () => {
    api.objects.set('a', object('a', '1')).set('b', object('b', '1'));
    expect(await watchUntil(client, from, two)).toHaveLength(2);
    expect(api.watches).toBe(0);
  });

  test('watchUntil() follows additions and deletions', async () => {
    api.objects.set('a', object('a', '1'));
    const waiting = watchUntil(client, from, two);
    await watched();
    api.send('DELETED', object('a', '1'));
    api.send('ADDED', object('b', '1'));
    api.send('ADDED', object('c', '1'));
    expect((await waiting).map(({ metadata }) => metadata.name)).toEqual(['b', 'c']);
  });

  test('watchUntil() lists again after a refusal, and after a watch that ended', async () => {
    api.refuseLists = 1;
    const waiting = watchUntil(client, from, two);
    await watched();
    api.objects.set('a', object('a', '1')).set('b', object('b', '1'));
    api.endWatches({ type: 'ERROR', object: { code: 410 } });
    expect(await waiting).toHaveLength(2);
  });

  test('watchUntil() says what was missing', async () => {
    const waiting = watchUntil(client, from, { ...two, timeoutMs: 50 });
    await expect(waiting).rejects.toThrow('Waited 50 ms for two objects: 0 are there');
  });

  test('watchGone() is content with another object of the same name', async () => {
    api.objects.set('a', { ...object('a', '1'), metadata: { name: 'a', uid: 'second' } });
    await watchGone(client, { ...from, name: 'a', uid: 'first' }, 5_000);
    const waiting = watchGone(client, { ...from, name: 'a', uid: 'second' }, 50);
    await expect(waiting).rejects.toThrow('ConfigMap a to be gone');
  });
});
