/**
 * What it costs to go from three nodes to four with a gigabyte of 1 KB items: bytes that move over
 * those that must, time without load over that of copying the same bytes at the set limit, and what
 * puts at 30 % of the measured peak see of it. The items are put into the engines of the stopped
 * nodes; the node joins twice, once in quiet and, after it was drained and removed, once under
 * load.
 *
 * The puts of the second time go to `out/move-puts.csv`, second by second, for whoever looks for a
 * pause in the logs of that time (`out/logs/bench-move.log`).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { AdminClient } from '../admin/grpc-admin-client.ts';
import { askLauncher } from '../cli/control-socket.ts';
import { assert, must } from '../lib/assert.ts';
import { ProcessCluster, outFolder, until } from '../test/processes/cluster.ts';
import { fillEngines } from '../test/processes/engine-fill.ts';
import type { FillRow } from '../test/processes/engine-fill.ts';
import { PutLoad } from './open-loop.ts';
import type { PutSecond, PutTimes } from './open-loop.ts';
import type { BenchProcesses, Settings, Suite } from './processes.ts';
import type { Measurement, RowTarget } from './report.ts';

const shardCount = 16;
const copies = 3;
const nodesBefore = 3;
/** A kilobyte as DynamoDB counts an item: names, key and text. */
const textBytes = 1_000;
/** Share of the peak that is asked for while a node joins. */
const loadShare = 0.3;
const moveMsMax = 20 * 60_000;
const pollMs = 200;
/** A node that was just activated has no plan yet. */
const quietLooks = 5;

interface MoveFacts {
  /** From the node's activation to the last step. */
  readonly seconds: number;
  /** Snapshot bytes that all nodes sent. */
  readonly bytes: number;
  readonly copiesGot: number;
  /** What else the machine does: its load of a minute when the move began and when it ended. */
  readonly machineLoad: string;
}

interface MoveRun {
  /** That the new node's share of the rows takes, keys included. */
  readonly bytesMin: number;
  readonly limitBytesPerSecond: number;
  readonly quiet: MoveFacts;
  readonly loaded: MoveFacts;
  readonly peakPerSecond: number;
  readonly before: PutTimes;
  readonly during: PutTimes;
  readonly halvings: number;
}

export const move: Suite<RowTarget> = {
  targets: [
    {
      id: 'move-bytes',
      title: '3 → 4 nodes, 1 GB of 1 KB items: bytes moved over those that must',
      ...{ unit: '×', better: 'less', atLeast: 1.15, aim: 1 },
    },
    {
      id: 'move-p99',
      title: 'put p99 during the move over before, at 30 % of the peak',
      ...{ unit: '×', better: 'less', atLeast: 3, aim: 1.5 },
    },
    {
      id: 'move-time',
      title: 'time of the move without load over the copy at the set limit',
      ...{ unit: '×', better: 'less', atLeast: 1.5, aim: 1.1 },
    },
  ],
  measure,
};

const runs = new WeakMap<BenchProcesses, Promise<MoveRun>>();

async function measure({ id }: RowTarget, processes: BenchProcesses): Promise<Measurement> {
  const started = runs.get(processes) ?? runMoves(processes.settings);
  runs.set(processes, started);
  const run = await started;
  const { quiet, loaded, before, during, bytesMin, limitBytesPerSecond } = run;
  const mebibytes = (bytes: number): number => bytes / 2 ** 20;
  switch (id) {
    case 'move-bytes':
      return {
        value: quiet.bytes / bytesMin,
        facts: {
          'MiB moved': mebibytes(quiet.bytes),
          'MiB that must': mebibytes(bytesMin),
          'under load, ×': loaded.bytes / bytesMin,
          'copies got': quiet.copiesGot,
        },
      };
    case 'move-p99':
      return {
        value: during.p99Ms / before.p99Ms,
        facts: {
          'peak /s': run.peakPerSecond,
          'p99 before, ms': before.p99Ms,
          'p99 during, ms': during.p99Ms,
          'p50 before, ms': before.p50Ms,
          'p50 during, ms': during.p50Ms,
          'puts during': during.count,
          failed: before.failed + during.failed,
          'move, s': loaded.seconds,
          halvings: run.halvings,
          'machine load': loaded.machineLoad,
        },
      };
    default:
      return {
        value: quiet.seconds / (quiet.bytes / limitBytesPerSecond),
        facts: {
          'move, s': quiet.seconds,
          'limit, MiB/s': mebibytes(limitBytesPerSecond),
          'MiB moved': mebibytes(quiet.bytes),
          'machine load': quiet.machineLoad,
        },
      };
  }
}

function* rows(count: number): Generator<FillRow> {
  for (let number = 0; number < count; number++) {
    yield { id: keyOf(number), value: randomBytes((textBytes * 3) / 4).toString('base64') };
  }
}

function keyOf(number: number): string {
  return `item-${number}`;
}

async function runMoves(settings: Settings): Promise<MoveRun> {
  const count = settings.moveItems;
  mkdirSync(join(outFolder, 'data'), { recursive: true });
  const data = mkdtempSync(join(outFolder, 'data', 'bench-move-'));
  try {
    const born = await ProcessCluster.start({ name: 'bench-move', shards: shardCount, data });
    await born.stop();
    const folders = born.nodes().map((node) => join(data, `n${node}`));
    const bytes = await fillEngines(folders, shardCount, rows(count));
    await using cluster = await ProcessCluster.start({ name: 'bench-move', data });
    return await new Mover(cluster, data, bytes, count).run(settings);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

class Mover {
  readonly #cluster: ProcessCluster;
  readonly #data: string;
  readonly #bytes: number;
  readonly #count: number;

  constructor(cluster: ProcessCluster, data: string, bytes: number, count: number) {
    this.#cluster = cluster;
    this.#data = data;
    this.#bytes = bytes;
    this.#count = count;
  }

  async run({ seconds, moveBytesPerSecond }: Settings): Promise<MoveRun> {
    if (moveBytesPerSecond > 0) {
      await this.#limit(moveBytesPerSecond);
    }
    const { settings } = await this.#ask((client) => client.getSettings());
    const quiet = await this.#grow(nodesBefore + 1);
    await this.#shrink(nodesBefore + 1);
    const load = new PutLoad({
      urls: this.#cluster.nodes().map((node) => this.#cluster.clientUrl(node)),
      keys: Array.from({ length: this.#count }, (_none, number) => keyOf(number)),
    });
    try {
      const peakPerSecond = await load.peak(seconds);
      load.start(peakPerSecond * loadShare);
      await wait(seconds * 1_000);
      load.take();
      await wait(3 * seconds * 1_000);
      const before = load.take();
      const halvings = await this.#sum('dynakv_snapshot_rate_halvings_total');
      const loaded = await this.#grow(nodesBefore + 2, () => load.take());
      return {
        // Each copy on the new node is one that had to go there.
        bytesMin: (this.#bytes * copies) / (nodesBefore + 1),
        limitBytesPerSecond: must(settings).snapshotBytesPerSecond,
        ...{ quiet, loaded, peakPerSecond, before, during: load.take() },
        halvings: (await this.#sum('dynakv_snapshot_rate_halvings_total')) - halvings,
      };
    } finally {
      await load.stop();
      writeSeconds(load.seconds);
    }
  }

  async #limit(snapshotBytesPerSecond: number): Promise<void> {
    const { settings } = await this.#ask((client) => client.getSettings());
    const fence = { expectedRevision: must(settings).revision };
    const changed = { snapshotBytesPerSecond };
    await this.#ask((client) => client.updateSettings({ fence, settings: changed }));
  }

  /** One node more; resolves when its share has come. `onActive`: when that may begin. */
  async #grow(nodeId: number, onActive: () => void = () => undefined): Promise<MoveFacts> {
    const sentBefore = await this.#sum(sent);
    const loadBefore = loadavg()[0] ?? 0;
    const added = await askLauncher(this.#data, { verb: 'add-node' }, () => undefined);
    const startedAt = performance.now();
    onActive();
    assert(added['nodeId'] === nodeId);
    const share = Math.floor((shardCount * copies) / (nodesBefore + 1));
    let [quiet, endedAt, got] = [0, startedAt, 0];
    while (quiet < quietLooks) {
      assert(performance.now() - startedAt < moveMsMax, 'The move takes too long');
      await wait(pollMs);
      const { groups, rebalance } = await this.#ask((client) => client.status());
      got = groups.filter(
        ({ groupId, replicas, joint }) =>
          groupId !== 0 &&
          !joint &&
          replicas.length === copies &&
          replicas.some((each) => each.nodeId === nodeId && each.role === 'voter'),
      ).length;
      const isDone = got >= share && rebalance?.state === 'idle';
      endedAt = isDone && quiet > 0 ? endedAt : performance.now();
      quiet = isDone ? quiet + 1 : 0;
    }
    const bytes = (await this.#sum(sent)) - sentBefore;
    const machineLoad = `${loadBefore.toFixed(1)} → ${(loadavg()[0] ?? 0).toFixed(1)}`;
    return { seconds: (endedAt - startedAt) / 1_000, bytes, copiesGot: got, machineLoad };
  }

  async #shrink(nodeId: number): Promise<void> {
    const revision = async (): Promise<number> => {
      const { nodes } = await this.#ask((client) => client.status());
      return must(nodes.find(({ member }) => member?.nodeId === nodeId)).revision;
    };
    const fence = { expectedRevision: await revision() };
    await this.#ask((client) =>
      client.setNodeState({ fence, nodeId, state: 'draining', owner: 'bench' }),
    );
    await until(
      async () =>
        (await this.#ask((client) => client.getDrainProgress({ nodeId }))).state === 'drained',
      moveMsMax,
      'the node is drained',
    );
    await askLauncher(this.#data, { verb: 'remove', node: `n${nodeId}` }, () => undefined);
  }

  async #ask<T>(call: (client: AdminClient) => Promise<T>): Promise<T> {
    const client = new AdminClient({ address: `127.0.0.1:${this.#cluster.peerPort(1)}` });
    try {
      return await call(client);
    } finally {
      client.close();
    }
  }

  /** A series of all nodes that may send, all labels together that `name` asks for. */
  async #sum(name: string): Promise<number> {
    const texts = await Promise.all(
      this.#cluster.nodes().map(async (node) => {
        return await (await fetch(`${this.#cluster.opsUrl(node)}/metrics`)).text();
      }),
    );
    return texts
      .flatMap((text) => text.split('\n'))
      .filter((line) => line.startsWith(name))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
}

const sent = 'dynakv_snapshot_bytes_total{direction="sent"}';

function writeSeconds(seconds: readonly PutSecond[]): void {
  const lines = seconds.map(({ at, count, p50Ms, p99Ms, mostMs, slowestUrl }) =>
    [at.toISOString(), count, ...[p50Ms, p99Ms, mostMs].map(Math.round), slowestUrl].join(','),
  );
  const header = 'second,puts,p50 ms,p99 ms,most ms,slowest at';
  writeFileSync(join(outFolder, 'move-puts.csv'), `${[header, ...lines].join('\n')}\n`);
}
