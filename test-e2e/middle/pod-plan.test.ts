import { describe, expect, test } from '@jest/globals';
import type { Pod } from '../lib/kube-objects.ts';
import type { PodFate, PodWorld } from './pod-plan.ts';
import { planPods, statusOf } from './pod-plan.ts';

function pod(more: { node?: string; fate?: PodFate; terminating?: boolean } = {}): Pod {
  const { node = 'node-1', fate, terminating = false } = more;
  const bare: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'x-0',
      namespace: 'n',
      uid: 'u',
      ...(terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { ...(node === '' ? {} : { nodeName: node }), containers: [{ name: 'main' }] },
  };
  return fate === undefined ? bare : withFate(bare, fate);
}

function withFate(bare: Pod, fate: PodFate): Pod {
  const facts = { podIP: '198.18.0.2', now: '2026-01-01T00:00:00Z' };
  return { ...bare, status: statusOf(bare, fate, facts) };
}

function world(more: Partial<PodWorld> = {}): PodWorld {
  return { working: new Set(['node-1']), fates: new Map(), lingering: new Set(), ...more };
}

const fated = (fate: PodFate): PodWorld => world({ fates: new Map([['n/x-0', fate]]) });

describe('planPods()', () => {
  test('a new pod becomes ready, once', () => {
    expect(planPods([pod()], world())).toMatchObject([{ kind: 'status', fate: 'ready' }]);
    expect(planPods([pod({ fate: 'ready' })], world())).toEqual([]);
  });

  test('a pod without a node, or on one that is down, is left alone', () => {
    expect(planPods([pod({ node: '' }), pod({ node: 'node-2' })], world())).toEqual([]);
    const terminating = pod({ node: 'node-2', terminating: true });
    expect(planPods([terminating], world())).toEqual([]);
  });

  test('a terminating pod is deleted, unless it lingers', () => {
    const terminating = pod({ fate: 'ready', terminating: true });
    expect(planPods([terminating], world())).toMatchObject([{ kind: 'delete' }]);
    expect(planPods([terminating], world({ lingering: new Set(['n/x-0']) }))).toEqual([]);
  });

  test.each(['ready', 'not-ready', 'crash-loop'] as const)(
    'fate %s is reached and kept',
    (fate) => {
      for (const before of ['ready', 'not-ready', 'crash-loop'] as const) {
        const steps = planPods([pod({ fate: before })], fated(fate));
        expect(steps.map((step) => step.kind)).toEqual(before === fate ? [] : ['status']);
      }
    },
  );
});

describe('statusOf()', () => {
  test('each crash counts as a restart', () => {
    const once = withFate(pod(), 'crash-loop');
    const again = withFate(withFate(once, 'not-ready'), 'crash-loop');
    expect(again.status?.containerStatuses?.[0]?.restartCount).toBe(2);
  });

  test('conditions say Ready only of a pod that is', () => {
    const readyOf = (fate: PodFate): string | undefined =>
      withFate(pod(), fate).status?.conditions?.find(({ type }) => type === 'Ready')?.status;
    expect(readyOf('ready')).toBe('True');
    expect(readyOf('not-ready')).toBe('False');
    expect(readyOf('crash-loop')).toBe('False');
  });
});
