// The charts as data: values against their schema, the operator's permissions against the list that
// binds it, pods against the restricted profile. The rendered texts are those of charts/testdata,
// which `make charts-check` compares with what helm 3 and helm 4 give.
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { describedValues } from './chart-readme.ts';
import { clusterLabel, clusterPodLabel } from './label-contract.ts';
import { podMonitor } from './pod-monitor.ts';

const charts = join(import.meta.dirname, '..', '..', 'charts');

function readChart(...path: readonly string[]): string {
  return readFileSync(join(charts, ...path), 'utf8');
}

interface KubeObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [key: string]: unknown;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

function rendered(name: string): readonly KubeObject[] {
  return parseAllDocuments(readChart('testdata', `${name}.yaml`)).map(
    (document) => document.toJS() as KubeObject,
  );
}

/** `group/resource` → verbs, sorted. */
function permissions(object: KubeObject | undefined): Readonly<Record<string, string>> {
  const rules = (object?.['rules'] ?? []) as readonly Rule[];
  const entries = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.map((resource) => [`${group}/${resource}`, [...verbs].sort().join(' ')] as const),
    ),
  );
  return Object.fromEntries(entries);
}

const write = 'create delete get list patch watch';

/** Everything that the operator may do in a namespace of clusters, and nothing else. */
const inNamespace = {
  'dynakv.dev/dynamoclusters': 'get list watch',
  'dynakv.dev/dynamoclusters/status': 'patch',
  'dynakv.dev/dynamoclusters/finalizers': 'update',
  'apps/statefulsets': write,
  'policy/poddisruptionbudgets': write,
  'networking.k8s.io/networkpolicies': write,
  '/pods': 'delete get list watch',
  '/persistentvolumeclaims': 'delete get list patch watch',
  '/services': 'create get list patch watch',
  '/configmaps': 'create get list patch watch',
  '/serviceaccounts': 'create get list patch watch',
  'monitoring.coreos.com/podmonitors': 'create get patch',
  'monitoring.coreos.com/prometheusrules': 'create get patch',
  '/secrets': 'create get patch',
  '/events': 'create patch',
};

describe('permissions of the operator', () => {
  const find = (objects: readonly KubeObject[], kind: string, name: string) =>
    objects.filter((each) => each.kind === kind && each.metadata.name === name);

  test('in a namespace, in both scopes', () => {
    const whole = find(rendered('dynakv-operator.default'), 'ClusterRole', 'dynakv-operator');
    expect(whole.map(permissions)).toEqual([inNamespace]);
    const each = find(rendered('dynakv-operator.namespaced'), 'Role', 'dynakv-operator');
    expect(each.map(({ metadata }) => metadata.namespace)).toEqual(['shop', 'billing']);
    expect(each.map(permissions)).toEqual([inNamespace, inNamespace]);
  });

  test('in the scope of a namespace no role for the whole cluster speaks of its objects', () => {
    const objects = rendered('dynakv-operator.namespaced');
    const machines = find(objects, 'ClusterRole', 'dynakv-operator-machines');
    expect(machines.map(permissions)).toEqual([
      {
        '/nodes': 'get list watch',
        'storage.k8s.io/storageclasses': 'get',
        '/persistentvolumes': 'get patch',
      },
    ]);
    const bindings = objects.filter(({ kind }) => kind === 'ClusterRoleBinding');
    expect(bindings.map(({ metadata }) => metadata.name)).toEqual(['dynakv-operator-machines']);
  });

  test('the Lease is in its own namespace, and PersistentVolumes are out unless asked for', () => {
    const objects = rendered('dynakv-operator.default');
    const [lease] = find(objects, 'Role', 'dynakv-operator-lease');
    expect(lease?.metadata.namespace).toBe('dynakv-system');
    expect(permissions(lease)).toEqual({ 'coordination.k8s.io/leases': 'create get update' });
    const [machines] = find(objects, 'ClusterRole', 'dynakv-operator-machines');
    expect(Object.keys(permissions(machines))).not.toContain('/persistentvolumes');
  });

  test('nothing is granted by a star, and cluster-admin to nobody', () => {
    for (const name of ['default', 'namespaced', 'full']) {
      const text = readChart('testdata', `dynakv-operator.${name}.yaml`);
      expect(text).not.toMatch(/cluster-admin|['"]\*['"]|- \*$/m);
    }
  });
});

describe('pods', () => {
  const cases = [
    ...['dynakv-operator.default', 'dynakv-operator.full'],
    ...['dynakv-cluster.default', 'dynakv-cluster.full'],
  ];

  interface PodSpec {
    readonly securityContext: object;
    readonly containers: readonly {
      readonly securityContext: object;
      readonly resources: object;
    }[];
  }

  test.each(cases)('%s keeps to the restricted profile', (name) => {
    const pods = rendered(name).flatMap((object): PodSpec[] => {
      const spec = object['spec'] as { template?: { spec: PodSpec } } & PodSpec;
      return object.kind === 'Pod'
        ? [spec]
        : object.kind === 'Deployment'
          ? [spec.template?.spec ?? spec]
          : [];
    });
    expect(pods.length).toBeGreaterThan(0);
    for (const { securityContext, containers } of pods) {
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({ limits: { memory: expect.any(String) } });
      }
    }
  });

  test('carry no label that a release changes', () => {
    const [deployment] = rendered('dynakv-operator.default').filter(
      ({ kind }) => kind === 'Deployment',
    );
    const template = (deployment?.['spec'] as { template: KubeObject }).template;
    const names = Object.keys((template.metadata as unknown as { labels: object }).labels);
    expect(names).toEqual(['app.kubernetes.io/name', 'app.kubernetes.io/instance']);
  });
});

describe('values', () => {
  interface Schema {
    readonly properties?: Readonly<Record<string, Schema>>;
  }

  /** Paths of the keys of which the schema knows the parts. */
  function paths(schema: Schema, prefix = ''): readonly string[] {
    return Object.entries(schema.properties ?? {}).flatMap(([key, each]) =>
      each.properties === undefined ? [prefix + key] : paths(each, `${prefix}${key}.`),
    );
  }

  test('of the operator are those of the schema, and each is described', () => {
    const text = readChart('dynakv-operator', 'values.yaml');
    const schema = JSON.parse(readChart('dynakv-operator', 'values.schema.json')) as Schema;
    const described = describedValues(text).map(({ path }) => path);
    expect([...described].sort()).toEqual([...paths(schema)].sort());
    expect(parse(text)).toMatchObject({ rbac: { scope: 'cluster' }, replicas: 2 });
  });

  test('of a cluster are the fields of the CRD', () => {
    const schema = JSON.parse(readChart('dynakv-cluster', 'values.schema.json')) as Schema;
    const spec = schema.properties?.['spec'] as Schema;
    expect(Object.keys(spec.properties ?? {})).toEqual(
      expect.arrayContaining(['replicas', 'storage', 'tls', 'deletionProtection']),
    );
    expect(JSON.stringify(spec)).not.toMatch(/x-kubernetes|"default"/);
  });
});

describe('the scrape', () => {
  test('of the chart gives the same labels as the manifest', () => {
    const text = readChart('dynakv-operator', 'templates', 'podmonitors.yaml');
    const manifest = JSON.stringify(podMonitor());
    expect(manifest).toContain(clusterPodLabel);
    expect(text).toContain(`key: ${clusterPodLabel}`);
    const source = '__meta_kubernetes_pod_label_dynakv_dev_cluster';
    expect(manifest).toContain(source);
    expect(text).toContain(`sourceLabels: [${source}]`);
    expect(text).toContain(`targetLabel: ${clusterLabel}`);
  });
});
