// Goal: events of the API's form, counted instead of repeated, never a reason to fail.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { EventRecorder } from './event-recorder.ts';
import type { KubeObject } from '../api/kube-object.ts';
import { collection, configMap, startTestingKube, world } from './testing-kube.ts';
import type { TestingKube } from './testing-kube.ts';

jest.setTimeout(60_000);

let kube: TestingKube;
let wallMs = 1_700_000_000_000;
const events = '/api/v1/namespaces/test/events';

beforeEach(async () => {
  kube = await startTestingKube();
});
afterEach(async () => {
  await kube.stop();
});

function recorder(): EventRecorder {
  const clock = { ...world.clock, wallMs: () => wallMs };
  return new EventRecorder({ ...world, clock, client: kube.client, instance: 'op-0' });
}

async function written(): Promise<readonly KubeObject[]> {
  const kind = { apiVersion: 'v1', kind: 'Event', plural: 'events', namespaced: true };
  return (await kube.client.list(kind, { namespace: 'test' })).items;
}

describe('EventRecorder', () => {
  test('writes an event about an object, and counts the same one', async () => {
    const about = kube.server.put(collection, configMap('a'));
    const events = recorder();
    const note = { type: 'Warning', reason: 'Broken', message: 'It is broken: 3 of 4' } as const;
    await events.record(about, note);
    await events.record(about, note);
    wallMs += 61_000;
    await events.record(about, note);
    await events.record(about, { ...note, message: 'It is broken: 4 of 4' });
    const [first, second, ...others] = await written();
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      ...{ type: 'Warning', reason: 'Broken', message: 'It is broken: 3 of 4', count: 2 },
      involvedObject: { kind: 'ConfigMap', name: 'a', namespace: 'test', uid: about.metadata.uid },
      firstTimestamp: '2023-11-14T22:13:20Z',
      lastTimestamp: '2023-11-14T22:14:21Z',
    });
    expect(second?.['count']).toBe(1);
  });

  test('an event that cannot be written is dropped', async () => {
    kube.server.fail(403, { count: 10 });
    const note = { type: 'Normal', reason: 'Fine', message: 'All is well' } as const;
    await recorder().record(configMap('a'), note);
    expect(kube.server.find(events, 'a')).toBeUndefined();
  });
});
