/**
 * The disk of a node that gets shards fills up in the middle of a snapshot, with real processes and
 * a small file system in memory. The clients must not notice; the cluster must say what is wrong;
 * with room again the move ends, or, if the node's store had failed by then, the node is named and
 * can be removed. Every acknowledged write must be there, the history of each key linearizable.
 *
 * By itself, as root (it mounts a tmpfs): `node node/test/processes/full-disk.ts` (`SEED=`).
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../lib/assert.ts';
import { Prng } from '../../lib/prng.ts';
import { mebibyte } from '../../lib/units.ts';
import { outFolder, until } from './cluster.ts';
import { GrowingCluster } from './growing-cluster.ts';
import { KeyClient } from './key-client.ts';
import { exitOnInterrupt } from './managed-process.ts';
import { RegisterWorkload } from './register-workload.ts';
import { assertGoodHistory, chooseSeed, say } from './verdict.ts';

const shards = 4;
/** Enough for a node without data and one shard, with the reserve that a snapshot asks for. */
const diskMebibytes = 768;
/** So slow that the disk can be filled in the middle of a shard. */
const snapshotBytesPerSecond = 2 * mebibyte;
const itemCount = 320;
const itemBytes = 250_000;
const loadersAtOnce = 8;
const changeMsMax = 180_000;

/** A file system of its own size; unmounted at the end. */
class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  constructor(mebibytes: number) {
    mkdirSync(join(outFolder, 'data'), { recursive: true });
    this.folder = mkdtempSync(join(outFolder, 'data', 'small-disk-'));
    this.#ballast = join(this.folder, 'ballast');
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'none', this.folder]);
  }

  /** Writes until nothing more goes. */
  fill(): void {
    const block = Buffer.alloc(mebibyte, 1);
    const file = openSync(this.#ballast, 'a');
    try {
      for (;;) {
        writeSync(file, block);
      }
    } catch (error) {
      assert((error as { code?: string }).code === 'ENOSPC', String(error));
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function loadItems(cluster: GrowingCluster): Promise<void> {
  const client = new KeyClient(30_000);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < itemCount) {
      const number = next++;
      const url = cluster.clientUrls[number % cluster.clientUrls.length] ?? '';
      const value = `${number}-${'x'.repeat(itemBytes)}`;
      // A throttled one is put again: large items at once are more than a slow disk takes.
      const isPut = async (): Promise<boolean> => {
        const { status } = await client.send(url, `large-${number}`, { kind: 'put', value });
        return status === 200 || status === 201;
      };
      await until(isPut, changeMsMax, `large item ${number} is put`);
    }
  };
  await Promise.all(Array.from({ length: loadersAtOnce }, worker));
  client.close();
}

export async function runFullDisk(seed: number): Promise<void> {
  say(`full-disk: replay with SEED=${seed} node node/test/processes/full-disk.ts`);
  const prng = new Prng(seed);
  using disk = new SmallDisk(diskMebibytes);
  await using cluster = await GrowingCluster.start({ name: 'full-disk', shards, nodes: 3 });
  await loadItems(cluster);
  await cluster.updateSettings({ snapshotBytesPerSecond });
  const workload = new RegisterWorkload({ prng, urls: cluster.clientUrls, clients: 6 });
  workload.start();
  try {
    const nodeId = await cluster.grow(join(disk.folder, 'data'));
    const receiving = (): boolean => cluster.logOf(nodeId).includes('Snapshot: receiving');
    await until(receiving, changeMsMax, 'a snapshot is under way');
    say(`full-disk: node ${nodeId} is getting a shard, ${disk.freeBytes} bytes free: filled now`);
    disk.fill();
    const how = await untilNamed(cluster, nodeId);
    const { answered } = workload;
    await until(() => workload.answered > answered + 50, 30_000, 'clients are answered');
    disk.empty();
    await cluster.updateSettings({ snapshotBytesPerSecond: 64 * mebibyte });
    if (how === 'refused') {
      await cluster.until(`node ${nodeId} has its share`, (status) =>
        status.groups.some(({ replicas }) =>
          replicas.some((replica) => replica.nodeId === nodeId && replica.role === 'voter'),
        ),
      );
      await cluster.settled();
    }
    say(`full-disk: ${how}`);
    await workload.stop();
    say(`full-disk: ${workload.describe()}`);
    say(`full-disk: ${await assertGoodHistory('full-disk', workload)}`);
  } finally {
    await workload.stop().catch(() => undefined);
    workload.close();
  }
}

/** Snapshots are refused for want of room, or the store failed and the node has ended for good. */
async function untilNamed(
  cluster: GrowingCluster,
  nodeId: number,
): Promise<'refused' | 'quarantined'> {
  let how: 'refused' | 'quarantined' | undefined;
  await until(
    async () => {
      if (!cluster.isRunning(nodeId)) {
        const { nodes } = await cluster.status();
        const node = nodes.find(({ member }) => member?.nodeId === nodeId);
        how = (node?.quarantined ?? '') === '' ? undefined : 'quarantined';
      } else if (cluster.nodeIds.some((each) => isRefused(cluster.logOf(each)))) {
        how = 'refused';
      }
      return how !== undefined;
    },
    changeMsMax,
    'the full disk is named',
  );
  return how ?? 'refused';
}

function isRefused(log: string): boolean {
  return log.includes('InsufficientFreeSpace');
}

if (import.meta.main) {
  exitOnInterrupt();
  await runFullDisk(chooseSeed());
}
