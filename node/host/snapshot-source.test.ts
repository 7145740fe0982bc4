/**
 * SnapshotSource. Goal: after every chunk the receiver holds exactly the rows up to some key as
 * they were at some committed index, whatever is written, drained, compacted and broken off
 * meanwhile; and at the end the whole state. Method: a leader's real log and replica over the
 * memory engine, a receiver of a dozen lines, and a model that remembers the state of every index.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { must } from '../lib/assert.ts';
import { encodeBatch } from '../items/batch.ts';
import { SimScheduler } from '../sim/clock.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import type { MemoryEngine } from '../storage/memory-engine.ts';
import { MemoryStore } from '../storage/memory-store.ts';
import { emptyPoint } from '../storage/staging-rows.ts';
import type { SnapshotChunk } from './snapshot-codec.ts';
import { SnapshotSource, sourceLimits } from './snapshot-source.ts';
import type { SourcePoint } from './snapshot-source.ts';

const tiny = {
  ...sourceLimits,
  chunkRowsMax: 2,
  legBytesMax: 20,
  legLogBytesMax: 400,
  deltaReadBytes: 200,
  chunkBytes: 30,
};

/** A leader with rows, and what its rows were at every index. */
class Leader {
  readonly lone = new LoneGroup();
  readonly engine: MemoryEngine;
  readonly states = new Map<number, ReadonlyMap<string, string>>();
  needed = 0;
  readonly scheduler = new SimScheduler();
  readonly #time = this.scheduler.openTime();

  constructor() {
    this.engine = new MemoryStore().open({ timers: this.#time });
    this.lone.lead();
    this.states.set(this.lone.group.lastIndex, new Map());
    this.drain();
  }

  get group(): LoneGroup['group'] {
    return this.lone.group;
  }

  /** One entry; an undefined value deletes. */
  write(...writes: readonly (readonly [key: string, value: string | undefined])[]): void {
    const rows = writes.map(([key, value]) => ({
      key: Buffer.from(key),
      value: value === undefined ? undefined : Buffer.from(value),
    }));
    const before = must(this.states.get(this.group.lastIndex));
    this.group.propose(encodeBatch(rows), this.group.openTerm, () => undefined);
    this.lone.commit();
    const state = new Map(before);
    for (const [key, value] of writes) {
      if (value === undefined) {
        state.delete(key);
      } else {
        state.set(key, value);
      }
    }
    this.states.set(this.group.lastIndex, state);
  }

  drain(): void {
    const rows: Parameters<typeof this.engine.write>[0][number][] = [];
    this.group.replica.drain(rows, Infinity)();
    this.engine.write(rows);
  }

  /** As far as `need` allows, the log goes. */
  compact(): void {
    this.group.storage.compact(Math.min(this.needed, this.group.replica.engineApplied.index));
  }

  source(from: SourcePoint, limits = tiny): SnapshotSource {
    const range = {
      column: 'data',
      from: Buffer.alloc(0),
      to: Buffer.from([0xff]),
    } as const;
    return new SnapshotSource(
      {
        engine: this.engine,
        clock: this.#time,
        rows: { rowRange: () => range, rowKey: (_generation, key) => key, strip: (key) => key },
        drainGroup: () => {
          this.drain();
        },
        need: (index) => {
          this.needed = index;
        },
      },
      this.group,
      from,
      limits,
    );
  }

  /** The next chunk; simulated time goes on until it is there. */
  async next(chunks: AsyncIterator<SnapshotChunk>): Promise<SnapshotChunk | undefined> {
    const state = { settled: false };
    const asked = chunks.next();
    const note = (): void => {
      state.settled = true;
    };
    asked.then(note, note);
    await this.scheduler.runUntil(() => state.settled, 1_000);
    const result = await asked;
    return result.done === true ? undefined : result.value;
  }
}

class Receiver {
  readonly rows = new Map<string, string>();
  point: SourcePoint = emptyPoint;
  end: { readonly index: number } | undefined;

  take(chunk: SnapshotChunk): void {
    switch (chunk.kind) {
      case 'fresh':
        this.rows.clear();
        this.point = emptyPoint;
        return;
      case 'end':
        this.end = chunk.metadata;
        return;
      case 'rows': {
        const { index, term, isLast } = chunk;
        let { lastKey } = this.point;
        for (const [key, value] of chunk.rows) {
          this.rows.set(key.toString(), value.toString());
          lastKey = key;
        }
        this.point = { index, term, lastKey, isComplete: isLast };
        return;
      }
      case 'delta':
        for (const { key, value } of chunk.writes) {
          if (value === undefined) {
            this.rows.delete(key.toString());
          } else {
            this.rows.set(key.toString(), value.toString());
          }
        }
        this.point = { ...this.point, index: chunk.index, term: chunk.term };
    }
  }

  /** Rows up to the last key are those of the index. Part of an entry may be there already. */
  check(leader: Leader, chunk: SnapshotChunk): void {
    const { index, lastKey, isComplete } = this.point;
    if (index === 0) {
      expect(this.rows.size).toBe(0);
      return;
    }
    const limit = lastKey.toString();
    const state = must(leader.states.get(index), `State ${index}`);
    const wanted = [...state].filter(([key]) => isComplete || key <= limit);
    const partly = chunk.kind === 'delta' ? leader.states.get(index + 1) : undefined;
    const mixed = new Map([...wanted, ...this.rows]);
    for (const [key, value] of this.rows) {
      expect([state.get(key), partly?.get(key)]).toContain(value);
    }
    for (const [key] of mixed) {
      if (!this.rows.has(key)) {
        expect(partly?.has(key)).toBe(false);
      }
    }
  }
}

type Step =
  | { readonly kind: 'write'; readonly keys: readonly number[]; readonly value: number }
  | { readonly kind: 'drain' | 'compact' | 'chunk' | 'break' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      keys: fc.array(fc.nat(29), { minLength: 1, maxLength: 6 }),
      value: fc.nat(9),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'drain' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'compact' as const }) },
  { weight: 5, arbitrary: fc.constant({ kind: 'chunk' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'break' as const }) },
);

function name(key: number): string {
  // Every second key is the first one behind its neighbour.
  return `k${String(key >> 1).padStart(2, '0')}${'\0'.repeat(key & 1)}`;
}

function perform(leader: Leader, next: Step): void {
  if (next.kind === 'write') {
    leader.write(
      ...next.keys.map((key) => {
        // A value below 3 deletes.
        return [name(key), next.value < 3 ? undefined : 'v'.repeat(next.value)] as const;
      }),
    );
  } else if (next.kind === 'drain') {
    leader.drain();
  } else if (next.kind === 'compact') {
    leader.compact();
  }
}

describe('SnapshotSource', () => {
  test('whatever happens meanwhile, every chunk leaves a state that was, and the end is whole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const leader = new Leader();
        leader.write(...Array.from({ length: 12 }, (_, i) => [name(i * 2), 'old'] as const));
        leader.drain();
        const receiver = new Receiver();
        let source = leader.source(receiver.point);
        let chunks = source.chunks();
        const take = async (): Promise<void> => {
          const chunk = await leader.next(chunks);
          if (chunk !== undefined) {
            receiver.take(chunk);
            receiver.check(leader, chunk);
          }
        };
        for (const next of steps) {
          if (receiver.end !== undefined) {
            break;
          }
          perform(leader, next);
          if (next.kind === 'chunk') {
            await take();
          } else if (next.kind === 'break') {
            await source.close();
            source = leader.source(receiver.point);
            chunks = source.chunks();
          }
        }
        while (receiver.end === undefined) {
          await take();
        }
        const state = must(leader.states.get(receiver.end.index));
        expect(new Map(receiver.rows)).toEqual(new Map(state));
        expect(receiver.end.index).toBe(receiver.point.index);
        expect(await leader.next(chunks)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  /** Takes `count` chunks, or all. */
  async function takeAll(leader: Leader, receiver: Receiver, count = Infinity): Promise<string[]> {
    const source = leader.source(receiver.point);
    const chunks = source.chunks();
    const kinds: string[] = [];
    for (let i = 0; i < count && receiver.end === undefined; i++) {
      const chunk = must(await leader.next(chunks));
      receiver.take(chunk);
      kinds.push(chunk.kind);
    }
    await source.close();
    return kinds;
  }

  function filled(): Leader {
    const leader = new Leader();
    leader.write(...Array.from({ length: 12 }, (_, i) => [name(i * 2), 'old'] as const));
    leader.drain();
    return leader;
  }

  test('a receiver goes on from its point at another time, with what changed meanwhile', async () => {
    const leader = filled();
    const receiver = new Receiver();
    await takeAll(leader, receiver, 2);
    expect([...receiver.rows.keys()]).toEqual(['k00', 'k01', 'k02', 'k03']);
    leader.write(['k01', undefined], ['k03', 'new'], ['k07', 'new'], ['k09', undefined]);
    leader.drain();
    const kinds = await takeAll(leader, receiver);
    expect(kinds.slice(0, 2)).toEqual(['delta', 'rows']);
    expect(new Map(receiver.rows)).toEqual(leader.states.get(leader.group.lastIndex));
  });

  test('rows written behind the last one after the last chunk come too', async () => {
    const leader = filled();
    const receiver = new Receiver();
    const source = leader.source(receiver.point);
    const chunks = source.chunks();
    while (!receiver.point.isComplete) {
      receiver.take(must(await leader.next(chunks)));
    }
    leader.write(['zz', 'behind']);
    leader.drain();
    while (receiver.end === undefined) {
      receiver.take(must(await leader.next(chunks)));
    }
    await source.close();
    expect(receiver.rows.get('zz')).toBe('behind');
  });

  test('without the log back to the point it starts over', async () => {
    const leader = filled();
    const receiver = new Receiver();
    await takeAll(leader, receiver, 2);
    leader.write(['k01', undefined]);
    leader.drain();
    leader.group.storage.compact(leader.group.lastIndex);
    const kinds = await takeAll(leader, receiver);
    expect(kinds[0]).toBe('fresh');
    expect(new Map(receiver.rows)).toEqual(leader.states.get(leader.group.lastIndex));
  });

  test('a point of another term at that index is not gone on from', async () => {
    const leader = filled();
    const receiver = new Receiver();
    await takeAll(leader, receiver, 2);
    receiver.point = { ...receiver.point, term: receiver.point.term + 1 };
    expect((await takeAll(leader, receiver))[0]).toBe('fresh');
  });

  test('rows are never older than a point that another leader sent', async () => {
    const leader = filled();
    const receiver = new Receiver();
    await takeAll(leader, receiver, 2);
    const before = leader.group.replica.engineApplied.index;
    leader.write(['k01', 'newer'], ['k08', 'newer']);
    // Another leader, whose engine was ahead, had sent the change of k01.
    receiver.rows.set('k01', 'newer');
    receiver.point = { ...receiver.point, index: leader.group.lastIndex };
    expect(leader.group.replica.engineApplied.index).toBe(before);
    await takeAll(leader, receiver);
    expect(new Map(receiver.rows)).toEqual(leader.states.get(leader.group.lastIndex));
  });

  test('an empty shard is one chunk of no rows and an end', async () => {
    const leader = new Leader();
    const receiver = new Receiver();
    expect(await takeAll(leader, receiver)).toEqual(['rows', 'end']);
    expect(receiver.end?.index).toBe(leader.group.replica.engineApplied.index);
  });

  test('a log that is cut above what it needs ends it by name', async () => {
    const leader = filled();
    const source = leader.source(emptyPoint);
    const chunks = source.chunks();
    await leader.next(chunks);
    leader.write(['k00', 'new']);
    leader.write(['k00', 'newer']);
    leader.drain();
    leader.group.storage.compact(leader.group.lastIndex);
    await expect(
      (async () => {
        while ((await leader.next(chunks)) !== undefined) {
          // To the next leg.
        }
      })(),
    ).rejects.toMatchObject({ code: 'Unavailable', facts: { reason: 'LogGone' } });
    await source.close();
  });

  test('legs end by time, by rows and by log, so that no iterator lives long', async () => {
    const leader = filled();
    let opened = 0;
    const iterate = leader.engine.iterate.bind(leader.engine);
    leader.engine.iterate = (range) => {
      opened += 1;
      return iterate(range);
    };
    const count = async (limits: Partial<typeof sourceLimits>, ms = 0): Promise<number> => {
      const before = opened;
      const source = leader.source(emptyPoint, { ...sourceLimits, chunkRowsMax: 2, ...limits });
      const chunks = source.chunks();
      while ((await leader.next(chunks)) !== undefined) {
        await leader.scheduler.runFor(ms);
        leader.write(['k11', 'x'.repeat(100)]);
        leader.drain();
      }
      return opened - before;
    };
    expect(await count({})).toBe(1);
    // A chunk is read while the one before is on its way: seven reads at 0, 0, 400, 800 … ms.
    expect(await count({}, 400)).toBe(2);
    expect(await count({}, 600)).toBe(3);
    expect(await count({ legBytesMax: 10 })).toBe(7);
    expect(await count({ legLogBytesMax: 400 })).toBeGreaterThan(1);
  });
});
