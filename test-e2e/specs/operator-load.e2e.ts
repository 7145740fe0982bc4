/**
 * An application on a cluster that is rolled, grown and shrunk. Goal: the AWS SDK with its defaults
 * sees no failed request, with 200 MB to move. Method: that SDK beside the checked writer, whose
 * failures are counted too but not forbidden, as it never tries again. The operator's own cost is
 * measured when all is done.
 */
import { afterAll, describe, expect } from '@jest/globals';
import { processUsage } from '../lib/process-usage.ts';
import { SdkClient } from '../lib/sdk-client.ts';
import { timeouts } from '../lib/timeouts.ts';
import { pause } from '../lib/waiting.ts';
import { longStepMs, useOperated } from './operated-cluster.ts';

const dataBytes = 200_000_000;
/** Time itself is what this waits for: the operator has nothing to do. */
const idleMs = 60_000;
const idleBounds = { cpuPercent: 1, cpuAim: 0.5, megabytes: 130, megabytesAim: 110 };

/** As users run it: other specs have a Lease that is looked at four times as often. */
const usualLease = {
  DYNAKV_OPERATOR_LEASE_DURATION_MS: '15000',
  DYNAKV_OPERATOR_LEASE_RENEW_MS: '10000',
  DYNAKV_OPERATOR_LEASE_RETRY_MS: '2000',
};

describe('an application under changes', () => {
  const cluster = useOperated('operator-load', usualLease, 'dist/operator/main.js');
  const { spec } = cluster;
  let sdk: SdkClient | undefined;
  afterAll(async () => {
    await sdk?.stop();
  }, timeouts.hook);
  cluster.begins({ resources: { requests: { cpu: '50m', memory: '512Mi' } } });

  /** What was done without a failure of the SDK. */
  async function unnoticed(what: string, change: () => Promise<void>): Promise<void> {
    const client = sdk as SdkClient;
    const { writer } = cluster;
    writer.resetGap();
    const [failed, done, without] = [client.failed, client.done, writer.failed];
    await change();
    await writer.progress();
    const counted = { unit: 'requests', atMost: 0 } as const;
    spec.record({
      ...{ what: `${what}: failed requests of the AWS SDK`, value: client.failed - failed },
      ...counted,
      aim: 0,
    });
    spec.record({
      ...{ what: `${what}: failed requests without retries`, unit: 'requests' },
      value: writer.failed - without,
    });
    spec.record({
      ...{ what: `${what}: longest time that a key was not written`, unit: 's' },
      value: writer.longestGapSeconds,
    });
    process.stderr.write(`without retries: ${writer.failures}\n`);
    expect(client.failures.slice(0, 5)).toEqual([]);
    expect(client.failed).toBe(failed);
    expect(client.done).toBeGreaterThan(done + 10);
  }

  spec.test(
    '200 MB are written by the AWS SDK',
    async () => {
      const { namespace, reach } = spec;
      sdk = new SdkClient(await reach.service(namespace, 'demo-client', 8_000));
      await sdk.createTable();
      await sdk.fill(dataBytes);
      sdk.start();
    },
    longStepMs,
  );

  spec.test(
    'a roll of three nodes fails no request',
    async () => {
      await unnoticed('roll of 3 nodes', async () => {
        await cluster.demo.ready(await cluster.demo.patch({ config: { 'log-level': 'debug' } }));
      });
    },
    longStepMs * 2,
  );

  spec.test(
    'a fourth node comes and goes, and fails no request',
    async () => {
      await unnoticed('scale 3→4→3 with 200 MB', async () => {
        await cluster.demo.ready(await cluster.demo.scale(4), longStepMs);
        await cluster.demo.balanced();
        await cluster.demo.ready(await cluster.demo.scale(3), longStepMs);
      });
    },
    longStepMs * 3,
  );

  spec.test(
    'without load nothing is written, and the operator costs next to nothing',
    async () => {
      const { demo, writer } = cluster;
      await sdk?.stop();
      const report = await writer.finish();
      expect(report.acknowledged).toBeGreaterThan(100);
      await demo.ready();
      await demo.balanced();
      // Numbers of the load are told at most ten seconds late.
      await pause(idleMs / 4);
      const { resourceVersion } = (await demo.get()).metadata;
      const pid = cluster.operator.pid;
      const before = processUsage(pid);
      await pause(idleMs);
      const after = processUsage(pid);
      const cpuPercent = ((after.cpuSeconds - before.cpuSeconds) * 1_000 * 100) / idleMs;
      const { cpuPercent: cpuMost, cpuAim, megabytes, megabytesAim } = idleBounds;
      spec.record({
        ...{ what: 'operator idle: CPU of one core', value: cpuPercent, unit: '%' },
        ...{ atMost: cpuMost, aim: cpuAim },
      });
      spec.record({
        ...{ what: 'operator idle: memory', value: after.megabytes, unit: 'MB' },
        ...{ atMost: megabytes, aim: megabytesAim },
      });
      expect((await demo.get()).metadata.resourceVersion).toBe(resourceVersion);
    },
    longStepMs,
  );
});
