/**
 * The same work on etcd: three members on this machine, 256 B values, etcd's own load generator
 * with as many connections as clients; ours by wrk with as many connections over the nodes.
 */
import { measurePairs, median } from './pairs.ts';
import type { BenchProcesses, Suite } from './processes.ts';
import { tables, writtenKeys } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';
import { runWrk } from './wrk.ts';

interface EtcdTarget extends RowTarget {
  readonly operation: 'put' | 'get-strong';
  readonly clients: number;
}

const ratio = { unit: '×', better: 'more' } as const;

export const etcdRows: Suite<EtcdTarget> = {
  targets: [
    {
      id: 'etcd-put-64',
      title: 'PutItem 256 B over etcd put, 64 clients',
      ...{ operation: 'put', clients: 64, ...ratio, atLeast: 0.6, aim: 1.3 },
    },
    {
      id: 'etcd-put-256',
      title: 'PutItem 256 B over etcd put, 256 clients',
      ...{ operation: 'put', clients: 256, ...ratio, atLeast: 0.6, aim: 1.3 },
    },
    {
      id: 'etcd-range-64',
      title: 'GetItem ConsistentRead 256 B over etcd linearizable range, 64 clients',
      ...{ operation: 'get-strong', clients: 64, ...ratio, atLeast: 0.8, aim: 1.8 },
    },
  ],
  measure,
};

async function measure(target: EtcdTarget, processes: BenchProcesses): Promise<Measurement> {
  const urls = await processes.urls();
  const etcd = await processes.etcd();
  const { seconds, pairs: count } = processes.settings;
  const { clients, operation } = target;
  const { ratio: value, pairs } = await measurePairs(
    count,
    async () => {
      const result = await runWrk({
        ...{ urls, connections: clients, seconds, operation, table: tables.small.name },
        itemBytes: tables.small.bytes,
        keys: operation === 'put' ? writtenKeys : processes.readKeys,
      });
      return result.perSecond;
    },
    async () =>
      operation === 'put' ? await etcd.put(clients, seconds) : await etcd.range(clients, seconds),
  );
  return {
    value,
    pairs,
    facts: {
      'ours/s': median(pairs.map((pair) => pair.left)),
      'etcd/s': median(pairs.map((pair) => pair.right)),
    },
  };
}
