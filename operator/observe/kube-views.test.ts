import { describe, expect, test } from '@jest/globals';
import type { ContainerStatus, Pod } from '../api/kube-object.ts';
import { podView } from './kube-views.ts';

const started = { name: 'dynakv', image: '', imageID: '', ready: false, restartCount: 0 };

function pod(container: Partial<ContainerStatus>): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'demo-2', uid: 'pod-uid' },
    status: { containerStatuses: [{ ...started, ...container }] },
  };
}

const crashing = {
  reason: 'CrashLoopBackOff',
  message: 'back-off 20s restarting failed container',
};

describe('why a pod fails', () => {
  test('what the program said last, where the log’s end is known', () => {
    const message = '{"level":"info","message":"Reading options"}\nCannot start: 50 × 3 > 10\n';
    const view = podView(
      'demo',
      pod({
        restartCount: 3,
        state: { waiting: crashing },
        lastState: { terminated: { exitCode: 1, message } },
      }),
    );
    expect(view).toMatchObject({
      ordinal: 2,
      restarts: 3,
      failure: 'CrashLoopBackOff',
      failureMessage: 'Cannot start: 50 × 3 > 10',
    });
  });

  test('what Kubernetes says, where the program said nothing', () => {
    const lastState = { terminated: { exitCode: 137 } };
    const view = podView('demo', pod({ state: { waiting: crashing }, lastState }));
    expect(view?.failureMessage).toBe(crashing.message);
  });

  test('last words are cut', () => {
    const terminated = { exitCode: 1, reason: 'Error', message: 'x'.repeat(2_000) };
    const view = podView('demo', pod({ state: { terminated } }));
    expect([view?.failure, view?.failureMessage.length]).toEqual(['Error', 300]);
  });

  test('none while a container is made', () => {
    const waiting = { reason: 'ContainerCreating' };
    expect(podView('demo', pod({ state: { waiting } }))?.failure).toBe('');
  });
});
