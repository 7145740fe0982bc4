/**
 * The middle tier itself. Goal: the API server, the StatefulSet controller, the scheduler and the
 * garbage collector behave as in a real cluster, and the fake kubelets do what they are told.
 * Method: one StatefulSet with claims, then each fault that later specs rely on.
 */
import { describe, expect } from '@jest/globals';
import type { KubeClient } from '../lib/kube-client.ts';
import type { KubeObject, Node, PersistentVolumeClaim, Pod } from '../lib/kube-objects.ts';
import { isReadyPod } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { watchGone, watchObject, watchUntil } from '../lib/watch-until.ts';
import { middleNamespace as namespace, useMiddle } from '../spec-middle.ts';

const pods = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: 'app=x' };
const podRef = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace, name }) as const;
const set = { apiVersion: 'apps/v1', kind: 'StatefulSet', namespace, name: 'x' };
const configMaps = { apiVersion: 'v1', kind: 'ConfigMap', namespace };
const configMap = { ...configMaps, name: 'note' };

describe('middle tier', () => {
  const spec = useMiddle('middle-tier');
  const client = (): KubeClient => spec.cluster.client;

  spec.test('a StatefulSet becomes Ready in three zones, with bound claims', async () => {
    await client().apply(statefulSet(3));
    const ready = await readyPods(3);
    const nodes = await client().list<Node>({ apiVersion: 'v1', kind: 'Node' });
    const zones = new Set(
      ready.map((pod) => {
        const node = nodes.items.find((each) => each.metadata.name === pod.spec.nodeName);
        return node?.metadata.labels?.['topology.kubernetes.io/zone'];
      }),
    );
    expect(zones.size).toBe(3);
    const claims = await client().list<PersistentVolumeClaim>({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      namespace,
    });
    expect(claims.items.map((claim) => claim.status?.phase)).toEqual(['Bound', 'Bound', 'Bound']);
  });

  spec.test('a deleted pod comes back under another uid', async () => {
    const before = await client().get<Pod>(podRef('x-1'));
    await client().delete(podRef('x-1'));
    await watchGone(client(), { ...podRef('x-1'), uid: before.metadata.uid ?? '' });
    await readyPods(3);
  });

  spec.test('a pod fails and recovers as it is told', async () => {
    const { nodes } = spec.cluster;
    nodes.setFate(namespace, 'x-0', 'not-ready');
    await readyPods(2);
    nodes.setFate(namespace, 'x-0', 'crash-loop');
    await watchObject<Pod>(client(), podRef('x-0'), {
      what: 'the pod to crash',
      timeoutMs: timeouts.podsReady,
      missing: (pod) =>
        pod?.status?.containerStatuses?.[0]?.restartCount === 1 ? undefined : 'it has not',
    });
    nodes.setFate(namespace, 'x-0', 'ready');
    await readyPods(3);
  });

  spec.test('pods of a node whose kubelet is dead stay Terminating', async () => {
    const pod = await client().get<Pod>(podRef('x-2'));
    const node = pod.spec.nodeName ?? '';
    spec.cluster.nodes.setWorking(node, false);
    await client().delete(podRef('x-2'));
    // A neighbour's deletion goes through meanwhile, so the loop has looked at both.
    const neighbour = await client().get<Pod>(podRef('x-1'));
    await client().delete(podRef('x-1'));
    await watchGone(client(), { ...podRef('x-1'), uid: neighbour.metadata.uid ?? '' });
    const lingering = await client().get<Pod>(podRef('x-2'));
    expect(lingering.metadata.uid).toBe(pod.metadata.uid);
    expect(lingering.metadata.deletionTimestamp).toBeDefined();
    spec.cluster.nodes.setWorking(node, true);
    await readyPods(3);
  });

  spec.test('objects outlive the API server', async () => {
    await spec.cluster.withoutApiServer(async () => {
      await expect(client().get(set)).rejects.toThrow(/got no answer/);
    });
    expect((await readyPods(3)).length).toBe(3);
  });

  spec.test('a watch through the proxy dies without a word, and a new one works', async () => {
    const proxied = spec.cluster.proxiedClient();
    const other = spec.cluster.proxiedClient();
    const end = new AbortController();
    const seen: string[] = [];
    const { resourceVersion } = await proxied.list(configMaps);
    const watching = (async () => {
      for await (const { object } of proxied.watch(configMaps, resourceVersion, end.signal)) {
        seen.push(JSON.stringify(object['data']));
      }
    })().catch(() => undefined);
    try {
      await client().apply(note('1'));
      await until('the watch to tell', timeouts.request, () =>
        seen.includes('{"n":"1"}') ? true : undefined,
      );
      spec.cluster.proxy.silenceOpen();
      await client().apply(note('2'));
      // Another connection through the same proxy is alive.
      expect((await other.get(configMap))['data']).toEqual({ n: '2' });
      expect(seen).not.toContain('{"n":"2"}');
    } finally {
      end.abort();
      await watching;
      other.close();
      proxied.close();
    }
  });

  spec.test('a pod that nothing fits is Unschedulable', async () => {
    await client().apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'big', namespace },
      spec: { containers: [{ ...container, resources: { requests: { cpu: '1000' } } }] },
    });
    await watchObject<Pod>(client(), podRef('big'), {
      what: 'the scheduler to give up',
      timeoutMs: timeouts.podsReady,
      missing: (pod) =>
        pod?.status?.conditions?.some((each) => each.reason === 'Unschedulable') === true
          ? undefined
          : 'it has not',
    });
  });

  spec.test('claims outlive their StatefulSet, pods do not', async () => {
    await client().delete(set, { propagationPolicy: 'Foreground' });
    await watchGone(client(), set);
    expect((await client().list(pods)).items).toEqual([]);
    const found = await client().get<PersistentVolumeClaim>(claim);
    expect(found.status?.phase).toBe('Bound');
  });

  spec.test('a claim that is another by now is not deleted', async () => {
    const uid = '00000000-0000-0000-0000-000000000000';
    await expect(client().delete(claim, { uid })).rejects.toMatchObject({ status: 409 });
    await client().delete(claim);
    await watchGone(client(), claim);
  });

  async function readyPods(count: number): Promise<readonly Pod[]> {
    const found = await watchUntil<Pod>(client(), pods, {
      what: `${count} pods to be Ready`,
      timeoutMs: timeouts.podsReady,
      missing: (all) => {
        const ready = all.filter(isReadyPod).length;
        const problems = spec.cluster.nodes.problems.join('; ');
        return ready === count ? undefined : `${ready} are; ${problems}`;
      },
    });
    return found.filter(isReadyPod);
  }
});

const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: 'data-x-0' };
const container = { name: 'main', image: 'fake' };

function note(n: string): KubeObject {
  const { apiVersion, kind, ...metadata } = configMap;
  return { apiVersion, kind, metadata, data: { n } };
}

function statefulSet(replicas: number): KubeObject {
  const labels = { app: 'x' };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'x', namespace },
    spec: {
      replicas,
      serviceName: 'x',
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: labels },
            },
          ],
          containers: [{ ...container, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    },
  };
}
