// Goal: the copy follows the server through everything that ends a watch, and through a watch that
// ends without a word. Method: a real HTTP server with those faults.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Informer } from './informer.ts';
import type { KubeObject } from '../api/kube-object.ts';
import {
  collection,
  configMap,
  configMaps,
  startTestingKube,
  until,
  world,
} from './testing-kube.ts';
import type { TestingKube } from './testing-kube.ts';

jest.setTimeout(60_000);

let kube: TestingKube;
let informer: Informer<KubeObject>;
let changes: string[];

function open(idleMsMax = 60_000): void {
  changes = [];
  informer = new Informer({
    ...{ client: kube.client, kind: configMaps, from: { namespace: 'test' }, ...world, idleMsMax },
    onChange: (now, old) => {
      const kind = old === undefined ? 'new' : now === undefined ? 'gone' : 'changed';
      changes.push(`${kind} ${(now ?? old)?.metadata.name ?? ''}`);
    },
  });
  informer.start();
}

const watching = async (): Promise<void> => {
  await until('a watch to be open', () => kube.server.watcherCount === 1);
};

beforeEach(async () => {
  kube = await startTestingKube();
});
afterEach(async () => {
  await informer.stop();
  await kube.stop();
});

describe('Informer', () => {
  test('lists, then follows changes', async () => {
    kube.server.put(collection, configMap('a'));
    open();
    expect(informer.hasSynced).toBe(false);
    await watching();
    expect(informer.hasSynced).toBe(true);
    kube.server.put(collection, configMap('b'));
    kube.server.put(collection, configMap('a', { x: '1' }));
    kube.server.remove(collection, 'a');
    await until('a to be gone', () => changes.includes('gone a'));
    expect(changes).toEqual(['new a', 'new b', 'changed a', 'gone a']);
    expect(informer.list().map((each) => each.metadata.name)).toEqual(['b']);
    expect(informer.get('test', 'b')?.kind).toBe('ConfigMap');
  });

  test('asks for bookmarks, and continues from one', async () => {
    open();
    await watching();
    kube.server.put('/api/v1/namespaces/other/configmaps', configMap('elsewhere'));
    kube.server.sendBookmarks();
    kube.server.forgetHistory();
    kube.server.put(collection, configMap('a'));
    await until('a to come', () => changes.includes('new a'));
    kube.server.endWatches();
    await until('a second watch', () => kube.server.requests.length >= 3);
    await watching();
    kube.server.put(collection, configMap('b'));
    await until('b to come', () => changes.includes('new b'));
    // One list, then watches alone: nothing had to be listed anew.
    const lists = kube.server.requests.filter(({ query }) => query.get('watch') === null);
    expect(lists.length).toBe(1);
    expect(kube.server.requests[1]?.query.get('allowWatchBookmarks')).toBe('true');
  });

  test('a watch that is too old leads to a new list, and only differences are told', async () => {
    kube.server.put(collection, configMap('stays'));
    kube.server.put(collection, configMap('changes'));
    kube.server.put(collection, configMap('goes'));
    open();
    await watching();
    changes.length = 0;
    kube.server.silenceWatches();
    kube.server.put(collection, configMap('changes', { x: '1' }));
    kube.server.remove(collection, 'goes');
    kube.server.put(collection, configMap('comes'));
    kube.server.forgetHistory();
    kube.server.endWatches();
    await until('the new list', () => changes.length === 3);
    expect([...changes].sort()).toEqual(['changed changes', 'gone goes', 'new comes']);
  });

  test('a watch that is silent is cut, and nothing is missed', async () => {
    open(150);
    await watching();
    kube.server.silenceWatches();
    kube.server.put(collection, configMap('a'));
    await until('a to be found by a new watch', () => changes.includes('new a'));
    expect(informer.restarts).toBeGreaterThan(0);
  });

  test('a name that is used again is another object', async () => {
    kube.server.put(collection, configMap('a'));
    open();
    await watching();
    kube.server.silenceWatches();
    kube.server.remove(collection, 'a');
    kube.server.put(collection, configMap('a'));
    kube.server.forgetHistory();
    kube.server.endWatches();
    await until('both to be told', () => changes.length === 3);
    expect(changes).toEqual(['new a', 'gone a', 'new a']);
  });

  test('refusals and failures end nothing', async () => {
    kube.server.put(collection, configMap('a'));
    kube.server.fail(403);
    open();
    await watching();
    for (const status of [500, 429, 401, 410]) {
      let refused = 0;
      const matches = (): boolean => {
        const isDue = kube.server.watcherCount === 0;
        refused += isDue ? 1 : 0;
        return isDue;
      };
      kube.server.fail(status, { count: 2, matches });
      kube.server.endWatches();
      await until(`two answers to be ${status}`, () => refused >= 2);
      await watching();
    }
    kube.server.put(collection, configMap('b'));
    await until('b to come', () => changes.includes('new b'));
    expect(changes).toEqual(['new a', 'new b']);
  });

  test('a handler that throws does not end the copy', async () => {
    informer = new Informer({
      ...{ client: kube.client, kind: configMaps, from: {}, ...world },
      onChange: () => {
        throw new Error('no');
      },
    });
    informer.start();
    await watching();
    kube.server.put(collection, configMap('a'));
    await until('a to be in the copy', () => informer.list().length === 1);
  });
});
