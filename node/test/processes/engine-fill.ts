/**
 * Rows of the table `kv` put straight into the engines of stopped nodes, the same into each: a
 * hundred times faster than through the doors, for tests and measurements about what happens to
 * data that is there. The nodes must hold every shard of the cluster, and must have been stopped in
 * order.
 */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { must } from '../../lib/assert.ts';
import { mebibyte } from '../../lib/units.ts';
import { encodeRow } from '../../items/row.ts';
import { groupOfHash, shardGroupIds } from '../../shards/groups.ts';
import { kvTarget } from '../../sim/register-clients.ts';
import { rowKey } from '../../storage/generation-rows.ts';
import { Generations } from '../../storage/generations.ts';
import { openRocksEngine } from '../../storage/rocks-engine.ts';
import type { RocksEngine } from '../../storage/rocks-engine.ts';
import type { Item } from '../../values/attribute-value.ts';
import { itemText } from '../../values/canonical-json.ts';
import { itemSize } from '../../values/item-size.ts';

export interface FillRow {
  readonly id: string;
  readonly value: string;
}

interface Target {
  readonly engine: RocksEngine;
  /** Group → generation of its replica there. */
  readonly generations: ReadonlyMap<number, number>;
}

/** More, and the engine stalls its writers. */
const levelZeroFilesMax = 8;
const stallWaitMs = 20;

async function openTarget(dataFolder: string, shardCount: number): Promise<Target> {
  const engine = await openRocksEngine({ directory: join(dataFolder, 'rows') });
  const known = await Generations.open(engine);
  const generations = shardGroupIds(shardCount).map((groupId) => {
    const found = must(known.pointer(groupId), `${dataFolder} has no copy of group ${groupId}`);
    return [groupId, found.generation] as const;
  });
  return { engine, generations: new Map(generations) };
}

/** Resolves to the bytes of the rows, keys included, of one copy. */
export async function fillEngines(
  dataFolders: readonly string[],
  shardCount: number,
  rows: Iterable<FillRow>,
): Promise<number> {
  const targets: Target[] = [];
  for (const folder of dataFolders) {
    targets.push(await openTarget(folder, shardCount));
  }
  let batch: { readonly groupId: number; readonly key: Buffer; readonly value: Buffer }[] = [];
  let [batchBytes, bytes, ordinal] = [0, 0, 0];
  for (const { id, value: text } of rows) {
    const item: Item = { id: { S: id }, json: { S: JSON.stringify(text) } };
    const { rowKey: key, hash } = kvTarget(id);
    const stamp = { incarnation: 1, index: 1, ordinal };
    const value = encodeRow(stamp, itemSize(item), itemText(item));
    batch.push({ groupId: groupOfHash(hash, shardCount), key, value });
    ordinal += 1;
    batchBytes += key.length + value.length;
    if (batchBytes >= mebibyte) {
      await write(targets, batch);
      bytes += batchBytes;
      [batch, batchBytes] = [[], 0];
    }
  }
  await write(targets, batch);
  for (const { engine } of targets) {
    await engine.syncWal();
    await engine.close();
  }
  return bytes + batchBytes;
}

async function write(
  targets: readonly Target[],
  batch: readonly { readonly groupId: number; readonly key: Buffer; readonly value: Buffer }[],
): Promise<void> {
  for (const { engine, generations } of targets) {
    engine.write(
      batch.map(({ groupId, key, value }) => ({
        column: 'data',
        key: rowKey(must(generations.get(groupId)), key),
        value,
      })),
    );
    while (engine.health().levelZeroFiles > levelZeroFilesMax) {
      await wait(stallWaitMs);
    }
  }
}
