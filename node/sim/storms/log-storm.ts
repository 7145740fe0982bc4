/**
 * The Raft log alone under power cuts, kills and damage at rest: what was acknowledged is there
 * after every start, nothing is half there, nothing that was handed out after one start is missing
 * after the next, and bytes that had surely been durable never go missing in silence.
 */
import { assert } from '../../lib/assert.ts';
import { isDynakvError } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import { LogBatchBuilder } from '../../storage/raft-log/batch-builder.ts';
import { RaftLog } from '../../storage/raft-log/raft-log.ts';
import {
  birthMetadata,
  birthState,
  describeLog,
  randomWorkload,
} from '../../storage/raft-log/testing-model.ts';
import type { Workload } from '../../storage/raft-log/testing-model.ts';
import { witnessName } from '../../storage/raft-log/witness.ts';
import { silentLogger } from '../../sys/log.ts';
import { SimDisk } from '../disk.ts';
import type { Storm } from './storm.ts';

const directory = '/data/log';
const segmentBytes = 4096;
/** At the end: room for all that follows, so that no segment is freed behind it. */
const lastSegmentBytes = 65_536;
const loseAll = { version: () => -1, names: () => 0 };
/** Changing operations of the disk until the next cut, at most. */
const cutStepsMax = 60;
/** One in so many steps finds the log idle. */
const idleChance = 0.3;
/** Ends by a kill, among all ends. */
const killChance = 0.4;
/** Copies of the log at rest that are damaged, each in its own way. */
const damagedCopies = 16;
/** Of them, those that lose their end instead of one bit. */
const lostEndChance = 0.25;
/** Ticks after which an idle log has proven its last batch, with room to spare. */
const restTicks = 4;
/** Of the damaged bits, those that the witness cannot tell of. */
const witnessGoneChance = 0.4;
const sectorBytes = 512;
/** Groups that come last, each in a batch of its own; no workload names them. */
const lastGroups = Array.from({ length: 8 }, (_, i) => 2 ** 40 + i);
/** Of the damage, what hits the newest segments: the active one, and what is prepared for later. */
const newestChance = 0.8;
const newestCount = 3;
/** Half of it hits the last batches there. */
const lastSectors = 3;

interface Progress {
  acked: number;
}

function open(disk: SimDisk, bootNonce: string, bytes = segmentBytes): Promise<RaftLog> {
  const common = { directory, storeId: 's1', logger: silentLogger, segmentBytes: bytes };
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

/** What an idle node does about its log for a while. */
async function idle(log: RaftLog): Promise<void> {
  for (let tick = 0; tick < restTicks; tick++) {
    log.tickIdle();
    await log.settle();
  }
}

/** How the log ends before it is damaged. */
type Ending =
  /** Every batch is proven, by a marker and the witness. */
  | 'closed'
  | 'idle'
  /** The power went right after the last append: nothing proves that one. */
  | 'busy';

/**
 * Leaves a log at rest and returns what it holds. Small segments are packed before, so that none is
 * freed behind what comes last.
 */
async function comeToRest(disk: SimDisk, ending: Ending): Promise<string> {
  const packed = await open(disk, 'packs', lastSegmentBytes);
  await idle(packed);
  await packed.close();
  const log = await open(disk, 'rests', lastSegmentBytes);
  for (const groupId of lastGroups) {
    await log.append(new LogBatchBuilder().createGroup(groupId, 1, birthMetadata, birthState));
  }
  if (ending === 'closed') {
    await log.close();
  } else if (ending === 'idle') {
    await idle(log);
  }
  disk.crash(loseAll);
  const whole = await open(disk.clone(0), 'whole', lastSegmentBytes);
  assert(
    lastGroups.every((groupId) => whole.groups.has(groupId)),
    'What was appended last is there',
  );
  return describeLog(whole);
}

/** One bit of a segment turns, or its end is gone; now and then the witness, too. */
function damage(disk: SimDisk, ending: Ending, random: Prng): string {
  const used = disk.paths
    .filter((path) => path.endsWith('.log'))
    .map((path) => ({ path, end: disk.contents(path).findLastIndex((byte) => byte !== 0) + 1 }))
    .filter(({ end }) => end > sectorBytes);
  const { path, end } = random.pick(random.chance(newestChance) ? used.slice(-newestCount) : used);
  const reach = random.chance(0.5) ? Math.min(end, lastSectors * sectorBytes) : end;
  const position = end - 1 - random.below(reach);
  // A busy log's witness is a second old: of an end lost with all its traces nothing tells.
  if (ending !== 'busy' && random.chance(lostEndChance)) {
    disk.plant(path, disk.contents(path).fill(0, position - (position % sectorBytes)));
    return `the end of "${path}" from ${position} on`;
  }
  disk.flipBit(path, position, random.below(8));
  const isWitnessGone = random.chance(witnessGoneChance);
  if (isWitnessGone) {
    disk.plant(`${directory}/${witnessName}`, Buffer.alloc(2 * sectorBytes));
  }
  return `"${path}" at ${position}${isWitnessGone ? ' and the witness' : ''}`;
}

/** A damaged log is refused, or holds all that was durable: bytes never go missing in silence. */
async function rot(disk: SimDisk, random: Prng): Promise<void> {
  const ending = random.pick<Ending>(['closed', 'idle', 'busy']);
  const whole = await comeToRest(disk, ending);
  // The last group's line; its batch alone may count as torn.
  const allowed = ending === 'busy' ? [whole, whole.slice(0, whole.lastIndexOf('\n'))] : [whole];
  for (let i = 0; i < damagedCopies; i++) {
    const copy = disk.clone(i);
    const what = damage(copy, ending, random);
    let log: RaftLog;
    try {
      log = await open(copy, 'damaged', lastSegmentBytes);
    } catch (error) {
      assert(isDynakvError(error), `A damaged log is no fault of the program: ${String(error)}`);
      continue;
    }
    assert(
      allowed.includes(describeLog(log)),
      `The log opens without what was durable: damaged was ${what}`,
    );
  }
}

export const logStorm: Storm = {
  name: 'log',
  what: 'the Raft log: power cuts at any step, kills, tiny segments that roll, damage at rest',
  async run(seed) {
    const random = new Prng(seed);
    const options = { stepCount: 60, groupCount: 4, entryBytesMax: 900, idleGroup: true };
    const disk = new SimDisk({ seed });
    await stormOn(disk, randomWorkload(random, options), random);
    await rot(disk, random);
  },
};
