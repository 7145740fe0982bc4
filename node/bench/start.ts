/**
 * From the start of an installed cluster on an empty folder to its first acknowledged write: a
 * client tries to write from the first moment on. Until the ready line (writes work through every
 * node) is told beside it.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { ProcessCluster } from '../test/processes/cluster.ts';
import { KeyClient } from '../test/processes/key-client.ts';
import { median } from './pairs.ts';
import type { BenchProcesses, Suite } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';

const tryEveryMs = 20;

export const start: Suite<RowTarget> = {
  targets: [
    {
      id: 'start',
      title: 'From start to the first acknowledged write',
      ...{ unit: 's', better: 'less', atLeast: 3, aim: 1.5 },
    },
  ],
  measure,
};

async function measure(_target: RowTarget, processes: BenchProcesses): Promise<Measurement> {
  const writes: number[] = [];
  const readies: number[] = [];
  for (let i = 0; i < processes.settings.pairs; i++) {
    let firstWrite: Promise<number> = Promise.resolve(0);
    const onSpawn = (port: number): void => {
      firstWrite = timeFirstWrite(`http://127.0.0.1:${port}`);
    };
    await using cluster = await ProcessCluster.start({ name: 'bench-start', onSpawn });
    writes.push((await firstWrite) / 1_000);
    readies.push(cluster.startMs / 1_000);
  }
  return {
    value: median(writes),
    facts: { starts: writes.length, slowest: Math.max(...writes), 'ready line': median(readies) },
  };
}

async function timeFirstWrite(url: string): Promise<number> {
  const client = new KeyClient(10_000);
  const startedAt = performance.now();
  try {
    while (performance.now() - startedAt < 60_000) {
      const put = { kind: 'put', value: 'first' } as const;
      // Any answer but success is one that a starting node may give.
      const answer = await client.send(url, 'first', put).catch(() => undefined);
      if (answer?.status === 200 || answer?.status === 201) {
        return performance.now() - startedAt;
      }
      await wait(tryEveryMs);
    }
  } finally {
    client.close();
  }
  throw new Error('Cannot write to a new cluster: tried for 60 s');
}
