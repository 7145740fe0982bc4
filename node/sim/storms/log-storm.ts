/**
 * The Raft log alone under power cuts, kills and damage at rest: what was acknowledged is there
 * after every start, nothing is half there, nothing that was handed out after one start is missing
 * after the next, and bytes that had surely been durable never go missing in silence.
 */
import { assert } from '../../lib/assert.ts';
import { Prng } from '../../lib/prng.ts';
import { LogBatchBuilder } from '../../storage/raft-log/batch-builder.ts';
import { RaftLog } from '../../storage/raft-log/raft-log.ts';
import { describeLog, randomWorkload } from '../../storage/raft-log/testing-model.ts';
import type { Workload } from '../../storage/raft-log/testing-model.ts';
import { silentLogger } from '../../sys/log.ts';
import { SimDisk } from '../disk.ts';
import type { Storm } from './storm.ts';

const directory = '/data/log';
const segmentBytes = 4096;
const loseAll = { version: () => -1, names: () => 0 };
/** Changing operations of the disk until the next cut, at most. */
const cutStepsMax = 60;
/** One in so many steps finds the log idle. */
const idleChance = 0.3;
/** Ends by a kill, among all ends. */
const killChance = 0.4;

interface Progress {
  acked: number;
}

function open(disk: SimDisk, bootNonce: string): Promise<RaftLog> {
  const common = { directory, storeId: 's1', logger: silentLogger, segmentBytes };
  return RaftLog.open({ disk: disk.mount(), bootNonce, ...common });
}

/** Appends from where it stands until the end or the next cut. */
async function run(
  disk: SimDisk,
  workload: Workload,
  random: Prng,
  progress: Progress,
): Promise<void> {
  const log = await open(disk, `boot-${progress.acked}`);
  const builder = new LogBatchBuilder();
  while (progress.acked < workload.steps.length) {
    builder.clear();
    workload.steps[progress.acked]?.(builder);
    await log.append(builder);
    progress.acked += 1;
    while (random.chance(idleChance)) {
      log.tickIdle();
    }
  }
  await log.close();
}

/** Opens after a crash and compares with the model; how many steps are there. */
async function check(disk: SimDisk, workload: Workload, acked: number): Promise<number> {
  const log = await open(disk, `check-${acked}`);
  const found = describeLog(log);
  const position = log.durablePosition;
  const isAcked = found === workload.states[acked];
  const isNext = found === workload.states[acked + 1];
  assert(isAcked || isNext, `The log holds neither ${acked} nor ${acked + 1} of its steps`);
  // Handed out = on stable storage: not even a cut that loses all that it may loses any of it.
  disk.crash(loseAll);
  const again = await open(disk, `again-${acked}`);
  assert(describeLog(again) === found, 'What the log handed out is gone after a power cut');
  assert(again.durablePosition >= position, 'The durable position went back');
  return isNext ? acked + 1 : acked;
}

async function stormOn(disk: SimDisk, workload: Workload, random: Prng): Promise<void> {
  const progress: Progress = { acked: 0 };
  while (progress.acked < workload.steps.length) {
    const dark = disk.powerCutAfter(1 + random.below(cutStepsMax));
    await Promise.race([dark, run(disk, workload, random, progress)]);
    if (random.chance(killChance)) {
      disk.kill(); // What was not synced is read back from the page cache.
    } else {
      disk.crash();
    }
    progress.acked = await check(disk, workload, progress.acked);
    disk.crash();
  }
}

export const logStorm: Storm = {
  name: 'log',
  what: 'the Raft log: power cuts at any step, kills, tiny segments that roll and are rewritten',
  async run(seed) {
    const random = new Prng(seed);
    const options = { stepCount: 60, groupCount: 4, entryBytesMax: 900, idleGroup: true };
    await stormOn(new SimDisk({ seed }), randomWorkload(random, options), random);
  },
};
