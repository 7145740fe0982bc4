/**
 * Growing and shrinking, and people who change their mind. Goal: a drain is called off at each of
 * its phases, a StatefulSet scaled by hand in the middle of it takes no data along, and what was
 * asked for last is what there is in the end. Method: a checked writer throughout; the operator is
 * stopped where a phase would be over too soon to be seen.
 */
import { describe, expect } from '@jest/globals';
import type { KubeObject } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { until } from '../lib/waiting.ts';
import { watchObject } from '../lib/watch-until.ts';
import type { ClusterObject } from './database-cluster.ts';
import { longStepMs, uidsOf, useOperated } from './operated-cluster.ts';

describe('drains and changes of mind', () => {
  const cluster = useOperated('operator-drains');
  const { spec } = cluster;
  cluster.begins({ replicas: 4 });

  /** The cluster is taking its last node away, and is at this step. */
  async function isAt(asked: ClusterObject, step: string): Promise<void> {
    await cluster.demo.reaches(`to be at ${step}`, asked.metadata.generation ?? 0, (object) => {
      const [operation] = object.status?.operations ?? [];
      return operation?.type === 'ScaleDown' && operation.step === step
        ? undefined
        : `it is at ${operation?.type ?? 'nothing'} ${operation?.step ?? ''}`;
    });
  }

  /** Four nodes again, the last one as it was. */
  async function calledOff(asked: ClusterObject, before: readonly string[]): Promise<void> {
    await cluster.demo.ready(asked);
    expect(uidsOf(await cluster.demo.pods())).toEqual(before);
    expect(await cluster.demo.nodeState(4)).toBe('active');
    await cluster.writer.progress();
  }

  spec.test(
    'called off while spec.replicas must stay as it is',
    async () => {
      const { demo } = cluster;
      const before = uidsOf(await demo.pods());
      const slow = { scaleDown: { stabilizationSeconds: 600 } };
      await isAt(await demo.patch({ ...slow, replicas: 3 }), 'Stabilize');
      const quick = { scaleDown: { stabilizationSeconds: 0 } };
      await calledOff(await demo.patch({ ...quick, replicas: 4 }), before);
    },
    longStepMs,
  );

  spec.test(
    'called off while shards leave, and the StatefulSet scaled by hand meanwhile',
    async () => {
      const { demo } = cluster;
      const before = uidsOf(await demo.pods());
      // What leaves has to be copied, and nothing is.
      await demo.ready(await demo.patch({ rebalance: { mode: 'Paused' } }));
      await isAt(await demo.scale(3), 'Drain');
      const set = await spec.client.patch<KubeObject>(demo.setRef, { spec: { replicas: 3 } });
      await watchObject<KubeObject>(spec.client, demo.setRef, {
        what: 'the set to be scaled back',
        timeoutMs: timeouts.podsReady,
        missing: (now) =>
          now?.metadata.generation !== set.metadata.generation && replicasOf(now) === 4
            ? undefined
            : `it has ${replicasOf(now)} replicas`,
      });
      await cluster.serves(4);
      expect((await demo.claims()).length).toBe(4);
      const now = uidsOf(await demo.pods());
      expect(now.slice(0, 3)).toEqual(before.slice(0, 3));
      await calledOff(await demo.patch({ replicas: 4, rebalance: { mode: 'Auto' } }), now);
    },
    longStepMs,
  );

  spec.test(
    'called off when the node is empty and not yet removed',
    async () => {
      const { demo, operator } = cluster;
      const before = uidsOf(await demo.pods());
      await isAt(await demo.scale(3), 'Drain');
      operator.freeze();
      try {
        await until('the node to be drained', timeouts.podsReady, async () =>
          (await demo.nodeState(4)) === 'drained' ? true : undefined,
        );
        await demo.scale(4);
      } finally {
        operator.resume();
      }
      await calledOff(await demo.get(), before);
    },
    longStepMs,
  );

  spec.test(
    'lowered, raised and lowered again in one breath: the last word counts',
    async () => {
      const { demo } = cluster;
      await demo.scale(3);
      await demo.scale(4);
      await demo.scale(5);
      await demo.scale(4);
      const last = await demo.scale(3);
      await demo.ready(last, longStepMs);
      await cluster.serves(3);
      const retired = (await demo.claims()).filter(
        (claim) => claim.metadata.labels?.['dynakv.dev/retired-node-id'] !== undefined,
      );
      expect(retired.map((claim) => claim.metadata.name)).toContain('data-demo-3');
    },
    longStepMs,
  );

  spec.test(
    'kubectl scale to five, once the volumes of removed nodes are gone, and back to three',
    async () => {
      const { demo } = cluster;
      const refused = await demo.scale(5);
      await demo.hasReason(refused.metadata.generation ?? 0, 'RetiredVolume');
      for (const claim of await demo.claims()) {
        if (claim.metadata.labels?.['dynakv.dev/retired-node-id'] !== undefined) {
          const { namespace } = spec;
          const { name } = claim.metadata;
          await spec.client.delete({ apiVersion: 'v1', kind: claim.kind, namespace, name });
        }
      }
      await demo.ready(await demo.get(), longStepMs);
      await cluster.serves(5);
      await spec.kubectl.run([
        ...['scale', 'dynamocluster/demo', '--replicas=3', '--namespace', spec.namespace],
      ]);
      await demo.ready(await demo.get(), longStepMs);
      await cluster.serves(3);
    },
    longStepMs * 2,
  );

  cluster.ends();
});

function replicasOf(set: KubeObject | undefined): number {
  return (set?.['spec'] as { readonly replicas?: number } | undefined)?.replicas ?? 0;
}
