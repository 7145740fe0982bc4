/**
 * A random walk of an engine beside a plain map that is obviously right: every answer must agree.
 * Goal: promises that no single case thought of. Method: few short keys, so that steps meet each
 * other; a fixed seed, so that a failure repeats. Part of `engine-suite.ts`.
 */
import { expect } from '@jest/globals';
import type { Prng } from '../lib/prng.ts';
import { mebibyte } from '../lib/units.ts';
import { engineColumns } from '../sys/engine.ts';
import type {
  Engine,
  EngineColumn,
  EngineIterator,
  EngineRow,
  EngineWrite,
} from '../sys/engine.ts';

/** Bounds around every key of the suite. */
export const everything = { from: Buffer.alloc(0), to: Buffer.alloc(64, 0xff) };

/** All rows that are left, in steps; closes the iterator. */
export async function drain(iterator: EngineIterator, rowsMax = 7): Promise<EngineRow[]> {
  const all: EngineRow[] = [];
  for (;;) {
    const rows = await iterator.next(rowsMax, mebibyte);
    if (rows.length === 0) {
      await iterator.close();
      return all;
    }
    all.push(...rows);
  }
}

/** Walks `steps` steps, then compares everything. */
export async function walk(
  random: Prng,
  steps: number,
  use: () => Engine,
  reopen: () => Promise<Engine>,
): Promise<void> {
  const model: Model = { default: new Map(), data: new Map() };
  for (let step = 0; step < steps; step++) {
    await randomStep(random, use, reopen, model);
  }
  for (const column of engineColumns) {
    await expectEqual(use(), column, model[column], everything.from, everything.to);
  }
}

type Model = Record<EngineColumn, Map<string, Buffer>>;

/** Few short keys of few letters, so that steps meet each other. */
function randomKey(random: Prng): Buffer {
  const letters = [0, 1, 0x7f, 0x80, 0xff];
  return Buffer.from(Array.from({ length: random.below(4) }, () => random.pick(letters)));
}

async function randomStep(
  random: Prng,
  use: () => Engine,
  reopen: () => Promise<Engine>,
  model: Model,
): Promise<void> {
  const column = random.pick(engineColumns);
  const from = randomKey(random);
  const to = randomKey(random);
  const dice = random.below(100);
  if (dice < 60) {
    const writes = Array.from({ length: random.below(6) }, (): EngineWrite => {
      const value = random.chance(0.3) ? undefined : random.bytes(random.below(40));
      return { column: random.pick(engineColumns), key: randomKey(random), value };
    });
    use().write(writes, { sync: random.chance(0.05) });
    for (const write of writes) {
      if (write.value === undefined) {
        model[write.column].delete(write.key.toString('hex'));
      } else {
        model[write.column].set(write.key.toString('hex'), write.value);
      }
    }
  } else if (dice < 65) {
    use().deleteRange({ column, from, to });
    for (const hex of inRange(model[column], from, to)) {
      model[column].delete(hex);
    }
  } else if (dice < 80) {
    const keys = Array.from({ length: 5 }, () => randomKey(random));
    const expected = keys.map((asked) => model[column].get(asked.toString('hex')));
    expect(keys.map((asked) => use().get(column, asked))).toEqual(expected);
    expect(await use().getMany(column, keys)).toEqual(expected);
  } else if (dice < 95) {
    await expectEqual(use(), column, model[column], from, to);
  } else if (dice < 98) {
    await use().syncWal();
  } else {
    await reopen();
  }
}

/** Hexadecimal keys of [from, to), ascending: hexadecimal text orders as its bytes do. */
function inRange(rows: ReadonlyMap<string, Buffer>, from: Buffer, to: Buffer): string[] {
  const [low, high] = [from.toString('hex'), to.toString('hex')];
  return [...rows.keys()].filter((hex) => hex >= low && hex < high).sort();
}

async function expectEqual(
  engine: Engine,
  column: EngineColumn,
  rows: ReadonlyMap<string, Buffer>,
  from: Buffer,
  to: Buffer,
): Promise<void> {
  const found = await drain(engine.iterate({ column, from, to }));
  expect(found.map(([rowKey, value]) => [rowKey.toString('hex'), value])).toEqual(
    inRange(rows, from, to).map((hex) => [hex, rows.get(hex)]),
  );
}
