/** Whose template runs, after an upgrade of the operator and after changes of the spec. */
import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { StatefulSet } from '../api/kube-object.ts';
import { annotations } from '../api/names.ts';
import { testingCluster } from '../test/testing-cluster.ts';
import { buildDesiredObjects } from './desired-objects.ts';
import type { DesiredObjects } from './desired-objects.ts';
import { keepTemplate } from './kept-template.ts';

function desiredOf(spec: unknown, image = 'dynakv/dynakv:1.0.0'): DesiredObjects {
  const context = {
    ...{ cluster: testingCluster(spec), image, operatorNamespace: 'operators' },
    hash: (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex'),
  };
  return buildDesiredObjects(context, { isQuorumAtRisk: false });
}

/** The set as an operator of before has left it: another renderer, and a template of its own. */
function leftBy(renderer: string, spec: unknown, image?: string): StatefulSet {
  const { statefulSet } = desiredOf(spec, image);
  const text = JSON.stringify(statefulSet, (name, value: unknown) => {
    switch (name) {
      case annotations.renderer:
        return renderer;
      case annotations.templateHash:
        return 'hash-of-before';
      case 'enableServiceLinks':
        return true;
      default:
        return value;
    }
  });
  return JSON.parse(text) as StatefulSet;
}

describe('keepTemplate()', () => {
  test('an upgrade of the operator keeps the template that runs, and asks for a consent', () => {
    const live = leftBy('0', {});
    const { desired, requiresUpdate } = keepTemplate(desiredOf({}), live);
    expect(desired.templateHash).toBe('hash-of-before');
    expect(desired.statefulSet.spec?.template).toEqual(live.spec?.template);
    expect(requiresUpdate?.reason).toBe('RendererChanged');
  });

  test('what does not touch pods does not smuggle the new one in', () => {
    const spec = { replicas: 5, rebalance: { mode: 'Manual' }, paused: true };
    expect(keepTemplate(desiredOf(spec), leftBy('0', {})).desired.templateHash).toBe(
      'hash-of-before',
    );
  });

  test.each([
    ['a consent', { update: { restartedAt: '2026-02-03T04:05:06Z' } }, undefined],
    ['another configuration', { config: { 'log-level': 'debug' } }, undefined],
    ['another image', {}, 'dynakv/dynakv:1.1.0'],
  ])('%s renders anew', (_what, spec, image) => {
    const wanted = desiredOf(spec, image);
    expect(keepTemplate(wanted, leftBy('0', {}))).toEqual({ desired: wanted });
  });

  test('a set of the same renderer, or none, changes nothing', () => {
    const wanted = desiredOf({});
    expect(keepTemplate(wanted, undefined)).toEqual({ desired: wanted });
    expect(keepTemplate(wanted, wanted.statefulSet)).toEqual({ desired: wanted });
  });
});
