/**
 * Templates that fail. Goal: a bad image, a bad configuration and a place that does not exist stop
 * the roll at one pod, are named in the status, and are over as soon as the spec is put right, also
 * without a majority. Method: each is asked for while a checked writer goes on.
 */
import { describe, expect } from '@jest/globals';
import type { KubeObject } from '../lib/kube-objects.ts';
import { isReadyPod } from '../lib/kube-objects.ts';
import { cordon } from '../lib/node-marks.ts';
import { timeouts } from '../lib/timeouts.ts';
import type { ClusterObject } from './database-cluster.ts';
import { imageSpec } from './database-cluster.ts';
import { longStepMs, uidOf, uidsOf, useOperated } from './operated-cluster.ts';

/** Three heartbeats do not fit into an election timeout of ten ticks: a node refuses to start. */
const badConfig = { 'heartbeat-ticks': '50' };

describe('templates that fail', () => {
  const cluster = useOperated('operator-templates');
  const { spec } = cluster;
  cluster.begins({ update: { progressDeadlineSeconds: 30 } });

  interface Template {
    readonly spec: { readonly containers: readonly { readonly image: string }[] };
  }
  async function imageOfSet(): Promise<string> {
    const set = await spec.client.get<KubeObject>(cluster.demo.setRef);
    const { template } = set['spec'] as { readonly template: Template };
    return template.spec.containers[0]?.image ?? '';
  }

  async function blocked(asked: ClusterObject): Promise<ClusterObject> {
    return await cluster.demo.hasReason(asked.metadata.generation ?? 0, 'DeadlineExceeded');
  }

  spec.test(
    'an image that does not exist stops the roll, and what is evicted comes back as it was',
    async () => {
      const { demo } = cluster;
      const { version } = imageSpec(spec.image);
      const before = await demo.pods();
      const stuck = await blocked(await demo.patch({ version: 'no-such-version' }));
      expect(JSON.stringify(stuck.status?.conditions)).toContain('new template failed');
      const during = await demo.pods();
      expect(uidsOf(during).filter((uid) => !uidsOf(before).includes(uid)).length).toBe(1);
      expect(await imageOfSet()).toBe(spec.image);
      const victim = during.find(isReadyPod);
      expect(victim).toBeDefined();
      if (victim !== undefined) {
        await spec.client.delete(demo.podRef(Number(victim.metadata.name.split('-').at(-1))));
        await cluster.replaced(victim);
      }
      await cluster.writer.progress();
      await demo.ready(await demo.patch({ version }));
      await cluster.serves(3);
    },
    longStepMs,
  );

  spec.test(
    'a configuration that a node refuses stops the roll at one pod, and is put right',
    async () => {
      const { demo } = cluster;
      const before = await demo.pods();
      const stuck = await blocked(await demo.patch({ config: badConfig }));
      // The node's own sentence is where people look.
      expect(JSON.stringify(stuck.status?.conditions)).toContain('heartbeat');
      const kept = (await demo.pods()).filter((pod) => uidsOf(before).includes(uidOf(pod)));
      expect(kept.filter(isReadyPod).length).toBe(2);
      await cluster.writer.progress();
      await demo.ready(await demo.patch({ config: null }));
      await cluster.serves(3);
    },
    longStepMs,
  );

  spec.test(
    'two pods broken by a configuration, no majority: putting it right is enough',
    async () => {
      const { demo } = cluster;
      const before = await demo.pods();
      // Another than before: the one that failed is not tried again.
      const asked = await demo.patch({ config: { 'heartbeat-ticks': '60' } });
      await demo.podsUntil('a pod of the bad template', (pods) =>
        pods.some((pod) => !uidsOf(before).includes(uidOf(pod))) ? undefined : 'there is none',
      );
      const victim = (await demo.pods()).find((pod) => uidsOf(before).includes(uidOf(pod)));
      expect(victim).toBeDefined();
      if (victim !== undefined) {
        await spec.client.delete(demo.podRef(Number(victim.metadata.name.split('-').at(-1))));
      }
      await demo.podsUntil('two pods to be broken', (pods) => {
        const made = pods.filter((pod) => !uidsOf(before).includes(uidOf(pod)));
        const broken = made.filter((pod) => !isReadyPod(pod));
        return broken.length === 2 ? undefined : `${broken.length} are`;
      });
      await blocked(asked);
      await demo.ready(await demo.patch({ config: null }));
      await cluster.serves(3);
    },
    longStepMs,
  );

  spec.test(
    'a pod that no machine takes holds the roll, and is placed as soon as the spec allows it',
    async () => {
      const { demo } = cluster;
      const asked = await demo.patch({ pod: { nodeSelector: { 'dynakv.dev/nowhere': 'true' } } });
      await demo.hasReason(asked.metadata.generation ?? 0, 'PodsUnschedulable');
      expect((await demo.pods()).filter(isReadyPod).length).toBe(2);
      await cluster.writer.progress();
      await demo.ready(await demo.patch({ pod: { nodeSelector: null } }));
      await cluster.serves(3);
    },
    longStepMs,
  );

  spec.test(
    'with one of three down a roll waits, says for whom, and goes on by itself',
    async () => {
      const { demo } = cluster;
      const away = await demo.pod(2);
      const machine = away.spec.nodeName ?? '';
      await cordon(spec.client, machine);
      try {
        await spec.client.delete(demo.podRef(2));
        await demo.podsUntil('the pod to have no machine', (pods) => {
          const pod = pods.find((each) => each.metadata.name === away.metadata.name);
          const isNew = pod !== undefined && uidOf(pod) !== uidOf(away);
          const scheduled = pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled');
          return isNew && scheduled?.status === 'False' ? undefined : 'it has one';
        });
        const before = await demo.pods();
        const asked = await demo.patch({ config: { 'log-level': 'debug' } });
        await demo.reaches(
          'to say for whom the roll waits',
          asked.metadata.generation ?? 0,
          ({ status }) =>
            JSON.stringify([status?.operations, status?.conditions]).includes('demo-2')
              ? undefined
              : 'it does not',
        );
        await cluster.writer.progress(100);
        const serving = (await demo.pods()).filter(isReadyPod);
        expect(uidsOf(serving)).toEqual(uidsOf(before.filter(isReadyPod)));
        expect(serving.length).toBe(2);
      } finally {
        await cordon(spec.client, machine, false);
      }
      await demo.ready(await demo.get(), timeouts.podsReady * 3);
      await cluster.serves(3);
    },
    longStepMs,
  );

  cluster.ends();
});
