/**
 * The estimate of a shard's size, against rows that a real iterator gives: limits and all. And who
 * is told it when: a leader that nobody asked before, and one whose shard grew since.
 */
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Group } from '../host/group.ts';
import { encodeBatch } from '../items/batch.ts';
import { rowKey as itemKey } from '../items/keys.ts';
import { DynakvError } from '../lib/errors.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import { rowKey } from '../storage/generation-rows.ts';
import type { MemoryEngine } from '../storage/memory-engine.ts';
import { MemoryStore } from '../storage/memory-store.ts';
import type { EngineRow } from '../sys/engine.ts';
import { silentLogger } from '../sys/log.ts';
import { realTimers } from '../sys/real/timers.ts';
import { ShardBytes, estimateTableBytes, isDue } from './shard-bytes.ts';

const range = { from: 0x4000_0000, to: 0x8000_0000 };
const limits = { rowsMax: 40, bytesMax: 65_536 };
const generation = 7;

/** Rows of a table, evenly over the range; each takes `bytes` with its key. */
function rowsOf(tableId: number, count: number, bytes: number): EngineRow[] {
  return Array.from({ length: count }, (_none, index) => {
    const hash = range.from + Math.floor(((range.to - range.from) * index) / count);
    const key = itemKey(tableId, hash, Buffer.from(`k${String(index).padStart(6, '0')}`));
    return [rowKey(generation, key), Buffer.alloc(bytes - key.length)] as const;
  });
}

async function estimate(rows: readonly EngineRow[]): Promise<number> {
  const engine = new MemoryStore().open({ timers: realTimers });
  engine.write(rows.map(([key, value]) => ({ column: 'data', key, value })));
  const iterator = engine.iterate({
    column: 'data',
    from: rowKey(generation, Buffer.alloc(4)),
    to: rowKey(generation + 1, Buffer.alloc(4)),
  });
  return estimateTableBytes(await iterator.next(limits.rowsMax, limits.bytesMax), range, limits);
}

describe('estimateTableBytes()', () => {
  test('small tables are counted to the byte', async () => {
    expect(await estimate([])).toBe(0);
    expect(await estimate(rowsOf(1, 10, 100))).toBe(1_000);
    expect(await estimate([...rowsOf(1, 10, 100), ...rowsOf(2, 900, 100)])).toBe(1_000);
  });

  test.each([
    ['of many small rows', 10_000, 100],
    ['of kilobytes, whose sample the bytes end', 10_000, 1_100],
    ['of rows of which a sample has four', 100, 20_000],
  ])('large tables %s are told by their first rows', async (_what, count, bytes) => {
    const whole = count * bytes;
    const told = await estimate(rowsOf(1, count, bytes));
    expect(told).toBeGreaterThan(0.9 * whole);
    expect(told).toBeLessThan(1.1 * whole);
  });
});

describe('isDue()', () => {
  const since = (entries: number, bytes: number) => ({ entries, bytes });

  test('a shard that nobody wrote to is left alone', () => {
    expect(isDue({ bytes: 0, looks: 1_000 }, since(0, 0))).toBe(false);
  });

  test('a few large entries count as much as many small ones', () => {
    expect(isDue({ bytes: 0, looks: 10 }, since(4, 1_200_000))).toBe(true);
    expect(isDue({ bytes: 0, looks: 10 }, since(5_000, 1_200_000))).toBe(true);
    expect(isDue({ bytes: 1e9, looks: 10 }, since(5_000, 1_200_000))).toBe(false);
  });

  test('little is seen later, and nothing twice in a row', () => {
    expect(isDue({ bytes: 1e9, looks: 59 }, since(1, 100))).toBe(false);
    expect(isDue({ bytes: 1e9, looks: 60 }, since(1, 100))).toBe(true);
    expect(isDue({ bytes: 0, looks: 9 }, since(100, 1e9))).toBe(false);
  });
});

describe('ShardBytes', () => {
  let lone: LoneGroup;
  let engine: MemoryEngine;
  let bytes: ShardBytes;
  let shardCount: number;
  let failures: unknown[];

  beforeEach(() => {
    lone = new LoneGroup();
    engine = new MemoryStore().open({ timers: realTimers });
    shardCount = 1;
    failures = [];
    bytes = new ShardBytes({
      ...{ engine, logger: silentLogger },
      groups: new Map<number, Group>([[lone.group.groupId, lone.group]]),
      shardCount: () => shardCount,
      failed: (error) => failures.push(error),
    });
  });

  /** So many rows of 100 bytes are in the engine; entries of so many bytes brought them. */
  function hold(rows: number, logBytes: number): void {
    for (let i = 0; i < rows; i++) {
      const key = rowKey(lone.group.replica.generation, itemKey(1, i, Buffer.from(`k${i}`)));
      engine.write([{ column: 'data', key, value: Buffer.alloc(104 - key.length) }]);
    }
    const write = { key: Buffer.from('k'), value: Buffer.alloc(logBytes) };
    lone.group.propose(encodeBatch([write]), lone.group.openTerm, () => undefined);
    lone.commit();
  }

  test('who has just begun to lead, and never looked, is told at once', async () => {
    lone.lead();
    hold(20, 10);
    expect(bytes.of(lone.group)).toBe(0);
    expect(await bytes.current(lone.group)).toBe(2_000);
    expect(bytes.of(lone.group)).toBe(2_000);
  });

  test('what was known is told again until much was written', async () => {
    lone.lead();
    hold(20, 10);
    await bytes.current(lone.group);
    hold(25, 1_000);
    expect(await bytes.current(lone.group)).toBe(2_000);
    hold(30, 2 * 2 ** 20);
    expect(await bytes.current(lone.group)).toBe(3_000);
  });

  test('without a catalog, of a group that left, of a store that failed: unknown, not wrong', async () => {
    lone.lead();
    hold(20, 10);
    shardCount = 0;
    expect(await bytes.current(lone.group)).toBe(0);
    shardCount = 1;
    expect(await bytes.current(new LoneGroup().group)).toBe(0);
    await engine.close();
    expect(await bytes.current(lone.group)).toBe(0);
    expect(failures).toEqual([expect.any(DynakvError)]);
  });
});
