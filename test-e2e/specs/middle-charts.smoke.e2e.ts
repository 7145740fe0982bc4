/**
 * The charts against a real API server. Goal: both lines of helm install them, what they make is
 * taken, the operator may do exactly what its list says and no more, and clusters outlive the
 * release. Method: install, ask a SubjectAccessReview for every verb of every resource, change the
 * scope, uninstall; then the same without helm. Pods are fake here: `helm test` is not run.
 */
import { describe, expect } from '@jest/globals';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { run } from '../lib/command.ts';
import type { KubeClient } from '../lib/kube-client.ts';
import type { KubeObject } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { useMiddle } from '../spec-middle.ts';

const root = join(import.meta.dirname, '..', '..');
const operatorNamespace = 'dynakv-system';
const operatorUser = `system:serviceaccount:${operatorNamespace}:dynakv-operator`;
const verbs = [
  ...['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection'],
];

/** `group/resource/subresource` → what is allowed in a namespace of clusters. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'dynakv.dev/dynamoclusters': ['get', 'list', 'watch'],
  'dynakv.dev/dynamoclusters/status': ['patch'],
  'dynakv.dev/dynamoclusters/finalizers': ['update'],
  'dynakv.dev/dynamoclusters/scale': [],
  'apps/statefulsets': ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  'apps/statefulsets/scale': [],
  'apps/deployments': [],
  'policy/poddisruptionbudgets': ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  'networking.k8s.io/networkpolicies': ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  '/pods': ['get', 'list', 'watch', 'delete'],
  '/pods/exec': [],
  '/pods/log': [],
  '/pods/eviction': [],
  '/persistentvolumeclaims': ['get', 'list', 'watch', 'patch', 'delete'],
  '/services': ['get', 'list', 'watch', 'create', 'patch'],
  '/configmaps': ['get', 'list', 'watch', 'create', 'patch'],
  '/serviceaccounts': ['get', 'list', 'watch', 'create', 'patch'],
  '/serviceaccounts/token': [],
  '/secrets': ['get', 'create', 'patch'],
  '/events': ['create', 'patch'],
  'monitoring.coreos.com/podmonitors': ['get', 'create', 'patch'],
  'monitoring.coreos.com/prometheusrules': ['get', 'create', 'patch'],
  'coordination.k8s.io/leases': [],
  'rbac.authorization.k8s.io/roles': [],
  'rbac.authorization.k8s.io/rolebindings': [],
  '/nodes': ['get', 'list', 'watch'],
  '/persistentvolumes': [],
  'storage.k8s.io/storageclasses': ['get'],
  'apiextensions.k8s.io/customresourcedefinitions': [],
};

interface AccessReview extends KubeObject {
  readonly status?: { readonly allowed: boolean };
}

describe('charts', () => {
  const spec = useMiddle('middle-charts');
  const client = (): KubeClient => spec.cluster.client;

  async function helm(line: 3 | 4, args: readonly string[]): Promise<string> {
    const output = await run(join(root, 'charts', 'helm.sh'), [String(line)], {
      timeoutMs: timeouts.install,
    });
    mkdirSync(spec.outFolder, { recursive: true });
    const kubeconfig = join(spec.outFolder, 'kubeconfig');
    writeFileSync(kubeconfig, spec.cluster.kubeconfig(), { mode: 0o600 });
    const program = output.trim().split('\n').at(-1) ?? '';
    return await run(program, [...args, '-n', operatorNamespace], {
      cwd: join(root, 'charts'),
      env: { KUBECONFIG: kubeconfig },
    });
  }

  async function isAllowed(namespace: string, verb: string, what: string): Promise<boolean> {
    const [group = '', resource = '', subresource = ''] = what.split('/');
    const review = await client().create<AccessReview>({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      metadata: { name: '' },
      spec: {
        user: operatorUser,
        resourceAttributes: { namespace, verb, group, resource, subresource },
      },
    });
    return review.status?.allowed === true;
  }

  /** What of `what` the operator may do there. */
  async function mayDo(namespace: string, what: string): Promise<readonly string[]> {
    const answers = await Promise.all(verbs.map((verb) => isAllowed(namespace, verb, what)));
    return verbs.filter((_, index) => answers[index]);
  }

  async function expectAllowed(namespace: string): Promise<void> {
    for (const [what, expected] of Object.entries(allowed)) {
      const found = await mayDo(namespace, what);
      expect([what, [...found].sort()]).toEqual([what, [...expected].sort()]);
    }
  }

  async function addNamespace(name: string): Promise<void> {
    await client().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  spec.test('helm 3 installs the operator for one namespace', async () => {
    for (const name of ['shop', 'billing']) {
      await addNamespace(name);
    }
    await helm(3, [
      ...['install', 'dynakv', 'dynakv-operator', '--create-namespace'],
      ...['--set=rbac.scope=namespace', '--set=watchNamespaces={shop}'],
    ]);
    const ref = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: operatorNamespace };
    const deployment = await client().get({ ...ref, name: 'dynakv-operator' });
    expect(deployment['spec']).toMatchObject({ replicas: 2 });
  });

  spec.test('it may do what its list says there, and nothing in another namespace', async () => {
    await until('its roles to be in force', timeouts.request, async () =>
      (await isAllowed('shop', 'patch', 'apps/statefulsets')) ? true : undefined,
    );
    await expectAllowed('shop');
    for (const what of ['/secrets', '/pods', 'apps/statefulsets', 'dynakv.dev/dynamoclusters']) {
      expect([what, await mayDo('billing', what)]).toEqual([what, []]);
    }
    const leases = await mayDo(operatorNamespace, 'coordination.k8s.io/leases');
    expect(leases).toEqual(['get', 'create', 'update']);
  });

  spec.test('helm 4 upgrades it to the whole cluster', async () => {
    await helm(4, ['upgrade', 'dynakv', 'dynakv-operator', '--reset-values']);
    await until('its roles to be in force', timeouts.request, async () =>
      (await isAllowed('billing', 'patch', 'apps/statefulsets')) ? true : undefined,
    );
    await expectAllowed('billing');
    expect(await mayDo('billing', 'coordination.k8s.io/leases')).toEqual([]);
  });

  spec.test('the samples are taken, and so is a release of the chart of a cluster', async () => {
    for (const sample of ['cluster', 'production', 'one-node']) {
      const text = readFileSync(join(root, 'manifests', 'samples', `${sample}.yaml`), 'utf8');
      const object = parse(text) as KubeObject;
      const metadata = { ...object.metadata, namespace: 'shop' };
      await client().apply({ ...object, metadata });
    }
    await helm(4, ['install', 'sales', 'dynakv-cluster', '--set=spec.replicas=5']);
    const of = { apiVersion: 'dynakv.dev/v1alpha1', kind: 'DynamoCluster' };
    const sales = await client().get({ ...of, namespace: operatorNamespace, name: 'sales' });
    expect(sales['spec']).toMatchObject({ replicas: 5, shards: 64 });
  });

  spec.test('clusters and the CRD outlive the release', async () => {
    await helm(3, ['uninstall', 'dynakv']);
    const from = { apiVersion: 'dynakv.dev/v1alpha1', kind: 'DynamoCluster', namespace: 'shop' };
    expect((await client().list(from)).items).toHaveLength(3);
    expect(await mayDo('shop', '/secrets')).toEqual([]);
  });

  spec.test('install.yaml gives the same permissions without helm', async () => {
    const text = readFileSync(join(root, 'manifests', 'install.yaml'), 'utf8');
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as KubeObject | null;
      if (object !== null) {
        await client().apply(object);
      }
    }
    await until('its roles to be in force', timeouts.request, async () =>
      (await isAllowed('billing', 'patch', 'apps/statefulsets')) ? true : undefined,
    );
    await expectAllowed('shop');
  });
});
