/**
 * The faults that other specs rely on, each on three pods made by hand. Goal: a fault does what
 * its name says, and the database outlives it. Method: data written before, and read after each.
 */
import { describe, expect } from '@jest/globals';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApiProxy } from '../lib/api-proxy.ts';
import { KubeClient } from '../lib/kube-client.ts';
import { kubeconfigConnection } from '../../operator/kube/kubeconfig-connection.ts';
import type { Node, Pod } from '../lib/kube-objects.ts';
import { isTrue } from '../lib/kube-objects.ts';
import { cordon } from '../lib/node-marks.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { watchObject } from '../lib/watch-until.ts';
import { useCluster } from '../spec-cluster.ts';
import { PlainDatabase } from './plain-database.ts';

describe('platform under faults', () => {
  const spec = useCluster('platform-faults');
  const database = new PlainDatabase(spec, 3);

  spec.test('a database to break', async () => {
    await database.apply();
    await database.started();
    await database.init();
    await database.ready();
    await database.put('kept', { before: 'faults' });
  });

  spec.localTest('a killed container starts again', async (faults) => {
    const pod = await database.pod(0);
    await faults.killContainer(pod, 'dynakv');
    await database.restarted(pod);
    expect(await database.get('kept')).toEqual({ before: 'faults' });
  });

  spec.localTest(
    'a kubelet that hangs makes the node NotReady, and its pod serves on',
    async (faults) => {
      const pod = await database.pod(1);
      const node = pod.spec.nodeName ?? '';
      faults.pauseKubelet(node);
      try {
        await nodeReady(node, false);
        expect(await database.getFrom(pod.metadata.name, 'kept')).toEqual({ before: 'faults' });
      } finally {
        faults.resumeKubelet(node);
      }
      await nodeReady(node, true);
      await database.ready();
    },
  );

  spec.localTest('a node that loses power comes back with its pod and data', async (faults) => {
    const pod = await database.pod(2);
    const node = pod.spec.nodeName ?? '';
    await faults.killNode(node);
    await until('the pod to be silent', timeouts.database, async () => {
      try {
        await database.getFrom(pod.metadata.name, 'kept');
        return undefined;
      } catch {
        return true;
      }
    });
    // Two of three go on without it.
    await database.put('meanwhile', { two: 'of three' });
    faults.startKubelet(node);
    await database.restarted(pod);
    await nodeReady(node, true);
    await database.ready();
    expect(await database.getFrom(pod.metadata.name, 'meanwhile')).toEqual({ two: 'of three' });
  });

  spec.test('a way to the API server can be made silent, and be cut', async () => {
    const { kubectl, kubeconfig } = spec.environment.cluster ?? {};
    const api = await startApiProxy(kubectl ?? '', kubeconfig ?? '');
    const file = join(spec.outFolder, 'proxied.kubeconfig');
    mkdirSync(spec.outFolder, { recursive: true });
    writeFileSync(file, api.kubeconfig, { mode: 0o600 });
    const client = new KubeClient(await kubeconfigConnection({ kubeconfig: file }));
    const look = { method: 'GET', path: '/readyz' } as const;
    try {
      expect(await client.send(look)).toBe('ok');
      api.proxy.silenceOpen();
      await expect(client.send({ ...look, timeoutMs: 500 })).rejects.toThrow(/got no answer/);
      expect(await client.send(look)).toBe('ok');
      api.proxy.setMode('refuse');
      await expect(client.send(look)).rejects.toThrow(/got no answer/);
    } finally {
      client.close();
      await api.proxy.close();
      rmSync(file);
    }
  });

  spec.localTest('the database does not need the API server', async (faults) => {
    await faults.withoutApiServer(async () => {
      await expect(spec.client.get(database.podRef(0))).rejects.toThrow(/got no answer/);
      await database.put('alone', { api: 'down' });
    });
    expect(await database.get('alone')).toEqual({ api: 'down' });
  });

  spec.localTest('a volume of its own gets full, and the host does not', async () => {
    const said = await database.fillSmallVolume();
    expect(said).toMatch(/No space left on device/);
  });

  spec.localTest('a pod is not scheduled on a cordoned node of its zone', async () => {
    const before = await database.pod(0);
    const node = before.spec.nodeName ?? '';
    await cordon(spec.client, node);
    try {
      await spec.client.delete(database.podRef(0));
      await watchObject<Pod>(spec.client, database.podRef(0), {
        what: 'the new pod to be unschedulable, as its volume is bound to the zone',
        timeoutMs: timeouts.podsReady,
        missing: (pod) =>
          pod?.metadata.uid !== before.metadata.uid &&
          pod?.status?.conditions?.some((each) => each.reason === 'Unschedulable') === true
            ? undefined
            : 'it is not',
      });
    } finally {
      await cordon(spec.client, node, false);
    }
    await database.ready();
  });

  async function nodeReady(name: string, ready: boolean): Promise<void> {
    await watchObject<Node>(
      spec.client,
      { apiVersion: 'v1', kind: 'Node', name },
      {
        what: `${name} to be ${ready ? 'Ready' : 'NotReady'}`,
        timeoutMs: timeouts.nodeLost,
        missing: (node) =>
          isTrue(node?.status?.conditions, 'Ready') === ready ? undefined : 'it is not',
      },
    );
  }
});
