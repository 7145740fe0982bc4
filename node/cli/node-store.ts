/**
 * Opens a member's stores: the engine, the Raft log, the generations; or gives a new node its
 * first state. A birth that was cut short is started over on emptied stores (`birth-note.ts`).
 */
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import { uuidOf } from '../lib/uuid.ts';
import { giveBirth } from '../manager/birth.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import {
  emptyFolder,
  readBirthNote,
  removeBirthNote,
  writeBirthNote,
} from '../storage/birth-note.ts';
import type { DataFolder, Identity } from '../storage/data-folder.ts';
import { Generations } from '../storage/generations.ts';
import { remedy } from '../storage/raft-log/quarantine.ts';
import { RaftLog } from '../storage/raft-log/raft-log.ts';
import type { Engine } from '../sys/engine.ts';
import type { NodeOptions } from '../config/options.ts';
import type { NodeWorld } from './node-world.ts';

export interface NodeStore {
  readonly engine: Engine;
  readonly log: RaftLog;
  readonly generations: Generations;
}

interface Birth {
  readonly nodeId: number;
  readonly plan: BootstrapPlan;
}

const storeIdColumnKey = Buffer.from([0x11]);

function readsMaxOf(options: NodeOptions): number {
  // Below the pool, with room for the log's fdatasync and the engine's sync.
  return Math.max(1, Math.min(3, options.uvThreads - 2));
}

async function openEngine(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
): Promise<Engine> {
  return await world.openEngine({
    directory: folder.enginePath,
    blockCacheBytes: options.engineCacheBytes,
    writeBufferBytes: options.engineWriteBufferBytes,
    readsMax: readsMaxOf(options),
  });
}

interface LogStart {
  readonly storeId: string;
  readonly bootNonce?: string;
  readonly onFailure?: (error: unknown) => void;
}

async function openLog(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  start: LogStart,
): Promise<RaftLog> {
  return await RaftLog.open({
    disk: world.disk,
    directory: folder.logPath,
    logger: world.logger,
    segmentBytes: options.logSegmentBytes,
    ...start,
  });
}

function checkStoreId(engine: Engine, storeId: string): void {
  const found = engine.get('default', storeIdColumnKey)?.toString('utf8');
  if (found !== storeId) {
    throw new DynakvError(
      'Refused',
      `Cannot use the rows: they belong to store "${found ?? 'none'}", not "${storeId}"; ` +
        'restore the whole data folder, or start with an empty one as a new node',
    );
  }
}

async function complete(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  birth: Birth,
  storeId: string,
): Promise<void> {
  await emptyFolder(world.disk, folder.enginePath);
  await emptyFolder(world.disk, folder.logPath);
  const engine = await openEngine(world, options, folder);
  const log = await openLog(world, options, folder, { storeId });
  try {
    engine.write(
      [{ column: 'default', key: storeIdColumnKey, value: Buffer.from(storeId, 'utf8') }],
      { sync: true },
    );
    await giveBirth(birth.plan, birth.nodeId, engine, log);
    await engine.syncWal();
  } finally {
    await log.close();
    await engine.close();
  }
  await removeBirthNote(world.disk, folder.path);
}

/** What follows empties the stores: only for the birth of this very node. */
function checkNote(note: Birth, path: string, identity: Identity): void {
  const { nodeId, plan } = note as Partial<Birth>;
  if (nodeId !== identity.nodeId || plan?.clusterId !== identity.clusterId) {
    throw new DynakvError(
      'Refused',
      `Cannot open "${path}": its birth.json is not of node ${identity.nodeId} of cluster ` +
        `"${identity.clusterId}"`,
    );
  }
}

/** Makes an empty folder a member's; durable and whole when it resolves. */
export async function bearNode(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  plan: BootstrapPlan,
  nodeId: number,
): Promise<void> {
  assert(folder.identity === undefined, 'A note beside a member would empty its stores');
  const birth: Birth = { nodeId, plan };
  await writeBirthNote(world.disk, folder.path, birth);
  const storeId = uuidOf(world.random.bytes(16));
  await folder.initialise({
    clusterId: plan.clusterId,
    nodeId,
    storeId,
    createdAt: new Date(world.clock.wallMs()).toISOString(),
  });
  await complete(world, options, folder, birth, storeId);
}

/** A member whose log is gone must not be given a new one: it would forget its promises. */
async function refuseMissingLog(world: NodeWorld, folder: DataFolder): Promise<void> {
  if ((await world.disk.list(folder.logPath)).length === 0) {
    throw new DynakvError(
      'Quarantined',
      `Cannot start: "${folder.logPath}" is missing or empty, though this folder belongs to a ` +
        `member; ${remedy}`,
    );
  }
}

/** Opens the stores of a member. */
export async function openNodeStore(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  onFailure: (error: unknown) => void,
): Promise<NodeStore> {
  const { identity } = folder;
  if (identity === undefined) {
    throw new DynakvError('Refused', `Cannot open "${folder.path}": it has no identity yet`);
  }
  const note = (await readBirthNote(world.disk, folder.path)) as Birth | undefined;
  if (note !== undefined) {
    checkNote(note, folder.path, identity);
    world.logger.info('Birth was cut short: starting it over');
    await complete(world, options, folder, note, identity.storeId);
  }
  await refuseMissingLog(world, folder);
  const bootNonce = world.random.bytes(16).toString('hex');
  const engine = await openEngine(world, options, folder);
  let log: RaftLog | undefined;
  try {
    // Before the log: recovery rewrites its tail, and a refusal must leave it as it is.
    checkStoreId(engine, identity.storeId);
    const generations = await Generations.open(engine);
    const { storeId } = identity;
    log = await openLog(world, options, folder, { storeId, bootNonce, onFailure });
    return { engine, log, generations };
  } catch (error) {
    await log?.close();
    await engine.close();
    throw error;
  }
}
