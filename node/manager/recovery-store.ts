/**
 * A recovery on one disk (protocols.md P19): what it holds (`inspectDisk`), and the plan carried
 * out on it (`recoverDisk`). Offline: nobody else has the stores open.
 *
 * A group that goes on keeps its generation: the rest of its log is applied, then one synced batch
 * gives the rows a new applied row and the new replica's pointer, and one durable batch of the log
 * ends the old replica and begins the new one where it stands.
 *
 * Invariant: cut short anywhere, the same plan carried out again ends the same. The caller notes
 * that it is under way, and no node starts on such a disk.
 */
import { assert, must } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import { reconcile } from '../host/group-factory.ts';
import type { LogState } from '../host/group-factory.ts';
import { decodeBatch } from '../items/batch.ts';
import type { RowWrite } from '../items/batch.ts';
import { encodeSchemaRow, schemaRowKey } from '../items/schema-row.ts';
import type { TableRecord } from '../items/table.ts';
import { changeGroup, mustChange, restoreGroup } from '../raft/conf-changer.ts';
import { confChangeOfEntry } from '../raft/conf-change.ts';
import { EntryType } from '../raft/messages.ts';
import type { ConfState, Entry, SnapshotMetadata } from '../raft/messages.ts';
import { Tracker } from '../raft/tracker.ts';
import { systemGroupId } from '../shards/groups.ts';
import { rowKey, rowsRange, stripGeneration } from '../storage/generation-rows.ts';
import type { Applied, GroupPointer } from '../storage/generation-rows.ts';
import type { Generations } from '../storage/generations.ts';
import { LogBatchBuilder } from '../storage/raft-log/batch-builder.ts';
import type { RaftLog } from '../storage/raft-log/raft-log.ts';
import type { Engine, EngineWrite } from '../sys/engine.ts';
import type { NodeId } from '../sys/network.ts';
import { birthPoint } from './bootstrap.ts';
import { Catalog } from './catalog.ts';
import { emptyReplica } from './empty-replica.ts';
import { recoveryRows } from './recovery-plan.ts';
import type {
  CatalogReport,
  DiskReport,
  RecoveredGroup,
  RecoveryPlan,
  ReplicaReport,
} from './recovery-plan.ts';

const scanRows = 1_000;
const scanBytes = 1 << 20;
/** Entries applied in one batch of the engine. */
const batchEntries = 500;

export interface Stores {
  readonly engine: Engine;
  readonly log: RaftLog;
  readonly generations: Generations;
}

/** A replica on disk, with what of its log is not in the engine yet. */
interface Held {
  readonly pointer: GroupPointer;
  readonly applied: Applied;
  readonly tail: readonly Entry[];
  readonly term: number;
}

function heldOf({ log, generations }: Stores, pointer: GroupPointer): Held | undefined {
  const { groupId, replicaId, generation } = pointer;
  const found = log.groups.get(groupId);
  const applied = generations.readApplied(generation);
  if (found === undefined || applied === undefined || found.replicaId !== replicaId) {
    return undefined;
  }
  checkWhole(groupId, found, pointer, applied);
  const start = Math.max(applied.index, found.snapshotMetadata.index);
  const tail = found.entries.filter((entry) => entry.index > start);
  return { pointer, applied, tail, term: found.hardState.term };
}

/** What a node would not start on is not recovered from either. */
function checkWhole(
  groupId: number,
  found: LogState,
  { replicaId, generation }: GroupPointer,
  applied: Applied,
): void {
  const verdict = reconcile(found, {
    ...{ replicaId, generation, applied },
    configuration: {
      index: applied.configurationIndex,
      state: applied.confState,
      incarnation: applied.incarnation,
    },
    installed: applied.installStamp !== undefined,
  });
  if (verdict.kind === 'quarantine') {
    const message = `Cannot recover from the replica of group ${groupId}: ${verdict.why}`;
    throw new DynakvError('Quarantined', message, { group: groupId });
  }
}

/** The configuration after the whole log. */
function lastConfState({ applied, tail }: Held): ConfState {
  const tracker = new Tracker(1, 1);
  restoreGroup(tracker, applied.index, applied.confState);
  for (const entry of tail) {
    const change = confChangeOfEntry(entry);
    if (change !== undefined) {
      const next = mustChange(changeGroup(tracker, entry.index, change));
      tracker.switchTo(next.config, next.members);
    }
  }
  return tracker.confState();
}

function lastPoint({ applied, tail }: Held): { readonly index: number; readonly term: number } {
  const last = tail.at(-1);
  return last === undefined
    ? { index: applied.index, term: applied.term }
    : { index: last.index, term: last.term };
}

function rowsOfEntry(entry: Entry): readonly RowWrite[] {
  return entry.type === EntryType.normal && entry.data.length > 0 ? decodeBatch(entry.data) : [];
}

async function scan(engine: Engine, generation: number): Promise<RowWrite[]> {
  const iterator = engine.iterate({ column: 'data', ...rowsRange(generation) });
  const found: RowWrite[] = [];
  try {
    for (;;) {
      const rows = await iterator.next(scanRows, scanBytes);
      if (rows.length === 0) {
        return found;
      }
      found.push(...rows.map(([key, value]) => ({ key: stripGeneration(key), value })));
    }
  } finally {
    await iterator.close();
  }
}

async function readCatalog({ engine }: Stores, held: Held): Promise<CatalogReport | undefined> {
  const catalog = new Catalog();
  catalog.load(await scan(engine, held.pointer.generation));
  for (const entry of held.tail) {
    catalog.apply(rowsOfEntry(entry));
  }
  return catalog.isLoaded
    ? {
        cluster: catalog.cluster,
        nodes: [...catalog.nodes.values()],
        groups: [...catalog.groups.values()],
        tables: [...catalog.tables.values()],
        moveIds: [...catalog.moves.keys()],
      }
    : undefined;
}

/** What the disk of a node holds. */
export async function inspectDisk(
  identity: { readonly clusterId: string; readonly nodeId: NodeId },
  stores: Stores,
): Promise<DiskReport> {
  const replicas: ReplicaReport[] = [];
  let catalog: CatalogReport | undefined;
  for (const pointer of stores.generations.groups()) {
    const held = heldOf(stores, pointer);
    if (held === undefined) {
      continue;
    }
    const { groupId, replicaId } = pointer;
    const { index: lastIndex, term: lastTerm } = lastPoint(held);
    const { voters, votersOutgoing } = lastConfState(held);
    const { incarnation } = held.applied;
    const place = { groupId, replicaId, incarnation, lastIndex, lastTerm };
    if (lastIndex > 0) {
      replicas.push({ ...place, voters, votersOutgoing });
    }
    if (groupId === systemGroupId) {
      catalog = await readCatalog(stores, held);
    }
  }
  const { clusterId, nodeId } = identity;
  return { clusterId, nodeId, replicas, catalog };
}

/** Carries the plan out on the disk of one node. */
export async function recoverDisk(
  plan: RecoveryPlan,
  nodeId: NodeId,
  stores: Stores,
): Promise<void> {
  assert(plan.survivors.includes(nodeId), 'A plan is for its survivors');
  for (const recovered of plan.groups) {
    const pointer = stores.generations.pointer(recovered.groupId);
    if (recovered.nodeId === nodeId) {
      await (recovered.fromReplicaId === 0
        ? beginEmpty(plan.tables, recovered, stores)
        : goOn(plan, recovered, stores));
    } else if (recovered.groupId === systemGroupId) {
      await learnAnew(plan, nodeId, stores);
    } else if (pointer !== undefined && pointer.replicaId < recovered.replicaId) {
      await remove(pointer, stores);
    }
  }
}

function aloneWith(replicaId: number): ConfState {
  return {
    ...{ voters: [replicaId], learners: [], votersOutgoing: [], learnersNext: [] },
    autoLeave: false,
  };
}

async function goOn(
  plan: RecoveryPlan,
  { groupId, fromReplicaId, replicaId, incarnation }: RecoveredGroup,
  stores: Stores,
): Promise<void> {
  const { engine, log, generations } = stores;
  const pointer = must(generations.pointer(groupId), `Group ${groupId} is not here`);
  const confState = aloneWith(replicaId);
  let metadata: SnapshotMetadata;
  let term = log.groups.get(groupId)?.hardState.term ?? 0;
  if (pointer.replicaId === replicaId) {
    const applied = must(generations.readApplied(pointer.generation));
    metadata = { index: applied.index, term: applied.term, confState };
  } else {
    assert(pointer.replicaId === fromReplicaId, `Group ${groupId} is another replica`);
    const held = must(heldOf(stores, pointer), `Group ${groupId} is not whole`);
    const point = lastPoint(held);
    term = held.term;
    metadata = { ...point, confState };
    writeTail(engine, held);
    const changes = groupId === systemGroupId ? recoveryRows(plan) : [];
    await generations.adopt(
      { groupId, replicaId },
      { ...metadata, configurationIndex: point.index, incarnation, installStamp: undefined },
      changes.map((row) => dataWrite(pointer.generation, row)),
    );
  }
  if (log.groups.get(groupId)?.replicaId !== replicaId) {
    const hardState = { term: Math.max(term, metadata.term) + 1, vote: 0, commit: metadata.index };
    await log.append(
      new LogBatchBuilder()
        .removeGroup(groupId, fromReplicaId)
        .createGroup(groupId, replicaId, metadata, hardState),
    );
  }
}

function dataWrite(generation: number, { key, value }: RowWrite): EngineWrite {
  return { column: 'data', key: rowKey(generation, key), value };
}

function writeTail(engine: Engine, { pointer, tail }: Held): void {
  for (let from = 0; from < tail.length; from += batchEntries) {
    const writes = tail
      .slice(from, from + batchEntries)
      .flatMap(rowsOfEntry)
      .map((row) => dataWrite(pointer.generation, row));
    engine.write(writes);
  }
}

async function remove({ groupId, replicaId }: GroupPointer, stores: Stores): Promise<void> {
  if (stores.log.groups.get(groupId)?.replicaId === replicaId) {
    await stores.log.append(new LogBatchBuilder().removeGroup(groupId, replicaId));
  }
  await stores.generations.remove(groupId, replicaId);
}

/** An empty replica of the system group in the place of the one that was here. */
async function learnAnew(plan: RecoveryPlan, nodeId: NodeId, stores: Stores): Promise<void> {
  const { generations, log } = stores;
  const learner = must(plan.systemLearners.find((each) => each.nodeId === nodeId));
  const place = { groupId: systemGroupId, replicaId: learner.replicaId };
  if (log.groups.get(systemGroupId)?.replicaId !== learner.replicaId) {
    const { metadata, hardState } = emptyReplica;
    const batch = new LogBatchBuilder();
    const before = log.groups.get(systemGroupId);
    if (before !== undefined) {
      batch.removeGroup(systemGroupId, before.replicaId);
    }
    await log.append(batch.createGroup(place.groupId, place.replicaId, metadata, hardState));
  }
  const pointer = generations.pointer(systemGroupId);
  if (pointer !== undefined && pointer.replicaId !== learner.replicaId) {
    await generations.remove(systemGroupId, pointer.replicaId);
  }
  if (generations.pointer(systemGroupId) === undefined) {
    const generation = await generations.allocate();
    await generations.flip({ ...place, generation }, emptyReplica.applied);
  }
}

async function beginEmpty(
  tables: readonly TableRecord[],
  { groupId, replicaId, incarnation }: RecoveredGroup,
  { engine, log, generations }: Stores,
): Promise<void> {
  const confState = aloneWith(replicaId);
  if (generations.pointer(groupId) === undefined) {
    const generation = await generations.allocate();
    const rows = tables.map(({ tableId, schemaVersion }) => ({
      key: schemaRowKey(tableId),
      value: encodeSchemaRow({ tableId, version: schemaVersion, state: 'live' }),
    }));
    engine.write(rows.map((row) => dataWrite(generation, row)));
    await generations.flip(
      { groupId, replicaId, generation },
      { ...birthPoint, confState, configurationIndex: 0, incarnation, installStamp: undefined },
    );
  }
  if (log.groups.get(groupId)?.replicaId !== replicaId) {
    const hardState = { term: birthPoint.term, vote: 0, commit: birthPoint.index };
    const metadata = { ...birthPoint, confState };
    await log.append(new LogBatchBuilder().createGroup(groupId, replicaId, metadata, hardState));
  }
}
