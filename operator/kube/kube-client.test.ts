// Goal: requests end well or with a named error, against a server that conflicts, throttles, fails
// and falls silent. Method: a real HTTP server that keeps objects as Kubernetes does.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { pageLimit } from './kube-client.ts';
import { isKubeError } from './kube-error.ts';
import { collection, configMap, configMaps, startTestingKube } from './testing-kube.ts';
import type { TestingKube } from './testing-kube.ts';

jest.setTimeout(60_000);

let kube: TestingKube;

beforeEach(async () => {
  kube = await startTestingKube();
});
afterEach(async () => {
  await kube.stop();
});

describe('KubeClient', () => {
  test('create(), find(), apply(), mergePatch() keep fields that no type names', async () => {
    const made = await kube.client.create({
      ...configMap('a'),
      unknown: { deep: [1, { x: null }] },
    });
    expect(made['unknown']).toEqual({ deep: [1, { x: null }] });
    await kube.client.apply(configMap('a', { k: '1' }));
    await kube.client.mergePatch(made, { data: { l: '2' } });
    const found = await kube.client.find(configMaps, 'test', 'a');
    expect(found?.['data']).toEqual({ k: '1', l: '2' });
    expect(await kube.client.find(configMaps, 'test', 'b')).toBeUndefined();
  });

  test('apply() names the manager and takes fields from others', async () => {
    await kube.client.apply(configMap('a'));
    const { method, query } = kube.server.requests[0] ?? {};
    expect(method).toBe('PATCH');
    expect(query?.get('fieldManager')).toBe('dynakv-operator');
    expect(query?.get('force')).toBe('true');
  });

  test('list() takes all pages, and gives items their kind', async () => {
    const count = pageLimit + 3;
    for (let index = 0; index < count; index += 1) {
      const { metadata } = configMap(`c${index}`);
      kube.server.put(collection, { metadata } as ReturnType<typeof configMap>);
    }
    const { items } = await kube.client.list(configMaps, { namespace: 'test' });
    expect(items.length).toBe(count);
    expect(items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(kube.server.requests.length).toBe(2);
  });

  test('create() of a name that is taken, and update() of an old version, are 409', async () => {
    const made = await kube.client.create(configMap('a'));
    await expect(kube.client.create(configMap('a'))).rejects.toMatchObject({ status: 409 });
    await kube.client.update({ ...made, data: { x: '1' } });
    await expect(kube.client.update(made)).rejects.toMatchObject({ status: 409 });
  });

  test('delete() spares another object of the same name, and a changed one', async () => {
    const made = await kube.client.create(configMap('a'));
    await expect(kube.client.delete(made, { uid: 'other' })).rejects.toMatchObject({ status: 409 });
    const { uid = '', resourceVersion } = made.metadata;
    kube.server.put(collection, configMap('a', { changed: 'yes' }));
    const asSeen = kube.client.delete(made, { uid, resourceVersion });
    await expect(asSeen).rejects.toMatchObject({ status: 409 });
    await kube.client.delete(made, { uid });
    await kube.client.delete(made, { uid });
    expect(kube.server.find(collection, 'a')).toBeUndefined();
  });
});

describe('KubeHttp', () => {
  test('a write that was throttled is sent again, as it was surely not done', async () => {
    kube.server.fail(429, { count: 2, headers: { 'retry-after': '0' } });
    await kube.client.create(configMap('a'));
    expect(kube.server.requests.length).toBe(3);
  });

  test('a server that asks for a long wait is not waited for', async () => {
    kube.server.fail(429, { headers: { 'retry-after': '60' } });
    const refused = kube.client.create(configMap('a'));
    await expect(refused).rejects.toMatchObject({ status: 429, retryAfterMs: 60_000 });
    expect(kube.server.requests.length).toBe(1);
  });

  test('a read is tried again after 500, a write is not', async () => {
    kube.server.put(collection, configMap('a'));
    kube.server.fail(500, { count: 2 });
    await kube.client.get(configMaps, 'test', 'a');
    kube.server.fail(500);
    const before = kube.server.requests.length;
    await expect(kube.client.apply(configMap('a'))).rejects.toMatchObject({ status: 500 });
    expect(kube.server.requests.length).toBe(before + 1);
  });

  test('reads give up in the end', async () => {
    kube.server.fail(503, { count: 100 });
    await expect(kube.client.get(configMaps, 'test', 'a')).rejects.toMatchObject({ status: 503 });
    expect(kube.server.requests.length).toBe(4);
  });

  test('a token that was renewed is read again after 401', async () => {
    await kube.stop();
    let token = 'old';
    kube = await startTestingKube({ token: () => token });
    kube.server.requireToken('new');
    kube.server.fail(401);
    kube.server.put(collection, configMap('a'));
    token = 'new';
    await kube.client.get(configMaps, 'test', 'a');
    token = 'wrong';
    await expect(kube.client.get(configMaps, 'test', 'a')).rejects.toMatchObject({ status: 401 });
  });

  test('a server that is gone is a named failure without a status', async () => {
    await kube.server.stop();
    const failed = await kube.client.apply(configMap('a')).catch((error: unknown) => error);
    expect(isKubeError(failed, 0)).toBe(true);
    expect(String(failed)).toMatch(/PATCH .*configmaps\/a got no answer: .*ECONNREFUSED/);
  });

  test('a request without time left is not sent', async () => {
    await kube.stop();
    kube = await startTestingKube({ timeoutMs: 0 });
    await expect(kube.client.apply(configMap('a'))).rejects.toThrow(/no time is left/);
    expect(kube.server.requests.length).toBe(0);
  });
});
