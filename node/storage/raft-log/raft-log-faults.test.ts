// Goal: a failing disk never costs an acknowledged write and never passes unnoticed: no space is
// refused and gets over; any other error is final, on disk too; foreign and newer data are left
// alone; an idle group does not hold old segments for ever.
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { crc32 } from '../../lib/crc32.ts';
import type { DynakvError } from '../../lib/errors.ts';
import { SimDisk } from '../../sim/disk.ts';
import { silentLogger } from '../../sys/log.ts';
import { LogBatchBuilder } from './batch-builder.ts';
import { RaftLog } from './raft-log.ts';
import { segmentName } from './segment.ts';
import { birthMetadata, birthState, describeLog, entryOf } from './testing-model.ts';

const directory = '/data/log';

function open(
  disk: SimDisk,
  storeId = 's1',
  onFailure: (error: DynakvError) => void = () => undefined,
): Promise<RaftLog> {
  const common = { directory, logger: silentLogger, segmentBytes: 4096, onFailure };
  return RaftLog.open({ disk: disk.mount(), storeId, ...common });
}

function entryBatch(groupId: number, index: number, bytes: number): LogBatchBuilder {
  const data = Buffer.alloc(bytes, index);
  return new LogBatchBuilder().entries(groupId, 1, [entryOf(index, 1, data)]);
}

function create(groupId: number): LogBatchBuilder {
  return new LogBatchBuilder().createGroup(groupId, 1, birthMetadata, birthState);
}

describe('RaftLog on a full disk', () => {
  test('append() refuses with NoSpace, changes nothing, and goes on when there is room', async () => {
    const disk = new SimDisk({ seed: 1, capacityBytes: 10_000 });
    const log = await open(disk);
    await log.append(create(1));
    let index = 0;
    let refused: LogBatchBuilder | undefined;
    while (refused === undefined) {
      const batch = entryBatch(1, index + 1, 900);
      try {
        await log.append(batch);
        index += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'NoSpace' });
        refused = batch;
      }
    }
    expect(index).toBeGreaterThan(2);
    expect(log.stats().spaceLow).toBe(true);
    await expect(log.append(refused)).rejects.toMatchObject({ code: 'NoSpace' });
    disk.capacityBytes = 100_000;
    await log.append(refused);
    expect(log.stats().spaceLow).toBe(false);
    disk.crash();
    expect((await open(disk)).groups.get(1)?.entries).toHaveLength(index + 1);
  });
});

describe('RaftLog on a full disk, elsewhere', () => {
  for (const kind of ['allocate', 'write'] as const) {
    test(`open() is refused with NoSpace by ${kind} and succeeds when there is room`, async () => {
      const disk = new SimDisk({ seed: 1 });
      const log = await open(disk);
      await log.append(create(1));
      await log.append(entryBatch(1, 1, 100));
      await log.close();
      for (let nth = 0; nth < 3; nth++) {
        let left = nth;
        disk.failNext('ENOSPC', (operation) => operation.kind === kind && left-- === 0);
        await expect(open(disk)).rejects.toMatchObject({ name: 'DynakvError', code: 'NoSpace' });
        if (kind === 'allocate' && nth === 1) {
          break;
        }
      }
      disk.crash();
      expect((await open(disk)).groups.get(1)?.entries).toHaveLength(1);
    });
  }

  test('append() counts it as a failure once the segment is there', async () => {
    const disk = new SimDisk({ seed: 1 });
    const log = await open(disk);
    disk.failNext('ENOSPC', (operation) => operation.kind === 'write');
    await expect(log.append(create(1))).rejects.toMatchObject({ code: 'StoreFailed' });
    await expect(open(disk)).rejects.toMatchObject({ code: 'Quarantined' });
  });
});

describe('RaftLog with a broken invariant', () => {
  test('onFailure hears of it, appends are refused, and the next start finds a sound log', async () => {
    const disk = new SimDisk({ seed: 1 });
    const heard: string[] = [];
    const onFailure = (error: DynakvError): void => void heard.push(error.message);
    const log = await open(disk, 's1', onFailure);
    await log.append(create(1));
    const unknown = entryBatch(2, 1, 10);
    await expect(log.append(unknown)).rejects.toMatchObject({
      code: 'StoreFailed',
      cause: { name: 'AssertionError' },
    });
    await expect(log.append(entryBatch(1, 1, 10))).rejects.toMatchObject({ code: 'StoreFailed' });
    expect(heard).toHaveLength(1);
    expect(heard[0]).toContain('Cannot log for group 2: it is unknown');
    await log.close();
    disk.crash();
    expect((await open(disk)).groups.get(1)?.entries).toEqual([]);
  });
});

describe('RaftLog with a failing witness', () => {
  test('is quarantined, and onFailure hears of it', async () => {
    const disk = new SimDisk({ seed: 1 });
    let hear: (error: DynakvError) => void = () => undefined;
    const heard = new Promise<DynakvError>((resolve) => (hear = resolve));
    const log = await open(disk, 's1', hear);
    await log.append(create(1));
    disk.failNext('EIO', ({ kind, path }) => kind === 'datasync' && path.endsWith('/witness'));
    log.tickIdle();
    await log.settle();
    await expect(log.append(entryBatch(1, 1, 10))).rejects.toMatchObject({ code: 'StoreFailed' });
    expect(await heard).toMatchObject({ code: 'StoreFailed' });
    await expect(open(disk)).rejects.toMatchObject({ code: 'Quarantined' });
  });
});

/** Where the two appends of entries stand in the log of the test below. */
const firstAppend = { from: 1536, to: 3072 };
const lastAppend = { from: 3072, to: 3584 };

/** Whether scattering `some` at `at` over `file` changes a byte of an append. */
function changes(file: Buffer, some: Uint8Array, at: number, append: typeof firstAppend): boolean {
  return some.some((byte, nth) => {
    const offset = at + nth;
    return offset >= append.from && offset < append.to && file[offset] !== byte;
  });
}

describe('RaftLog over random bytes', () => {
  test('open() cuts or quarantines whatever stands in the last segment, and never crashes', async () => {
    const whole = new SimDisk({ seed: 1 });
    const log = await open(whole);
    await log.append(create(1));
    await log.append(entryBatch(1, 1, 1000));
    await log.append(entryBatch(1, 2, 100));
    whole.crash({ version: () => -1, names: () => 0 });
    const path = `${directory}/${segmentName(1)}`;
    const before = whole.contents(path);
    for (const { from, to } of [firstAppend, lastAppend]) {
      expect(before.readUInt32LE(from)).toBe(before.readUInt32LE(512));
      expect(before.readUInt32LE(from + 8)).toBe(to - from);
    }
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 2000 });
    const property = async (some: Uint8Array, at: number): Promise<void> => {
      const disk = whole.clone(1);
      const file = disk.contents(path);
      const last = changes(before, some, at, lastAppend);
      // The first append is proved by the last one alone: both hit at once are the window of
      // docs/raft-log.md, "The end of the log with all later traces".
      const window = last && changes(before, some, at, firstAppend);
      file.set(some.subarray(0, file.length - at), at);
      disk.plant(path, file);
      const outcome = await open(disk).then(
        (opened) => opened.groups.get(1)?.entries.length ?? -1,
        (error: unknown) => (error as DynakvError).code,
      );
      const cut = window ? 0 : last ? 1 : 2;
      expect([cut, 'Quarantined']).toContain(outcome);
    };
    await fc.assert(fc.asyncProperty(bytes, fc.nat({ max: 4095 }), property), {
      numRuns: 300,
      examples: [[Uint8Array.from([0, 1, 0]), 3070]],
    });
  });
});

describe('RaftLog on a failing disk', () => {
  for (const kind of ['write', 'datasync'] as const) {
    test(`an error of ${kind} is final, over a restart too`, async () => {
      const disk = new SimDisk({ seed: 1 });
      const log = await open(disk);
      await log.append(create(1));
      disk.failNext('EIO', (operation) => operation.kind === kind);
      await expect(log.append(entryBatch(1, 1, 10))).rejects.toMatchObject({ code: 'StoreFailed' });
      await expect(log.append(entryBatch(1, 1, 10))).rejects.toMatchObject({ code: 'StoreFailed' });
      disk.crash();
      await expect(open(disk)).rejects.toMatchObject({ code: 'Quarantined' });
      await expect(open(disk)).rejects.toThrow('start it with an empty data folder');
    });
  }

  test('an error of read at start is quarantine', async () => {
    const disk = new SimDisk({ seed: 1 });
    await (await open(disk)).close();
    disk.failNext('EIO', (operation) => operation.kind === 'read' && operation.bytes > 512);
    await expect(open(disk)).rejects.toMatchObject({ code: 'Quarantined' });
    await expect(open(disk)).rejects.toMatchObject({ code: 'Quarantined' });
  });
});

describe('RaftLog of somebody else', () => {
  test('another store and a newer format are refused and left as they are', async () => {
    const disk = new SimDisk({ seed: 1 });
    await (await open(disk)).close();
    const names = await disk.list(directory);
    await expect(open(disk, 's2')).rejects.toMatchObject({ code: 'WrongCluster' });
    expect(await RaftLog.readStoreId(disk, directory)).toBe('s1');
    const path = `${directory}/${segmentName(1)}`;
    const bytes = disk.contents(path);
    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(16, 512), crc32(bytes.subarray(0, 12))), 12);
    disk.plant(path, bytes);
    await expect(open(disk)).rejects.toMatchObject({ code: 'NewerFormat' });
    expect(await disk.list(directory)).toEqual(names);
    expect(disk.contents(path)).toEqual(bytes);
  });
});

describe('RaftLog with an idle group', () => {
  test('its entries are rewritten forward and old segments go', async () => {
    const disk = new SimDisk({ seed: 1 });
    const log = await open(disk);
    await log.append(create(1));
    await log.append(entryBatch(1, 1, 700));
    await log.append(create(2));
    for (let index = 1; index <= 100; index++) {
      const batch = entryBatch(2, index, 700);
      await log.append(batch.watermark(2, 1, index).compact(2, 1, index, 1));
    }
    await log.settle();
    expect(await disk.exists(`${directory}/${segmentName(1)}`)).toBe(false);
    expect((await disk.list(directory)).length).toBeLessThan(8);
    disk.crash();
    const again = await open(disk);
    expect(again.groups.get(1)?.entries).toEqual([entryOf(1, 1, Buffer.alloc(700, 1))]);
    expect(describeLog(again)).toContain('2 1 0,0,0,100,1,100');
  });
});
