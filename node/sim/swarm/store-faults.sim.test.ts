/**
 * Goal: a node that loses its store is done without, and one whose disk came back as it was never
 * takes part again. Method: seeds with one kind of store fault each; the old disk also by hand.
 */
import { describe, expect, test } from '@jest/globals';
import { SimCluster } from '../cluster.ts';
import { Acked } from '../testing-scenarios.ts';
import { describeFailure } from './describe-report.ts';
import { runSeed } from './run-seed.ts';

const testMs = 120_000;
const short = { faultGapMs: 1_500, nodes: 3, shards: 2, clients: 3, thinkMs: 120, chaosMs: 15_000 };

describe('StoreFaults', () => {
  test.each([
    ['diskError', 3, 'EIO: simulated, write'],
    ['diskError', 2, 'EIO: simulated, read'],
    ['engineError', 3, 'lost'],
    ['bitRot', 4, 'bitRot'],
    ['oldDisk', 1, 'an old copy'],
  ] as const)(
    '%s, seed %i: the cluster goes on without the node',
    async (kind, seed, sign) => {
      const overrides = { ...short, faults: [kind] };
      const report = await runSeed(seed, overrides);
      expect(report.failure === undefined ? '' : describeFailure(report, overrides, '')).toBe('');
      expect(report.lastEvents.some((line) => line.includes(sign))).toBe(true);
    },
    testMs,
  );

  test.each([
    ['oldDisk', 1, 'an old copy'],
    ['bitRot', 1, 'boot'],
  ] as const)(
    '%s, seed %i: its later act is over before the cluster counts as whole',
    async (kind, seed, sign) => {
      const overrides = { ...short, chaosMs: 3_000, faults: [kind] };
      const report = await runSeed(seed, overrides);
      expect(report.failure === undefined ? '' : describeFailure(report, overrides, '')).toBe('');
      const at = (text: string): number =>
        report.lastEvents.findLastIndex((line) => line.includes(text));
      expect(at('heal')).toBeGreaterThan(-1);
      expect(at(sign)).toBeGreaterThan(at('heal'));
      expect(at('ready')).toBeGreaterThan(at(sign));
    },
    testMs,
  );

  test('an old disk is refused by every peer', async () => {
    const cluster = new SimCluster({ seed: 9, nodes: 3, shards: 1, hellos: true });
    const acked = new Acked();
    await cluster.start();
    await acked.fill(cluster, 1, 5, 10);
    cluster.crash(3, false);
    const old = cluster.copyStores(3);
    await cluster.boot(3);
    await cluster.scheduler.runUntil(() => cluster.knowsBootOf(1, 3), 5_000);
    await acked.fill(cluster, 1, 5, 10);
    cluster.crash(3, false);
    cluster.putStoresBack(3, old);
    await cluster.boot(3);
    await cluster.scheduler.runFor(5_000);
    expect(cluster.refusals.map((one) => one.reason)).toContain('BootUnknown');
    expect(cluster.core(3)?.groupsReady).toBe(false);
    await acked.fill(cluster, 2, 5, 10);
    await acked.check(cluster, 1);
  });
});
