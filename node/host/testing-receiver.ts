/**
 * For tests: the receiving half of a node with everything under it real but the disk, the network
 * and time: one replica, empty or not, a memory engine that survives crashes, and streams fed by
 * hand. The log is a list of what was recorded.
 */
import { must } from '../lib/assert.ts';
import { Prng } from '../lib/prng.ts';
import type { ConfState, SnapshotMetadata } from '../raft/messages.ts';
import { SimScheduler } from '../sim/clock.ts';
import type { SimTime } from '../sim/clock.ts';
import { rowsRange } from '../storage/generation-rows.ts';
import { Generations } from '../storage/generations.ts';
import type { MemoryEngine } from '../storage/memory-engine.ts';
import { MemoryStore } from '../storage/memory-store.ts';
import type { StagedPoint } from '../storage/staging-rows.ts';
import { silentLogger } from '../sys/log.ts';
import type { Random } from '../sys/random.ts';
import { ForegroundLoad } from './foreground-load.ts';
import { EngineGenerations } from './generation-store.ts';
import type { Group, GroupEffects } from './group.ts';
import { openGroup } from './group-factory.ts';
import { RowCache } from './row-cache.ts';
import { RowReader } from './row-reader.ts';
import { decodeSnapshotAnswer, encodeSnapshotChunk, encodeSnapshotHead } from './snapshot-codec.ts';
import type { SnapshotChunk, SnapshotHead } from './snapshot-codec.ts';
import { SnapshotPace } from './snapshot-pace.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';

export const nobody: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};
export const members: ConfState = { ...nobody, voters: [1, 3], learners: [2] };
export const groupId = 7;

/** A stream under way: its chunks are given one by one, or `open` ends it. */
export class Feed {
  readonly answers: StagedPoint[] = [];
  /** The error's code and reason, `installed`, or undefined while it is under way. */
  outcome: string | undefined;
  error: unknown;
  /** Chunks given and not taken yet. */
  readonly #waiting: Buffer[] = [];
  #wake: () => void = () => undefined;
  #ended: { readonly error: Error | undefined } | undefined;
  #number = 0;

  /** The next chunk, numbered as a sender does. */
  give(chunk: SnapshotChunk): this {
    return this.giveBytes(encodeSnapshotChunk(this.#number, chunk));
  }

  giveBytes(bytes: Buffer): this {
    this.#number += 1;
    this.#waiting.push(bytes);
    this.#wake();
    return this;
  }

  /** The end of the stream; with an error, a connection that broke. */
  end(error?: Error): this {
    this.#ended = { error };
    this.#wake();
    return this;
  }

  get untaken(): number {
    return this.#waiting.length;
  }

  async *chunks(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        yield next;
      } else if (this.#ended !== undefined) {
        if (this.#ended.error !== undefined) {
          throw this.#ended.error;
        }
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

export class TestReceiver {
  readonly scheduler = new SimScheduler();
  readonly store = new MemoryStore();
  time: SimTime = this.scheduler.openTime();
  freeBytes = Infinity;
  diskFull = false;
  receivesMax = 1;
  bytesPerSecond = 1e12;
  failures: unknown[] = [];
  /** Snapshots that the log recorded. */
  logged: SnapshotMetadata[] = [];
  readonly groups = new Map<number, Group>();
  engine!: MemoryEngine;
  generations!: Generations;
  receiver!: SnapshotReceiver;
  group!: Group;

  /** A replica without configuration and data, or one that applied up to `index`. */
  static async open(index = 0): Promise<TestReceiver> {
    const test = new TestReceiver();
    await test.boot(index);
    return test;
  }

  async settle<T>(promise: Promise<T>): Promise<T> {
    const state = { settled: false };
    const note = (): void => {
      state.settled = true;
    };
    promise.then(note, note);
    await this.scheduler.runUntil(() => state.settled, 60_000);
    return await promise;
  }

  /** A new life of the process. */
  async boot(index = 0): Promise<void> {
    this.time = this.scheduler.openTime();
    this.engine = this.store.open({ timers: this.time, delayMs: () => 1 });
    this.generations = await this.settle(Generations.open(this.engine));
    const failed = (error: unknown): void => {
      this.failures.push(error);
    };
    const store = new EngineGenerations(this.generations, failed);
    this.group = this.#openGroup(index, store);
    this.groups.set(groupId, this.group);
    const limit = (): number => this.bytesPerSecond;
    const { engine, time, groups } = this;
    this.receiver = new SnapshotReceiver({
      ...{ engine, store, groups, failed },
      clock: time,
      timers: time,
      pace: new SnapshotPace({ clock: time, timers: time, load: new ForegroundLoad(), limit }),
      receivesMax: () => this.receivesMax,
      freeBytes: () => Promise.resolve(this.freeBytes),
      diskFull: () => this.diskFull,
    });
  }

  /** The process dies; of the unsynced writes so many are kept, or all. */
  crash(kept?: number): void {
    this.time.stop();
    if (kept === undefined) {
      this.store.kill();
    } else {
      const random: Random = { uint32: () => kept, bytes: (count) => Buffer.alloc(count) };
      this.store.crash(random);
    }
  }

  #openGroup(index: number, store: EngineGenerations): Group {
    const pointer = this.generations.pointer(groupId);
    const found = pointer && this.generations.readApplied(pointer.generation);
    const applied = { index: found?.index ?? index, term: found?.term ?? Math.min(index, 1) };
    const confState = found?.confState ?? (index === 0 ? nobody : members);
    const effects: GroupEffects = {
      appendToLog: (group, message) => {
        if (message.snapshot !== undefined) {
          const { metadata } = message.snapshot;
          this.receiver.install(group, metadata);
          this.logged.push(metadata);
          group.storage.restart(metadata);
        }
        for (const response of message.responses) {
          if (response.to === group.replicaId) {
            group.step(response);
          }
        }
      },
      send: () => undefined,
      sendSnapshot: () => undefined,
      dirty: () => undefined,
      stopped: () => undefined,
    };
    return openGroup(
      {
        tuning: { electionTicks: 10, heartbeatTicks: 1, uncommittedBytesMax: 1_000_000 },
        random: new Prng(7),
        cache: new RowCache(1_000_000),
        reader: new RowReader(this.engine, () => undefined),
        layout: store,
        logger: silentLogger,
      },
      groupId,
      {
        replicaId: 2,
        hardState: { term: applied.term, vote: 0, commit: applied.index },
        snapshotMetadata: { ...applied, confState },
        entries: [],
        watermark: applied.index,
      },
      {
        replicaId: 2,
        generation: pointer?.generation ?? 0,
        applied,
        configuration: {
          index: found?.configurationIndex ?? 0,
          state: confState,
          incarnation: found?.incarnation ?? 1,
        },
        installed: false,
      },
      new Map([
        [1, 1],
        [2, 2],
        [3, 3],
      ]),
      effects,
    );
  }

  /** A stream begins. */
  stream(head: Partial<SnapshotHead> = {}, from = 1): Feed {
    const feed = new Feed();
    const header = encodeSnapshotHead({
      ...{ groupId, from: 1, to: 2, term: 5, incarnation: 1, bytesTotal: 0 },
      ...head,
    });
    const answer = (bytes: Buffer): void => {
      feed.answers.push(decodeSnapshotAnswer(bytes));
    };
    this.receiver.receive(from, { groupId, header }, feed.chunks(), answer).then(
      () => {
        feed.outcome = 'installed';
      },
      (error: unknown) => {
        const { code, facts } = error as { code?: string; facts?: { reason?: string } };
        feed.error = error;
        feed.outcome = `${code ?? String(error)} ${facts?.reason ?? ''}`.trim();
      },
    );
    return feed;
  }

  /** Simulated time goes on. */
  async run(ms = 20): Promise<void> {
    await this.scheduler.runFor(ms);
  }

  async until(condition: () => boolean): Promise<void> {
    const holds = await this.scheduler.runUntil(condition, 60_000);
    must(holds || undefined, `Did not come to hold: ${condition.toString()}`);
  }

  /** Rows of a generation, by default the live one. */
  async rows(generation = this.group.replica.generation): Promise<string[]> {
    const iterator = this.engine.iterate({ column: 'data', ...rowsRange(generation) });
    const rows = await this.settle(iterator.next(10_000, 1 << 30));
    await iterator.close();
    return rows.map(([key, value]) => `${key.subarray(4).toString()}=${value.toString()}`);
  }
}

/** Rows `key=value` of one chunk. */
export function rowsChunk(index: number, texts: readonly string[], isLast = false): SnapshotChunk {
  const rows = texts.map((text) => {
    const [key = '', value = ''] = text.split('=');
    return [Buffer.from(key), Buffer.from(value)] as const;
  });
  return { kind: 'rows', index, term: 4, rows, isLast };
}

/** Changes `key=value`, or `key` alone for one that is deleted. */
export function deltaChunk(index: number, texts: readonly string[]): SnapshotChunk {
  const writes = texts.map((text) => {
    const [key = '', value] = text.split('=');
    return { key: Buffer.from(key), value: value === undefined ? undefined : Buffer.from(value) };
  });
  return { kind: 'delta', index, term: 4, writes };
}

export function endChunk(index: number, confState = members): SnapshotChunk {
  return { kind: 'end', metadata: { index, term: 4, confState }, configurationIndex: 9 };
}
