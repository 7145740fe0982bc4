/**
 * Clusters of other sizes. Goal: one node, five nodes and the empty spec become databases that keep
 * what they acknowledge. Method: created one after the other, each written to and read back.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { watchGone } from '../lib/watch-until.ts';
import { timeouts } from '../lib/timeouts.ts';
import { useCluster } from '../spec-cluster.ts';
import { DatabaseCluster, imageSpec, installCrd } from './database-cluster.ts';
import { longStepMs } from './operated-cluster.ts';
import { OperatorProgram } from './operator-program.ts';

describe('sizes of clusters', () => {
  const spec = useCluster('operator-sizes');
  let operator: OperatorProgram | undefined;

  beforeAll(async () => {
    await installCrd(spec);
    const { kubectl = '', kubeconfig = '' } = spec.environment.cluster ?? {};
    const { namespace, outFolder } = spec;
    // A cluster that names no version gets the one that the operator brings.
    const env = { DYNAKV_OPERATOR_DEFAULT_VERSION: imageSpec(spec.image).version };
    operator = new OperatorProgram({ kubectl, kubeconfig, namespace, outFolder, env });
    operator.start();
  }, timeouts.hook);
  afterAll(async () => {
    await operator?.stop();
  }, timeouts.hook);

  async function lives(database: DatabaseCluster, nodes: number): Promise<void> {
    expect((await database.pods()).length).toBe(nodes);
    const writer = database.writer();
    await writer.start();
    await writer.progress(200);
    const report = await writer.finish();
    expect(report.acknowledged).toBeGreaterThan(200);
    const { metadata } = await database.get();
    await spec.client.delete(database.ref);
    await watchGone(spec.client, { ...database.ref, uid: metadata.uid ?? '' });
  }

  spec.test(
    'one node',
    async () => {
      const one = new DatabaseCluster(spec, 'one');
      await one.ready(await one.apply({ replicas: 1 }));
      await lives(one, 1);
    },
    longStepMs,
  );

  spec.test(
    'five nodes',
    async () => {
      const five = new DatabaseCluster(spec, 'five');
      await five.ready(await five.apply({ replicas: 5 }), longStepMs);
      await lives(five, 5);
    },
    longStepMs,
  );

  spec.test(
    'a spec that says nothing',
    async () => {
      const plain = new DatabaseCluster(spec, 'plain');
      // The image's own name is the only thing that differs between this host and a user's.
      const image = imageSpec(spec.image).image as { readonly repository: string };
      const isUsual = image.repository === 'docker.io/dynakv/dynakv';
      await plain.ready(await plain.applyOnly(isUsual ? {} : { image }), longStepMs);
      await lives(plain, 3);
    },
    longStepMs,
  );
});
