/**
 * Every rule of a DynamoCluster, asked of a real API server. Goal: bad specs are refused with a
 * sentence that names field and rule, good ones are taken, and defaults are the documented ones.
 * Method: tables of specs and of changes; deletion, scale and warnings by their own steps.
 */
import { describe, expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeClient } from '../lib/kube-client.ts';
import { isKubeError } from '../../operator/kube/kube-error.ts';
import type { KubeObject } from '../lib/kube-objects.ts';
import { isTrue } from '../lib/kube-objects.ts';
import type { Condition } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { watchObject } from '../lib/watch-until.ts';
import { middleNamespace as namespace, useMiddle } from '../spec-middle.ts';
import { changeCases, createCases } from './cluster-cases.ts';

const root = join(import.meta.dirname, '..', '..');
const apiVersion = 'dynakv.dev/v1alpha1';
const kind = 'DynamoCluster';

function readManifest(path: string): readonly KubeObject[] {
  const documents = parseAllDocuments(readFileSync(join(root, path), 'utf8'));
  return documents.map((document) => document.toJS() as KubeObject);
}

function cluster(name: string, spec: unknown): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace }, spec };
}

const ref = (name: string) => ({ apiVersion, kind, namespace, name }) as const;

describe('rules of a DynamoCluster', () => {
  const spec = useMiddle('middle-cluster-rules');
  const client = (): KubeClient => spec.cluster.client;
  let count = 0;
  const nextName = (): string => `case-${(count += 1)}`;

  /** The refusal's message, or undefined when it was taken. */
  async function refusalOf(act: () => Promise<unknown>): Promise<string | undefined> {
    try {
      await act();
      return undefined;
    } catch (error) {
      if (isKubeError(error)) {
        return error.message;
      }
      throw error;
    }
  }

  function judge(what: string, said: string | undefined, refused: readonly string[]): string[] {
    if (said === undefined) {
      return refused.length === 0 ? [] : [`${what}: taken`];
    }
    const absent = refused.filter((part) => !said.includes(part));
    return refused.length === 0 || absent.length > 0 ? [`${what}: ${said}`] : [];
  }

  spec.test('the CRD is taken as it is, and established', async () => {
    for (const object of readManifest('crds/dynamoclusters.dynakv.dev.yaml')) {
      await client().apply(object);
      await watchObject(
        client(),
        { ...object, name: object.metadata.name },
        {
          what: 'the CRD to be established',
          timeoutMs: timeouts.request,
          missing: (found) => {
            const { conditions } = (found?.['status'] ?? {}) as { conditions?: Condition[] };
            const bad = conditions?.filter((each) => each.status === 'False') ?? [];
            return isTrue(conditions, 'Established')
              ? undefined
              : bad.map((each) => each.message).join('; ') || 'it is not';
          },
        },
      );
    }
    // A non-structural schema would be kept and not enforced.
    const found = await client().get(crdRef);
    expect(isTrue((found['status'] as Stated).conditions, 'NonStructuralSchema')).toBe(false);
  });

  spec.test('spec: {} gets every default', async () => {
    const found = await client().create(cluster('empty', {}));
    expect(found['spec']).toMatchObject({
      replicas: 3,
      shards: 64,
      replicationFactor: 3,
      image: { repository: 'dynakv/dynakv', pullPolicy: 'IfNotPresent', pullSecrets: [] },
      storage: { size: '10Gi', retention: { whenScaled: 'Retain', whenDeleted: 'Retain' } },
      resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: {} },
      rebalance: { mode: 'Auto' },
      update: { mode: 'Auto', skipPredicates: [] },
      tls: { client: { mode: 'Disabled', dnsNames: [] } },
      networkPolicy: { enabled: true, clientsFrom: [] },
      paused: false,
    });
  });

  spec.test('specs are taken or refused with a sentence', async () => {
    const problems: string[] = [];
    for (const { what, name = nextName(), spec: wanted, refused = [] } of createCases) {
      const said = await refusalOf(async () => {
        await createStrictly(client(), cluster(name, wanted));
      });
      problems.push(...judge(what, said, refused));
    }
    expect(problems).toEqual([]);
  });

  spec.test('changes are taken or refused with a sentence', async () => {
    const problems: string[] = [];
    for (const { what, before, after, born = false, refused = [] } of changeCases) {
      const name = nextName();
      await client().create(cluster(name, before));
      if (born) {
        await client().patch(ref(name), { status: { clusterId: name } }, 'status');
      }
      const said = await refusalOf(async () => await client().patch(ref(name), { spec: after }));
      problems.push(...judge(what, said, refused));
    }
    expect(problems).toEqual([]);
  });

  spec.test('scale has the same rules', async () => {
    await client().create(cluster('scaled', { replicas: 5 }));
    const status = { clusterId: 'scaled', replicas: 5, selector: 'dynakv.dev/cluster=scaled' };
    await client().patch(ref('scaled'), { status }, 'status');
    const scale = async (replicas: number): Promise<unknown> =>
      await client().patch(ref('scaled'), { spec: { replicas } }, 'scale');
    expect(await scale(4)).toMatchObject({
      spec: { replicas: 4 },
      status: { replicas: 5, selector: 'dynakv.dev/cluster=scaled' },
    });
    const said = await refusalOf(async () => await scale(2));
    expect(said).toContain('spec.replicas cannot shrink below spec.replicationFactor');
  });

  spec.test('the status is written on its own, and judged too', async () => {
    await client().create(cluster('told', {}));
    await client().patch(
      ref('told'),
      { status: { phase: 'Ready' }, spec: { replicas: 9 } },
      'status',
    );
    const found = await client().get(ref('told'));
    expect(found['spec']).toMatchObject({ replicas: 3 });
    expect(found['status']).toMatchObject({ phase: 'Ready' });
    const said = await refusalOf(
      async () => await client().patch(ref('told'), { status: { phase: 'Fine' } }, 'status'),
    );
    expect(said).toContain('status.phase');
  });

  spec.test('protected clusters are not deleted, but with their namespace', async () => {
    for (const object of readManifest('manifests/admission-policies.yaml')) {
      await client().apply(object);
      if (object.kind === 'ValidatingAdmissionPolicy') {
        await typesChecked(client(), object);
      }
    }
    await client().create(cluster('kept', { deletionProtection: true }));
    const dryRun = async (): Promise<unknown> =>
      await client().send({
        method: 'DELETE',
        path: `/apis/${apiVersion}/namespaces/${namespace}/dynamoclusters/kept`,
        body: { apiVersion: 'v1', kind: 'DeleteOptions', dryRun: ['All'] },
      });
    // The API server takes policies up within seconds.
    const said = await until('the policy to be in force', timeouts.request, () =>
      refusalOf(dryRun),
    );
    expect(said).toContain('spec.deletionProtection of kept is true');
    await client().create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'going' } });
    const inGoing = { apiVersion, kind, namespace: 'going', name: 'kept' };
    await client().create({
      apiVersion,
      kind,
      metadata: { name: 'kept', namespace: 'going' },
      spec: { deletionProtection: true },
    });
    await client().delete({ apiVersion: 'v1', kind: 'Namespace', name: 'going' });
    await watchObject(client(), inGoing, {
      what: 'the cluster to go with its namespace',
      timeoutMs: timeouts.gone,
      missing: (found) => (found === undefined ? undefined : 'it is there'),
    });
    await client().patch(ref('kept'), { spec: { deletionProtection: false } });
    await client().delete(ref('kept'));
    expect(await client().find(ref('kept'))).toBeUndefined();
  });
});

const crdRef = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  name: 'dynamoclusters.dynakv.dev',
};

interface Stated {
  readonly conditions?: readonly Condition[];
  readonly typeChecking?: object;
}

/** Waits until the controller has looked at the expressions; it must have no complaint. */
async function typesChecked(client: KubeClient, policy: KubeObject): Promise<void> {
  const found = await watchObject(
    client,
    { ...policy, name: policy.metadata.name },
    {
      what: 'the types of the policy to be checked',
      timeoutMs: timeouts.request,
      missing: (object) =>
        (object?.['status'] as Stated | undefined)?.typeChecking === undefined
          ? 'they are not'
          : undefined,
    },
  );
  expect((found?.['status'] as Stated).typeChecking).toEqual({});
}

/** As kubectl does it: an unknown field is refused instead of dropped. */
async function createStrictly(client: KubeClient, object: KubeObject): Promise<void> {
  await client.send({
    method: 'POST',
    path: `/apis/${apiVersion}/namespaces/${namespace}/dynamoclusters`,
    query: { fieldValidation: 'Strict' },
    body: object,
  });
}
