/**
 * What a cluster costs that does nothing: three nodes with 64 shards of three copies each. CPU of
 * one core and resident memory per node; the worst node counts.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { assert, must } from '../lib/assert.ts';
import { ProcessCluster } from '../test/processes/cluster.ts';
import { cpuSeconds, residentBytes } from '../test/processes/proc.ts';
import { askStatus } from './cluster-status.ts';
import type { BenchProcesses, Suite } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';

interface IdleCost {
  readonly cpuPercent: number;
  readonly megabytes: number;
  readonly perNode: string;
}

const shards = 64;

let measured: Promise<IdleCost> | undefined;

export const idle: Suite<RowTarget> = {
  targets: [
    {
      id: 'idle-cpu',
      title: 'Idle, 64 shards × 3: CPU of one core per node',
      ...{ unit: '%', better: 'less', atLeast: 3, aim: 1 },
    },
    {
      id: 'idle-memory',
      title: 'Idle, 64 shards × 3: memory per node',
      ...{ unit: 'MB', better: 'less', atLeast: 180, aim: 120 },
    },
  ],
  measure: async (target, processes): Promise<Measurement> => {
    // One run of the cluster serves both rows.
    measured ??= measureIdle(processes);
    const { cpuPercent, megabytes, perNode } = await measured;
    const value = target.id === 'idle-cpu' ? cpuPercent : megabytes;
    return { value, facts: { shards, 'per node': perNode } };
  },
};

async function measureIdle(processes: BenchProcesses): Promise<IdleCost> {
  const { quick } = processes.settings;
  // The first start of changed sources strips their types; the tool for it stays in memory.
  const warmUp = await ProcessCluster.start({ name: 'bench-idle', shards });
  await warmUp[Symbol.asyncDispose]();
  await using cluster = await ProcessCluster.start({ name: 'bench-idle', shards });
  const { shardCount } = await askStatus(cluster, 1);
  assert(shardCount === shards, `The cluster has ${shardCount} shards`);
  const pids = cluster.nodes().map((node) => must(cluster.pidOf(node)));
  await wait(quick ? 5_000 : 20_000);
  const before = pids.map(cpuSeconds);
  const startedAt = performance.now();
  await wait(quick ? 5_000 : 30_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const costs = pids.map((pid, index) => ({
    cpu: ((cpuSeconds(pid) - (before[index] ?? 0)) / seconds) * 100,
    megabytes: residentBytes(pid) / 1e6,
  }));
  return {
    cpuPercent: Math.max(...costs.map((one) => one.cpu)),
    megabytes: Math.max(...costs.map((one) => one.megabytes)),
    perNode: costs
      .map((one) => `${one.cpu.toFixed(2)} % ${one.megabytes.toFixed(0)} MB`)
      .join('; '),
  };
}
