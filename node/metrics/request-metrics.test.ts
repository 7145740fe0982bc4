import { describe, expect, test } from '@jest/globals';
import { DynakvError } from '../lib/errors.ts';
import { Metrics } from './registry.ts';
import { outcomeOf, RequestMetrics } from './request-metrics.ts';

describe('RequestMetrics', () => {
  test('counts requests by operation and outcome, and those in flight', async () => {
    const metrics = new Metrics({ processMetrics: false });
    const requests = new RequestMetrics(metrics, 'dynamo');
    for (let i = 0; i < 3; i++) {
      requests.started();
    }
    requests.finished('GetItem', 'ok', 2);
    requests.finished('GetItem', 'unknown', 2000);
    const text = await metrics.metrics();
    expect(text).toContain('dynakv_requests_in_flight{door="dynamo"} 1');
    expect(text).toContain(
      'dynakv_requests_total{door="dynamo",operation="GetItem",outcome="ok"} 1',
    );
    expect(text).toContain(
      'dynakv_requests_total{door="dynamo",operation="GetItem",outcome="unknown"} 1',
    );
    expect(text).toContain('dynakv_request_seconds_count{door="dynamo",operation="GetItem"} 2');
  });
});

describe('outcomeOf()', () => {
  test.each([
    [new DynakvError('OutcomeUnknown', 'x'), 500, 'unknown'],
    [new DynakvError('Throttled', 'x'), 400, 'throttled'],
    [new DynakvError('Unavailable', 'x'), 503, 'server'],
    [new Error('x'), 500, 'server'],
    [new Error('x'), 404, 'client'],
  ] as const)('tells %s apart', (error, status, outcome) => {
    expect(outcomeOf(error, status)).toBe(outcome);
  });
});
