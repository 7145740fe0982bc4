/**
 * A newer operator by `helm upgrade`. Goal: no pod of a database is replaced for it, though it
 * would render pods otherwise and brings another version; a consent replaces them, and the version
 * stays. Method: the operator from its chart, its image that of another version with another
 * renderer, and a checked writer throughout.
 */
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { loadVersion } from '../e2e-image.ts';
import type { CheckedWriter } from '../lib/checked-writer.ts';
import type { KubeObject, Pod } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { useCluster } from '../spec-cluster.ts';
import { conditionOf, DatabaseCluster, imageSpec, installCrd } from './database-cluster.ts';
import { HelmCharts } from './helm-charts.ts';
import { longStepMs, uidOf, uidsOf } from './operated-cluster.ts';

const renderer = 'dynakv.dev/renderer';

interface StatefulSet extends KubeObject {
  readonly status?: { readonly currentRevision?: string; readonly updateRevision?: string };
}

describe('a newer operator', () => {
  let charts: HelmCharts | undefined;
  let writer: CheckedWriter | undefined;
  // Before the namespace goes: roles of the whole cluster belong to the release.
  afterAll(async () => {
    await writer?.stop();
    await charts?.uninstallOperator();
  }, timeouts.hook);

  const spec = useCluster('operator-upgrade');
  const { version } = imageSpec(spec.image);
  const next = `${version}-next`;
  let demo: DatabaseCluster;

  beforeAll(async () => {
    charts = await HelmCharts.open(spec);
    await installCrd(spec);
    demo = new DatabaseCluster(spec, 'demo');
  }, timeouts.hook);

  const revisions = async (): Promise<readonly (string | undefined)[]> => {
    const { status } = await spec.client.get<StatefulSet>(demo.setRef);
    return [status?.currentRevision, status?.updateRevision];
  };
  const renderersOf = (pods: readonly Pod[]): readonly (string | undefined)[] =>
    pods.map(({ metadata }) => metadata.annotations?.[renderer]);

  spec.test(
    'a cluster that names no version has that of its operator, and is written to',
    async () => {
      await charts?.operator('install');
      const ready = await demo.ready(await demo.apply({ version: undefined }));
      expect(ready.spec['version']).toBeUndefined();
      expect(ready.status?.version).toBe(version);
      writer = demo.writer();
      await writer.start();
    },
    longStepMs,
  );

  spec.localTest(
    'an operator of another version, with another renderer, replaces no pod',
    async () => {
      const image = await loadVersion(spec.environment.cluster?.provider ?? '', next);
      const before = [uidsOf(await demo.pods()), await revisions()];
      await charts?.operator('upgrade', image);
      // Only the new one says so: it has looked.
      const told = await demo.hasReason(1, 'RendererChanged');
      expect(conditionOf(told, 'RequiresUpdate')?.message).toContain(`renderer ${next}`);
      const ready = await demo.ready(await demo.patch({ rebalance: { mode: 'Manual' } }));
      expect(ready.status?.version).toBe(version);
      expect([uidsOf(await demo.pods()), await revisions()]).toEqual(before);
      await writer?.progress();
    },
    longStepMs + timeouts.image,
  );

  spec.localTest(
    'a consent replaces them, and the version stays',
    async () => {
      const before = uidsOf(await demo.pods());
      const asked = await demo.patch({ update: { restartedAt: new Date().toISOString() } });
      const ready = await demo.ready(asked);
      const pods = await demo.pods();
      expect(pods.filter((pod) => before.includes(uidOf(pod)))).toEqual([]);
      expect(renderersOf(pods)).toEqual([next, next, next]);
      expect(ready.status?.version).toBe(version);
      expect(conditionOf(ready, 'RequiresUpdate')?.status).not.toBe('True');
      await writer?.progress();
    },
    longStepMs,
  );

  spec.test('nothing that was acknowledged is lost', async () => {
    const report = await (writer as CheckedWriter).finish();
    expect(report.acknowledged).toBeGreaterThan(100);
  });
});
