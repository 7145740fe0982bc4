// Goal: every way in which a small log can be damaged at rest has a known outcome, the right one:
// the log comes back whole, or without the appends that the damage hit and nothing proves, or it is
// quarantined (now and later; rules P7, P8). The last two differ by what is left to tell:
// docs/raft-log.md.
// Method: exhaustive over every byte and every length of the files of a log of seven steps in three
// segments of five sectors, busy and idle (two more kinds are sampled). The expected outcome stands
// in tables, a letter for each sector: `Q` quarantine, a digit how many of the seven steps come
// back.
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { isDynakvError } from '../../lib/errors.ts';
import { Prng } from '../../lib/prng.ts';
import { SimDisk } from '../../sim/disk.ts';
import { silentLogger } from '../../sys/log.ts';
import { LogBatchBuilder } from './batch-builder.ts';
import { sectorBytes } from './layout.ts';
import { RaftLog } from './raft-log.ts';
import { segmentName } from './segment.ts';
import { birthMetadata, birthState, describeLog, entryOf } from './testing-model.ts';
import { witnessName } from './witness.ts';

jest.setTimeout(120_000);

const directory = '/data/log';
const segmentBytes = 5 * sectorBytes;
const reopenStride = 16;
const loseAll = { version: () => -1, names: () => 0 };
/** Entry bytes of the steps: one sector each, the fourth two. */
const stepBytes = [300, 100, 0, 700, 300, 200, 300];

/**
 * What the segments hold, sector by sector:
 * 1: header, birth, steps 1 to 3 · 2: header, checkpoint, step 4 (two sectors), step 5
 * 3: header, checkpoint, steps 6 and 7, the marker or nothing · 4: header, nothing (prepared)
 */
const segmentNames = [1, 2, 3, 4].map(segmentName);
const fileNames = [...segmentNames, witnessName];

/** The outcome for each sector of each file, in the order of `fileNames`. */
type Table = readonly string[];

interface Kind {
  readonly title: string;
  /** Calls of `tickIdle`: the first lets the witness know, the second writes the marker too. */
  readonly ticks: number;
  readonly witnessLost: boolean;
  /** Every so many-th byte and length: the kinds that differ little from another are sampled. */
  readonly stride: number;
  /** A bit of the sector flipped. */
  readonly flipped: Table;
  /** Zeroed from within the sector to the end of the file; by segment. */
  readonly zeroed: Table;
  /** The whole file gone; a letter for each. */
  readonly missing: string;
}

const kinds: readonly Kind[] = [
  {
    title: 'busy log (nothing proves the last append, the witness knows the birth only)',
    ticks: 0,
    witnessLost: false,
    stride: 1,
    flipped: ['QQQQQ', 'QQQQQ', 'QQQ67', 'Q7777', '77'],
    zeroed: ['QQQQQ', 'QQQQQ', 'Q5567', 'Q7777'],
    missing: 'QQ577',
  },
  {
    title: 'witnessed log (about a second later)',
    ticks: 1,
    witnessLost: false,
    stride: 61,
    flipped: ['QQQQQ', 'QQQQQ', 'QQQQ7', 'Q7777', '77'],
    zeroed: ['QQQQQ', 'QQQQQ', 'QQQQ7', 'Q7777'],
    missing: 'QQQ77',
  },
  {
    title: 'idle log (marker written)',
    ticks: 2,
    witnessLost: false,
    stride: 1,
    flipped: ['QQQQQ', 'QQQQQ', 'QQQQ7', 'Q7777', '77'],
    zeroed: ['QQQQQ', 'QQQQQ', 'QQQQ7', 'Q7777'],
    missing: 'QQQ77',
  },
  {
    title: 'idle log that has lost its witness before',
    ticks: 2,
    witnessLost: true,
    stride: 61,
    flipped: ['QQQQQ', 'QQQQQ', 'QQQQ7', 'Q7777'],
    zeroed: ['QQQQQ', 'QQQQQ', 'Q5567', 'Q7777'],
    missing: 'QQ57',
  },
];

function open(disk: SimDisk): Promise<RaftLog> {
  const common = { directory, storeId: 's1', logger: silentLogger, segmentBytes };
  return RaftLog.open({ disk: disk.mount(), ...common });
}

/** A log of all steps, and the state after each number of them, as text. */
interface Sample {
  readonly disk: SimDisk;
  readonly states: readonly string[];
}

async function makeSample({ ticks, witnessLost }: Kind): Promise<Sample> {
  const disk = new SimDisk({ seed: 1 });
  const log = await open(disk);
  const states = [describeLog(log)];
  for (const [position, bytes] of stepBytes.entries()) {
    const index = position + 1;
    const batch = new LogBatchBuilder();
    if (index === 1) {
      batch.createGroup(1, 1, birthMetadata, birthState);
    }
    await log.append(batch.entries(1, 1, [entryOf(index, 1, new Prng(index).bytes(bytes))]));
    states.push(describeLog(await open(disk.clone(1))));
  }
  for (let tick = 0; tick < ticks; tick++) {
    log.tickIdle();
    await log.settle();
  }
  await log.settle();
  if (witnessLost) {
    await disk.remove(`${directory}/${witnessName}`);
    await disk.syncDirectory(directory);
  }
  disk.crash(loseAll);
  return { disk, states };
}

let trials = 0;

/**
 * Opens a damaged log. What it hands out must survive the next power cut as it is (P7), which is
 * tried every so often: it takes a second recovery.
 */
async function outcomeOf(disk: SimDisk, states: readonly string[]): Promise<string> {
  try {
    const found = describeLog(await open(disk));
    trials += 1;
    if (trials % reopenStride === 0) {
      disk.crash(loseAll);
      expect(describeLog(await open(disk))).toBe(found);
    }
    const steps = states.indexOf(found);
    return steps >= 0 ? String(steps) : `unexpected state: ${found}`;
  } catch (error) {
    if (!isDynakvError(error, 'Quarantined')) {
      throw error;
    }
    disk.crash(loseAll);
    await expect(open(disk)).rejects.toMatchObject({ code: 'Quarantined' });
    return 'Q';
  }
}

/** Tries one damage, given as what becomes of a file; throws on another outcome. */
async function expectOutcome(
  sample: Sample,
  damage: (disk: SimDisk) => unknown,
  expected: string | undefined,
  what: string,
): Promise<void> {
  const disk = sample.disk.clone(1);
  await damage(disk);
  const outcome = await outcomeOf(disk, sample.states);
  if (outcome !== expected) {
    throw new Error(`${what}: expected ${expected}, got ${outcome}`);
  }
}

describe.each(kinds)('A small log, damaged at rest: $title', (kind) => {
  const names = kind.witnessLost ? segmentNames : fileNames;
  let sample: Sample = { disk: new SimDisk({ seed: 0 }), states: [] };
  const contents = (name: string): Buffer => sample.disk.contents(`${directory}/${name}`);

  beforeAll(async () => {
    sample = await makeSample(kind);
  });

  test('undamaged, it is whole and of the layout that the tables assume', async () => {
    expect(await sample.disk.list(directory)).toEqual(names);
    const sectors = names.map((name) => contents(name).length / sectorBytes);
    expect(sectors).toEqual(kind.flipped.map((letters) => letters.length));
    const isUsed = contents(segmentName(3))
      .subarray(-sectorBytes)
      .some((byte) => byte !== 0);
    expect(isUsed).toBe(kind.ticks > 1);
    await expectOutcome(sample, () => undefined, '7', 'undamaged');
  });

  test('each byte flipped', async () => {
    for (const [file, name] of names.entries()) {
      const path = `${directory}/${name}`;
      for (let position = 0; position < contents(name).length; position += kind.stride) {
        const expected = kind.flipped[file]?.[Math.floor(position / sectorBytes)];
        const flip = (disk: SimDisk): void => disk.flipBit(path, position, position % 8);
        await expectOutcome(sample, flip, expected, `${name} byte ${position}`);
      }
    }
  });

  test('each file truncated at each offset', async () => {
    for (const name of names) {
      const bytes = contents(name);
      const expected = name === witnessName ? '7' : 'Q';
      for (let length = 0; length < bytes.length; length += kind.stride) {
        const cut = (disk: SimDisk): void =>
          disk.plant(`${directory}/${name}`, bytes.subarray(0, length));
        await expectOutcome(sample, cut, expected, `${name} cut to ${length}`);
      }
    }
  });

  test('each segment zeroed from each offset on', async () => {
    for (const [file, name] of segmentNames.entries()) {
      const bytes = contents(name);
      for (let from = sectorBytes; from < bytes.length; from += kind.stride) {
        // Bytes that are zero already change nothing: what counts is the last one that is lost.
        const lost = bytes.subarray(from).findIndex((byte) => byte !== 0);
        const sector = Math.floor((from + lost) / sectorBytes);
        const expected = lost < 0 ? '7' : kind.zeroed[file]?.[sector];
        const rest = Buffer.alloc(bytes.length);
        bytes.copy(rest, 0, 0, from);
        const zero = (disk: SimDisk): void => disk.plant(`${directory}/${name}`, rest);
        await expectOutcome(sample, zero, expected, `${name} zeroed from ${from}`);
      }
    }
  });

  test('each file missing', async () => {
    for (const [file, name] of names.entries()) {
      const remove = async (disk: SimDisk): Promise<void> => {
        await disk.remove(`${directory}/${name}`);
        await disk.syncDirectory(directory);
      };
      await expectOutcome(sample, remove, kind.missing[file], `${name} missing`);
    }
  });

  test('all segments missing', async () => {
    const remove = async (disk: SimDisk): Promise<void> => {
      for (const name of segmentNames) {
        await disk.remove(`${directory}/${name}`);
      }
      await disk.syncDirectory(directory);
    };
    await expectOutcome(sample, remove, kind.witnessLost ? '0' : 'Q', 'all segments');
  });
});
