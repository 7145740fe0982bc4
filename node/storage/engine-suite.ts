/**
 * The conformance suite of the engine port: what `sys/engine.ts` promises, once, for every
 * engine. Goal: code above may be tested on memory and run on RocksDB. Method: small cases by
 * promise, then a random walk against a plain sorted map.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import { kibibyte, mebibyte } from '../lib/units.ts';
import { engineColumns } from '../sys/engine.ts';
import type { Engine, EngineColumn, EngineIterator, EngineWrite } from '../sys/engine.ts';
import { drain, everything, walk } from './engine-walk.ts';

/** One store for one test. */
export interface EngineFixture {
  /** Opens the store; called again after a close, it finds what was written. */
  open(): Promise<Engine>;
  /** Removes the store; its engine is closed by then. */
  dispose(): Promise<void>;
}

const bytes = (...values: number[]): Buffer => Buffer.from(values);
const key = (text: string): Buffer => Buffer.from(text, 'latin1');
const put = (text: string, value: string, column: EngineColumn = 'data'): EngineWrite => ({
  column,
  key: key(text),
  value: key(value),
});
const del = (text: string, column: EngineColumn = 'data'): EngineWrite => ({
  column,
  key: key(text),
  value: undefined,
});

async function keysOf(engine: Engine, from = '', to?: string): Promise<string[]> {
  const range = { from: key(from), to: to === undefined ? everything.to : key(to) };
  const rows = await drain(engine.iterate({ column: 'data', ...range }));
  return rows.map(([found]) => found.toString('latin1'));
}

async function codeOf(action: () => unknown): Promise<string | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    return isDynakvError(error) ? error.code : String(error);
  }
}

export function engineSuite(name: string, makeFixture: () => EngineFixture): void {
  describe(name, () => {
    let fixture: EngineFixture;
    let engine: Engine;
    const use = (): Engine => engine;
    const reopen = async (): Promise<Engine> => {
      await engine.close();
      engine = await fixture.open();
      return engine;
    };

    beforeEach(async () => {
      fixture = makeFixture();
      engine = await fixture.open();
    });
    afterEach(async () => {
      await engine.close();
      await fixture.dispose();
    });

    pointTests(use);
    writeTests(use);
    binaryTests(use);
    iteratorTests(use);
    snapshotTests(use);
    rangeTests(use);
    lifeTests(use, reopen);
    modelTests(use, reopen);
  });
}

function pointTests(use: () => Engine): void {
  describe('get() and getMany()', () => {
    test('get() of an absent key is undefined', () => {
      expect(use().get('data', key('a'))).toBeUndefined();
    });
    test('get() finds what was written, in the same turn', () => {
      use().write([put('a', '1')]);
      expect(use().get('data', key('a'))).toEqual(key('1'));
    });
    test('get() finds the newest value', () => {
      use().write([put('a', '1')]);
      use().write([put('a', '2')]);
      expect(use().get('data', key('a'))).toEqual(key('2'));
    });
    test('get() does not find a prefix or an extension of a key', () => {
      use().write([put('ab', '1')]);
      expect(use().get('data', key('a'))).toBeUndefined();
      expect(use().get('data', key('abc'))).toBeUndefined();
    });
    test.each(engineColumns)('a key of column %s is not in the other', (column) => {
      const other = column === 'data' ? 'default' : 'data';
      use().write([put('a', '1', column)]);
      expect(use().get(column, key('a'))).toEqual(key('1'));
      expect(use().get(other, key('a'))).toBeUndefined();
    });
    test('getMany() of nothing is nothing', async () => {
      expect(await use().getMany('data', [])).toEqual([]);
    });
    test('getMany() answers in the order asked, absent keys as undefined', async () => {
      use().write([put('a', '1'), put('b', '2'), put('c', '3')]);
      const values = await use().getMany('data', [key('c'), key('x'), key('a'), key('b')]);
      expect(values).toEqual([key('3'), undefined, key('1'), key('2')]);
    });
    test('getMany() answers a key asked twice twice', async () => {
      use().write([put('a', '1')]);
      expect(await use().getMany('data', [key('a'), key('a')])).toEqual([key('1'), key('1')]);
    });
    test('getMany() reads the column asked', async () => {
      use().write([put('a', '1', 'default'), put('a', '2', 'data')]);
      expect(await use().getMany('default', [key('a')])).toEqual([key('1')]);
      expect(await use().getMany('data', [key('a')])).toEqual([key('2')]);
    });
    test('getMany() serves many callers at once, each its own keys', async () => {
      const names = Array.from({ length: 300 }, (_, i) => `k${i}`);
      use().write(names.map((text) => put(text, `v${text}`)));
      const calls = names.map((text) => use().getMany('data', [key(text), key(`${text}?`)]));
      expect(await Promise.all(calls)).toEqual(names.map((text) => [key(`v${text}`), undefined]));
    });
    test('getMany() of many callers keeps the columns apart', async () => {
      use().write([put('a', '1', 'default'), put('a', '2', 'data')]);
      const columns = Array.from({ length: 60 }, (_, i) => engineColumns[i % 2] ?? 'data');
      const calls = columns.map((column) => use().getMany(column, [key('a')]));
      const expected = columns.map((column) => [key(column === 'default' ? '1' : '2')]);
      expect(await Promise.all(calls)).toEqual(expected);
    });
    test('a value returned belongs to the caller', () => {
      use().write([put('a', '1')]);
      use().get('data', key('a'))?.fill(0);
      expect(use().get('data', key('a'))).toEqual(key('1'));
    });
    test('a value returned pins no more than one slab of the Buffer pool', async () => {
      use().write([put('a', 'x'.repeat(100)), put('b', 'y'.repeat(100))]);
      for (const value of await use().getMany('data', [key('a'), key('b')])) {
        expect(value?.buffer.byteLength).toBeLessThanOrEqual(64 * kibibyte);
      }
    });
  });
}

function writeTests(use: () => Engine): void {
  describe('write()', () => {
    test('of nothing does nothing', async () => {
      use().write([]);
      expect(await keysOf(use())).toEqual([]);
    });
    test('changes both columns at once', () => {
      use().write([put('a', '1', 'default'), put('b', '2', 'data')]);
      expect(use().get('default', key('a'))).toEqual(key('1'));
      expect(use().get('data', key('b'))).toEqual(key('2'));
    });
    test('applies in order: the last change of a key wins', () => {
      use().write([put('a', '1'), del('a'), put('a', '2'), put('b', '1'), del('b')]);
      expect(use().get('data', key('a'))).toEqual(key('2'));
      expect(use().get('data', key('b'))).toBeUndefined();
    });
    test('deletes', async () => {
      use().write([put('a', '1'), put('b', '2')]);
      use().write([del('a')]);
      expect(use().get('data', key('a'))).toBeUndefined();
      expect(await keysOf(use())).toEqual(['b']);
    });
    test('deletes in its column only', () => {
      use().write([put('a', '1', 'default'), put('a', '1', 'data')]);
      use().write([del('a', 'data')]);
      expect(use().get('default', key('a'))).toEqual(key('1'));
    });
    test('of a delete of an absent key is no error', async () => {
      use().write([del('a')]);
      expect(await keysOf(use())).toEqual([]);
    });
    test('brings a deleted key back', () => {
      use().write([put('a', '1')]);
      use().write([del('a')]);
      use().write([put('a', '2')]);
      expect(use().get('data', key('a'))).toEqual(key('2'));
    });
    test('does not keep the buffers passed in', () => {
      const write = put('a', '1');
      use().write([write]);
      write.key.fill(0);
      write.value?.fill(0);
      expect(use().get('data', key('a'))).toEqual(key('1'));
    });
    test('takes slices of larger buffers', () => {
      const large = key('..abc123..');
      use().write([{ column: 'data', key: large.subarray(2, 5), value: large.subarray(5, 8) }]);
      expect(use().get('data', key('abc'))).toEqual(key('123'));
    });
    test('with sync keeps what an earlier write did', () => {
      use().write([put('a', '1')]);
      use().write([put('b', '2')], { sync: true });
      expect(use().get('data', key('a'))).toEqual(key('1'));
      expect(use().get('data', key('b'))).toEqual(key('2'));
    });
    test('takes ten thousand changes', async () => {
      const names = Array.from({ length: 10_000 }, (_, i) => `k${String(i).padStart(5, '0')}`);
      use().write(names.map((text) => put(text, text)));
      expect(await keysOf(use())).toEqual(names);
    });
    test('after a very large one is as small as its own changes', async () => {
      use().write([{ column: 'data', key: key('large'), value: Buffer.alloc(5 * mebibyte) }]);
      use().write([del('large')]);
      use().write([put('a', '1')]);
      expect(await keysOf(use())).toEqual(['a']);
    });
  });
}

function binaryTests(use: () => Engine): void {
  const awkward = [
    bytes(0),
    bytes(0, 0),
    bytes(0, 255),
    bytes(1),
    bytes(0x7f),
    bytes(0x80),
    bytes(0xc3, 0x28),
    bytes(0xfe, 0xff),
    bytes(0xff),
    bytes(0xff, 0),
    bytes(0xff, 0xff, 0xff, 0xff),
  ];

  describe('bytes', () => {
    test.each(awkward.map((found) => [found.toString('hex'), found] as const))(
      'key and value %s come back as they are',
      async (_hex, awkwardBytes) => {
        use().write([{ column: 'data', key: awkwardBytes, value: awkwardBytes }]);
        expect(use().get('data', awkwardBytes)).toEqual(awkwardBytes);
        expect(await use().getMany('data', [awkwardBytes])).toEqual([awkwardBytes]);
        const rows = await drain(use().iterate({ column: 'data', ...everything }));
        expect(rows).toEqual([[awkwardBytes, awkwardBytes]]);
      },
    );
    test('keys order as unsigned bytes, a prefix before its extensions', async () => {
      const shuffled = [...awkward].sort((a, b) =>
        a.toString('hex') > b.toString('hex') ? -1 : 1,
      );
      use().write(shuffled.map((found) => ({ column: 'data', key: found, value: bytes(1) })));
      const rows = await drain(use().iterate({ column: 'data', ...everything }));
      expect(rows.map(([found]) => found)).toEqual([...awkward].sort((a, b) => a.compare(b)));
    });
    test('an empty key is a key, the first', async () => {
      use().write([put('', 'empty'), put('\x00', 'zero')]);
      expect(use().get('data', Buffer.alloc(0))).toEqual(key('empty'));
      expect(await keysOf(use())).toEqual(['', '\x00']);
    });
    test('an empty value is not an absent one', async () => {
      use().write([put('a', '')]);
      expect(use().get('data', key('a'))).toEqual(Buffer.alloc(0));
      expect(await use().getMany('data', [key('a')])).toEqual([Buffer.alloc(0)]);
      const rows = await drain(use().iterate({ column: 'data', ...everything }));
      expect(rows).toEqual([[key('a'), Buffer.alloc(0)]]);
    });
    test.each([1, 4 * kibibyte, 64 * kibibyte, mebibyte])('a value of %d bytes', async (size) => {
      const value = new Prng(size).bytes(size);
      use().write([{ column: 'data', key: key('a'), value }]);
      expect(use().get('data', key('a'))?.equals(value)).toBe(true);
      const [found] = await use().getMany('data', [key('a')]);
      expect(found?.equals(value)).toBe(true);
    });
    test('a key of 64 KiB', async () => {
      const large = new Prng(1).bytes(64 * kibibyte);
      use().write([{ column: 'data', key: large, value: bytes(1) }]);
      expect(use().get('data', large)).toEqual(bytes(1));
      const rows = await drain(use().iterate({ column: 'data', ...everything }));
      expect(rows[0]?.[0].equals(large)).toBe(true);
    });
  });
}

function iteratorTests(use: () => Engine): void {
  const abcde = ['a', 'b', 'c', 'd', 'e'];
  const writeAbcde = (): void => {
    use().write(abcde.map((text) => put(text, text.toUpperCase())));
  };

  describe('iterate()', () => {
    test('over nothing ends at once, and stays ended', async () => {
      const iterator = use().iterate({ column: 'data', ...everything });
      expect(await iterator.next(1, 1)).toEqual([]);
      expect(await iterator.next(1, 1)).toEqual([]);
      await iterator.close();
    });
    test('gives rows in key order whatever the order of writing', async () => {
      for (const text of ['c', 'a', 'e', 'b', 'd']) {
        use().write([put(text, text)]);
      }
      expect(await keysOf(use())).toEqual(abcde);
    });
    test('gives keys with their values', async () => {
      writeAbcde();
      const rows = await drain(use().iterate({ column: 'data', ...everything }));
      expect(rows).toEqual(abcde.map((text) => [key(text), key(text.toUpperCase())]));
    });
    test.each([
      ['b', 'd', ['b', 'c']],
      ['aa', 'cc', ['b', 'c']],
      ['', 'b', ['a']],
      ['a', 'a\x00', ['a']],
      ['e', 'z', ['e']],
      ['f', 'z', []],
      ['c', 'c', []],
      ['d', 'b', []],
    ])('from %j up to %j gives %j', async (from, to, expected) => {
      writeAbcde();
      expect(await keysOf(use(), from, to)).toEqual(expected);
    });
    test('up to an empty bound gives nothing', async () => {
      writeAbcde();
      expect(await keysOf(use(), '', '')).toEqual([]);
    });
    test('sees its column only', async () => {
      use().write([put('a', '1', 'default'), put('b', '2', 'data')]);
      expect(await keysOf(use())).toEqual(['b']);
    });
    test('skips deleted keys', async () => {
      writeAbcde();
      use().write([del('b'), del('c')]);
      expect(await keysOf(use())).toEqual(['a', 'd', 'e']);
    });
    test('next() gives at most the rows asked, and goes on after them', async () => {
      writeAbcde();
      const iterator = use().iterate({ column: 'data', ...everything });
      const sizes = [];
      for (const rowsMax of [1, 3, 5, 5]) {
        sizes.push((await iterator.next(rowsMax, mebibyte)).length);
      }
      expect(sizes).toEqual([1, 3, 1, 0]);
      await iterator.close();
    });
    test('next() stops after the row with which the bytes are reached', async () => {
      const value = Buffer.alloc(99);
      use().write(abcde.map((text) => ({ column: 'data', key: key(text), value })));
      const iterator = use().iterate({ column: 'data', ...everything });
      const sizes = [];
      for (const bytesMax of [1, 100, 101, 1000]) {
        sizes.push((await iterator.next(100, bytesMax)).length);
      }
      expect(sizes).toEqual([1, 1, 2, 1]);
      await iterator.close();
    });
    test('gives every row once though its chunks are large', async () => {
      const value = Buffer.alloc(3 * kibibyte, 1);
      const names = Array.from({ length: 400 }, (_, i) => `k${String(i).padStart(3, '0')}`);
      use().write(names.map((text) => ({ column: 'data', key: key(text), value })));
      const rows = await drain(use().iterate({ column: 'data', ...everything }), 33);
      expect(rows.map(([found]) => found.toString('latin1'))).toEqual(names);
      expect(rows.every(([, found]) => found.equals(value))).toBe(true);
    });
    test('close() is idempotent, and next() is refused after it', async () => {
      const iterator = use().iterate({ column: 'data', ...everything });
      await iterator.close();
      await iterator.close();
      expect(await codeOf(() => iterator.next(1, 1))).toBe('Unavailable');
    });
    test('close() during next() is safe', async () => {
      writeAbcde();
      const iterator = use().iterate({ column: 'data', ...everything });
      const [rows] = await Promise.all([iterator.next(9, mebibyte), iterator.close()]);
      expect(rows).toHaveLength(5);
    });
    test('many iterators go on side by side', async () => {
      writeAbcde();
      const found = await Promise.all(Array.from({ length: 20 }, () => keysOf(use())));
      expect(found).toEqual(Array.from({ length: 20 }, () => abcde));
    });
  });
}

function snapshotTests(use: () => Engine): void {
  const opened = (): EngineIterator => {
    use().write([put('a', '1'), put('b', '1'), put('c', '1')]);
    return use().iterate({ column: 'data', ...everything });
  };
  const original = [
    [key('a'), key('1')],
    [key('b'), key('1')],
    [key('c'), key('1')],
  ];

  describe('an open iterator', () => {
    test('does not see later keys', async () => {
      const iterator = opened();
      use().write([put('aa', '2'), put('d', '2')]);
      expect(await drain(iterator)).toEqual(original);
    });
    test('does not see later values', async () => {
      const iterator = opened();
      use().write([put('b', '2'), put('c', '2')]);
      expect(await drain(iterator)).toEqual(original);
    });
    test('still sees keys deleted since', async () => {
      const iterator = opened();
      use().write([del('a'), del('c')]);
      expect(await drain(iterator)).toEqual(original);
    });
    test('still sees a range deleted since', async () => {
      const iterator = opened();
      use().deleteRange({ column: 'data', ...everything });
      expect(await drain(iterator)).toEqual(original);
      expect(await keysOf(use())).toEqual([]);
    });
    test('keeps its state between two steps', async () => {
      const iterator = opened();
      expect(await iterator.next(1, 1)).toEqual(original.slice(0, 1));
      use().write([del('b'), put('c', '2')]);
      expect(await drain(iterator)).toEqual(original.slice(1));
    });
    test('differs from one opened later', async () => {
      const iterator = opened();
      use().write([del('b')]);
      expect(await keysOf(use())).toEqual(['a', 'c']);
      expect(await drain(iterator)).toEqual(original);
    });
  });
}

function rangeTests(use: () => Engine): void {
  const names = ['a', 'b', 'c', 'd', 'e'];

  describe('deleteRange()', () => {
    test.each([
      ['b', 'd', ['a', 'd', 'e']],
      ['aa', 'bb', ['a', 'c', 'd', 'e']],
      ['', 'c', ['c', 'd', 'e']],
      ['c', 'z', ['a', 'b']],
      ['c', 'c', names],
      ['d', 'b', names],
      ['', '', names],
      ['f', 'z', names],
    ])('from %j up to %j leaves %j', async (from, to, expected) => {
      use().write(names.map((text) => put(text, '1')));
      use().deleteRange({ column: 'data', from: key(from), to: key(to) });
      expect(await keysOf(use())).toEqual(expected);
      const values = await use().getMany('data', names.map(key));
      expect(values.map((value) => value !== undefined)).toEqual(
        names.map((text) => expected.includes(text)),
      );
    });
    test('leaves the other column alone', () => {
      use().write([put('a', '1', 'default'), put('a', '1', 'data')]);
      use().deleteRange({ column: 'data', ...everything });
      expect(use().get('default', key('a'))).toEqual(key('1'));
      expect(use().get('data', key('a'))).toBeUndefined();
    });
    test('does not touch what is written after it', async () => {
      use().write(names.map((text) => put(text, '1')));
      use().deleteRange({ column: 'data', ...everything });
      use().write([put('c', '2')]);
      expect(await keysOf(use())).toEqual(['c']);
    });
    test('over bounds of 0xff bytes', async () => {
      const inside = bytes(1, 0xff, 0xff);
      const outside = bytes(2);
      use().write([inside, outside].map((found) => ({ column: 'data', key: found, value: found })));
      use().deleteRange({ column: 'data', from: bytes(1), to: bytes(2) });
      const rows = await drain(use().iterate({ column: 'data', ...everything }));
      expect(rows).toEqual([[outside, outside]]);
    });
  });
}

function lifeTests(use: () => Engine, reopen: () => Promise<Engine>): void {
  describe('life', () => {
    test('a reopened store holds what was written, in both columns', async () => {
      use().write([put('a', '1', 'default'), put('b', '2', 'data')]);
      const engine = await reopen();
      expect(engine.get('default', key('a'))).toEqual(key('1'));
      expect(engine.get('data', key('b'))).toEqual(key('2'));
    });
    test('a reopened store holds no deleted rows', async () => {
      use().write([put('a', '1'), put('b', '2'), put('c', '3')]);
      await reopen();
      use().write([del('a')]);
      use().deleteRange({ column: 'data', from: key('b'), to: key('c') });
      await reopen();
      expect(await keysOf(use())).toEqual(['c']);
    });
    test('a second opener is refused', async () => {
      expect(await codeOf(() => reopenWithoutClosing(reopen, use()))).toBe('Refused');
    });
    test('syncWal() resolves, with and without something to sync', async () => {
      await use().syncWal();
      use().write([put('a', '1')]);
      await use().syncWal();
      expect(use().get('data', key('a'))).toEqual(key('1'));
    });
    test('syncWal() calls made together all resolve', async () => {
      const calls = [];
      for (let i = 0; i < 10; i++) {
        use().write([put(`k${i}`, '1')]);
        calls.push(use().syncWal());
      }
      await Promise.all(calls);
      expect(await keysOf(use())).toHaveLength(10);
    });
    test('memory() is told in bytes, and is none once it is closed', async () => {
      const engine = use();
      const told = Object.values(engine.memory());
      expect(told.every((bytes) => Number.isInteger(bytes) && bytes >= 0)).toBe(true);
      await engine.close();
      expect(engine.memory()).toEqual({ blockCache: 0, writeBuffers: 0, tableReaders: 0 });
    });

    test('health() of a fresh store is good', () => {
      const health = use().health();
      expect(health.backgroundErrors).toBe(0);
      expect(health.stalled).toBe(false);
      expect(health.liveDataBytes).toBeGreaterThanOrEqual(0);
    });
    test('close() is idempotent', async () => {
      await Promise.all([use().close(), use().close()]);
      await use().close();
    });
    test('close() waits for reads under way', async () => {
      use().write([put('a', '1')]);
      const read = use().getMany('data', [key('a')]);
      await use().close();
      expect(await read).toEqual([key('1')]);
    });
    test('close() with an open iterator is safe', async () => {
      use().write([put('a', '1')]);
      const iterator = use().iterate({ column: 'data', ...everything });
      await use().close();
      expect(await codeOf(() => iterator.next(1, 1))).toBe('Unavailable');
      await iterator.close();
    });
    test('every call on a closed store is refused', async () => {
      const engine = use();
      await engine.close();
      const range = { column: 'data' as const, ...everything };
      const calls: (() => unknown)[] = [
        () => engine.get('data', key('a')),
        () => engine.getMany('data', [key('a')]),
        () => engine.write([put('a', '1')]),
        () => engine.iterate(range),
        () => engine.deleteRange(range),
        () => engine.syncWal(),
        () => engine.health(),
      ];
      for (const call of calls) {
        expect(await codeOf(call)).toBe('Unavailable');
      }
    });
  });
}

/** Opens the store while `held` is open: a `reopen` whose close does nothing. */
function reopenWithoutClosing(reopen: () => Promise<Engine>, held: Engine): Promise<Engine> {
  const close = held.close.bind(held);
  held.close = () => Promise.resolve();
  return reopen().finally(() => {
    held.close = close;
  });
}

function modelTests(use: () => Engine, reopen: () => Promise<Engine>): void {
  describe('a random walk', () => {
    test.each([1, 2, 3, 4])('agrees with a plain map (seed %d)', async (seed) => {
      await walk(new Prng(seed), 250, use, reopen);
    });
  });
}
