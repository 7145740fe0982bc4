/**
 * Latency without company: the p50 of puts by one client, over the p50 of what a durable write
 * costs on this disk at least: an asynchronous write and fdatasync of 1 KB into a preallocated
 * file, one after the other.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { outFolder } from '../test/processes/cluster.ts';
import { measurePairs, median } from './pairs.ts';
import type { BenchProcesses, Suite } from './processes.ts';
import { tables, writtenKeys } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';
import { runWrk } from './wrk.ts';

const fileBytes = 16 * 1_048_576;
const writeBytes = 1_024;

export const oneClient: Suite<RowTarget> = {
  targets: [
    {
      id: 'one-client',
      title: 'One client: put p50 over the p50 of a write + fdatasync',
      ...{ unit: '×', better: 'less', atLeast: 10, aim: 4 },
    },
  ],
  measure,
};

async function measure(_target: RowTarget, processes: BenchProcesses): Promise<Measurement> {
  const url = (await processes.cluster()).clientUrl(1);
  const { seconds, pairs: count } = processes.settings;
  const parent = join(outFolder, 'data');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'fdatasync-'));
  try {
    await using file = await open(join(folder, 'file'), 'w');
    await file.write(Buffer.alloc(fileBytes));
    await file.sync();
    const { ratio: value, pairs } = await measurePairs(
      count,
      async () => {
        const result = await runWrk({
          ...{ urls: [url], connections: 1, seconds, operation: 'put', keys: writtenKeys },
          ...{ itemBytes: tables.large.bytes, table: tables.large.name },
        });
        return result.p50Ms;
      },
      async () => await measureSync(file, seconds * 1_000),
    );
    return {
      value,
      pairs,
      facts: {
        'put p50 ms': median(pairs.map((pair) => pair.left)),
        'fdatasync p50 ms': median(pairs.map((pair) => pair.right)),
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The p50 of one durable write, ms. */
async function measureSync(file: FileHandle, durationMs: number): Promise<number> {
  const bytes = Buffer.alloc(writeBytes, 1);
  const times: number[] = [];
  const endAt = performance.now() + durationMs;
  for (let offset = 0; performance.now() < endAt; offset = (offset + writeBytes) % fileBytes) {
    const startedAt = performance.now();
    await file.write(bytes, 0, writeBytes, offset);
    await file.datasync();
    times.push(performance.now() - startedAt);
  }
  return median(times);
}
