/**
 * The life of a cluster in the hands of the operator. Goal: created, grown, shrunk, rolled, hit,
 * deleted and made anew, and not one acknowledged write lost. Method: a checked writer without
 * retries goes on through all of it; the operator is a process of this host.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { CheckedWriter } from '../lib/checked-writer.ts';
import type { Pod } from '../lib/kube-objects.ts';
import { isReadyPod } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { watchGone } from '../lib/watch-until.ts';
import { useCluster } from '../spec-cluster.ts';
import { DatabaseCluster, installCrd } from './database-cluster.ts';
import { OperatorProgram } from './operator-program.ts';

const stepMs = timeouts.test * 2;

describe('life of a cluster', () => {
  const spec = useCluster('operator-life');
  let operator: OperatorProgram;
  let demo: DatabaseCluster;
  let writer: CheckedWriter | undefined;

  beforeAll(async () => {
    await installCrd(spec);
    const { kubectl = '', kubeconfig = '' } = spec.environment.cluster ?? {};
    const { namespace, outFolder } = spec;
    operator = new OperatorProgram({ kubectl, kubeconfig, namespace, outFolder });
    operator.start();
    demo = new DatabaseCluster(spec, 'demo');
  }, timeouts.hook);
  afterAll(async () => {
    await writer?.stop();
    await operator.stop();
  }, timeouts.hook);

  const running = (): CheckedWriter => writer as CheckedWriter;

  spec.test(
    'three nodes become a cluster that takes writes',
    async () => {
      const start = Date.now();
      const applied = await demo.apply();
      writer = demo.writer();
      await demo.reaches('to have a database', 1, (cluster) =>
        cluster.status?.clusterId === undefined ? 'there is none' : undefined,
      );
      await writer.start();
      const value = (Date.now() - start) / 1_000;
      const what = 'apply to first acknowledged write, 3 nodes';
      spec.record({ what, value, unit: 's', atMost: 60, aim: 25 });
      const ready = await demo.ready(applied);
      expect(ready.status?.clusterId).toBe(ready.metadata.uid);
      expect(ready.status?.readyReplicas).toBe(3);
    },
    stepMs,
  );

  spec.test(
    'a fourth node is added, and taken away again, and its volume is kept',
    async () => {
      await demo.ready(await demo.scale(4));
      expect((await demo.pods()).length).toBe(4);
      const failedBefore = running().failed;
      await demo.ready(await demo.scale(3));
      await demo.podsUntil('the fourth pod to go', (pods) =>
        pods.length === 3 ? undefined : `there are ${pods.length}`,
      );
      const claims = await demo.claims();
      expect(claims.length).toBe(4);
      const retired = claims.find((claim) => claim.metadata.name === 'data-demo-3');
      expect(retired?.metadata.labels?.['dynakv.dev/retired-node-id']).toBe('4');
      spec.record({
        ...{ what: 'scale 4→3: failed requests without retries', unit: 'requests' },
        value: running().failed - failedBefore,
      });
    },
    stepMs,
  );

  spec.test('fewer nodes than copies are refused by name, and nothing moves', async () => {
    const before = await demo.pods();
    // The API server refuses it, as the cluster has an id by now.
    await expect(demo.scale(2)).rejects.toThrow(/replicationFactor|replication factor/);
    expect((await demo.pods()).map(uidOf)).toEqual(before.map(uidOf));
  });

  spec.test(
    'a volume of a removed node stops growing, with the remedy',
    async () => {
      const asked = await demo.scale(4);
      const blocked = await demo.hasReason(asked.metadata.generation ?? 0, 'RetiredVolume');
      const text = JSON.stringify(blocked.status?.conditions);
      expect(text).toContain('kubectl delete pvc data-demo-3');
      await demo.ready(await demo.scale(3));
    },
    stepMs,
  );

  spec.test(
    'a changed configuration is rolled out, one pod at a time',
    async () => {
      const before = await demo.pods();
      running().resetGap();
      const failedBefore = running().failed;
      let most = 0;
      const watch = setInterval(() => {
        void demo
          .pods()
          .then((pods) => {
            most = Math.max(most, 3 - pods.filter(isReadyPod).length);
          })
          .catch(() => undefined);
      }, 500);
      try {
        await demo.ready(await demo.patch({ config: { 'log-level': 'debug' } }));
      } finally {
        clearInterval(watch);
      }
      const after = await demo.pods();
      expect(after.filter((pod) => before.some((old) => uidOf(old) === uidOf(pod)))).toEqual([]);
      expect(most).toBeLessThanOrEqual(1);
      await running().progress();
      const value = running().failed - failedBefore;
      const what = 'roll of 3 nodes: failed requests without retries';
      spec.record({ what, value, unit: 'requests' });
      const longest = running().longestGapSeconds;
      spec.record({
        what: 'roll of 3 nodes: longest time without a write',
        value: longest,
        unit: 's',
      });
    },
    stepMs,
  );

  async function backAfter(what: string, loss: () => Promise<void>): Promise<void> {
    await running().progress();
    running().resetGap();
    await loss();
    await demo.podsUntil('three pods to be Ready', (pods) => {
      const ready = pods.filter(isReadyPod).length;
      return ready === 3 && pods.length === 3 ? undefined : `${ready} are`;
    });
    await running().progress();
    const value = running().longestGapSeconds;
    const aim = what === 'pod deleted' ? 2 : 3;
    spec.record({
      ...{ what: `${what}: longest time that a key was not written`, value, unit: 's' },
      ...{ atMost: 5, aim },
    });
    process.stderr.write(`${what}: ${running().failures}\n`);
  }

  spec.test(
    'a deleted pod is back, and its shards are written meanwhile',
    async () => {
      const before = await demo.pod(1);
      await backAfter('pod deleted', async () => {
        await spec.client.delete(demo.podRef(1));
        await demo.podsUntil('the pod to be another', (pods) =>
          pods.some((pod) => uidOf(pod) === uidOf(before)) ? 'it is there' : undefined,
        );
      });
    },
    stepMs,
  );

  spec.localTest(
    'a killed pod starts again, and its shards are written meanwhile',
    async (faults) => {
      await demo.ready();
      const before = await demo.pod(1);
      await backAfter('pod killed', async () => {
        await faults.killContainer(before, 'dynakv');
        await demo.podsUntil('the container to be started again', (pods) => {
          const pod = pods.find((each) => uidOf(each) === uidOf(before));
          return restartsOf(pod) > restartsOf(before) ? undefined : 'it is not';
        });
      });
      await demo.ready();
    },
    stepMs,
  );

  spec.test(
    'deleted and made anew on kept volumes, everything is there',
    async () => {
      const report = await running().finish();
      expect(report.acknowledged).toBeGreaterThan(100);
      const { metadata, status } = await demo.get();
      await spec.client.delete(demo.ref);
      await watchGone(spec.client, { ...demo.ref, uid: metadata.uid ?? '' });
      await demo.podsUntil('all pods to go', (pods) =>
        pods.length === 0 ? undefined : `${pods.length} are there`,
      );
      await demo.apply();
      await demo.reaches('to be adopted', 1, (cluster) =>
        cluster.status?.clusterId === undefined ? 'no database answers' : undefined,
      );
      const again = await demo.ready();
      expect(again.status?.clusterId).toBe(status?.clusterId);
      // The last read of every key, by the checker of before.
      await running().finish();
    },
    stepMs,
  );
});

function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? '';
}

function restartsOf(pod: Pod | undefined): number {
  return pod?.status?.containerStatuses?.[0]?.restartCount ?? 0;
}
