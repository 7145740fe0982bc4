// Goal: whenever the power fails, what was acknowledged is there, and nothing is half there.
// Method: random workloads on tiny segments, so that rolling, recycling and rewriting happen all
// the time; power cut before every single changing operation of the disk; then compared with the
// model: the state after all acknowledged steps, or with the one under way as well.
import { describe, expect, jest, test } from '@jest/globals';
import { Prng } from '../../lib/prng.ts';
import { SimDisk } from '../../sim/disk.ts';
import { silentLogger } from '../../sys/log.ts';
import { LogBatchBuilder } from './batch-builder.ts';
import { RaftLog } from './raft-log.ts';
import { describeLog, randomWorkload } from './testing-model.ts';
import type { Workload } from './testing-model.ts';

jest.setTimeout(120_000);

const directory = '/data/log';
const loseAll = { version: () => -1, names: () => 0 };

function open(disk: SimDisk, bootNonce: string): Promise<RaftLog> {
  const common = { directory, storeId: 's1', logger: silentLogger, segmentBytes: 4096 };
  return RaftLog.open({ disk: disk.mount(), bootNonce, ...common });
}

/** Runs steps from `from` on; `acked` counts those that resolved. */
async function run(disk: SimDisk, workload: Workload, progress: { acked: number }): Promise<void> {
  const log = await open(disk, `boot-${progress.acked}`);
  const builders = [new LogBatchBuilder(), new LogBatchBuilder()];
  while (progress.acked < workload.steps.length) {
    const batch = builders[progress.acked % 2] as LogBatchBuilder;
    batch.clear();
    workload.steps[progress.acked]?.(batch);
    await log.append(batch);
    progress.acked += 1;
    log.tickIdle();
  }
  await log.close();
}

/** Opens after a crash and checks against the model; returns how many steps are there. */
async function check(disk: SimDisk, workload: Workload, acked: number): Promise<number> {
  const found = describeLog(await open(disk, 'check'));
  const allowed = [workload.states[acked], workload.states[acked + 1]];
  expect(allowed).toContain(found);
  disk.crash(loseAll);
  expect(describeLog(await open(disk, 'check again'))).toBe(found);
  return found === allowed[0] ? acked : acked + 1;
}

describe('RaftLog under power cuts', () => {
  test('at every changing operation of a workload that rolls and rewrites', async () => {
    const options = { stepCount: 32, groupCount: 3, entryBytesMax: 1200, idleGroup: true };
    const workload = randomWorkload(new Prng(11), options);
    const whole = new SimDisk({ seed: 1 });
    await run(whole, workload, { acked: 0 });
    const total = whole.mutations;
    expect(total).toBeGreaterThan(120);
    for (let cut = 0; cut < total; cut++) {
      const disk = new SimDisk({ seed: cut });
      const progress = { acked: 0 };
      const dark = disk.powerCutAfter(cut);
      await Promise.race([dark, run(disk, workload, progress)]);
      disk.crash();
      progress.acked = await check(disk, workload, progress.acked);
      disk.crash();
      await run(disk, workload, progress);
      disk.crash();
      expect(await check(disk, workload, workload.steps.length)).toBe(workload.steps.length);
    }
  });

  test('again and again at random, also while it opens (fifteen seeds)', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const random = new Prng(seed);
      const options = { stepCount: 80, groupCount: 5, entryBytesMax: 900, idleGroup: true };
      const workload = randomWorkload(random, options);
      const disk = new SimDisk({ seed });
      const progress = { acked: 0 };
      while (progress.acked < workload.steps.length) {
        const dark = disk.powerCutAfter(1 + random.below(60));
        await Promise.race([dark, run(disk, workload, progress)]);
        disk.crash();
        progress.acked = await check(disk, workload, progress.acked);
        disk.crash();
      }
    }
  });
});
