/**
 * Opens a member's stores: the engine, the Raft log, the generations; or gives a new node its
 * first state, of a cluster that is made or of one that it joins. A birth that was cut short is
 * started over on emptied stores (`birth-note.ts`).
 */
import { assert, must } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import { uuidOf } from '../lib/uuid.ts';
import { giveBirth, joinBirth } from '../manager/birth.ts';
import type { BootstrapPlan } from '../manager/bootstrap.ts';
import type { JoinSeed } from '../manager/join-seed.ts';
import {
  emptyFolder,
  readBirthNote,
  removeBirthNote,
  writeBirthNote,
} from '../storage/birth-note.ts';
import type { DataFolder, Identity, Reservation } from '../storage/data-folder.ts';
import { readNote, writeNote } from '../storage/folder-note.ts';
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
  /** Of a node that joined. */
  readonly seed: JoinSeed | undefined;
}

/** Of a cluster's member from its beginning, or of one that joins. */
type Birth =
  | { readonly nodeId: number; readonly plan: BootstrapPlan }
  | { readonly nodeId: number; readonly join: JoinSeed };

/** Where the members are, for the node that joined: `join.json`, kept for good. */
const joinNoteName = 'join.json';

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

/** Notes where the members are; durable when it resolves. */
export async function writeJoinNote(
  world: NodeWorld,
  folder: DataFolder,
  seed: JoinSeed,
): Promise<void> {
  await writeNote(world.disk, folder.path, joinNoteName, seed);
}

async function complete(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  birth: Birth,
  identity: Identity,
): Promise<void> {
  const { storeId } = identity;
  await emptyFolder(world.disk, folder.enginePath);
  await emptyFolder(world.disk, folder.logPath);
  const engine = await openEngine(world, options, folder);
  const bootNonce = folder.reservation?.bootNonce;
  const start = bootNonce === undefined ? { storeId } : { storeId, bootNonce };
  const log = await openLog(world, options, folder, start);
  try {
    engine.write(
      [{ column: 'default', key: storeIdColumnKey, value: Buffer.from(storeId, 'utf8') }],
      { sync: true },
    );
    await ('plan' in birth
      ? giveBirth(birth.plan, birth.nodeId, engine, log)
      : joinBirth(birth.join, engine, log));
    await engine.syncWal();
  } finally {
    await log.close();
    await engine.close();
  }
  if ('join' in birth) {
    await writeJoinNote(world, folder, birth.join);
  }
  await removeBirthNote(world.disk, folder.path);
}

/** What follows empties the stores: only for the birth of this very node. */
function checkNote(note: Birth, path: string, identity: Identity): void {
  const { clusterId } = 'plan' in note ? note.plan : note.join;
  if (note.nodeId !== identity.nodeId || clusterId !== identity.clusterId) {
    throw new DynakvError(
      'Refused',
      `Cannot open "${path}": its birth.json is not of node ${identity.nodeId} of cluster ` +
        `"${identity.clusterId}"`,
    );
  }
}

/**
 * Promises an empty folder to a cluster (`clusterId` empty: to one that it will join), for good.
 * The same promise again is the same store; another is refused.
 */
export async function reserveNode(
  world: NodeWorld,
  folder: DataFolder,
  promise: { readonly clusterId: string; readonly nodeId: number },
): Promise<Reservation> {
  const { clusterId, nodeId } = promise;
  const known = folder.reservation;
  if (known === undefined) {
    const storeId = uuidOf(world.random.bytes(16));
    const bootNonce = world.random.bytes(16).toString('hex');
    await folder.reserve({ clusterId, nodeId, storeId, bootNonce });
    return must(folder.reservation);
  }
  const isSame = known.nodeId === nodeId && known.clusterId === clusterId;
  const isJoining = known.clusterId === '' && nodeId === 0;
  if (!isSame && !isJoining) {
    throw new DynakvError(
      'Refused',
      `Cannot promise "${folder.path}" to cluster "${clusterId}" as node ${nodeId}: it is promised ` +
        `to cluster "${known.clusterId}" as node ${known.nodeId}; start with an empty data folder`,
      { reason: 'AlreadyReserved' },
    );
  }
  return known;
}

async function bear(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  birth: Birth,
  clusterId: string,
): Promise<void> {
  assert(folder.identity === undefined, 'A note beside a member would empty its stores');
  const { storeId } = must(folder.reservation, 'A folder is promised before it is filled');
  const { nodeId } = birth;
  await writeBirthNote(world.disk, folder.path, birth);
  const createdAt = new Date(world.clock.wallMs()).toISOString();
  const identity = await folder.initialise({ clusterId, nodeId, storeId, createdAt });
  await complete(world, options, folder, birth, identity);
}

/** Makes an empty folder that of a node that joins; durable and whole when it resolves. */
export async function bearJoiner(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  seed: JoinSeed,
): Promise<void> {
  await bear(world, options, folder, { nodeId: seed.nodeId, join: seed }, seed.clusterId);
}

/** Makes an empty folder a member's; durable and whole when it resolves. */
export async function bearNode(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  plan: BootstrapPlan,
  nodeId: number,
): Promise<void> {
  const { clusterId } = plan;
  const wanted = plan.members.find((member) => member.nodeId === nodeId)?.storeId;
  const { storeId } = await reserveNode(world, folder, { clusterId, nodeId });
  if (wanted !== undefined && wanted !== storeId) {
    throw new DynakvError(
      'Refused',
      `Cannot become node ${nodeId} of cluster "${clusterId}": its plan is for store "${wanted}", ` +
        `this is store "${storeId}"`,
      { reason: 'OtherStore' },
    );
  }
  await bear(world, options, folder, { nodeId, plan }, clusterId);
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

/** What lies on a disk while it is being recovered (`recover.ts`). */
export const recoveryNoteName = 'recovery.json';

async function refuseHalfRecovered(world: NodeWorld, folder: DataFolder): Promise<void> {
  if ((await readNote(world.disk, folder.path, recoveryNoteName)) !== undefined) {
    throw new DynakvError(
      'Refused',
      `Cannot start on "${folder.path}": a recovery was begun on it and cut short; run ` +
        '"dynakv recover --unsafe" on it again',
    );
  }
}

/** Opens the stores of a member, for a node or for a recovery of the disk. */
export async function openNodeStore(
  world: NodeWorld,
  options: NodeOptions,
  folder: DataFolder,
  onFailure: (error: unknown) => void,
  purpose: 'node' | 'recovery' = 'node',
): Promise<NodeStore> {
  if (purpose === 'node') {
    await refuseHalfRecovered(world, folder);
  }
  const { identity } = folder;
  if (identity === undefined) {
    throw new DynakvError('Refused', `Cannot open "${folder.path}": it has no identity yet`);
  }
  const note = (await readBirthNote(world.disk, folder.path)) as Birth | undefined;
  if (note !== undefined) {
    checkNote(note, folder.path, identity);
    world.logger.info('Birth was cut short: starting it over');
    await complete(world, options, folder, note, identity);
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
    const seed = await readNote(world.disk, folder.path, joinNoteName);
    return { engine, log, generations, seed: seed as JoinSeed | undefined };
  } catch (error) {
    await log?.close();
    await engine.close();
    throw error;
  }
}
