/**
 * Drainer: the order of protocols.md P10 and its bounds. Method: real replicas, an engine and a
 * log whose syncs end when the test says so.
 */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { encodeBatch } from '../items/batch.ts';
import { LoneGroup } from '../sim/lone-group.ts';
import { LogBatchBuilder } from '../storage/raft-log/batch-builder.ts';
import type { LogRecord } from '../storage/raft-log/record.ts';
import type { Timers } from '../sys/clock.ts';
import type { Engine, EngineWrite } from '../sys/engine.ts';
import { Drainer } from './drainer.ts';
import type { Group } from './group.ts';
import type { Host } from './host.ts';

let lone: LoneGroup;
let groups: Map<number, Group>;
/** What happened, in order. */
let events: string[];
let records: LogRecord[];
let syncs: { resolve: () => void; reject: (error: Error) => void }[];
let durable: (() => void)[];
let beats: (() => void)[];
/** Armed for the next drain. */
let alarms: (() => void)[];
let health: { stalled: boolean; backgroundErrors: number };
let writeError: Error | undefined;
let drainer: Drainer;

const engine = {
  write: (writes: readonly EngineWrite[]) => {
    if (writeError !== undefined) {
      throw writeError;
    }
    const applied = writes.findLast((write) => write.column === 'default');
    events.push(`write ${writes.length} applied ${applied?.value?.toString()}`);
  },
  syncWal: () => {
    events.push('sync');
    return new Promise<void>((resolve, reject) => {
      syncs.push({ resolve, reject });
    });
  },
  health: () => health,
} as unknown as Engine;

beforeEach(() => {
  lone = new LoneGroup();
  groups = new Map([[1, lone.group]]);
  [events, records, syncs, durable, beats, alarms] = [[], [], [], [], [], []];
  health = { stalled: false, backgroundErrors: 0 };
  writeError = undefined;
  const timers = {
    after: (_ms: number, callback: () => void) => {
      alarms.push(callback);
      return { cancel: () => events.push('cancelled') };
    },
    every: (_ms: number, callback: () => void) => {
      beats.push(callback);
      return { cancel: () => events.push('cancelled') };
    },
  } as unknown as Timers;
  const host = {
    groups,
    turnSoon: () => undefined,
    fail: (error: Error) => events.push(`failed ${error.message}`),
    logWriter: {
      lazyCommits: 0,
      idle: true,
      bookkeep: (write: (builder: LogBatchBuilder) => void, after?: () => void) => {
        const builder = new LogBatchBuilder();
        write(builder);
        records.push(...builder.records);
        events.push(`log ${builder.records.map(({ kind }) => kind).join()}`);
        durable.push(after ?? (() => undefined));
      },
    },
  } as unknown as Host;
  drainer = new Drainer({ engine, timers }, { layerBytesMax: 10_000, compaction: eager });
  drainer.start(host);
});

const eager = { keepBytes: 0, catchUpBytesMax: 1_000_000 };

/** Proposes and applies one row on the leader. */
function write(key: string, bytes = 10): void {
  const data = encodeBatch([{ key: Buffer.from(key), value: Buffer.alloc(bytes) }]);
  lone.group.propose(data, lone.group.openTerm, () => undefined);
  lone.commit();
}

/** The drain period passes. */
function drain(): void {
  drainer.afterTurn(true);
  alarms.shift()?.();
  drainer.afterTurn(false);
}

function sync(): void {
  must(beats[0])();
}

async function settled(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await Promise.resolve();
  }
}

describe('Drainer: P10', () => {
  test('watermark only after the sync of what was captured before it; compaction after that', async () => {
    lone.lead();
    write('a');
    drain();
    const captured = lone.group.replica.engineApplied.index;
    sync();
    // Drained while the sync is under way: not covered by it.
    write('b');
    drain();
    expect(lone.group.replica.engineApplied.index).toBe(captured + 1);
    expect(events.filter((event) => event.startsWith('log'))).toEqual([]);
    syncs[0]?.resolve();
    await settled();
    expect(records).toEqual([{ kind: 'watermark', groupId: 1, replicaId: 1, index: captured }]);
    expect(lone.group.storage.compactedIndex).toBe(1);
    durable[0]?.();
    expect(records[1]).toMatchObject({ kind: 'compact', index: captured });
    expect(lone.group.storage.compactedIndex).toBe(captured);
  });

  test('one sync at a time, until its watermark is durable', async () => {
    lone.lead();
    drain();
    sync();
    sync();
    expect(syncs).toHaveLength(1);
    syncs[0]?.resolve();
    await settled();
    write('a');
    drain();
    sync();
    expect(syncs).toHaveLength(1);
    durable[0]?.();
    sync();
    expect(syncs).toHaveLength(2);
  });

  test('nothing new: no sync', async () => {
    lone.lead();
    drain();
    sync();
    syncs[0]?.resolve();
    await settled();
    durable[0]?.();
    sync();
    expect(syncs).toHaveLength(1);
  });

  test('a failed sync fails the node and logs no watermark', async () => {
    lone.lead();
    drain();
    sync();
    syncs[0]?.reject(new Error('EIO'));
    await settled();
    expect(events.at(-1)).toBe('failed EIO');
    expect(records).toEqual([]);
  });

  test('a replica that was removed during the sync gets no watermark, and holds up no other', async () => {
    lone.lead();
    write('a');
    drain();
    sync();
    groups.delete(1);
    drainer.forget(lone.group);
    syncs[0]?.resolve();
    await settled();
    expect(records).toEqual([]);
    groups.set(1, lone.group);
    sync();
    syncs[1]?.resolve();
    await settled();
    expect(records).toMatchObject([{ kind: 'watermark' }]);
  });

  test('a pinned log is not cut above its pin', async () => {
    lone.lead();
    write('a');
    write('b');
    const token = {};
    drainer.pin(lone.group, token, 2, { bytesMax: 1_000_000 });
    drain();
    sync();
    syncs[0]?.resolve();
    await settled();
    durable[0]?.();
    expect(lone.group.storage.compactedIndex).toBe(2);
    drainer.unpin(lone.group, token);
    sync();
    expect(lone.group.storage.compactedIndex).toBe(lone.group.lastIndex);
  });
});

describe('Drainer: draining', () => {
  test('rows wait for the period, then go in one batch with the applied row', () => {
    lone.lead();
    write('a');
    write('b');
    drainer.afterTurn(true);
    drainer.afterTurn(false);
    expect([events, alarms.length]).toEqual([[], 1]);
    drain();
    expect(events).toEqual([`write 3 applied ${lone.group.lastIndex}`]);
    expect(lone.group.replica.drained).toBe(true);
    expect(alarms).toHaveLength(0);
  });

  test('a stalled engine is left alone, the layer fills and throttles, then all is drained', async () => {
    lone.lead();
    health.stalled = true;
    sync();
    write('a', 20_000);
    drain();
    expect(drainer.layerFull).toBe(true);
    expect(events.filter((event) => event.startsWith('write'))).toEqual([]);
    health.stalled = false;
    syncs[0]?.resolve();
    await settled();
    durable[0]?.();
    sync();
    drain();
    expect(drainer.layerFull).toBe(false);
    expect(lone.group.replica.drained).toBe(true);
  });

  test('rows of a stopped group do not count against the others', () => {
    lone.lead();
    write('a', 20_000);
    lone.group.stop(new Error('broken'));
    drain();
    expect(drainer.layerFull).toBe(false);
    expect([events, alarms.length]).toEqual([[], 0]);
  });

  test('a failed write fails the node; the rows stay in the layer', () => {
    lone.lead();
    write('a');
    writeError = new Error('EIO');
    drain();
    expect(events).toEqual(['failed EIO']);
    expect(lone.group.replica.drained).toBe(false);
  });

  test('background errors fail the node', () => {
    health.backgroundErrors = 1;
    sync();
    expect(events).toEqual(['failed RocksDB reports 1 background errors']);
  });

  test('nothing is written after close()', () => {
    lone.lead();
    write('a');
    drainer.afterTurn(true);
    drainer.close();
    drain();
    sync();
    expect(events).toEqual(['cancelled', 'cancelled']);
  });

  test('drainGroup() writes everything of a group at once', () => {
    lone.lead();
    for (let i = 0; i < 5; i++) {
      write(`k${i}`, 200_000);
    }
    drainer.drainGroup(lone.group);
    expect(lone.group.replica.drained).toBe(true);
    expect(events.length).toBeGreaterThan(1);
  });
});
