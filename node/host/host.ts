/**
 * Runs every Raft group of a node on one loop (design §3.4–5). Events only mark groups; once at
 * the end of a turn all marked groups are pumped: apply, answer reads, queue messages; then the
 * peers are flushed and the log write starts. Nothing here awaits between a decision and its
 * effect.
 *
 * Not here: what entries mean (executor), where replicas should be (manager), file formats
 * (storage). Invariant: after `fail` nothing is acknowledged any more.
 */
import { assert } from '../lib/assert.ts';
import { messageOf } from '../lib/errors.ts';
import { featureSince } from '../lib/feature-version.ts';
import type { Message, SnapshotMetadata } from '../raft/messages.ts';
import type { RaftLog } from '../storage/raft-log/raft-log.ts';
import type { Clock, Timer, Timers } from '../sys/clock.ts';
import type { Engine } from '../sys/engine.ts';
import type { Logger } from '../sys/log.ts';
import { FrameKind } from '../sys/network.ts';
import type { Network, NodeId, PeerEvent } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import type { Drainer } from './drainer.ts';
import type { Group, GroupEffects } from './group.ts';
import { GroupCounts } from './group-counts.ts';
import { Liveness } from './liveness.ts';
import type { LossReason } from './liveness.ts';
import { readLivenessFrame, writeLivenessFrame } from './liveness-frames.ts';
import type { NodeFacts } from './liveness-frames.ts';
import { LogWriter } from './log-writer.ts';
import { Outbox } from './outbox.ts';
import { readMessages } from './raft-codec.ts';
import type { RowCache } from './row-cache.ts';
import type { RowReader } from './row-reader.ts';
import { Sleep } from './sleep.ts';

export interface HostOptions {
  readonly nodeId: NodeId;
  /** Milliseconds of one tick. Default 100. */
  readonly tickMs: number;
  /** Ticks of silence after which a peer counts as lost; the election timeout. */
  readonly silentTicks: number;
}

export interface HostParts {
  readonly engine: Engine;
  readonly log: RaftLog;
  readonly network: Network;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly logger: Logger;
  readonly cache: RowCache;
  readonly reader: RowReader;
  readonly drainer: Drainer;
}

/** What the host tells the node. */
export interface HostEvents {
  /** The store failed: the node must stop serving for good. */
  failed(error: unknown): void;
  /** A group asks for a snapshot to be sent (`snapshotter.ts`). */
  sendSnapshot(group: Group, message: Message): void;
  /** The core accepted a received snapshot: switch the applied state to it, at once. */
  installSnapshot(group: Group, metadata: SnapshotMetadata): void;
  /** A log append was confirmed. */
  synced(durationMs: number): void;
  groupStopped(group: Group, error: unknown): void;
  /** What this node says of itself with every beat. */
  nodeFacts(): NodeFacts;
  /** What may be used between the nodes of the cluster (`lib/feature-version.ts`). */
  featureVersion(): number;
  /** A peer's store failed for good, it says. */
  peerQuarantined(nodeId: NodeId, reason: string): void;
}

/** A lost leader's groups: the first live voter campaigns after this many ms … */
const campaignFirstMs = 10;
/** … each further one after this many more, so that they seldom split the vote … */
const campaignStepMs = 120;
/** … give or take this much. */
const campaignJitterMs = 30;

export class Host implements GroupEffects {
  readonly options: HostOptions;
  readonly parts: HostParts;
  readonly groups = new Map<number, Group>();
  readonly liveness: Liveness;
  readonly logWriter: LogWriter;
  /** What replicas that were removed since had counted: counters never fall. */
  readonly removedCounts = new GroupCounts();
  readonly #events: HostEvents;
  readonly #outbox: Outbox;
  readonly #sleep: Sleep;
  #dirty: Group[] = [];
  #turnDue = false;
  #ticker: Timer | undefined;
  #failure: unknown;
  #closed = false;

  constructor(options: HostOptions, parts: HostParts, events: HostEvents) {
    this.options = options;
    this.parts = parts;
    this.#events = events;
    this.#outbox = new Outbox(parts.network);
    this.liveness = new Liveness(options.silentTicks, (nodeId, reason) => {
      this.#peerLost(nodeId, reason);
    });
    this.logWriter = new LogWriter(parts.log, parts.clock, parts.timers, {
      send: (group, message) => {
        this.send(group, message);
      },
      dirty: (group) => {
        this.dirty(group);
      },
      failed: (error) => {
        this.fail(error);
      },
      space: (full) => {
        parts.logger.warn(full ? 'No space left: writes are refused' : 'Space is back', {});
      },
      synced: (durationMs) => {
        events.synced(durationMs);
      },
    });
    parts.reader.onQueued(() => {
      this.turnSoon();
    });
    this.#sleep = new Sleep({
      askSleep: (to, terms) => {
        this.#sendLiveness(to, { kind: 'sleep', terms });
      },
      agreeSleep: (to, terms) => {
        this.#sendLiveness(to, { kind: 'agree', terms });
      },
      mayCall: () => events.featureVersion() >= featureSince.wakeCall,
      callAwake: (to, call) => {
        this.#sendLiveness(to, { kind: 'wake', call });
      },
      isLive: (nodeId) => this.liveness.isLive(nodeId),
    });
  }

  get nodeId(): NodeId {
    return this.options.nodeId;
  }

  /** Why the node stopped serving; undefined while it serves. */
  get failure(): unknown {
    return this.#failure;
  }

  get outboxDropped(): number {
    return this.#outbox.dropped;
  }

  add(group: Group): void {
    assert(!this.groups.has(group.groupId), 'A node has one replica of a group at most');
    this.groups.set(group.groupId, group);
    this.dirty(group);
  }

  /**
   * A replica leaves this node for good: it answers nothing any more, and everything held for it
   * is let go of. `done` runs once its tombstone is durable in the log; only then may its rows be
   * touched (protocols.md P14).
   */
  remove(group: Group, done: () => void): void {
    assert(this.groups.get(group.groupId) === group, 'Only a replica that is here can be removed');
    this.groups.delete(group.groupId);
    group.stop(new Error('The replica was removed'));
    this.removedCounts.add(group);
    this.parts.drainer.forget(group);
    this.logWriter.remove(group, done);
    this.turnSoon();
  }

  start(): void {
    assert(this.#ticker === undefined);
    this.#ticker = this.parts.timers.every(this.options.tickMs, () => {
      this.#tick();
    });
    this.parts.drainer.start(this);
  }

  // GroupEffects

  appendToLog(group: Group, message: Message): void {
    if (message.snapshot !== undefined) {
      try {
        this.#events.installSnapshot(group, message.snapshot.metadata);
      } catch (error) {
        this.fail(error); // The engine refused the flip: the whole store is in doubt.
        throw error;
      }
    }
    this.logWriter.add(group, message);
    this.turnSoon();
  }

  send(group: Group, message: Message): void {
    const nodeId = group.nodes.get(message.to);
    if (nodeId === undefined || nodeId === this.nodeId) {
      return; // A replica that left, or whose place is not known yet: Raft tries again.
    }
    this.#outbox.add(nodeId, group.groupId, message);
    this.turnSoon();
  }

  sendSnapshot(group: Group, message: Message): void {
    this.#events.sendSnapshot(group, message);
  }

  dirty(group: Group): void {
    if (!group.queued) {
      group.queued = true;
      this.#dirty.push(group);
      this.turnSoon();
    }
  }

  stopped(group: Group, error: unknown): void {
    this.#sleep.forget(group);
    const isHere = this.groups.get(group.groupId) === group;
    if (isHere && this.#failure === undefined && !this.#closed) {
      group.logger.error('Group stopped', { error: messageOf(error) });
      this.#events.groupStopped(group, error);
    }
  }

  // Turns

  turnSoon(): void {
    if (!this.#turnDue) {
      this.#turnDue = true;
      this.parts.timers.endOfTurn(() => {
        this.#turn();
      });
    }
  }

  #turn(): void {
    this.#turnDue = false;
    if (this.#failure !== undefined || this.#closed) {
      this.parts.network.flush(); // Refusals still leave: callers need not wait for a deadline.
      return;
    }
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const group of dirty) {
      group.queued = false;
      group.pump();
    }
    this.parts.reader.flush();
    this.#outbox.flush();
    this.parts.network.flush();
    this.logWriter.flush();
    this.parts.drainer.afterTurn(dirty.length > 0);
  }

  #tick(): void {
    if (this.#failure !== undefined) {
      return;
    }
    this.liveness.tick();
    for (const group of this.groups.values()) {
      if (!group.asleep && group.stoppedBecause === undefined) {
        if (!group.isLeader) {
          this.#sleep.tickFollower(group);
          group.tick();
        } else if (!this.#sleep.tick(group)) {
          group.tick();
        }
      }
    }
    this.beat();
  }

  /** Tells every peer what this node says of itself: each tick, and when it cannot wait for one. */
  beat(): void {
    const facts = this.#events.nodeFacts();
    const beat = writeLivenessFrame({ kind: 'beat', wallMs: this.parts.clock.wallMs(), facts });
    for (const nodeId of this.#peers) {
      this.parts.network.send(nodeId, 'urgent', FrameKind.liveness, beat);
    }
    this.turnSoon();
  }

  // Peers

  #peers: NodeId[] = [];

  setPeers(peers: readonly NodeId[]): void {
    this.#peers = peers.filter((nodeId) => nodeId !== this.nodeId);
  }

  #sendLiveness(to: NodeId, frame: Parameters<typeof writeLivenessFrame>[0]): void {
    this.parts.network.send(to, 'urgent', FrameKind.liveness, writeLivenessFrame(frame));
    this.turnSoon();
  }

  onRaftFrame(from: NodeId, payload: Buffer): void {
    if (this.#failure !== undefined || this.#closed) {
      return;
    }
    readMessages(payload, (groupId, message) => {
      const group = this.groups.get(groupId);
      if (group === undefined || message.to !== group.replicaId) {
        return;
      }
      if (group.nodes.get(message.from) !== from) {
        return; // Not where that replica lives: a removed or forged sender.
      }
      group.step(message);
    });
  }

  onLivenessFrame(from: NodeId, payload: Buffer): void {
    const frame = readLivenessFrame(payload);
    switch (frame.kind) {
      case 'beat':
        this.liveness.heard(from, frame.wallMs - this.parts.clock.wallMs(), frame.facts);
        return;
      case 'sleep': {
        const group = this.groups.get(frame.terms.groupId);
        if (group !== undefined) {
          this.#sleep.asked(group, from, frame.terms);
        }
        return;
      }
      case 'wake': {
        const group = this.groups.get(frame.call.groupId);
        if (group !== undefined) {
          this.#sleep.called(group, from, frame.call);
        }
        return;
      }
      case 'quarantined':
        this.#events.peerQuarantined(from, frame.reason);
        return;
      case 'agree': {
        const group = this.groups.get(frame.terms.groupId);
        if (group !== undefined) {
          this.#sleep.agreed(group, from, frame.terms);
        }
      }
    }
  }

  onPeer(event: PeerEvent): void {
    if (event.kind === 'up') {
      this.liveness.up(event.nodeId, event.bootId);
    } else {
      this.liveness.down(event.nodeId, event.refused);
    }
  }

  /** Failover without waiting for a full timeout (design §5). */
  #peerLost(nodeId: NodeId, reason: LossReason): void {
    this.parts.logger.info('Peer lost', { peer: nodeId, reason });
    for (const group of this.groups.values()) {
      if (group.stoppedBecause !== undefined) {
        continue;
      }
      if (group.isLeader) {
        for (const [replicaId, where] of group.nodes) {
          if (where === nodeId) {
            group.raw.reportUnreachable(replicaId);
            group.wake();
          }
        }
      } else if (group.leaderNode === nodeId) {
        group.wake();
        group.raw.forgetLeader();
        this.dirty(group);
        this.#campaignSoon(group);
      }
    }
  }

  #campaignSoon(group: Group): void {
    const term = group.term;
    const { voters: incoming, votersOutgoing } = group.replica.confState;
    const voters = [...new Set([...incoming, ...votersOutgoing])].sort((a, b) => a - b);
    if (!voters.includes(group.replicaId)) {
      return;
    }
    const live = voters.filter((replicaId) => {
      const nodeId = group.nodes.get(replicaId);
      return nodeId === this.nodeId || (nodeId !== undefined && this.liveness.isLive(nodeId));
    });
    // Another first voter for each group, so that one node does not win them all.
    const rank = (live.indexOf(group.replicaId) + group.groupId) % Math.max(1, live.length);
    const jitterMs = (this.parts.random.uint32() / 0x1_0000_0000) * campaignJitterMs;
    this.parts.timers.after(campaignFirstMs + rank * campaignStepMs + jitterMs, () => {
      const idle = group.term === term && group.leader === 0 && group.stoppedBecause === undefined;
      if (idle && this.#failure === undefined && !this.#closed) {
        group.wake();
        group.raw.campaign();
        this.dirty(group);
      }
    });
  }

  // Ends

  /** The store failed: stop every group, acknowledge nothing more. */
  fail(error: unknown): void {
    if (this.#failure !== undefined || this.#closed) {
      return; // A store that is being closed refuses what was under way: no failure.
    }
    this.#failure = error;
    this.#tellPeers(messageOf(error));
    this.#halt(error);
    this.#events.failed(error);
  }

  /** The disk may not take a note any more: the peers remember it too (design §4). */
  #tellPeers(reason: string): void {
    const frame = writeLivenessFrame({ kind: 'quarantined', reason });
    for (const nodeId of this.#peers) {
      this.parts.network.send(nodeId, 'urgent', FrameKind.liveness, frame);
    }
    this.parts.network.flush();
  }

  #halt(error: unknown): void {
    this.#ticker?.cancel();
    this.logWriter.close();
    this.parts.drainer.close();
    this.parts.reader.close();
    for (const group of this.groups.values()) {
      group.stop(error);
    }
  }

  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#halt(new Error('The node is stopping'));
    }
  }
}
