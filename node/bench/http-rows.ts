/**
 * DynamoDB requests over 64 connections against a bare `node:http` server that answers the same
 * bytes to the same load.
 */
import { measurePairs, median } from './pairs.ts';
import type { BenchProcesses, Suite } from './processes.ts';
import { tables, writtenKeys } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';
import type { WrkOperation, WrkResult } from './wrk.ts';
import { runWrk } from './wrk.ts';

interface HttpTarget extends RowTarget {
  readonly operation: WrkOperation;
}

const connections = 64;
const ratio = { unit: '×', better: 'more' } as const;

export const httpRows: Suite<HttpTarget> = {
  targets: [
    {
      id: 'put-64',
      title: 'PutItem 1 KB, 64 connections, over bare http',
      operation: 'put',
      ...{ ...ratio, atLeast: 0.07, aim: 0.15 },
    },
    {
      id: 'get-strong-64',
      title: 'GetItem ConsistentRead, 64 connections, over bare http',
      operation: 'get-strong',
      ...{ ...ratio, atLeast: 0.2, aim: 0.35 },
    },
    {
      id: 'get-eventual-64',
      title: 'GetItem eventual, 64 connections, over bare http',
      operation: 'get-eventual',
      ...{ ...ratio, atLeast: 0.4, aim: 0.65 },
    },
  ],
  measure,
};

async function measure(target: HttpTarget, processes: BenchProcesses): Promise<Measurement> {
  const urls = await processes.urls();
  const bareUrl = await processes.bareUrl();
  const { seconds, pairs: count } = processes.settings;
  const ours: WrkResult[] = [];
  const load = {
    ...{ connections, seconds, operation: target.operation, table: tables.large.name },
    itemBytes: tables.large.bytes,
    keys: target.operation === 'put' ? writtenKeys : processes.readKeys,
  };
  const { ratio: value, pairs } = await measurePairs(
    count,
    async () => {
      const result = await runWrk({ ...load, urls });
      ours.push(result);
      return result.perSecond;
    },
    async () => (await runWrk({ ...load, urls: urls.map(() => bareUrl) })).perSecond,
  );
  return {
    value,
    pairs,
    facts: {
      'ours/s': median(pairs.map((pair) => pair.left)),
      'bare/s': median(pairs.map((pair) => pair.right)),
      'p50 ms': median(ours.map((one) => one.p50Ms)),
      'p99 ms': median(ours.map((one) => one.p99Ms)),
    },
  };
}
