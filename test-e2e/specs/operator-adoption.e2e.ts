/**
 * Clusters that end and begin. Goal: volumes that were kept are adopted, also by a cluster with
 * fewer nodes; contradictory ones are refused by name; deletion leaves or takes the volumes as the
 * spec says, and needs no operator. Method: a cluster is deleted and made anew again and again, its
 * data read each time.
 */
import { describe, expect } from '@jest/globals';
import type { KubeObject, PersistentVolumeClaim } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { watchGone, watchUntil } from '../lib/watch-until.ts';
import { DatabaseCluster } from './database-cluster.ts';
import { longStepMs, useOperated } from './operated-cluster.ts';

const clusterIdLabel = 'dynakv.dev/cluster-id';

describe('clusters that end and begin', () => {
  const cluster = useOperated('operator-adoption');
  const { spec } = cluster;
  cluster.begins();

  /** The custom resource, and every pod of it, is gone. */
  async function deleted(database: DatabaseCluster): Promise<void> {
    const { metadata } = await database.get();
    await spec.client.delete(database.ref);
    await watchGone(spec.client, { ...database.ref, uid: metadata.uid ?? '' });
    await database.podsUntil('all pods to go', (pods) =>
      pods.length === 0 ? undefined : `${pods.length} are there`,
    );
  }

  spec.test(
    'made anew with one node on the volumes of three: all three are adopted, none is taken away',
    async () => {
      const { demo } = cluster;
      const { status } = await demo.get();
      await deleted(demo);
      expect((await demo.claims()).length).toBe(3);
      const applied = await demo.apply({ replicas: 1 });
      const blocked = await demo.hasReason(
        applied.metadata.generation ?? 0,
        'BelowReplicationFactor',
      );
      expect(blocked.status?.clusterId).toBe(status?.clusterId);
      await cluster.serves(3);
      await demo.ready(await demo.scale(3));
      expect((await demo.get()).status?.clusterId).toBe(status?.clusterId);
      await cluster.writer.progress();
    },
    longStepMs,
  );

  spec.test(
    'volumes of two databases: nothing is begun before a person has said which',
    async () => {
      const { demo } = cluster;
      const { status } = await demo.get();
      await deleted(demo);
      const claim = (await demo.claims()).find(({ metadata }) => metadata.name === 'data-demo-1');
      const ref = { ...claimRef(spec.namespace, 'data-demo-1') };
      const kept = claim?.metadata.labels?.[clusterIdLabel] ?? '';
      expect(kept).toBe(status?.clusterId);
      const another = '00000000-0000-4000-8000-000000000000';
      await spec.client.patch(ref, { metadata: { labels: { [clusterIdLabel]: another } } });
      const applied = await demo.apply();
      const generation = applied.metadata.generation ?? 0;
      const refused = await demo.hasReason(generation, 'BootstrapAmbiguous');
      expect(JSON.stringify(refused.status?.conditions)).toContain(another);
      await spec.client.patch(ref, { metadata: { labels: { [clusterIdLabel]: kept } } });
      const again = await demo.ready(applied);
      expect(again.status?.clusterId).toBe(status?.clusterId);
      await cluster.serves(3);
    },
    longStepMs,
  );

  cluster.ends();

  spec.test(
    'with whenDeleted Delete the volumes go with the cluster, and those of others stay',
    async () => {
      const other = new DatabaseCluster(spec, 'other');
      const storage = { size: '1Gi', retention: { whenDeleted: 'Delete' } };
      await other.ready(await other.apply({ replicas: 1, storage }));
      expect((await other.claims()).length).toBe(1);
      await deleted(other);
      await watchUntil<PersistentVolumeClaim>(
        spec.client,
        {
          ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: spec.namespace },
          labelSelector: 'dynakv.dev/cluster=other',
        },
        {
          what: 'its volumes to be gone',
          timeoutMs: timeouts.gone,
          missing: (claims) => (claims.length === 0 ? undefined : `${claims.length} are there`),
        },
      );
      expect((await cluster.demo.claims()).length).toBe(3);
    },
    longStepMs,
  );

  spec.test(
    'a cluster is deleted while nobody operates, and its whole namespace too',
    async () => {
      await cluster.operator.stop();
      await deleted(cluster.demo);
      await cluster.demo.apply();
      await spec.client.delete(namespaceRef(spec.namespace));
      await watchGone(spec.client, namespaceRef(spec.namespace));
    },
    longStepMs,
  );
});

function claimRef(namespace: string, name: string) {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name } as const;
}

function namespaceRef(name: string): Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly name: string;
} {
  return { apiVersion: 'v1', kind: 'Namespace', name };
}
