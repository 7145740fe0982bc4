// Goal: what is appended comes back, in every way a log is opened again. Method: the real log on
// the simulated disk, with segments so small that a few batches fill one.
import { describe, expect, test } from '@jest/globals';
import type { Entry } from '../../raft/messages.ts';
import { SimDisk } from '../../sim/disk.ts';
import { silentLogger } from '../../sys/log.ts';
import { LogBatchBuilder } from './batch-builder.ts';
import { RaftLog } from './raft-log.ts';
import type { RaftLogOptions } from './raft-log.ts';

const directory = '/data/log';
const confState = {
  voters: [1, 2, 3],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
const birth = { index: 0, term: 0, confState };
const noState = { term: 0, vote: 0, commit: 0 };

function entry(index: number, term: number, size = 20): Entry {
  return { index, term, type: 0, data: Buffer.alloc(size, index) };
}

function open(disk: SimDisk, more: Partial<RaftLogOptions> = {}): Promise<RaftLog> {
  const logger = silentLogger;
  return RaftLog.open({ disk, directory, storeId: 's1', logger, segmentBytes: 8192, ...more });
}

describe('RaftLog', () => {
  test('open() of an empty folder gives an empty log', async () => {
    const log = await open(new SimDisk({ seed: 1 }), { bootNonce: 'boot-1' });
    expect(log.created).toBe(true);
    expect(log.groups.size).toBe(0);
    expect(log.bootHistory).toEqual(['boot-1']);
  });

  test('everything comes back after a clean restart', async () => {
    const disk = new SimDisk({ seed: 1 });
    const log = await open(disk, { bootNonce: 'boot-1' });
    const batch = new LogBatchBuilder();
    batch.createGroup(7, 2, birth, noState).entries(7, 2, [entry(1, 1), entry(2, 1)]);
    batch.hardState(7, 2, { term: 1, vote: 2, commit: 1 });
    await log.append(batch);
    await log.append(new LogBatchBuilder().entries(7, 2, [entry(2, 2), entry(3, 2)]));
    await log.append(new LogBatchBuilder().watermark(7, 2, 1).compact(7, 2, 1, 1));
    await log.append(new LogBatchBuilder().removeGroup(9, 4));
    await log.close();
    disk.crash();
    const again = await open(disk, { bootNonce: 'boot-2' });
    expect(again.created).toBe(false);
    expect(again.bootHistory).toEqual(['boot-1', 'boot-2']);
    expect(again.durablePosition).toBeGreaterThanOrEqual(log.durablePosition);
    expect(again.removedUpTo(9)).toBe(4);
    expect([...again.groups]).toEqual([
      [
        7,
        {
          replicaId: 2,
          hardState: { term: 1, vote: 2, commit: 1 },
          snapshotMetadata: { index: 1, term: 1, confState },
          entries: [entry(2, 2), entry(3, 2)],
          watermark: 1,
        },
      ],
    ]);
  });

  test('appends roll over segments, and freed ones are recycled', async () => {
    const disk = new SimDisk({ seed: 1 });
    const log = await open(disk);
    await log.append(new LogBatchBuilder().createGroup(1, 1, birth, noState));
    for (let index = 1; index <= 200; index++) {
      const batch = new LogBatchBuilder().entries(1, 1, [entry(index, 1, 900)]);
      if (index > 5) {
        batch.watermark(1, 1, index - 5).compact(1, 1, index - 5, 1);
      }
      await log.append(batch);
    }
    await log.settle();
    expect((await disk.list(directory)).length).toBeLessThan(5);
    disk.crash();
    const again = await open(disk);
    expect(again.groups.get(1)?.entries.map((one) => one.index)).toEqual([196, 197, 198, 199, 200]);
  });
});
