/**
 * Goal: a running cluster passes every check of every step, and a replica whose store was changed
 * behind its back does not. Method: three nodes, some writes, one tampering a test.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../../lib/assert.ts';
import { generationRange } from '../../storage/generation-rows.ts';
import { treeCeiling } from '../../storage/ordered-tree.ts';
import { SimCluster } from '../cluster.ts';
import { Acked, settleCaughtUp } from '../testing-scenarios.ts';
import { StepChecks } from './step-checks.ts';

async function begun(seed: number): Promise<{ cluster: SimCluster; checks: StepChecks }> {
  const cluster = new SimCluster({ seed, nodes: 3, shards: 1 });
  const checks = new StepChecks(cluster);
  checks.watch();
  await cluster.start();
  const acked = new Acked();
  await acked.fill(cluster, 1, 10, 50);
  await settleCaughtUp(cluster, 3);
  await cluster.scheduler.runFor(2_000);
  checks.checkAllRows();
  return { cluster, checks };
}

describe('StepChecks', () => {
  test('a row lost from one store is seen when its node starts', async () => {
    const { cluster } = await begun(1);
    const group = must(cluster.core(3)?.host.groups.get(1));
    const { from } = generationRange(group.replica.generation);
    cluster.crash(3, false);
    await cluster.offline(3, ({ engine }) => {
      const row = must(treeCeiling(cluster.state(3).data, from, false));
      engine.write([{ column: 'data', key: row.key, value: undefined }], { sync: true });
      return Promise.resolve();
    });
    await cluster.boot(3);
    await expect(cluster.scheduler.runFor(100)).rejects.toMatchObject({ check: 'row-hash' });
  });

  test('a log that was put back to an older one is seen when its node starts', async () => {
    const { cluster } = await begun(2);
    cluster.crash(3, false);
    const old = cluster.copyStores(3);
    await cluster.boot(3);
    await settleCaughtUp(cluster, 3);
    await new Acked().fill(cluster, 1, 10, 50);
    await settleCaughtUp(cluster, 3);
    await cluster.scheduler.runFor(3_000);
    cluster.crash(3, false);
    cluster.putStoresBack(3, old);
    await cluster.boot(3);
    await expect(cluster.scheduler.runFor(100)).rejects.toMatchObject({
      check: 'entries-forgotten',
    });
  });

  test('an acknowledgement of what nobody applied is seen', async () => {
    const { cluster, checks } = await begun(3);
    checks.acknowledged(1, 10_000);
    await expect(cluster.scheduler.runFor(1_000)).rejects.toMatchObject({ check: 'acknowledged' });
  });
});
