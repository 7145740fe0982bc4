/**
 * The test platform itself, and the image: three pods of the database in three zones, made by hand
 * as the operator will make them. Goal: whatever fails later is not the platform's fault. Method:
 * plain manifests, the database's own admin call to create a cluster, data written and read.
 */
import { describe, expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Node, PersistentVolumeClaim } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
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
