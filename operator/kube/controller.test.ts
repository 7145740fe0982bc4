// Goal: the parts fit together as the operator uses them. Method: a small controller on a real HTTP
// server: it waits for its Lease, an informer feeds a queue, and the work records events.
import { expect, jest, test } from '@jest/globals';
import { EventRecorder } from './event-recorder.ts';
import { Informer } from './informer.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { keyOf } from './kube-objects.ts';
import { LeaseElection } from './lease-election.ts';
import {
  collection,
  configMap,
  configMaps,
  startTestingKube,
  until,
  world,
} from './testing-kube.ts';
import { WorkQueue } from './work-queue.ts';

jest.setTimeout(60_000);

test('a controller works on every object once it has the Lease, and not after', async () => {
  const kube = await startTestingKube();
  const notes = new EventRecorder({ ...world, client: kube.client, instance: 'op-0' });
  const queue = new WorkQueue({
    ...world,
    work: async (key) => {
      const [namespace = '', name = ''] = key.split('/');
      const object = informer.get(namespace, name);
      if (object !== undefined) {
        await notes.record(object, { type: 'Normal', reason: 'Seen', message: `Saw ${name}` });
      }
      return undefined;
    },
  });
  const informer = new Informer({
    ...{ client: kube.client, kind: configMaps, from: { namespace: 'test' }, ...world },
    onChange: (now, old) => queue.add(keyOf((now ?? old) as KubeObject)),
  });
  const election = new LeaseElection({
    ...{ client: kube.client, namespace: 'test', name: 'op', identity: 'op-0', ...world },
    onStarted: () => queue.start(),
    onStopped: () => void queue.stop(),
  });
  const said = (): number =>
    kube.server.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/events'))
      .length;
  try {
    informer.start();
    for (let index = 0; index < 20; index += 1) {
      kube.server.put(collection, configMap(`c${index}`));
    }
    await until('all to be known', () => informer.list().length === 20);
    expect(said()).toBe(0);
    election.start();
    await until('20 events', () => said() === 20);
    await election.stop();
    kube.server.put(collection, configMap('late'));
    await until('it to wait', () => queue.stats.depth === 1);
    expect(said()).toBe(20);
  } finally {
    await election.stop();
    await informer.stop();
    await kube.stop();
  }
});
