/**
 * The node's snapshots as one part: what others ask of it, its limits, and how far everything is.
 * Sending is `snapshot-sender.ts`, receiving `snapshot-receiver.ts`, the byte rate
 * `snapshot-pace.ts`; why it works as it does is decision 0032.
 */
import { mebibyte } from '../lib/units.ts';
import type { Message, ReplicaId, SnapshotMetadata } from '../raft/messages.ts';
import type { Clock, Timer, Timers } from '../sys/clock.ts';
import type { Engine } from '../sys/engine.ts';
import type { Logger } from '../sys/log.ts';
import type { Network, NodeId, SnapshotHeader } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import type { ForegroundLoad } from './foreground-load.ts';
import type { Group } from './group.ts';
import type { SnapshotFacts } from './group-commands.ts';
import { SnapshotPace } from './snapshot-pace.ts';
import { SnapshotReceiver } from './snapshot-receiver.ts';
import type { ReceiverStore } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';
import type { LogKeeper } from './snapshot-sending.ts';
import { SnapshotProgressList } from './snapshot-progress.ts';
import type { SnapshotProgress } from './snapshot-progress.ts';
import type { SourceRows } from './snapshot-source.ts';

/** Between looks at what is over, stale or stands still. */
const sweepPeriodMs = 1_000;

/** Between log lines that say how far a snapshot is. */
const sayPeriodMs = 30_000;

/** What may be set while the node runs; asked each time it matters. */
export interface SnapshotPolicy {
  /** Bytes a second that may leave, and as many that may come in. */
  readonly bytesPerSecond: () => number;
  /** Snapshots sent, and taken, at a time. */
  readonly sendsMax: () => number;
  readonly receivesMax: () => number;
  /** Of those that wait the highest goes first: repair before balance. */
  readonly priority: (groupId: number, replicaId: number) => number;
}

export const snapshotPolicyDefault: SnapshotPolicy = {
  bytesPerSecond: () => 32 * mebibyte,
  sendsMax: () => 1,
  receivesMax: () => 1,
  priority: () => 0,
};

/** Generations as snapshots need them; `generation-store.ts` in production. */
export interface GenerationStore extends ReceiverStore, SourceRows {}

export interface SnapshotterParts {
  readonly engine: Engine;
  readonly network: Network;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly generations: GenerationStore;
  readonly keeper: LogKeeper;
  readonly groups: ReadonlyMap<number, Group>;
  /** How requests fare here: the byte rate yields to them. */
  readonly load: ForegroundLoad;
  /** Bytes of a group's rows as it is now, about; 0: unknown. */
  readonly bytesOf: (group: Group) => Promise<number>;
  readonly freeBytes: () => Promise<number>;
  /** The log has no room for another segment. */
  readonly diskFull: () => boolean;
  readonly failed: (error: unknown) => void;
}

export class Snapshotter {
  readonly #parts: SnapshotterParts;
  readonly #pace: SnapshotPace;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #progress: SnapshotProgressList;
  #timer: Timer | undefined;
  #saidMs = 0;
  /** Set by whoever knows the cluster's settings. */
  policy: SnapshotPolicy = snapshotPolicyDefault;

  constructor(parts: SnapshotterParts) {
    this.#parts = parts;
    const { clock, timers, load, groups, generations } = parts;
    const limit = (): number => Math.max(1, this.policy.bytesPerSecond());
    this.#pace = new SnapshotPace({ clock, timers, load, limit });
    this.#sender = new SnapshotSender({
      ...{ clock, timers, pace: this.#pace },
      ...{ engine: parts.engine, network: parts.network, random: parts.random },
      rows: generations,
      keeper: parts.keeper,
      bytesOf: parts.bytesOf,
      sendsMax: () => this.policy.sendsMax(),
      priority: (group, to) => this.policy.priority(group.groupId, to),
    });
    this.#receiver = new SnapshotReceiver({
      ...{ clock, timers, groups, pace: this.#pace },
      engine: parts.engine,
      store: generations,
      receivesMax: () => this.policy.receivesMax(),
      freeBytes: parts.freeBytes,
      diskFull: parts.diskFull,
      failed: parts.failed,
    });
    this.#progress = new SnapshotProgressList(clock, this.#sender, this.#receiver);
  }

  start(): void {
    this.#pace.start();
    this.#timer = this.#parts.timers.every(sweepPeriodMs, () => {
      this.#sender.sweep();
      this.#receiver.sweep();
      this.#progress.note();
      this.#say();
    });
  }

  #say(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - this.#saidMs < sayPeriodMs) {
      return;
    }
    this.#saidMs = nowMs;
    for (const one of this.progress()) {
      const { groupId, direction, nodeId, bytesDone, bytesTotal, bytesPerSecond } = one;
      this.#parts.logger.info('Snapshot: under way', {
        ...{ group: groupId, direction, peer: nodeId, state: one.state },
        ...{ bytesDone, bytesTotal, bytesPerSecond, blockedBy: one.blockedBy },
      });
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#pace.close();
    this.#sender.close();
    this.#receiver.close();
  }

  /** The core wants a snapshot sent; called within the group's pump. */
  send(group: Group, message: Message): void {
    this.#sender.send(group, message.to);
  }

  /** The network's handler: resolves when the state is installed or was not needed. */
  async receive(
    from: NodeId,
    snapshot: SnapshotHeader,
    chunks: AsyncIterable<Buffer>,
    answer: (bytes: Buffer) => void,
  ): Promise<void> {
    await this.#receiver.receive(from, snapshot, chunks, answer);
  }

  /** The core accepted the staged snapshot: switch, at once. */
  install(group: Group, metadata: SnapshotMetadata): void {
    this.#receiver.install(group, metadata);
  }

  /** The group's replica leaves this node: nothing is sent or kept for it any more. */
  forget(groupId: number): void {
    this.#sender.forget(groupId);
    this.#receiver.forget(groupId);
  }

  /** Everything under way, waiting included. */
  progress(): SnapshotProgress[] {
    return this.#progress.list();
  }

  /** How far the snapshot of the group to the replica is; undefined: none is under way. */
  progressTo(groupId: number, replicaId: ReplicaId): SnapshotFacts | undefined {
    const sending = this.#sender.sendings.find(
      ({ group, to }) => group.groupId === groupId && to === replicaId,
    );
    if (sending === undefined) {
      return undefined;
    }
    const { bytesDone, mode, blockedBy } = sending;
    return { bytesDone, blockedBy: mode === 'waiting' ? blockedBy : undefined };
  }

  /** Counted since the start, for `/metrics`. */
  get counts(): SnapshotCounts {
    const { sent, failed, givenUp, resumed, startedOver, bytes } = this.#sender.counts;
    const received = this.#receiver.counts;
    const streaming = this.#receiver.receiving.reduce((sum, one) => sum + one.intake.bytesTaken, 0);
    const sending = this.#sender.bytesUnderWay;
    return {
      ...{ sent, sendsFailed: failed, givenUp, resumed, startedOver },
      installed: received.installed,
      receivesFailed: received.failed,
      bytesSent: bytes + sending,
      bytesReceived: received.bytes + streaming,
      halvings: this.#pace.halvings,
      bytesPerSecond: this.#pace.rate,
    };
  }

  get installed(): number {
    return this.#receiver.counts.installed;
  }
}

export interface SnapshotCounts {
  readonly sent: number;
  readonly sendsFailed: number;
  readonly givenUp: number;
  readonly resumed: number;
  readonly startedOver: number;
  readonly installed: number;
  readonly receivesFailed: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Times that the byte rate was halved for requests. */
  readonly halvings: number;
  /** The byte rate of the moment. */
  readonly bytesPerSecond: number;
}
