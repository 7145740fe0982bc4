/**
 * What people and machines do to a cluster behind the operator's back: pods killed, the StatefulSet
 * deleted or scaled, names taken. Goal: everything comes back, nobody else's object is touched,
 * nothing is lost. Method: each is done while a checked writer goes on.
 */
import { describe, expect } from '@jest/globals';
import type { KubeObject } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { watchObject } from '../lib/watch-until.ts';
import { DatabaseCluster } from './database-cluster.ts';
import { longStepMs, uidOf, uidsOf, useOperated } from './operated-cluster.ts';

describe('behind the operator’s back', () => {
  const cluster = useOperated('operator-hands');
  const { spec } = cluster;
  cluster.begins();

  /** Deletes the StatefulSet; resolves when there is another, with three replicas. */
  async function loseSet(propagationPolicy: 'Orphan' | 'Foreground'): Promise<void> {
    const old = await spec.client.get<KubeObject>(cluster.demo.setRef);
    await spec.client.delete(cluster.demo.setRef, { propagationPolicy });
    await watchObject<KubeObject>(spec.client, cluster.demo.setRef, {
      what: 'the StatefulSet to be back',
      timeoutMs: timeouts.podsReady,
      missing: (set) => {
        const replicas = replicasOf(set);
        const isNew = set !== undefined && set.metadata.uid !== old.metadata.uid;
        return isNew && replicas === 3 ? undefined : `it has ${replicas} replicas`;
      },
    });
  }

  spec.test(
    'the StatefulSet deleted, its pods left alone: they are taken over',
    async () => {
      const { demo } = cluster;
      const before = await demo.pods();
      await loseSet('Orphan');
      await demo.ready();
      await demo.podsUntil('the pods to be owned again', (pods) =>
        pods.every((pod) => (pod.metadata.ownerReferences ?? []).length === 1)
          ? undefined
          : 'some are not',
      );
      expect(uidsOf(await demo.pods())).toEqual(uidsOf(before));
      await cluster.writer.progress();
    },
    longStepMs,
  );

  spec.test(
    'the StatefulSet deleted with its pods: they come back with their data',
    async () => {
      const { demo } = cluster;
      const before = await demo.pods();
      await loseSet('Foreground');
      await demo.podsUntil('three other pods', (pods) => {
        const fresh = pods.filter((pod) => !uidsOf(before).includes(uidOf(pod)));
        return fresh.length === 3 && pods.length === 3 ? undefined : `there are ${fresh.length}`;
      });
      await cluster.serves(3);
      await demo.ready();
    },
    longStepMs,
  );

  spec.test(
    'all pods deleted at once come back with their data',
    async () => {
      const { demo } = cluster;
      const before = await demo.pods();
      await Promise.all([0, 1, 2].map(async (n) => await spec.client.delete(demo.podRef(n))));
      await demo.podsUntil('three other pods', (pods) => {
        const fresh = pods.filter((pod) => !uidsOf(before).includes(uidOf(pod)));
        return fresh.length === 3 && pods.length === 3 ? undefined : `there are ${fresh.length}`;
      });
      await cluster.serves(3);
      await demo.ready();
    },
    longStepMs,
  );

  async function scaledBackFrom(replicas: number): Promise<void> {
    const { demo } = cluster;
    const set = await spec.client.patch<KubeObject>(demo.setRef, { spec: { replicas } });
    await watchObject<KubeObject>(spec.client, demo.setRef, {
      what: 'the set to be scaled back',
      timeoutMs: timeouts.podsReady,
      missing: (now) =>
        now?.metadata.generation !== set.metadata.generation && replicasOf(now) === 3
          ? undefined
          : `it has ${replicasOf(now)} replicas`,
    });
    await cluster.serves(3);
    await demo.ready();
  }

  spec.test(
    'the StatefulSet scaled to one is scaled back',
    async () => {
      await scaledBackFrom(1);
    },
    longStepMs,
  );

  spec.test(
    'the StatefulSet scaled to nothing is scaled back',
    async () => {
      await scaledBackFrom(0);
    },
    longStepMs,
  );

  spec.test(
    'paused, nothing is changed; afterwards everything is',
    async () => {
      const { demo } = cluster;
      const before = uidsOf(await demo.pods());
      const paused = await demo.patch({ paused: true, config: { 'log-level': 'debug' } });
      await demo.hasReason(paused.metadata.generation ?? 0, 'Paused');
      await cluster.writer.progress(100);
      expect(uidsOf(await demo.pods())).toEqual(before);
      await demo.ready(await demo.patch({ paused: false }));
      const after = uidsOf(await demo.pods());
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
    },
    longStepMs,
  );

  spec.test(
    'an object of somebody else with the name of ours is left alone and named',
    async () => {
      const other = new DatabaseCluster(spec, 'taken');
      const foreign: KubeObject = {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'taken', namespace: spec.namespace },
        spec: {
          replicas: 0,
          serviceName: 'taken',
          selector: { matchLabels: { app: 'taken' } },
          template: {
            metadata: { labels: { app: 'taken' } },
            spec: { containers: [{ name: 'other', image: spec.image }] },
          },
        },
      };
      const made = await spec.client.create<KubeObject>(foreign);
      const applied = await other.apply({ replicas: 1 });
      const named = await other.hasReason(applied.metadata.generation ?? 0, 'NameCollision');
      expect(JSON.stringify(named.status?.conditions)).toContain('taken');
      const still = await spec.client.get<KubeObject>(other.setRef);
      expect(still.metadata.uid).toBe(made.metadata.uid);
      expect(replicasOf(still)).toBe(0);
      await spec.client.delete(other.setRef);
      await other.ready(applied);
      await spec.client.delete(other.ref);
    },
    longStepMs,
  );

  cluster.ends();
});

function replicasOf(set: KubeObject | undefined): number {
  return (set?.['spec'] as { readonly replicas?: number } | undefined)?.replicas ?? 0;
}
