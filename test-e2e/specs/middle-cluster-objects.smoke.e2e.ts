/**
 * What the operator makes of a cluster, on a real API server. Goal: every object is taken as it is,
 * without an unknown field, a warning's worth of guessing or a weakened pod, and applying it again
 * changes nothing. Method: the golden files of the builders, applied strictly; then the pods of the
 * set start in a namespace that admits `restricted` pods alone.
 */
import { describe, expect } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeClient } from '../lib/kube-client.ts';
import { fieldManager } from '../lib/kube-client.ts';
import type { KubeObject, Node, PersistentVolumeClaim, Pod } from '../lib/kube-objects.ts';
import { isReadyPod, isTrue } from '../lib/kube-objects.ts';
import type { Condition } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { watchGone, watchObject, watchUntil } from '../lib/watch-until.ts';
import { useMiddle } from '../spec-middle.ts';

const root = join(import.meta.dirname, '..', '..');
const testdata = join(root, 'operator', 'desired', 'testdata');
const namespace = 'restricted';
const crd = 'dynamoclusters.dynakv.dev';
const pods = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: 'dynakv.dev/cluster=demo' };
const cluster = {
  apiVersion: 'dynakv.dev/v1alpha1',
  kind: 'DynamoCluster',
  namespace,
  name: 'demo',
};

function readObjects(path: string, ownerUid: string): readonly KubeObject[] {
  const text = readFileSync(path, 'utf8')
    .replaceAll('namespace: default', `namespace: ${namespace}`)
    // The owner of the golden files is nobody; the garbage collector would take them away.
    .replaceAll('6f0c9a0e-0000-4000-8000-000000000001', ownerUid);
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

describe('objects of a DynamoCluster', () => {
  const spec = useMiddle('middle-cluster-objects');
  const client = (): KubeClient => spec.cluster.client;
  let ownerUid = '';

  /** As `kubectl apply --server-side --validate=strict`. */
  async function applyStrictly(object: KubeObject, dryRun = false): Promise<KubeObject> {
    const { apiVersion, kind, metadata } = object;
    return (await client().send({
      method: 'PATCH',
      path: await client().pathOf({ apiVersion, kind, namespace, name: metadata.name }),
      query: {
        ...{ fieldManager, force: 'true', fieldValidation: 'Strict' },
        dryRun: dryRun ? 'All' : undefined,
      },
      contentType: 'application/apply-patch+yaml',
      body: object,
    })) as KubeObject;
  }

  /** A set is applied with the replicas that it has (O1). */
  function withReplicas(object: KubeObject): KubeObject {
    return object.kind === 'StatefulSet'
      ? { ...object, spec: { ...(object['spec'] as object), replicas: 3 } }
      : object;
  }

  spec.test('a cluster is there to own them', async () => {
    await client().create({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    const [definition] = readObjects(join(root, 'crds', `${crd}.yaml`), '');
    await client().apply(definition ?? { apiVersion: '', kind: '', metadata: { name: '' } });
    await watchObject(
      client(),
      { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: crd },
      {
        what: 'the CRD to be established',
        timeoutMs: timeouts.request,
        missing: (found) => {
          const { conditions } = (found?.['status'] ?? {}) as { conditions?: Condition[] };
          return isTrue(conditions, 'Established') ? undefined : 'it is not';
        },
      },
    );
    const { apiVersion, kind, name } = cluster;
    const made = await client().create({
      apiVersion,
      kind,
      metadata: { name, namespace },
      spec: {},
    });
    ownerUid = made.metadata.uid ?? '';
  });

  spec.test('every object of every golden file is taken strictly', async () => {
    const files = readdirSync(testdata).filter((name) => name.endsWith('.objects.yaml'));
    const kinds = new Set<string>();
    for (const file of files) {
      for (const object of readObjects(join(testdata, file), ownerUid)) {
        // The CRDs of prometheus-operator are not here.
        if (object.kind !== 'PodMonitor') {
          await applyStrictly(withReplicas(object), true);
          kinds.add(object.kind);
        }
      }
    }
    expect([...kinds].sort()).toEqual([
      ...['NetworkPolicy', 'PodDisruptionBudget', 'Service', 'ServiceAccount', 'StatefulSet'],
    ]);
  });

  spec.test(
    'applied twice they are the same, so that nothing is ever at work at rest',
    async () => {
      for (const object of readObjects(join(testdata, 'minimal.objects.yaml'), ownerUid)) {
        const wanted = withReplicas(object);
        await applyStrictly(wanted);
        const before = await client().get({ ...wanted, namespace, name: wanted.metadata.name });
        // Statuses go their own way; what is applied does not move the generation.
        const after = await applyStrictly(wanted);
        expect([wanted.kind, after.metadata.generation]).toEqual([
          ...[wanted.kind, before.metadata.generation],
        ]);
      }
    },
  );

  spec.test('restricted pods start in three zones, each with a volume of its own', async () => {
    const ready = await watchUntil<Pod>(client(), pods, {
      what: '3 pods to be Ready',
      timeoutMs: timeouts.podsReady,
      missing: (all) => {
        const count = all.filter(isReadyPod).length;
        return count === 3 ? undefined : `${count} are`;
      },
    });
    const nodes = await client().list<Node>({ apiVersion: 'v1', kind: 'Node' });
    const zones = ready.map(({ spec: { nodeName } }) => {
      const node = nodes.items.find((each) => each.metadata.name === nodeName);
      return node?.metadata.labels?.['topology.kubernetes.io/zone'];
    });
    expect(new Set(zones).size).toBe(3);
    const claims = await client().list<PersistentVolumeClaim>({
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace },
      labelSelector: 'dynakv.dev/cluster=demo,dynakv.dev/component=node',
    });
    expect(claims.items.map((claim) => claim.metadata.name).sort()).toEqual([
      ...['data-demo-0', 'data-demo-1', 'data-demo-2'],
    ]);
    // The set must never own them, or they would go with it (O3).
    expect(claims.items.every(({ metadata }) => metadata.ownerReferences === undefined)).toBe(true);
  });

  spec.test('a changed template replaces no pod', async () => {
    const before = await client().list<Pod>(pods);
    const [set] = readObjects(join(testdata, 'minimal.objects.yaml'), ownerUid)
      .filter(({ kind }) => kind === 'StatefulSet')
      .map(withReplicas);
    const changed = JSON.parse(JSON.stringify(set).replaceAll('9.9.9', '9.9.10')) as KubeObject;
    await applyStrictly(changed);
    const found = await watchObject(
      client(),
      { ...changed, namespace, name: 'demo' },
      {
        what: 'the set to be looked at by its controller',
        timeoutMs: timeouts.podsReady,
        missing: (object) => {
          const { observedGeneration } = (object?.['status'] ?? {}) as {
            observedGeneration?: number;
          };
          return observedGeneration === object?.metadata.generation ? undefined : 'it is not';
        },
      },
    );
    expect(found?.metadata.generation).toBeGreaterThan(1);
    const after = await client().list<Pod>(pods);
    const uids = (list: readonly Pod[]): string[] =>
      list.map((pod) => pod.metadata.uid ?? '').sort();
    expect(uids(after.items)).toEqual(uids(before.items));
  });

  spec.test('they go with their cluster, and the volumes stay', async () => {
    await client().delete(cluster);
    await watchGone(client(), cluster);
    for (const object of readObjects(join(testdata, 'minimal.objects.yaml'), ownerUid)) {
      await watchGone(client(), { ...object, namespace, name: object.metadata.name });
    }
    const claims = await client().list<PersistentVolumeClaim>({
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace },
    });
    expect(claims.items.map((claim) => claim.status?.phase)).toEqual(['Bound', 'Bound', 'Bound']);
  });
});
