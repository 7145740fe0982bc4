/**
 * The test platform itself, and the image: three pods of the database in three zones, made by hand
 * as the operator will make them. Goal: whatever fails later is not the platform's fault. Method:
 * plain manifests, the database's own admin call to create a cluster, then the faults that later
 * specs rely on, with data written before and read after each.
 */
import { describe, expect } from '@jest/globals';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApiProxy } from '../lib/api-proxy.ts';
import { KubeClient } from '../lib/kube-client.ts';
import { kubeconfigConnection } from '../../operator/kube/kubeconfig-connection.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../lib/kube-objects.ts';
import { isTrue } from '../lib/kube-objects.ts';
import { cordon } from '../lib/node-marks.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { watchObject } from '../lib/watch-until.ts';
import { useCluster } from '../spec-cluster.ts';
import { PlainDatabase } from './plain-database.ts';

describe('platform', () => {
  const spec = useCluster('platform');
  const database = new PlainDatabase(spec, 3);

  spec.test('three pods with volumes start in three zones', async () => {
    const began = performance.now();
    await database.apply();
    const pods = await database.started();
    spec.record({
      what: 'plain StatefulSet applied → three containers run',
      value: (performance.now() - began) / 1_000,
      unit: 's',
    });
    const nodes = await spec.client.list<Node>({ apiVersion: 'v1', kind: 'Node' });
    const zoneOf = new Map(
      nodes.items.map(({ metadata }) => [
        metadata.name,
        metadata.labels?.['topology.kubernetes.io/zone'],
      ]),
    );
    const zones = pods.map((pod) => zoneOf.get(pod.spec.nodeName ?? ''));
    expect(new Set(zones).size).toBe(3);
  });

  spec.test('the image says its version and runs as nobody', async () => {
    const manifest = readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect((await database.exec(0, ['dynakv', 'version'])).trim()).toBe(version);
    expect((await database.exec(0, ['id', '-u'])).trim()).toBe('10001');
    await expect(database.exec(0, ['sh', '-c', 'echo x >/opt/dynakv/x'])).rejects.toThrow(
      /Read-only file system/,
    );
  });

  spec.test('three nodes become a cluster and are Ready', async () => {
    await database.init();
    await database.ready();
    const status = await database.exec(1, ['dynakv', 'status']);
    expect(status).toMatch(/nodes +3 of 3 active/);
  });

  spec.test('the Service reaches the database, by address and by name', async () => {
    await database.put('first', { written: 1 });
    expect(await database.get('first')).toEqual({ written: 1 });
    const url = `http://client.${spec.namespace}.svc.cluster.local:8000/key/first`;
    const script = `const a = await fetch('${url}'); process.stdout.write(await a.text());`;
    const said = await database.exec(2, ['node', '--input-type=module', '-e', script]);
    expect(JSON.parse(said)).toEqual({ written: 1 });
  });

  spec.test('logs tell of the start', async () => {
    const log = await spec.kubectl.logs({ namespace: spec.namespace, name: 'db-0' });
    expect(log).toContain('Waiting to be made a member of a cluster');
  });

  spec.test('data outlives its pod', async () => {
    const claim = await spec.client.get<PersistentVolumeClaim>(database.claim(0));
    const before = await database.pod(0);
    await spec.client.delete(database.podRef(0));
    await database.replaced(before);
    await database.ready();
    const after = await spec.client.get<PersistentVolumeClaim>(database.claim(0));
    expect(after.metadata.uid).toBe(claim.metadata.uid);
    expect(await database.get('first')).toEqual({ written: 1 });
    expect(await database.exec(0, ['dynakv', 'status'])).toMatch(/nodes +3 of 3 active/);
  });

  // Not every storage class of other providers can.
  spec.localTest('a claim grows when it is told to', async () => {
    await spec.client.patch(database.claim(2), {
      spec: { resources: { requests: { storage: '2Gi' } } },
    });
    await watchObject<PersistentVolumeClaim>(spec.client, database.claim(2), {
      what: 'the claim to have grown',
      timeoutMs: timeouts.podsReady,
      missing: (claim) => {
        const storage = claim?.status?.capacity?.['storage'];
        return storage === '2Gi' ? undefined : `its capacity is ${storage ?? 'unknown'}`;
      },
    });
  });
});

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
