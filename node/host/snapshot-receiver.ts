/**
 * Takes snapshots and installs them (design §4, rules P13 and P14).
 *
 * Rows go to a staging generation beside the live ones, or beside nothing: an empty replica gets
 * its first state the same way. Then the core is told; if it accepts, one synced batch flips the
 * group to that generation with its applied row and an install stamp and drops the staging row;
 * only then does the log restart there, and its record is fsynced before the ack. A crash at any
 * point leaves the old replica or the new one, and a staging that is exact.
 *
 * A stream that breaks leaves the staging: the next one, of whatever leader, goes on from there.
 * It goes when it is damaged, when there is no room, when its replica left, or when nobody asked
 * for it for a while.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import { mebibyte, minuteMs } from '../lib/units.ts';
import { MessageType } from '../raft/messages.ts';
import type { SnapshotMetadata } from '../raft/messages.ts';
import { newMessage } from '../raft/new-message.ts';
import type { Staging } from '../storage/staging-rows.ts';
import type { Clock, Timers } from '../sys/clock.ts';
import type { Engine } from '../sys/engine.ts';
import type { NodeId, SnapshotHeader } from '../sys/network.ts';
import type { Group } from './group.ts';
import type { AppliedPoint, Configuration } from './replica.ts';
import { decodeSnapshotHead } from './snapshot-codec.ts';
import type { SnapshotHead } from './snapshot-codec.ts';
import { SnapshotIntake } from './snapshot-intake.ts';
import type { IntakeStore, SnapshotEnd } from './snapshot-intake.ts';
import type { SnapshotPace } from './snapshot-pace.ts';

/** A staged state that nobody went on with for so long is given up. */
const stagingKeptMs = 10 * minuteMs;
/** Space left free besides what a snapshot takes: logs, tables being compacted. */
const spaceReserveBytes = 256 * mebibyte;
/** Rows take more room while RocksDB sorts them in: this share of what is still to come. */
const spaceFactor = 1.2;

/** Generations as the receiver needs them; `generation-store.ts` in production. */
export interface ReceiverStore extends IntakeStore {
  stagings(): readonly Staging[];
  /** Points the group at its staged generation; durable when it returns. */
  install(
    group: { readonly groupId: number; readonly replicaId: number },
    generation: number,
    point: AppliedPoint,
    configuration: Configuration,
  ): void;
  /** Deletes the rows of a generation that nothing refers to, at leisure. */
  discard(generation: number): void;
}

export interface SnapshotReceiverParts {
  readonly engine: Engine;
  readonly store: ReceiverStore;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly groups: ReadonlyMap<number, Group>;
  readonly pace: SnapshotPace;
  /** Snapshots taken at a time. */
  readonly receivesMax: () => number;
  /** Bytes free for the data folder. */
  readonly freeBytes: () => Promise<number>;
  /** The log has no room: nothing large is begun. */
  readonly diskFull: () => boolean;
  /** The store failed. */
  readonly failed: (error: unknown) => void;
}

/** Of a replica without any state yet; numbers given out begin with 1. */
const noGeneration = 0;

interface Accepted extends SnapshotEnd {
  readonly incarnation: number;
  readonly generation: number;
}

/** A stream that is being taken. */
export interface Receiving {
  readonly from: NodeId;
  readonly intake: SnapshotIntake;
  readonly startedMs: number;
  readonly done: Promise<void>;
}

export class SnapshotReceiver {
  readonly #parts: SnapshotReceiverParts;
  /** By group. */
  readonly #receiving = new Map<number, Receiving>();
  /** When a group's staging was last gone on with. */
  readonly #touchedMs = new Map<number, number>();
  /** Finished states that a core is being told of. */
  readonly #accepted = new Map<Group, Accepted>();
  readonly counts = { installed: 0, failed: 0, resumed: 0, rows: 0, bytes: 0 };

  constructor(parts: SnapshotReceiverParts) {
    this.#parts = parts;
  }

  get receiving(): readonly Receiving[] {
    return [...this.#receiving.values()];
  }

  /** The network's handler: resolves when the state is installed or was not needed. */
  async receive(
    from: NodeId,
    snapshot: SnapshotHeader,
    chunks: AsyncIterable<Buffer>,
    answer: (bytes: Buffer) => void,
  ): Promise<void> {
    const head = decodeSnapshotHead(snapshot.header);
    checkTerm(head, this.#groupOf(head, from));
    await this.#supersede(head);
    const group = this.#groupOf(head, from);
    const receivesMax = this.#parts.receivesMax();
    if (this.#receiving.size >= receivesMax) {
      const message = `Cannot take a snapshot of group ${head.groupId}: ${receivesMax} are taken`;
      throw new DynakvError('Throttled', message, { limit: 'snapshots-in', reason: 'SnapshotsIn' });
    }
    const intake = this.#open(group, head, from, answer);
    let done: () => void = () => undefined;
    this.#receiving.set(head.groupId, {
      from,
      intake,
      startedMs: this.#parts.clock.monotonicMs(),
      done: new Promise((resolve) => {
        done = resolve;
      }),
    });
    try {
      this.#dropOther(head);
      const { term, bytesTotal } = head;
      const { rows, bytes } = intake.point;
      group.logger.info('Snapshot: receiving', { from, term, bytesTotal, rows, bytes });
      await this.#checkRoom(head.bytesTotal - intake.point.bytes);
      this.#hand(group, head, await intake.run(chunks));
      this.counts.resumed += intake.resumedAt.index > 0 ? 1 : 0;
    } catch (error) {
      group.logger.warn('Snapshot: not received', { from, error: messageOf(error) });
      this.#failed(head.groupId, error);
      throw error;
    } finally {
      this.counts.bytes += intake.bytesTaken;
      this.#receiving.delete(head.groupId);
      this.#touchedMs.set(head.groupId, this.#parts.clock.monotonicMs());
      done();
    }
  }

  #groupOf(head: SnapshotHead, from: NodeId): Group {
    const group = this.#parts.groups.get(head.groupId);
    if (group?.replicaId !== head.to || group.nodes.get(head.from) !== from) {
      throw noReplica(head);
    }
    if (group.stoppedBecause !== undefined) {
      throw new DynakvError('Unavailable', `Group stopped: ${group.stoppedBecause}`);
    }
    return group;
  }

  /** Ends an older stream for the same group: its sender knows less than this one's. */
  async #supersede(head: SnapshotHead): Promise<void> {
    for (;;) {
      const running = this.#receiving.get(head.groupId);
      if (running === undefined) {
        return;
      }
      if (head.term < running.intake.head.term) {
        throw new DynakvError('Unavailable', 'A snapshot of a newer term is being taken');
      }
      running.intake.interrupt.end(
        new DynakvError('Unavailable', 'Another stream took the place of this one'),
      );
      await running.done;
    }
  }

  #open(
    group: Group,
    head: SnapshotHead,
    from: NodeId,
    answer: (bytes: Buffer) => void,
  ): SnapshotIntake {
    const { engine, store, clock, timers, pace } = this.#parts;
    const parts = {
      ...{ engine, store, clock, timers, pace },
      checkRoom: (bytes: number) => this.#checkRoom(bytes),
      // Not its term: who led a moment ago may go on until the next leader takes over.
      checkGroup: () => {
        if (this.#groupOf(head, from) !== group) {
          throw noReplica(head);
        }
      },
    };
    return new SnapshotIntake(parts, head, answer);
  }

  /** What was staged for an earlier replica, or of an earlier life of the group, is of no use. */
  #dropOther({ groupId, to, incarnation }: SnapshotHead): void {
    const staging = this.#parts.store.staging(groupId);
    const isOther = staging?.replicaId !== to || staging.incarnation !== incarnation;
    if (staging !== undefined && isOther) {
      this.#parts.store.abandonStaging(groupId);
    }
  }

  async #checkRoom(bytes: number): Promise<void> {
    const needed = Math.max(0, bytes) * spaceFactor + spaceReserveBytes;
    const free = await this.#parts.freeBytes();
    if (free < needed || this.#parts.diskFull()) {
      throw new DynakvError(
        'NoSpace',
        `Cannot take a snapshot: ${Math.round(needed)} bytes are needed, ${free} are free`,
        { reason: 'InsufficientFreeSpace', needed: Math.round(needed), free },
      );
    }
  }

  #failed(groupId: number, error: unknown): void {
    this.counts.failed += 1;
    if (isDynakvError(error, 'StoreFailed')) {
      this.#parts.failed(error);
    } else if (
      isDynakvError(error, 'BadFrame') ||
      isDynakvError(error, 'NoSpace') ||
      isDynakvError(error, 'NoReplica')
    ) {
      // Damage casts doubt on what came the same way; a full disk needs the room.
      this.#parts.store.abandonStaging(groupId);
    }
  }

  /** Tells the core of the staged state, which is durable by now. */
  #hand(group: Group, head: SnapshotHead, end: SnapshotEnd): void {
    if (this.#parts.groups.get(head.groupId) !== group) {
      throw noReplica(head);
    }
    checkTerm(head, group);
    const { store } = this.#parts;
    const staging = store.staging(group.groupId);
    assert(staging !== undefined, 'What was received is staged');
    this.counts.rows += staging.point.rows;
    const { generation, incarnation } = staging;
    this.#accepted.set(group, { ...end, generation, incarnation });
    const message = newMessage(MessageType.snap, head.to);
    message.from = head.from;
    message.term = head.term;
    message.snapshot = { metadata: end.metadata, data: Buffer.alloc(0) };
    try {
      group.step(message);
      group.pump();
    } finally {
      this.#accepted.delete(group);
      // Not needed after all: the log had brought the replica as far by itself.
      store.abandonStaging(group.groupId);
    }
  }

  /** The core accepted the staged snapshot: switch, at once. */
  install(group: Group, metadata: SnapshotMetadata): void {
    const accepted = this.#accepted.get(group);
    assert(accepted !== undefined, 'A snapshot is staged before the core hears of it');
    assert(accepted.metadata.index === metadata.index && accepted.metadata.term === metadata.term);
    const { store } = this.#parts;
    const applied = { index: metadata.index, term: metadata.term };
    const { generation } = accepted;
    const old = group.replica.generation;
    const { configurationIndex, incarnation } = accepted;
    const state = metadata.confState;
    const configuration = { index: configurationIndex, state, incarnation };
    store.install(group, generation, applied, configuration);
    group.replica.install({ generation, applied, configuration });
    this.counts.installed += 1;
    group.logger.info('Snapshot: installed', { index: metadata.index });
    group.installed();
    if (old !== noGeneration) {
      store.discard(old);
    }
  }

  /** The group's replica leaves this node. */
  forget(groupId: number): void {
    const error = new DynakvError('NoReplica', `The replica of group ${groupId} left`);
    this.#receiving.get(groupId)?.intake.interrupt.end(error);
    this.#parts.store.abandonStaging(groupId);
    this.#touchedMs.delete(groupId);
  }

  /** Gives up staged states that nobody wants; called now and then. */
  sweep(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const { groupId, replicaId } of this.#parts.store.stagings()) {
      const group = this.#parts.groups.get(groupId);
      const touchedMs = this.#touchedMs.get(groupId) ?? nowMs;
      this.#touchedMs.set(groupId, touchedMs);
      const isWanted = group?.replicaId === replicaId && nowMs - touchedMs < stagingKeptMs;
      if (!isWanted && !this.#receiving.has(groupId)) {
        group?.logger.info('Snapshot: what was received is given up', {});
        this.#parts.store.abandonStaging(groupId);
      }
    }
  }

  /** Ends every stream: the node stops. */
  close(): void {
    for (const { intake } of this.#receiving.values()) {
      intake.interrupt.end(new DynakvError('Unavailable', 'The node is stopping'));
    }
  }
}

/** Only a leader's snapshot is installed; the state itself would be good whoever sent it. */
function checkTerm(head: SnapshotHead, group: Group): void {
  if (head.term < group.term) {
    const message = `Cannot take a snapshot of term ${head.term}: group ${head.groupId} is in term`;
    throw new DynakvError('Unavailable', `${message} ${group.term}`, { reason: 'StaleTerm' });
  }
}

function noReplica(head: SnapshotHead): DynakvError {
  return new DynakvError('NoReplica', `Replica ${head.to} of ${head.groupId} is not here`);
}
