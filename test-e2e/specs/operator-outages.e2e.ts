/**
 * The operator itself in trouble: frozen and replaced, cut off, replaced by another version, faced
 * with an API server that is gone. Goal: never two that act, nothing done on old beliefs, back at
 * work soon, no pod restarted for it. Method: processes of this host that are stopped where they
 * are, a proxy before the API server, the API server itself killed; a checked writer throughout.
 */
import { describe, expect } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApiProxy } from '../lib/api-proxy.ts';
import type { Condition, KubeObject } from '../lib/kube-objects.ts';
import { timeouts } from '../lib/timeouts.ts';
import { pause, until } from '../lib/waiting.ts';
import { watchObject } from '../lib/watch-until.ts';
import { longStepMs, uidsOf, useOperated } from './operated-cluster.ts';

/** Time itself is what this waits for: so long the API server is away. */
const apiServerAwayMs = 120_000;
/** After so long a silent watch is taken for dead in these tests. */
const watchIdleMs = 10_000;

describe('the operator in trouble', () => {
  const cluster = useOperated('operator-outages');
  const { spec } = cluster;
  cluster.begins({ replicas: 4 });

  spec.test(
    'frozen in the middle of a drain, replaced, and woken: only the new one acts',
    async () => {
      const { demo, operator } = cluster;
      await demo.ready(await demo.patch({ rebalance: { mode: 'Paused' } }));
      const asked = await demo.scale(3);
      await demo.reaches('to drain', asked.metadata.generation ?? 0, ({ status }) =>
        status?.operations?.[0]?.step === 'Drain' ? undefined : 'it does not',
      );
      operator.freeze();
      const successor = cluster.program('successor');
      successor.start();
      try {
        // The drain is called off by the new one; the old one believes in it.
        const back = await demo.patch({ replicas: 4, rebalance: { mode: 'Auto' } });
        await demo.ready(back);
        const said = operator.log.length;
        operator.resume();
        // It ends, or stands by: both are an operator that does nothing.
        await until('the old one to notice', timeouts.database, () =>
          operator.log.slice(said).includes('leads no more') ? true : undefined,
        );
        await demo.ready();
        expect(await demo.nodeState(4)).toBe('active');
        await cluster.writer.progress();
        expect(operator.log.slice(said)).not.toContain('"Acting"');
      } finally {
        operator.resume();
        await operator.stop();
        operator.start();
        await successor.stop();
      }
      await demo.ready(await demo.patch({ rebalance: { mode: 'Auto' } }));
    },
    longStepMs,
  );

  spec.test(
    'kubectl wait right after a change waits for that change',
    async () => {
      const { demo } = cluster;
      const before = uidsOf(await demo.pods());
      await demo.patch({ config: { 'log-level': 'debug' } });
      await spec.kubectl.run(
        [
          ...['wait', '--for=condition=Ready', 'dynamocluster/demo'],
          ...['--namespace', spec.namespace, '--timeout=300s'],
        ],
        { timeoutMs: longStepMs },
      );
      const after = uidsOf(await demo.pods());
      expect(after.filter((uid) => before.includes(uid))).toEqual([]);
      expect(after.length).toBe(4);
    },
    longStepMs,
  );

  spec.test(
    'a watch that is silent is noticed, and the change behind it is made',
    async () => {
      const { demo, operator } = cluster;
      const { kubectl = '', kubeconfig = '' } = spec.environment.cluster ?? {};
      const { proxy, kubeconfig: text } = await startApiProxy(kubectl, kubeconfig);
      mkdirSync(spec.outFolder, { recursive: true });
      const through = join(spec.outFolder, 'proxied.kubeconfig');
      writeFileSync(through, text, { mode: 0o600 });
      await operator.stop();
      const env = { DYNAKV_OPERATOR_WATCH_IDLE_MS: String(watchIdleMs) };
      const behind = cluster.program('behind-proxy', { kubeconfig: through, env });
      behind.start();
      try {
        const ready = await demo.ready(await demo.patch({ rebalance: { mode: 'Manual' } }));
        proxy.silenceOpen();
        const asked = await demo.patch({ rebalance: { mode: 'Auto' } });
        expect(asked.metadata.generation).toBeGreaterThan(ready.metadata.generation ?? 0);
        const from = Date.now();
        await demo.ready(asked);
        const value = (Date.now() - from) / 1_000;
        const what = `watches silent (dead after ${watchIdleMs / 1_000} s) → reconciled`;
        spec.record({ what, value, unit: 's', atMost: 30 });
      } finally {
        await behind.stop();
        await proxy.close();
        operator.start();
      }
      await demo.ready();
    },
    longStepMs,
  );

  spec.test(
    'another version of the operator restarts no pod',
    async () => {
      const { demo, operator } = cluster;
      const before = uidsOf(await demo.pods());
      const set = await spec.client.get<KubeObject>(demo.setRef);
      await operator.stop();
      const next = cluster.program('next-version', {
        env: { DYNAKV_OPERATOR_DEFAULT_VERSION: '99.0.0' },
      });
      next.start();
      try {
        // Something that it has to do shows that it has looked.
        const asked = await demo.patch({ version: null, rebalance: { mode: 'Manual' } });
        await demo.ready(asked);
        expect(uidsOf(await demo.pods())).toEqual(before);
        const now = await spec.client.get<KubeObject>(demo.setRef);
        expect(now.metadata.generation).toBe(set.metadata.generation);
      } finally {
        await next.stop();
        operator.start();
      }
      await demo.ready(await demo.patch({ rebalance: { mode: 'Auto' } }));
    },
    longStepMs,
  );

  spec.localTest(
    'two minutes without the API server: clients do not notice, the operator comes back',
    async (faults) => {
      const { demo, writer } = cluster;
      writer.resetGap();
      const failedBefore = writer.failed;
      await faults.withoutApiServer(async () => {
        await pause(apiServerAwayMs);
        await writer.progress();
      });
      const from = Date.now();
      const value = writer.failed - failedBefore;
      spec.record({ what: 'API server away: failed requests', value, unit: 'requests' });
      const asked = await demo.patch({ rebalance: { mode: 'Manual' } });
      await watchObject<KubeObject>(spec.client, demo.ref, {
        what: 'the change to be seen',
        timeoutMs: timeouts.podsReady,
        missing: (object) => {
          const status = object?.['status'] as
            | { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] }
            | undefined;
          const seen = status?.observedGeneration ?? 0;
          return seen >= (asked.metadata.generation ?? 0) ? undefined : `${seen} is`;
        },
      });
      spec.record({
        ...{ what: 'API server back after two minutes → reconciling', unit: 's' },
        ...{ value: (Date.now() - from) / 1_000, atMost: 30, aim: 10 },
      });
      await demo.ready(asked);
      await writer.progress();
    },
    longStepMs,
  );

  cluster.ends();
});
