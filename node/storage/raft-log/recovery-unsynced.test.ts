// Goal: of an append that a power cut met, all is there or nothing, whatever subset of its sectors
// the disk had written. Method: every subset of up to ten sectors, inside a segment and at the head
// of one (where a checkpoint goes along); sampled subsets of a larger append.
import { describe, expect, jest, test } from '@jest/globals';
import { Prng } from '../../lib/prng.ts';
import { SimDisk } from '../../sim/disk.ts';
import { silentLogger } from '../../sys/log.ts';
import { LogBatchBuilder } from './batch-builder.ts';
import { sectorBytes } from './layout.ts';
import { RaftLog } from './raft-log.ts';
import { birthMetadata, birthState, describeLog, entryOf } from './testing-model.ts';

jest.setTimeout(120_000);

const directory = '/data/log';
const loseAll = { version: () => -1, names: () => 0 };

function open(disk: SimDisk, segmentBytes = 8 * sectorBytes): Promise<RaftLog> {
  const common = { directory, storeId: 's1', logger: silentLogger, segmentBytes };
  return RaftLog.open({ disk: disk.mount(), ...common });
}

/** A disk with an append under way; `before` and `after` are the states around it. */
interface Sample {
  readonly disk: SimDisk;
  readonly before: string;
  readonly after: string;
}

function step(index: number, bytes: number): LogBatchBuilder {
  const batch = new LogBatchBuilder();
  if (index === 1) {
    batch.createGroup(1, 1, birthMetadata, birthState);
  }
  return batch.entries(1, 1, [entryOf(index, 1, new Prng(index).bytes(bytes))]);
}

/** Opens after the cut. What it hands out must survive the next power cut as it is (P7). */
async function outcomeOf(disk: SimDisk, { before, after }: Sample): Promise<string> {
  const found = describeLog(await open(disk));
  disk.crash(loseAll);
  expect(describeLog(await open(disk))).toBe(found);
  return found === after ? 'sound' : found === before ? 'cut' : `unexpected state: ${found}`;
}

describe('The last append, unsynced at a power cut', () => {
  /**
   * Appends durably, then one more of `bytes` whose sync never comes; in a full segment it begins
   * the next one, with a checkpoint batch before it.
   */
  async function unsynced(bytes: number, roll: boolean): Promise<Sample> {
    const disk = new SimDisk({ seed: 1 });
    const log = await open(disk, roll ? 8 * sectorBytes : 128 * sectorBytes);
    const durable = roll ? 6 : 3;
    for (let index = 1; index <= durable; index++) {
      await log.append(step(index, 300));
    }
    await log.settle();
    const before = describeLog(await open(disk.clone(1)));
    const dark = disk.powerCutAfter(1);
    log.append(step(durable + 1, bytes)).catch(() => undefined);
    await dark;
    const whole = disk.clone(1);
    whole.crash({ version: (_path, _sector, all) => all - 1, names: (_path, all) => all });
    return { disk, before, after: describeLog(await open(whole)) };
  }

  async function lose(made: Sample, keep: (sector: number) => boolean): Promise<void> {
    const disk = made.disk.clone(1);
    let dirty = 0;
    let kept = 0;
    disk.crash({
      version: (_path, sector, versions) => {
        const isKept = keep(sector);
        dirty += 1;
        kept += isKept ? 1 : 0;
        return isKept ? versions - 1 : -1;
      },
      names: (_path, all) => all,
    });
    expect(await outcomeOf(disk, made)).toBe(kept === dirty ? 'sound' : 'cut');
  }

  async function unsyncedCount(disk: SimDisk): Promise<number> {
    let count = 0;
    for (const name of await disk.clone(1).list(directory)) {
      count += disk.unsyncedSectors(`${directory}/${name}`).length;
    }
    return count;
  }

  for (const roll of [false, true]) {
    const where = roll ? 'at the head of a segment' : 'inside a segment';
    test(`any subset of up to ten sectors ${where}: all of it or nothing`, async () => {
      for (let sectors = 1; sectors <= (roll ? 5 : 10); sectors++) {
        const made = await unsynced(sectors * sectorBytes - 64 - 20, roll);
        const count = await unsyncedCount(made.disk);
        expect(count).toBe(sectors + (roll ? 1 : 0));
        for (let subset = 0; subset < 2 ** count; subset++) {
          let next = 0;
          await lose(made, () => ((subset >>> next++) & 1) === 1);
        }
      }
    });
  }

  test('sampled subsets of a larger append: all of it or nothing', async () => {
    const made = await unsynced(40_000, false);
    const random = new Prng(5);
    for (let trial = 0; trial < 300; trial++) {
      const share = random.below(100) / 100;
      await lose(made, () => random.chance(share));
    }
    await lose(made, () => true);
  });
});
