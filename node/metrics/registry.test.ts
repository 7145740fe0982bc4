/** The registry: typed access, sums taken at collection, independence of two registries. */
import { describe, expect, test } from '@jest/globals';
import { Metrics } from './registry.ts';

const line = (text: string, start: string): string | undefined =>
  text.split('\n').find((each) => each.startsWith(start));

describe('Metrics', () => {
  test('counter() adds up and shows the sum once', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const labels = { door: 'dynamo', operation: 'GetItem', outcome: 'ok' };
    metrics.counter('requests', labels).add();
    metrics.counter('requests', labels).add(2);
    const start = 'dynakv_requests_total{';
    expect(line(await metrics.metrics(), start)).toMatch(/outcome="ok"\} 3$/);
    expect(line(await metrics.metrics(), start)).toMatch(/outcome="ok"\} 3$/);
  });

  test('onCollect() runs before each text', async () => {
    const metrics = new Metrics({ processMetrics: false });
    let calls = 0;
    metrics.onCollect(() => {
      calls += 1;
      metrics.gauge('cacheBytes', {}).set(calls * 100);
    });
    expect(line(await metrics.metrics(), 'dynakv_cache_bytes')).toBe('dynakv_cache_bytes 100');
    expect(line(await metrics.metrics(), 'dynakv_cache_bytes')).toBe('dynakv_cache_bytes 200');
  });

  test('histogram() fills its own buckets', async () => {
    const metrics = new Metrics({ processMetrics: false });
    metrics.histogram('logSyncSeconds', {}).observe(0.0003);
    const text = await metrics.metrics();
    expect(line(text, 'dynakv_log_sync_seconds_bucket{le="0.0002"}')).toMatch(/ 0$/);
    expect(line(text, 'dynakv_log_sync_seconds_bucket{le="0.0005"}')).toMatch(/ 1$/);
  });

  test('two registries share nothing, and process metrics are optional', async () => {
    const one = new Metrics({ processMetrics: false });
    const two = new Metrics({ processMetrics: true });
    one.counter('unknownOutcomes', {}).add();
    expect(line(await two.metrics(), 'dynakv_unknown_outcomes_total')).not.toMatch(/ 1$/);
    expect(await one.metrics()).not.toContain('nodejs_eventloop_lag_seconds');
    expect(await two.metrics()).toContain('nodejs_eventloop_lag_seconds');
  });
});
