/**
 * Copies one large shard to a node that was away, with real processes and RocksDB, and says how
 * fast it went, how much memory both ends took and whether everything arrived. Meanwhile a writer
 * may go on (WRITES=), and the receiver may be killed on the way (KILLS=) to see it resume.
 *
 * The rows are put into the stopped nodes' engines: that is a hundred times faster than to write
 * them all, and leaves the third node behind the log just so.
 *
 * By itself: `node node/test/processes/snapshot-at-size.ts`. MIB= megabytes of rows, ITEM= bytes of
 * one, WRITES= a second while it is copied, KILLS= of the receiver. The memory over time goes to
 * `out/snapshot-at-size.csv`. Rates are the product's default.
 *
 * What a snapshot costs is told apart from what the row engine holds within budgets of its own
 * (block cache, write buffers, table readers), which any read and write fills: `rest` is what is
 * resident without them.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { assert, must } from '../../lib/assert.ts';
import { mebibyte } from '../../lib/units.ts';
import { ProcessCluster, outFolder, until } from './cluster.ts';
import { fillEngines } from './engine-fill.ts';
import type { FillRow } from './engine-fill.ts';
import { KeyClient } from './key-client.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { residentBytes } from './proc.ts';
import { say } from './verdict.ts';

export interface SizeOptions {
  readonly mebibytes: number;
  readonly itemBytes: number;
  /** A second, while it is copied. */
  readonly writes: number;
  /** Of the receiver, spread over the copy. */
  readonly kills: number;
}

const receiver = 3;
const senders = [1, 2] as const;
const samplePeriodMs = 200;
const copyMsMax = 30 * 60_000;

/** Bytes of one node, as it says itself. */
interface Memory {
  readonly resident: number;
  readonly blockCache: number;
  readonly writeBuffers: number;
  readonly tableReaders: number;
  readonly heap: number;
  readonly external: number;
}

interface Sample {
  readonly ms: number;
  readonly sender: Memory;
  /** What the sender took before. */
  readonly before: Memory;
  readonly receiver: Memory;
  /** That the receiver took, all streams. */
  readonly received: number;
}

/** A series of a node's `/metrics`, all labels together that `labels` asks for; 0 if it is away. */
async function series(cluster: ProcessCluster, node: number, name: string): Promise<number> {
  try {
    const url = `${cluster.opsUrl(node)}/metrics`;
    const text = await (await fetch(url, { signal: AbortSignal.timeout(2_000) })).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(name))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  } catch {
    return 0;
  }
}

async function memoryOf(cluster: ProcessCluster, node: number): Promise<Memory> {
  const part = (name: string): Promise<number> =>
    series(cluster, node, `dynakv_engine_memory_bytes{part="${name}"}`);
  const [blockCache, writeBuffers, tableReaders] = await Promise.all([
    part('block-cache'),
    part('write-buffers'),
    part('table-readers'),
  ]);
  const heap = await series(cluster, node, 'nodejs_heap_size_used_bytes');
  const external = await series(cluster, node, 'nodejs_external_memory_bytes');
  const resident = residentBytes(cluster.pidOf(node) ?? 0);
  return { resident, blockCache, writeBuffers, tableReaders, heap, external };
}

function restOf({ resident, blockCache, writeBuffers, tableReaders }: Memory): number {
  return resident - blockCache - writeBuffers - tableReaders;
}

const received = 'dynakv_snapshot_bytes_total{direction="received"}';
const sent = 'dynakv_snapshot_bytes_total{direction="sent"}';

/** Rows are told apart by a number at the start of their text. */
class Writer {
  readonly #client = new KeyClient(30_000);
  readonly #cluster: ProcessCluster;
  readonly #itemBytes: number;
  /** Key → the number of its last acknowledged value. */
  readonly acked = new Map<string, number>();
  readonly latenciesMs: number[] = [];

  constructor(cluster: ProcessCluster, itemBytes: number) {
    this.#cluster = cluster;
    this.#itemBytes = itemBytes;
  }

  /** Not compressible: the engine holds what was written. */
  value(number: number): string {
    return `${number}-${randomBytes(Math.ceil(this.#itemBytes * 0.75)).toString('base64')}`;
  }

  async put(key: string, number: number): Promise<void> {
    const startedAt = performance.now();
    const url = this.#cluster.clientUrl(1 + (number % 2));
    const input = { kind: 'put', value: this.value(number) } as const;
    const answer = await this.#client.send(url, key, input);
    this.latenciesMs.push(performance.now() - startedAt);
    if (answer.status === 200 || answer.status === 201) {
      this.acked.set(key, number);
    }
  }

  /** Of the value that a node's own copy has. */
  async numberAt(node: number, key: string): Promise<number> {
    const url = `${this.#cluster.clientUrl(node)}/key/${key}?consistency=eventual`;
    const body = await fetch(url).then(
      async (response) => await response.text(),
      () => '', // The node is down or starting.
    );
    return Number(/(\d+)-/.exec(body)?.[1] ?? -1);
  }

  p99Ms(): number {
    const sorted = this.latenciesMs.splice(0).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
  }

  close(): void {
    this.#client.close();
  }
}

/** Every row is noted as acknowledged: it is there before the nodes start. */
function* rowsOf(writer: Writer, count: number): Generator<FillRow> {
  for (let number = 0; number < count; number++) {
    const id = `k${number}`;
    writer.acked.set(id, number);
    yield { id, value: writer.value(number) };
  }
}

export async function runSnapshotAtSize(options: SizeOptions): Promise<void> {
  const { mebibytes, itemBytes, writes, kills } = options;
  await using cluster = await ProcessCluster.start({
    name: 'snapshot-at-size',
    shards: 1,
    ownsNodes: true,
  });
  const writer = new Writer(cluster, itemBytes);
  const count = Math.ceil((mebibytes * mebibyte) / itemBytes);
  const filledAt = performance.now();
  await cluster.kill([...senders, receiver]);
  const folders = senders.map((node) => join(cluster.dataFolder, `n${node}`));
  await fillEngines(folders, 1, rowsOf(writer, count));
  say(`filled: ${count} rows, ${mebibytes} MiB in ${seconds(filledAt)} s`);
  cluster.restart(senders);
  await until(async () => await isPut(writer, count), 60_000, 'two nodes take writes');
  // A quiet group gives its log back: from then on node 3 is behind it.
  await wait(8_000);
  await foreground(writer, writes, 5_000, count);
  const before = writer.p99Ms();
  const memoryBefore = await Promise.all(senders.map((node) => memoryOf(cluster, node)));
  cluster.restart([receiver]);
  const startedAt = performance.now();
  const samples: Sample[] = [];
  const state = { over: false };
  const writing = foreground(writer, writes, Infinity, count, state);
  let killed = 0;
  // The shard appears as a whole: any of its rows shows that it is there.
  while ((await writer.numberAt(receiver, 'k1')) < 0) {
    assert(performance.now() - startedAt < copyMsMax, 'The copy takes too long');
    const perNode = await Promise.all(senders.map((node) => series(cluster, node, sent)));
    const sender = (perNode[0] ?? 0) >= (perNode[1] ?? 0) ? 1 : 2;
    const sentBytes = Math.max(...perNode);
    samples.push({
      ms: Math.round(performance.now() - startedAt),
      sender: await memoryOf(cluster, sender),
      before: must(memoryBefore[sender - 1]),
      receiver: await memoryOf(cluster, receiver),
      received: await series(cluster, receiver, received),
    });
    if (killed < kills && sentBytes > (mebibytes * mebibyte * (killed + 1)) / (kills + 1)) {
      killed += 1;
      await cluster.kill([receiver]);
      say(`receiver killed at ${Math.round(sentBytes / mebibyte)} MiB sent`);
      cluster.restart([receiver]);
    }
    await wait(samplePeriodMs);
  }
  const copySeconds = Number(seconds(startedAt));
  state.over = true;
  await writing;
  const during = writer.p99Ms();
  const total = (await Promise.all(senders.map((node) => series(cluster, node, sent)))).reduce(
    (sum, bytes) => sum + bytes,
    0,
  );
  say(
    `copied: ${Math.round(total / mebibyte)} MiB sent in ${copySeconds} s, ` +
      `${(total / mebibyte / copySeconds).toFixed(1)} MiB/s`,
  );
  if (writes > 0) {
    say(`puts: p99 ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms during the copy`);
  }
  report(samples);
  await check(writer);
  writer.close();
}

async function isPut(writer: Writer, number: number): Promise<boolean> {
  await writer.put('k0', number).catch(() => undefined);
  return writer.acked.get('k0') === number;
}

/** Puts at a steady rate, over rows that are there. */
async function foreground(
  writer: Writer,
  perSecond: number,
  ms: number,
  count: number,
  state = { over: false },
): Promise<void> {
  const startedAt = performance.now();
  const underWay = new Set<Promise<void>>();
  for (let number = 1; perSecond > 0 && !state.over; number++) {
    const dueMs = (number * 1_000) / perSecond;
    if (dueMs > ms) {
      break;
    }
    await wait(Math.max(0, startedAt + dueMs - performance.now()));
    const put = writer
      .put(`k${Math.floor(Math.random() * count)}`, count + number)
      .catch(() => undefined)
      .finally(() => underWay.delete(put));
    underWay.add(put);
  }
  await Promise.all(underWay);
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1);
}

const memoryNames = [
  ...['resident', 'blockCache', 'writeBuffers', 'tableReaders', 'heap', 'external'],
] as const satisfies readonly (keyof Memory)[];

function report(samples: readonly Sample[]): void {
  mkdirSync(outFolder, { recursive: true });
  const mebibytesOf = (bytes: number): string => (bytes / mebibyte).toFixed(1);
  const columns = (of: Memory): string[] =>
    [...memoryNames.map((name) => of[name]), restOf(of)].map(mebibytesOf);
  const rows = samples.map(({ ms, sender, receiver: taker, received: bytes }) =>
    [ms, mebibytesOf(bytes), ...columns(sender), ...columns(taker)].join(','),
  );
  const names = (of: string): string[] => [...memoryNames, 'rest'].map((name) => `${of} ${name}`);
  const header = ['ms', 'received', ...names('sender'), ...names('receiver')].join(',');
  writeFileSync(join(outFolder, 'snapshot-at-size.csv'), `${[header, ...rows].join('\n')}\n`);
  const peak = (of: (sample: Sample) => number): string =>
    (Math.max(...samples.map(of)) / mebibyte).toFixed(0);
  const half = samples.slice(samples.length >> 1);
  const slope = (of: (sample: Sample) => number): string => {
    const [first, last] = [half[0], half.at(-1)];
    const gibibytes = ((last?.received ?? 0) - (first?.received ?? 0)) / mebibyte / 1_024;
    const grown = (last && first ? of(last) - of(first) : 0) / mebibyte;
    return gibibytes > 0 ? (grown / gibibytes).toFixed(1) : '?';
  };
  say(
    'memory, MiB at most: sender ' +
      `${peak(({ sender, before }) => sender.resident - before.resident)} above before, ` +
      `${peak(({ sender, before }) => restOf(sender) - restOf(before))} of it not the engine's; ` +
      `receiver ${peak(({ receiver: taker }) => taker.resident)} in all, ` +
      `${peak(({ receiver: taker }) => restOf(taker))} of it not the engine's, as the sender's ` +
      `${peak(({ before }) => restOf(before))} before; in the second half the rest grew by ` +
      `${slope(({ sender }) => restOf(sender))} and ` +
      `${slope(({ receiver: taker }) => restOf(taker))} for a GiB`,
  );
}

/** A sample of the rows, from the receiver's own replica once it has caught up. */
async function check(writer: Writer): Promise<void> {
  const keys = [...writer.acked.keys()];
  const stride = Math.max(1, Math.floor(keys.length / 2_000));
  for (let i = 0; i < keys.length; i += stride) {
    const key = keys[i] ?? '';
    const wanted = writer.acked.get(key) ?? 0;
    await until(
      async () => (await writer.numberAt(receiver, key)) >= wanted,
      20_000,
      `${key} has its last value`,
    );
  }
  say(`checked: ${Math.ceil(keys.length / stride)} rows through the receiver`);
}

if (import.meta.main) {
  exitOnInterrupt();
  const number = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);
  await runSnapshotAtSize({
    mebibytes: number('MIB', 512),
    itemBytes: number('ITEM', 16_384),
    writes: number('WRITES', 0),
    kills: number('KILLS', 0),
  });
}
