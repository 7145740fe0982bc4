/**
 * Another version. Goal: a cluster goes to it and back, one pod at a time, and says what it runs.
 * Method: the same programs in an image that calls itself otherwise, rolled out in both directions
 * while a checked writer goes on.
 */
import { describe, expect } from '@jest/globals';
import { loadVersion } from '../e2e-image.ts';
import { timeouts } from '../lib/timeouts.ts';
import { imageSpec } from './database-cluster.ts';
import { longStepMs, uidOf, uidsOf, useOperated } from './operated-cluster.ts';

describe('another version', () => {
  const cluster = useOperated('operator-versions');
  const { spec } = cluster;
  const { version } = imageSpec(spec.image);
  const next = `${version}-next`;
  cluster.begins();

  async function rolledTo(wanted: string): Promise<void> {
    const { demo } = cluster;
    const before = uidsOf(await demo.pods());
    const ready = await demo.ready(await demo.patch({ version: wanted }));
    expect(ready.status?.version).toBe(wanted);
    const pods = await demo.pods();
    expect(pods.filter((pod) => before.includes(uidOf(pod)))).toEqual([]);
    const text = await spec.kubectl.exec({ namespace: spec.namespace, name: 'demo-0' }, [
      'dynakv',
      'version',
    ]);
    expect(text.trim()).toBe(wanted);
    await cluster.writer.progress();
  }

  spec.localTest(
    'an image of another version is rolled out',
    async () => {
      await loadVersion(spec.environment.cluster?.provider ?? '', next);
      await rolledTo(next);
    },
    longStepMs + timeouts.image,
  );

  spec.localTest(
    'the one of before is rolled out again',
    async () => {
      await rolledTo(version);
    },
    longStepMs,
  );

  cluster.ends();
});
