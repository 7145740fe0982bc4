/**
 * The objects of a cluster as golden files, and what must hold for every spec. A changed golden
 * file of the pod template means that every database rolls: then the renderer's version goes up,
 * and the one before is kept (O18).
 */
import { describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { parseNodeOptions } from '../../node/config/parse-options.ts';
import { expectGolden } from '../../node/test/golden.ts';
import { optionVariable, operatorOptionNames } from '../api/node-options.ts';
import { testingCluster } from '../test/testing-cluster.ts';
import type { BuildContext } from './build-context.ts';
import { buildDesiredObjects } from './desired-objects.ts';
import { imageOf, versionOfImage } from './image.ts';
import { divideMemory } from './node-memory.ts';
import { buildPodTemplate } from './pod-template.ts';
import { buildStatefulSet } from './stateful-set.ts';

const testdata = 'operator/desired/testdata';
const hash = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex');

function contextOf(spec: unknown): BuildContext {
  const cluster = testingCluster(spec);
  const image = imageOf(cluster.spec, { defaultVersion: '9.9.9' });
  return { cluster, image, operatorNamespace: 'dynakv-system', hash };
}

function readSpec(name: string): unknown {
  return parse(readFileSync(join(import.meta.dirname, 'testdata', `${name}.spec.yaml`), 'utf8'));
}

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly resources: { readonly limits: object; readonly requests: object };
}

function containerOf(spec: unknown): Container {
  const template = buildPodTemplate(contextOf(spec)) as unknown as {
    spec: { containers: readonly [Container] };
  };
  return template.spec.containers[0];
}

/** Option of the node → value, as its environment has it. */
function environmentOf(spec: unknown): Record<string, string> {
  const { env } = containerOf(spec);
  const filled = env.map(({ name, value = 'demo-0' }) => [
    name,
    value.replace('$(POD_NAME)', 'demo-0'),
  ]);
  return Object.fromEntries(filled) as Record<string, string>;
}

describe('objects of a cluster', () => {
  test.each(['minimal', 'single', 'full'])('%s', (name) => {
    const { objects, statefulSet, unwanted } = buildDesiredObjects(contextOf(readSpec(name)), {
      isQuorumAtRisk: false,
    });
    const options = { lineWidth: 100, aliasDuplicateObjects: false };
    const documents = [...objects, statefulSet].map((object) => stringify(object, options));
    const absent = unwanted.map(({ kind }) => kind).join(', ');
    expectGolden(
      `${testdata}/${name}.objects.yaml`,
      `# Unwanted: ${absent || 'nothing'}\n${documents.join('---\n')}`,
    );
  });

  test('the budget is 0 while a quorum is at risk', () => {
    const budgetOf = (isQuorumAtRisk: boolean): unknown =>
      buildDesiredObjects(contextOf({}), { isQuorumAtRisk }).objects.find(
        ({ kind }) => kind === 'PodDisruptionBudget',
      )?.['spec'];
    expect(budgetOf(true)).toMatchObject({ maxUnavailable: 0 });
    expect(budgetOf(false)).toMatchObject({ maxUnavailable: 1 });
  });
});

describe('the pod', () => {
  test.each(['minimal', 'single', 'full'])('%s: a node starts with its environment', (name) => {
    const parsed = parseNodeOptions([], environmentOf(readSpec(name)));
    expect(parsed).toMatchObject({ ok: true });
  });

  test('it has options of the operator alone that the operator says it sets', () => {
    const cluster = { tls: { client: { mode: 'Managed' } } };
    const set = Object.keys({ ...environmentOf({}), ...environmentOf(cluster) });
    const absent = operatorOptionNames.filter((name) => !set.includes(optionVariable(name)));
    // The operator tells zones to the database itself, and nobody overrides addresses.
    expect(absent).toEqual(['peer-overrides', 'zone']);
  });

  test('what the user sets wins over what is sized from the memory', () => {
    const environment = environmentOf({ config: { 'item-cache-bytes': '7M' } });
    expect(environment).toMatchObject({ DYNAKV_ITEM_CACHE_BYTES: '7M' });
  });

  test('its memory is limited to what is requested', () => {
    const { resources } = containerOf({ resources: { requests: { memory: '3Gi' } } });
    expect(resources).toEqual({
      requests: { cpu: '500m', memory: '3Gi' },
      limits: { memory: '3Gi' },
    });
  });

  test('labels of the user never hide those of the operator', () => {
    const { metadata } = buildPodTemplate(contextOf(readSpec('full')));
    expect(metadata.labels).toMatchObject({ team: 'data', 'dynakv.dev/cluster': 'demo' });
  });
});

describe('the template hash', () => {
  const hashOf = (spec: unknown): string => buildStatefulSet(contextOf(spec)).templateHash;

  test('changes of pods change it', () => {
    const base = hashOf({});
    for (const spec of [
      { version: '2' },
      { config: { 'tick-ms': '50' } },
      { resources: { requests: { memory: '2Gi' } } },
      { update: { restartedAt: '2026-02-03T04:05:06Z' } },
      { tls: { client: { mode: 'Managed' } } },
    ]) {
      expect(hashOf(spec)).not.toBe(base);
    }
  });

  test('changes of everything else do not', () => {
    const base = hashOf({});
    for (const spec of [
      { replicas: 7, paused: true, deletionProtection: true },
      { rebalance: { mode: 'Manual' }, scaleDown: { stallSeconds: 20 } },
      { update: { mode: 'OnRequest', skipPredicates: ['QuorumSafe'] } },
      { service: { type: 'NodePort' }, networkPolicy: { enabled: false } },
      { storage: { retention: { whenDeleted: 'Delete' } } },
    ]) {
      expect(hashOf(spec)).toBe(base);
    }
  });
});

describe('imageOf()', () => {
  const imageFor = (spec: object, running?: string): string =>
    imageOf(testingCluster(spec).spec, { defaultVersion: '2.0.0', running });

  test('digest, tag, version, what runs, what the operator brings: in this order', () => {
    const digest = `sha256:${'b'.repeat(64)}`;
    const all = { version: '1.0.0', image: { tag: 't', digest } };
    expect(imageFor(all)).toBe(`dynakv/dynakv@${digest}`);
    expect(imageFor({ ...all, image: { tag: 't' } })).toBe('dynakv/dynakv:t');
    expect(imageFor({ version: '1.0.0' }, 'dynakv/dynakv:1.5.0')).toBe('dynakv/dynakv:1.0.0');
    expect(imageFor({}, 'dynakv/dynakv:1.5.0')).toBe('dynakv/dynakv:1.5.0');
    expect(imageFor({})).toBe('dynakv/dynakv:2.0.0');
  });

  test('another repository is a change, whatever runs', () => {
    const spec = { image: { repository: 'r.example:5000/x' } };
    expect(imageFor(spec, 'dynakv/dynakv:1.5.0')).toBe('r.example:5000/x:2.0.0');
    expect(imageFor(spec, 'r.example:5000/x:1.5.0')).toBe('r.example:5000/x:1.5.0');
  });

  test('versionOfImage() reads the tag or the digest', () => {
    expect(versionOfImage('r.example:5000/x:1.5.0')).toBe('1.5.0');
    expect(versionOfImage(`a/b@sha256:${'c'.repeat(64)}`)).toBe('sha256:cccccccccccc');
    expect(versionOfImage('r.example:5000/x')).toBe('');
  });
});

describe('divideMemory()', () => {
  test('all parts together stay below 80 % of any memory', () => {
    for (const gibibytes of [0.25, 0.5, 1, 4, 64, 512]) {
      const bytes = gibibytes * 2 ** 30;
      const { heapMebibytes, options } = divideMemory(bytes);
      const native =
        Number(options['engine-cache-bytes']) + 2 * Number(options['engine-write-buffer-bytes']);
      expect(heapMebibytes * 2 ** 20 + native).toBeLessThan(bytes * 0.8);
      const inHeap = Number(options['item-cache-bytes']) + Number(options['committed-layer-bytes']);
      expect(inHeap).toBeLessThan((heapMebibytes * 2 ** 20) / 2);
    }
  });
});
