/**
 * Steps and the Lease. Goal: an operator whose Lease has ended takes no further step, not even in
 * the midst of a round. Method: a client that notes what is asked of it.
 */
import { describe, expect, test } from '@jest/globals';
import type { Clock } from '../../node/sys/clock.ts';
import { silentLogger } from '../../node/sys/log.ts';
import type { KubeObject } from '../api/kube-object.ts';
import type { EventRecorder } from '../kube/event-recorder.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import type { Step } from '../plan/step.ts';
import { Actor } from './actor.ts';
import type { Stage } from './actor.ts';
import { ControlEpochs } from './control-epochs.ts';

const clock: Clock = { monotonicMs: () => 1_000, wallMs: () => 1_000 };
const metadata = { name: 'demo', namespace: 'default', uid: 'u', resourceVersion: '1' };
const wantedSet: KubeObject = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata, spec: {} };
const look = { observed: { cluster: { metadata } }, set: undefined } as unknown as Stage['look'];
const steps: readonly Step[] = [
  { kind: 'createSet', replicas: 3 },
  { kind: 'scaleSet', replicas: 4, why: 'ScaleUp' },
];

/** What reaches the API server, by an operator that may take so many steps. */
async function calledBy(allowed: number): Promise<readonly string[]> {
  const calls: string[] = [];
  const client: Partial<KubeClient> = {
    create: (async (object: KubeObject) => {
      calls.push(`create ${object.metadata.name}`);
      return object;
    }) as KubeClient['create'],
    mergePatch: (async (object: KubeObject) => {
      calls.push(`patch ${object.metadata.name}`);
      return object;
    }) as KubeClient['mergePatch'],
  };
  const events: Partial<EventRecorder> = { record: async () => undefined };
  const actor = new Actor({
    ...{ client: client as KubeClient, events: events as EventRecorder, clock },
    ...{ epochs: new ControlEpochs({ holder: 'one', clock }), log: silentLogger },
    checkMayAct: () => {
      if (calls.length >= allowed) {
        throw new Error('The Lease is held no more');
      }
    },
    checkMayDisrupt: () => undefined,
  });
  const run = actor.run(steps, { look, wantedSet, log: silentLogger });
  if (allowed < steps.length) {
    await expect(run).rejects.toThrow('The Lease is held no more');
  } else {
    await run;
  }
  return calls;
}

describe('Actor.run()', () => {
  test.each([
    [0, []],
    [1, ['create demo']],
    [2, ['create demo', 'patch demo']],
  ])('while the Lease is good for %s steps, so many are taken', async (allowed, calls) => {
    expect(await calledBy(allowed)).toEqual(calls);
  });
});
