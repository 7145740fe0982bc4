/**
 * Replica: tickets (P1), the committed layer and its drain (P9), installs (P13, P14). The engine is
 * a map behind a reader that answers when told.
 */
import { describe, expect, test } from '@jest/globals';
import { encodeBatch } from '../items/batch.ts';
import type { RowWrite } from '../items/batch.ts';
import type { ConfState } from '../raft/messages.ts';
import type { EngineWrite } from '../sys/engine.ts';
import { Replica } from './replica.ts';
import type { RowLayout } from './replica.ts';
import { RowCache } from './row-cache.ts';
import type { RowReader } from './row-reader.ts';

const confState: ConfState = {
  voters: [1],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
const configuration = { index: 0, state: confState, incarnation: 1 };

const layout: RowLayout = {
  rowKey: (generation, key) => Buffer.from(`${generation}/${key.toString()}`),
  appliedRow: (generation, point) => ({
    column: 'data',
    key: Buffer.from(`${generation}/!applied`),
    value: Buffer.from(`${point.index}.${point.term}`),
  }),
};

interface Asked {
  readonly key: string;
  readonly done: (value: Buffer | undefined, error: unknown) => void;
}

function newReplica(): { replica: Replica; asked: Asked[]; cache: RowCache } {
  const asked: Asked[] = [];
  const reader = {
    read: (key: Buffer, done: Asked['done']) => {
      asked.push({ key: key.toString(), done });
    },
  } as unknown as RowReader;
  const cache = new RowCache(1_000_000);
  const start = { generation: 1, applied: { index: 0, term: 0 }, configuration };
  return { replica: new Replica(start, cache, reader, layout), asked, cache };
}

function put(key: string, value: string): RowWrite {
  return { key: Buffer.from(key), value: Buffer.from(value) };
}

function remove(key: string): RowWrite {
  return { key: Buffer.from(key), value: undefined };
}

function apply(replica: Replica, index: number, ...writes: RowWrite[]): void {
  replica.apply(
    index,
    1,
    writes.length === 0 ? Buffer.alloc(0) : encodeBatch(writes),
    configuration,
  );
}

function fetch(replica: Replica, key: string, heard: unknown[] = []): unknown[] {
  replica.fetch(Buffer.from(key), key, (error) => {
    heard.push(error ?? 'done');
  });
  return heard;
}

/** As text: a row, `absent`, or `unknown`. */
function read(replica: Replica, key: string): string {
  const row = replica.read(key);
  return row === undefined ? 'unknown' : (row?.toString() ?? 'absent');
}

function names(writes: readonly EngineWrite[]): string[] {
  return writes.map(({ key, value }) => `${key.toString()}=${value?.toString() ?? 'deleted'}`);
}

describe('Replica: tickets', () => {
  test('a fetched row is cached, an absent one too', () => {
    const { replica, asked } = newReplica();
    expect(read(replica, 'a')).toBe('unknown');
    const heard = fetch(replica, 'a');
    fetch(replica, 'b');
    expect(asked.map(({ key }) => key)).toEqual(['1/a', '1/b']);
    asked[0]?.done(Buffer.from('old'), undefined);
    asked[1]?.done(undefined, undefined);
    expect(heard).toEqual(['done']);
    expect([read(replica, 'a'), read(replica, 'b')]).toEqual(['old', 'absent']);
  });

  test('fetches of one key share one read', () => {
    const { replica, asked } = newReplica();
    const heard = fetch(replica, 'a');
    fetch(replica, 'a', heard);
    expect(asked).toHaveLength(1);
    asked[0]?.done(undefined, undefined);
    expect(heard).toEqual(['done', 'done']);
  });

  test.each<[string, RowWrite, string]>([
    ['a put', put('a', 'new'), 'new'],
    ['a delete', remove('a'), 'absent'],
  ])('%s voids the ticket: what the read brings is not cached', (_name, write, now) => {
    const { replica, asked } = newReplica();
    const heard = fetch(replica, 'a');
    apply(replica, 1, write);
    drainAll(replica);
    asked[0]?.done(Buffer.from('old'), undefined);
    expect(heard).toEqual(['done']);
    // Drained and never cached on a follower: it must be fetched anew, never be the old value.
    expect(read(replica, 'a')).toBe('unknown');
    fetch(replica, 'a');
    expect(asked).toHaveLength(2);
    asked[1]?.done(write.value, undefined);
    expect(read(replica, 'a')).toBe(now);
  });

  test('a write of another key voids nothing', () => {
    const { replica, asked } = newReplica();
    fetch(replica, 'a');
    apply(replica, 1, put('b', 'x'));
    asked[0]?.done(Buffer.from('old'), undefined);
    expect(read(replica, 'a')).toBe('old');
  });

  test('after a void a new fetch has its own read, untouched by the late first one', () => {
    const { replica, asked } = newReplica();
    fetch(replica, 'a');
    apply(replica, 1, put('a', 'new'));
    drainAll(replica);
    const second = fetch(replica, 'a');
    asked[0]?.done(Buffer.from('old'), undefined);
    expect(second).toEqual([]);
    expect(read(replica, 'a')).toBe('unknown');
    asked[1]?.done(Buffer.from('new'), undefined);
    expect(second).toEqual(['done']);
    expect(read(replica, 'a')).toBe('new');
  });

  test('a failed read caches nothing and tells everybody waiting', () => {
    const { replica, asked } = newReplica();
    const heard = fetch(replica, 'a');
    asked[0]?.done(undefined, 'broken');
    expect(heard).toEqual(['broken']);
    expect(read(replica, 'a')).toBe('unknown');
  });

  test('an install voids every ticket', () => {
    const { replica, asked } = newReplica();
    const heard = fetch(replica, 'a');
    replica.install({ generation: 2, applied: { index: 9, term: 2 }, configuration });
    asked[0]?.done(Buffer.from('old'), undefined);
    expect(heard).toEqual(['done']);
    expect(read(replica, 'a')).toBe('unknown');
  });
});

function drainAll(replica: Replica): EngineWrite[] {
  const all: EngineWrite[] = [];
  while (!replica.drained) {
    replica.drain(all, 1_000)();
  }
  return all;
}

describe('Replica: layer and cache', () => {
  test('committed rows are read before the engine has them', () => {
    const { replica } = newReplica();
    apply(replica, 1, put('a', '1'), put('b', '1'));
    apply(replica, 2, remove('b'));
    expect([read(replica, 'a'), read(replica, 'b')]).toEqual(['1', 'absent']);
    expect(replica.applied).toEqual({ index: 2, term: 1 });
    expect(replica.engineApplied).toEqual({ index: 0, term: 0 });
  });

  test('a cached row follows later writes on a follower, unknown rows stay unknown', () => {
    const { replica, asked } = newReplica();
    fetch(replica, 'a');
    asked[0]?.done(Buffer.from('old'), undefined);
    apply(replica, 1, put('a', 'new'), put('b', 'new'));
    drainAll(replica);
    expect([read(replica, 'a'), read(replica, 'b')]).toEqual(['new', 'unknown']);
  });

  test('a leader caches what it writes', () => {
    const { replica } = newReplica();
    replica.cacheWrites = true;
    apply(replica, 1, put('a', 'new'), remove('b'));
    drainAll(replica);
    expect([read(replica, 'a'), read(replica, 'b')]).toEqual(['new', 'absent']);
  });

  test('drain() keeps log order and ends with the applied row of its last entry', () => {
    const { replica } = newReplica();
    apply(replica, 1, put('a', '1'));
    apply(replica, 2);
    apply(replica, 3, put('a', '3'), remove('b'));
    const writes: EngineWrite[] = [];
    replica.drain(writes, 1_000_000)();
    expect(names(writes)).toEqual(['1/a=1', '1/a=3', '1/b=deleted', '1/!applied=3.1']);
    expect(replica.engineApplied).toEqual({ index: 3, term: 1 });
    expect([replica.layerBytes, replica.drained]).toEqual([0, true]);
  });

  test('drain() takes one entry at least and no more than fits', () => {
    const { replica } = newReplica();
    apply(replica, 1, put('a', '1'));
    apply(replica, 2, put('b', '2'));
    const first: EngineWrite[] = [];
    replica.drain(first, 1)();
    expect(names(first)).toEqual(['1/a=1', '1/!applied=1.1']);
    expect(replica.engineApplied.index).toBe(1);
    expect(replica.drained).toBe(false);
    expect(replica.layerBytes).toBeGreaterThan(0);
  });

  test('nothing to drain writes nothing', () => {
    const writes: EngineWrite[] = [];
    newReplica().replica.drain(writes, 1_000)();
    expect(writes).toEqual([]);
  });

  test('the layer keeps a row until the entry that wrote it last is drained', () => {
    const { replica } = newReplica();
    apply(replica, 1, put('a', '1'));
    const writes: EngineWrite[] = [];
    const drained = replica.drain(writes, 1_000);
    apply(replica, 2, put('a', '2'));
    drained();
    expect(read(replica, 'a')).toBe('2');
    drainAll(replica);
    expect([read(replica, 'a'), replica.layerBytes]).toEqual(['unknown', 0]);
  });

  test('entries out of order, of a falling term, or of a bad format change nothing', () => {
    const { replica } = newReplica();
    apply(replica, 1, put('a', '1'));
    expect(() => {
      apply(replica, 3);
    }).toThrow('order');
    expect(() => replica.apply(2, 0, Buffer.alloc(0), configuration)).toThrow('Terms');
    expect(() => replica.apply(2, 1, Buffer.from([9]), configuration)).toThrow('format');
    expect(replica.applied.index).toBe(1);
    expect(read(replica, 'a')).toBe('1');
  });
});

describe('Replica: install', () => {
  const start = { generation: 2, applied: { index: 9, term: 2 }, configuration };

  test('drops layer, pending entries and the cache of the old generation', () => {
    const { replica } = newReplica();
    replica.cacheWrites = true;
    apply(replica, 1, put('a', 'old'));
    replica.install(start);
    expect([read(replica, 'a'), replica.layerBytes, replica.drained]).toEqual(['unknown', 0, true]);
    expect(replica.engineApplied).toEqual(start.applied);
    apply2(replica, 10);
    expect(names(drainAll(replica))).toEqual(['2/b=x', '2/!applied=10.2']);
  });

  test('a batch drained before an install is not booked after it', () => {
    const { replica } = newReplica();
    apply(replica, 1, put('a', 'old'));
    const drained = replica.drain([], 1_000);
    replica.install(start);
    expect(drained).toThrow('one generation');
  });

  test('never goes back, and needs a new generation', () => {
    const { replica } = newReplica();
    apply(replica, 1);
    expect(() => {
      replica.install({ ...start, applied: { index: 1, term: 1 } });
    }).toThrow('never goes back');
    expect(() => {
      replica.install({ ...start, generation: 1 });
    }).toThrow('own generation');
  });
});

function apply2(replica: Replica, index: number): void {
  replica.apply(index, 2, encodeBatch([put('b', 'x')]), configuration);
}
