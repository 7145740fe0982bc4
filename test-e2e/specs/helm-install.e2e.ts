/**
 * What a user of helm does, on a real Kubernetes. Goal: the operator comes up from its chart under
 * the restricted profile with a standby, with permissions in one namespace only; a cluster from the
 * other chart becomes Ready; `helm test` of both passes; every query of every panel and alert finds
 * series of its pods in a real Prometheus. Method: helm as people call it, in the spec's namespace.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { join } from 'node:path';
import { tryRun } from '../lib/command.ts';
import type { Condition, KubeObject, Pod } from '../lib/kube-objects.ts';
import { isTrue } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { watchGone, watchObject } from '../lib/watch-until.ts';
import { useCluster } from '../spec-cluster.ts';
import { installCrd } from './database-cluster.ts';
import { HelmCharts, imageValues } from './helm-charts.ts';

const root = join(import.meta.dirname, '..', '..');
const liveCheck = join(root, 'manifests', 'source', 'live-check.ts');

interface DynamoCluster extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[] };
}

describe('helm install', () => {
  let charts: HelmCharts | undefined;
  // Before the namespace goes: roles of the whole cluster belong to the release.
  afterAll(async () => {
    await charts?.uninstallOperator();
  }, timeouts.hook);

  const spec = useCluster('helm-install');
  const cluster = {
    ...{ apiVersion: 'dynakv.dev/v1alpha1', kind: 'DynamoCluster' },
    ...{ namespace: spec.namespace, name: 'demo' },
  };
  const helm = async (...args: readonly string[]): Promise<string> =>
    await (charts as HelmCharts).run(...args);

  beforeAll(async () => {
    charts = await HelmCharts.open(spec);
    await installCrd(spec);
  }, timeouts.hook);

  spec.test('the operator comes up from its chart, with a standby', async () => {
    await charts?.operator('install');
    const { items } = await spec.client.list<Pod>({
      ...{ apiVersion: 'v1', kind: 'Pod', namespace: spec.namespace },
      labelSelector: 'app.kubernetes.io/name=dynakv-operator',
    });
    expect(items).toHaveLength(2);
  });

  spec.test('its helm test passes', async () => {
    await charts?.testOperator();
  });

  spec.test(
    'a cluster from the other chart becomes Ready',
    async () => {
      await helm(
        ...['install', 'demo', 'dynakv-cluster', ...imageValues(spec.image, 'spec.')],
        ...['--set=spec.shards=16', '--set=spec.storage.size=1Gi'],
        ...['--set=spec.resources.requests.cpu=50m', '--set=spec.resources.requests.memory=320Mi'],
      );
      await watchObject<DynamoCluster>(spec.client, cluster, {
        what: 'the cluster to be Ready',
        timeoutMs: timeouts.podsReady + timeouts.database,
        missing: (object) => {
          const conditions = object?.status?.conditions;
          return isTrue(conditions, 'Ready')
            ? undefined
            : JSON.stringify(conditions ?? 'nothing yet');
        },
      });
    },
    timeouts.podsReady + timeouts.test,
  );

  spec.test('the helm test of the cluster passes', async () => {
    await helm('test', 'demo', '--timeout=150s');
  });

  spec.test(
    'every query of panels and alerts finds series of its pods',
    async () => {
      const { namespace, reach } = spec;
      const nodes: string[] = [];
      const clients: string[] = [];
      for (const pod of ['demo-0', 'demo-1', 'demo-2']) {
        const operations = await reach.pod(namespace, pod, 9_100);
        const client = await reach.pod(namespace, pod, 8_000);
        nodes.push(`${pod}=${operations.host}:${operations.port}`);
        clients.push(`--client=http://${client.host}:${client.port}`);
      }
      const { code, stdout, stderr } = await tryRun(
        process.execPath,
        [liveCheck, `--namespace=${namespace}`, '--cluster=demo', ...clients, ...nodes],
        { timeoutMs: timeouts.install },
      );
      const lines = `${stdout}${stderr}`.trim().split('\n');
      expect(lines.filter((line) => line.startsWith('FAILED'))).toEqual([]);
      expect([code, lines.at(-1)]).toEqual([0, expect.stringMatching(/^\d+ passed, 0 failed$/)]);
    },
    timeouts.install,
  );

  spec.test('a release that goes takes its cluster along', async () => {
    const { metadata } = await spec.client.get(cluster);
    await helm('uninstall', 'demo');
    await watchGone(spec.client, { ...cluster, uid: metadata.uid ?? '' });
  });
});
