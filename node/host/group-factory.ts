/**
 * Opens a replica at start from what the log and the engine hold, or refuses (design §4):
 *
 * - the engine's applied pair carries an install stamp and the log lacks exactly that pair: the
 *   crash came between flip and log record; the log restarts there (P14);
 * - applied below the watermark or below the compaction point: RocksDB lost rows that it had
 *   synced; applied above the log's end: the log lost entries. Either way the replica is
 *   quarantined: it may have forgotten acks (P11).
 */
import { DynakvError } from '../lib/errors.ts';
import { mebibyte } from '../lib/units.ts';
import type { RaftLogger } from '../raft/logger.ts';
import type { ConfState, Entry, HardState, SnapshotMetadata } from '../raft/messages.ts';
import { RawNode } from '../raft/raw-node.ts';
import type { Logger } from '../sys/log.ts';
import type { NodeId } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import { Group } from './group.ts';
import type { GroupEffects } from './group.ts';
import { GroupStorage } from './group-storage.ts';
import { Reads } from './reads.ts';
import { Replica } from './replica.ts';
import type { AppliedPoint, Configuration, RowLayout } from './replica.ts';
import type { RowCache } from './row-cache.ts';
import type { RowReader } from './row-reader.ts';

/** One append message; also what is handed out to apply at once. */
const messageBytesMax = mebibyte;
/** In flight to one follower. */
const inflightMessagesMax = 256;
const inflightBytesMax = 16 * mebibyte;

export interface RaftTuning {
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  /** A leader's uncommitted tail: beyond it proposals are throttled. */
  readonly uncommittedBytesMax: number;
}

/** What the log on disk holds of a group. */
export interface LogState {
  readonly replicaId: number;
  readonly hardState: HardState;
  readonly snapshotMetadata: SnapshotMetadata;
  readonly entries: readonly Entry[];
  readonly watermark: number;
}

/** What the engine holds of it. */
export interface EngineState {
  readonly replicaId: number;
  readonly generation: number;
  readonly applied: AppliedPoint;
  readonly configuration: Configuration;
  /** The applied state came by a snapshot install and nothing was applied since. */
  readonly installed: boolean;
}

export type Reconciled =
  | { readonly kind: 'open' }
  | { readonly kind: 'restartLog'; readonly metadata: SnapshotMetadata }
  | { readonly kind: 'quarantine'; readonly why: string };

/** The configuration of a replica that has nothing yet. */
export const emptyConfState: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

/**
 * The log holds a replica that was made and never acted: it promised nothing, so it may be made
 * anew when the engine has nothing of it.
 */
export function isUnborn({ hardState, snapshotMetadata, entries, watermark }: LogState): boolean {
  const { term, vote, commit } = hardState;
  return term + vote + commit + snapshotMetadata.index + entries.length + watermark === 0;
}

function logHolds(log: LogState, point: AppliedPoint): boolean {
  const { snapshotMetadata, entries } = log;
  if (point.index === snapshotMetadata.index) {
    return point.term === snapshotMetadata.term;
  }
  return entries[point.index - snapshotMetadata.index - 1]?.term === point.term;
}

/** Compares the two; pure. */
export function reconcile(log: LogState, engine: EngineState): Reconciled {
  const { applied } = engine;
  if (log.replicaId !== engine.replicaId) {
    const why = `the log holds replica ${log.replicaId}, RocksDB replica ${engine.replicaId}`;
    return { kind: 'quarantine', why };
  }
  if (engine.installed && !logHolds(log, applied)) {
    return { kind: 'restartLog', metadata: { ...applied, confState: engine.configuration.state } };
  }
  const floor = Math.max(log.watermark, log.snapshotMetadata.index);
  if (applied.index < floor) {
    const why = `RocksDB lost synced rows: applied ${applied.index}, was durable at ${floor}`;
    return { kind: 'quarantine', why };
  }
  if (!logHolds(log, applied)) {
    const why = `the log lost entries: RocksDB applied ${applied.index} of term ${applied.term}`;
    return { kind: 'quarantine', why };
  }
  return { kind: 'open' };
}

/**
 * The hard state that goes with a log restarted at a snapshot: the crash may have taken the term
 * that came with the snapshot; a log must not be newer than its term.
 */
export function hardStateAt(known: HardState, { index, term }: SnapshotMetadata): HardState {
  const commit = Math.max(known.commit, index);
  return known.term >= term ? { ...known, commit } : { term, vote: 0, commit };
}

export interface GroupFactoryParts {
  readonly tuning: RaftTuning;
  readonly random: Random;
  readonly cache: RowCache;
  readonly reader: RowReader;
  readonly layout: RowLayout;
  readonly logger: Logger;
}

function raftLogger(logger: Logger): RaftLogger {
  const write = (text: string): void => {
    logger.debug('Raft', { text });
  };
  return { debug: () => undefined, info: write, warn: write, error: write };
}

/** Builds the group; `log` and `engine` must be reconciled. */
export function openGroup(
  parts: GroupFactoryParts,
  groupId: number,
  log: LogState,
  engine: EngineState,
  nodes: Map<number, NodeId>,
  effects: GroupEffects,
): Group {
  const { applied, configuration, generation } = engine;
  if (log.snapshotMetadata.index > applied.index) {
    throw new DynakvError('Quarantined', `Group ${groupId} is behind its own log`);
  }
  const replica = new Replica(
    { generation, applied, configuration },
    parts.cache,
    parts.reader,
    parts.layout,
  );
  const hardState = { ...log.hardState, commit: Math.max(log.hardState.commit, applied.index) };
  const storage = new GroupStorage(
    {
      hardState,
      compacted: log.snapshotMetadata,
      entries: log.entries,
      confState: configuration.state,
    },
    () => ({
      metadata: { ...replica.engineApplied, confState: replica.engineConfiguration.state },
      data: Buffer.alloc(0),
    }),
  );
  const logger = parts.logger.child({ group: groupId });
  const raw = new RawNode({
    id: log.replicaId,
    storage,
    random: () => parts.random.uint32() / 0x1_0000_0000,
    electionTicks: parts.tuning.electionTicks,
    heartbeatTicks: parts.tuning.heartbeatTicks,
    applied: applied.index,
    asyncStorageWrites: true,
    messageBytesMax,
    uncommittedBytesMax: parts.tuning.uncommittedBytesMax,
    inflightMessagesMax,
    inflightBytesMax,
    checkQuorum: true,
    preVote: true,
    readOnly: 'safe',
    disableProposalForwarding: true,
    stepDownOnRemoval: true,
    coalesceMessages: true,
    leaderVoteEndsLease: true,
    logger: raftLogger(logger),
  });
  const reads = new Reads(() => parts.random.bytes(8));
  return new Group({
    groupId,
    replicaId: log.replicaId,
    raw,
    storage,
    replica,
    reads,
    nodes,
    effects,
    logger,
  });
}
