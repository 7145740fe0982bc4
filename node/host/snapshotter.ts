/**
 * Sends and installs snapshots beside Raft (design §4).
 *
 * Sending: the state sent is the engine's own applied pair, read in the step that opens the
 * iterator (P14); the log above it is kept until the peer has it.
 * Installing: rows go to a staging generation, are synced; then the core is told; if it accepts,
 * one synced batch flips the group to the new generation with its applied row and an install
 * stamp; only then does the log restart there (its record is fsynced before the ack). A crash at
 * any point leaves the old replica, or the new one; unreferenced generations are deleted.
 *
 * One snapshot out and one in at a time per node.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import { MessageType } from '../raft/messages.ts';
import type { ConfState, Message, SnapshotMetadata } from '../raft/messages.ts';
import type { Timers } from '../sys/clock.ts';
import type { Engine, EngineIterator, EngineRange } from '../sys/engine.ts';
import type { Logger } from '../sys/log.ts';
import type { Network, NodeId, SnapshotHeader } from '../sys/network.ts';
import type { Drainer } from './drainer.ts';
import type { Group } from './group.ts';
import { IdleGuard } from './idle-guard.ts';
import type { AppliedPoint, Configuration, RowLayout } from './replica.ts';
import {
  decodeSnapshotHead,
  decodeSnapshotRows,
  encodeSnapshotHead,
  encodeSnapshotRows,
} from './snapshot-codec.ts';
import type { SnapshotHead } from './snapshot-codec.ts';

/** Bytes of one chunk, about. */
const chunkBytes = 128 * 1024;
const chunkRowsMax = 2_000;
/** A transfer in which nothing moves for so long is given up; Raft asks again. */
const idleMsMax = 30_000;

/** Generations as the snapshotter needs them; `storage/generations.ts` in production. */
export interface GenerationStore extends RowLayout {
  /** A number never used before on this node, durable when it resolves. */
  allocate(): Promise<number>;
  /** All rows of a generation. */
  rowRange(generation: number): EngineRange;
  /** The row key without its generation. */
  strip(engineKey: Buffer): Buffer;
  /** Points the group at a generation with an installed state; durable when it returns. */
  install(
    group: { readonly groupId: number; readonly replicaId: number },
    generation: number,
    point: AppliedPoint,
    configuration: Configuration,
  ): void;
  /** Deletes the rows of a generation that nothing refers to, at leisure. */
  discard(generation: number): void;
}

interface Staged {
  readonly metadata: SnapshotMetadata;
  readonly configuration: Configuration;
  readonly generation: number;
}

export interface SnapshotterParts {
  readonly engine: Engine;
  readonly network: Network;
  readonly timers: Timers;
  readonly generations: GenerationStore;
  readonly drainer: Drainer;
  readonly logger: Logger;
  readonly groups: ReadonlyMap<number, Group>;
}

export class Snapshotter {
  readonly #parts: SnapshotterParts;
  readonly #staged = new Map<Group, Staged>();
  #sending = false;
  #receiving = false;
  sent = 0;
  installed = 0;
  sendsFailed = 0;
  receivesFailed = 0;
  bytesSent = 0;
  bytesReceived = 0;

  constructor(parts: SnapshotterParts) {
    this.#parts = parts;
  }

  /** The core wants a snapshot sent; called within the group's pump. */
  send(group: Group, message: Message): void {
    const nodeId = group.nodes.get(message.to);
    const { engineApplied, engineConfiguration, generation } = group.replica;
    // A state from before the receiver was a member is of no use to it: soon a newer one is there.
    const isListed = listsReplica(engineConfiguration.state, message.to);
    if (nodeId === undefined || this.#sending || !isListed) {
      this.#report(group, message.to, false);
      return;
    }
    const metadata: SnapshotMetadata = { ...engineApplied, confState: engineConfiguration.state };
    const head: SnapshotHead = {
      groupId: group.groupId,
      from: group.replicaId,
      to: message.to,
      term: message.term,
      metadata,
      configurationIndex: engineConfiguration.index,
      incarnation: engineConfiguration.incarnation,
    };
    // Same step: nothing can be drained between reading the applied pair and this snapshot.
    const iterator = this.#parts.engine.iterate(this.#parts.generations.rowRange(generation));
    const token = {};
    this.#sending = true;
    this.#parts.drainer.pin(group, token, metadata.index);
    group.logger.info('Snapshot: sending', { to: nodeId, index: metadata.index });
    const guard = new IdleGuard(this.#parts.timers, idleMsMax, 'Sending a snapshot');
    guard.watch(this.#stream(nodeId, head, iterator, guard)).then(
      () => {
        this.#sent(group, message.to, token, undefined);
      },
      (error: unknown) => {
        this.#sent(group, message.to, token, error);
      },
    );
  }

  #sent(group: Group, to: number, token: object, error: unknown): void {
    this.#sending = false;
    this.#parts.drainer.unpin(group, token);
    if (error === undefined) {
      this.sent += 1;
      group.logger.info('Snapshot: sent', { to });
    } else {
      this.sendsFailed += 1;
      group.logger.warn('Snapshot: not sent', { to, error: messageOf(error) });
    }
    this.#report(group, to, error === undefined);
  }

  #report(group: Group, to: number, ok: boolean): void {
    this.#parts.timers.endOfTurn(() => {
      if (group.stoppedBecause === undefined) {
        group.raw.reportSnapshot(to, ok ? 'finished' : 'failed');
        group.wake();
      }
    });
  }

  async #stream(
    to: NodeId,
    head: SnapshotHead,
    iterator: EngineIterator,
    guard: IdleGuard,
  ): Promise<void> {
    try {
      await this.#parts.network.sendSnapshot(
        to,
        { groupId: head.groupId, header: encodeSnapshotHead(head) },
        this.#chunks(iterator, guard),
      );
    } finally {
      await iterator.close();
    }
  }

  async *#chunks(iterator: EngineIterator, guard: IdleGuard): AsyncGenerator<Buffer> {
    const { generations } = this.#parts;
    for (;;) {
      const rows = await iterator.next(chunkRowsMax, chunkBytes);
      if (rows.length === 0) {
        return;
      }
      const chunk = encodeSnapshotRows(rows.map(([key, value]) => [generations.strip(key), value]));
      this.bytesSent += chunk.length;
      guard.touch();
      yield chunk;
    }
  }

  /** The network's handler: resolves when the state is installed or was not needed. */
  async receive(
    from: NodeId,
    snapshot: SnapshotHeader,
    chunks: AsyncIterable<Buffer>,
  ): Promise<void> {
    const head = decodeSnapshotHead(snapshot.header);
    const group = this.#parts.groups.get(head.groupId);
    if (group?.replicaId !== head.to || group.nodes.get(head.from) !== from) {
      throw new DynakvError('NoReplica', `Replica ${head.to} of ${head.groupId} is not here`);
    }
    if (this.#receiving) {
      throw new DynakvError('Throttled', 'Another snapshot is being received', {
        limit: 'snapshots-in',
      });
    }
    this.#receiving = true;
    try {
      await this.#stage(group, head, chunks);
    } catch (error) {
      this.receivesFailed += 1;
      throw error;
    } finally {
      this.#receiving = false;
    }
  }

  async #stage(group: Group, head: SnapshotHead, chunks: AsyncIterable<Buffer>): Promise<void> {
    const { engine, generations } = this.#parts;
    const generation = await generations.allocate();
    let referenced = false;
    try {
      const guard = new IdleGuard(this.#parts.timers, idleMsMax, 'Receiving a snapshot');
      const iterator = chunks[Symbol.asyncIterator]();
      for (;;) {
        const step = await guard.watch(iterator.next());
        if (step.done === true) {
          break;
        }
        const chunk = step.value;
        this.bytesReceived += chunk.length;
        engine.write(
          decodeSnapshotRows(chunk).map(([key, value]) => ({
            column: 'data',
            key: generations.rowKey(generation, key),
            value,
          })),
        );
      }
      await engine.syncWal();
      if (group.stoppedBecause !== undefined) {
        throw new DynakvError('Unavailable', `Group stopped: ${group.stoppedBecause}`);
      }
      const { metadata, configurationIndex: index, incarnation } = head;
      const configuration = { index, state: metadata.confState, incarnation };
      this.#staged.set(group, { metadata, configuration, generation });
      group.step(snapshotMessage(head));
      group.pump();
      referenced = group.replica.generation === generation;
    } finally {
      this.#staged.delete(group);
      if (!referenced) {
        generations.discard(generation);
      }
    }
  }

  /** The core accepted the staged snapshot: switch, at once. */
  install(group: Group, metadata: SnapshotMetadata): void {
    const staged = this.#staged.get(group);
    assert(staged !== undefined, 'A snapshot is staged before the core hears of it');
    assert(staged.metadata.index === metadata.index && staged.metadata.term === metadata.term);
    const { generations } = this.#parts;
    const point = { index: metadata.index, term: metadata.term };
    const old = group.replica.generation;
    generations.install(group, staged.generation, point, staged.configuration);
    group.replica.install({
      generation: staged.generation,
      applied: point,
      configuration: staged.configuration,
    });
    this.installed += 1;
    group.logger.info('Snapshot: installed', { index: metadata.index });
    group.installed();
    generations.discard(old);
  }
}

function listsReplica(state: ConfState, replicaId: number): boolean {
  const { voters, votersOutgoing, learners } = state;
  return [voters, votersOutgoing, learners].some((ids) => ids.includes(replicaId));
}

function snapshotMessage(head: SnapshotHead): Message {
  return {
    type: MessageType.snap,
    to: head.to,
    from: head.from,
    term: head.term,
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    vote: 0,
    snapshot: { metadata: head.metadata, data: Buffer.alloc(0) },
    reject: false,
    rejectHint: 0,
    context: undefined,
    responses: [],
  };
}
