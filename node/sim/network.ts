/**
 * The peer network of a whole simulated cluster in one process: the `Network` port for each node,
 * and for the test the faults: delay, loss, duplicates, reordering, one-way and partial
 * partitions, crashes, snapshots that break off.
 *
 * It promises no more than the port does. Frames of one lane keep their order unless reordering is
 * on; `urgent` and `bulk` are independent. As in production, two nodes are connected only while
 * both live and each has the other in its peer set; a connection belongs to one life (boot id) of
 * each side, and what is under way dies with it. A cut swallows frames in silence; the connection
 * itself breaks only after `cutDetectMs`, as a keepalive would notice.
 *
 * Invariant: every choice comes from the given `Prng` and every callback runs through the node's
 * own `Timers`, so a seed replays. Not simulated: bandwidth, TLS; the hello's checks are the
 * cluster's (`admits`).
 */
import { assert, must } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import type { Prng } from '../lib/prng.ts';
import { mebibyte } from '../lib/units.ts';
import type { Timers } from '../sys/clock.ts';
import type {
  Lane,
  Network,
  NodeId,
  PeerAddress,
  PeerEvent,
  SnapshotHandler,
  SnapshotHeader,
} from '../sys/network.ts';
import { FrameKind } from '../sys/network.ts';
import { SimSnapshotStream } from './snapshot-stream.ts';
import type { SimSnapshotFault } from './snapshot-stream.ts';

/** The port's promise: a request runs once at most, so its frame never comes twice. */
function mayRepeat(kind: FrameKind): boolean {
  return kind === FrameKind.raft || kind === FrameKind.liveness;
}

export interface SimNetworkOptions {
  /** A frame's time under way is uniform in [delayMinMs, delayMaxMs]. Default 0.2 … 1 ms. */
  readonly delayMinMs?: number;
  readonly delayMaxMs?: number;
  /** Chance that a frame is lost, comes twice, or is held back for others to pass. Default 0. */
  readonly dropChance?: number;
  readonly duplicateChance?: number;
  readonly reorderChance?: number;
  /** How long a reordered frame is held back at most, ms. Default 50. */
  readonly reorderMaxMs?: number;
  /** Chance, per chunk, that a snapshot breaks off. Default 0. */
  readonly snapshotBreakChance?: number;
  /** What happens to a chunk, counted from 1 in each stream. Default nothing. */
  readonly snapshotFault?: (chunk: number) => SimSnapshotFault;
  /** A connection across a cut breaks after this time, ms. Default 10,000. */
  readonly cutDetectMs?: number;
  /** Time to connect, and to notice a process that died, ms. Default 2. */
  readonly connectMs?: number;
  /** Bytes queued for one peer before `send` refuses. Default 64 MiB. */
  readonly queueBytesMax?: number;
}

export interface SimNodeOptions {
  readonly nodeId: NodeId;
  /** Names this life of the node; a restart opens the node again under another. */
  readonly bootId: string;
  readonly timers: Timers;
}

/** A connection between two lives. `broken` ends it for both sides. */
interface Connection {
  readonly first: SimNode;
  readonly second: SimNode;
  broken: boolean;
}

interface QueuedFrame {
  readonly kind: FrameKind;
  readonly bytes: Buffer;
}

interface Outgoing {
  readonly urgent: QueuedFrame[];
  readonly bulk: QueuedFrame[];
  bytes: number;
  /** Arrival time of the last ordered frame, by lane. */
  urgentArrivesAtMs: number;
  bulkArrivesAtMs: number;
}

function directionOf(from: NodeId, to: NodeId): string {
  return `${from}>${to}`;
}

export class SimNetwork {
  readonly random: Prng;
  options: Required<SimNetworkOptions>;
  /** Sees every frame as it leaves, before any fault. */
  onLaunch: ((from: NodeId, kind: FrameKind, bytes: Buffer) => void) | undefined;
  /** Whether two nodes let each other in; asked right before they connect. */
  admits: (one: NodeId, other: NodeId) => boolean = () => true;
  readonly #nowMs: () => number;
  readonly #timers: Timers;
  readonly #nodes = new Map<NodeId, SimNode>();
  readonly #connections: Connection[] = [];
  readonly #cuts = new Set<string>();

  /** `timers` and `nowMs` are the cluster's own (no node's): a `SimTime` of the scheduler. */
  constructor(
    timers: Timers & { monotonicMs(): number },
    random: Prng,
    options: SimNetworkOptions = {},
  ) {
    this.#timers = timers;
    this.#nowMs = () => timers.monotonicMs();
    this.random = random;
    this.options = {
      delayMinMs: 0.2,
      delayMaxMs: 1,
      dropChance: 0,
      duplicateChance: 0,
      reorderChance: 0,
      reorderMaxMs: 50,
      snapshotBreakChance: 0,
      snapshotFault: () => undefined,
      cutDetectMs: 10_000,
      connectMs: 2,
      queueBytesMax: 64 * mebibyte,
      ...options,
    };
  }

  nowMs(): number {
    return this.#nowMs();
  }

  /** Starts a life of a node. An older life of the same id must have been crashed or closed. */
  open(options: SimNodeOptions): SimNode {
    assert(!this.#nodes.has(options.nodeId), `Node ${options.nodeId} is already running`);
    const node = new SimNode(this, options);
    this.#nodes.set(options.nodeId, node);
    return node;
  }

  /** The process dies: its peers see the connection end and nobody listening. */
  crash(nodeId: NodeId): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) {
      return;
    }
    this.#nodes.delete(nodeId);
    node.die();
    for (const connection of this.#connectionsOf(node)) {
      const peer = connection.first === node ? connection.second : connection.first;
      this.#forget(connection);
      if (this.isCut(node.nodeId, peer.nodeId) || this.isCut(peer.nodeId, node.nodeId)) {
        this.#timers.after(this.options.cutDetectMs, () => {
          peer.disconnected(connection, node.nodeId);
        });
      } else {
        peer.disconnected(connection, node.nodeId);
        peer.refusedSoon(node.nodeId, this.options.connectMs);
      }
    }
  }

  /** Frames one way are swallowed from now on. */
  cutOneWay(from: NodeId, to: NodeId): void {
    this.#cuts.add(directionOf(from, to));
    this.#timers.after(this.options.cutDetectMs, () => {
      if (!this.isCut(from, to)) {
        return;
      }
      const connection = this.#connectionBetween(from, to);
      if (connection !== undefined) {
        this.breakConnection(connection);
      }
    });
  }

  cut(one: NodeId, other: NodeId): void {
    this.cutOneWay(one, other);
    this.cutOneWay(other, one);
  }

  /** Cuts every pair that is not within one of the groups; a node in no group stays whole. */
  partition(...groups: readonly (readonly NodeId[])[]): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group !== other) {
          for (const from of group) {
            for (const to of other) {
              this.cutOneWay(from, to);
            }
          }
        }
      }
    }
  }

  heal(): void {
    this.#cuts.clear();
    this.reconnect();
  }

  healPair(one: NodeId, other: NodeId): void {
    this.#cuts.delete(directionOf(one, other));
    this.#cuts.delete(directionOf(other, one));
    this.reconnect();
  }

  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cuts.has(directionOf(from, to));
  }

  /** Resets the TCP connection of a pair, if there is one; they connect again. */
  resetConnection(one: NodeId, other: NodeId): void {
    const connection = this.#connectionBetween(one, other);
    if (connection !== undefined) {
      this.breakConnection(connection);
    }
  }

  /** Connects every pair that may be and is not. Called after anything that could allow it. */
  reconnect(): void {
    this.#timers.after(this.options.connectMs, () => {
      const nodes = [...this.#nodes.values()].sort((one, other) => one.nodeId - other.nodeId);
      for (const first of nodes) {
        for (const second of nodes) {
          this.#mayCall(first, second);
          if (first.nodeId < second.nodeId && this.#mayConnect(first, second)) {
            const connection = { first, second, broken: false };
            this.#connections.push(connection);
            first.connected(connection, second);
            second.connected(connection, first);
          }
        }
      }
    });
  }

  breakConnection(connection: Connection): void {
    if (!connection.broken) {
      this.#forget(connection);
      connection.first.disconnected(connection, connection.second.nodeId);
      connection.second.disconnected(connection, connection.first.nodeId);
      this.reconnect();
    }
  }

  /** One crossing, ms. */
  drawDelayMs(): number {
    const { delayMinMs, delayMaxMs } = this.options;
    return delayMinMs + ((delayMaxMs - delayMinMs) * this.random.uint32()) / 2 ** 32;
  }

  /** For the nodes. */
  snapshotFault(chunk: number): SimSnapshotFault {
    const breaks = this.random.chance(this.options.snapshotBreakChance);
    return breaks ? 'break' : this.options.snapshotFault(chunk);
  }

  #mayConnect(first: SimNode, second: SimNode): boolean {
    return (
      first.hasPeer(second.nodeId) &&
      second.hasPeer(first.nodeId) &&
      !this.isCut(first.nodeId, second.nodeId) &&
      !this.isCut(second.nodeId, first.nodeId) &&
      this.#connectionBetween(first.nodeId, second.nodeId) === undefined &&
      this.admits(first.nodeId, second.nodeId)
    );
  }

  /** Whoever knows a node calls it, and may be a stranger there. */
  #mayCall(from: SimNode, to: SimNode): void {
    const [one, other] = [from.nodeId, to.nodeId];
    const isStranger = from !== to && from.hasPeer(other) && !to.hasPeer(one);
    if (isStranger && !this.isCut(one, other) && !this.isCut(other, one)) {
      to.strangerCalled(one);
    }
  }

  #connectionsOf(node: SimNode): Connection[] {
    return this.#connections.filter(({ first, second }) => first === node || second === node);
  }

  #connectionBetween(one: NodeId, other: NodeId): Connection | undefined {
    return this.#connections.find(
      ({ first, second }) =>
        (first.nodeId === one && second.nodeId === other) ||
        (first.nodeId === other && second.nodeId === one),
    );
  }

  #forget(connection: Connection): void {
    connection.broken = true;
    const at = this.#connections.indexOf(connection);
    assert(at >= 0);
    this.#connections.splice(at, 1);
  }
}

/** One life of one node. */
export class SimNode implements Network {
  readonly nodeId: NodeId;
  readonly bootId: string;
  readonly timers: Timers;
  readonly #fabric: SimNetwork;
  #alive = true;
  #peers = new Set<NodeId>();
  readonly #connections = new Map<NodeId, Connection>();
  readonly #outgoing = new Map<NodeId, Outgoing>();
  readonly #snapshots = new Map<SimSnapshotStream, Connection>();
  #frameHandler: (from: NodeId, kind: FrameKind, payload: Buffer) => void = () => undefined;
  #peerHandler: (event: PeerEvent) => void = () => undefined;
  #snapshotHandler: SnapshotHandler | undefined;
  #strangerHandler: (stranger: PeerAddress) => void = () => undefined;
  #removed: ReadonlySet<NodeId> = new Set();

  constructor(fabric: SimNetwork, options: SimNodeOptions) {
    this.#fabric = fabric;
    this.nodeId = options.nodeId;
    this.bootId = options.bootId;
    this.timers = options.timers;
  }

  send(to: NodeId, lane: Lane, kind: FrameKind, payload: Uint8Array): boolean {
    const outgoing = this.#outgoing.get(to);
    if (
      outgoing === undefined ||
      outgoing.bytes + payload.length > this.#fabric.options.queueBytesMax
    ) {
      return false;
    }
    outgoing[lane].push({ kind, bytes: Buffer.from(payload) });
    outgoing.bytes += payload.length;
    return true;
  }

  flush(): void {
    for (const [to, outgoing] of this.#outgoing) {
      const connection = must(this.#connections.get(to));
      for (const frame of outgoing.urgent.splice(0)) {
        this.#launch(connection, to, outgoing, 'urgent', frame);
      }
      for (const frame of outgoing.bulk.splice(0)) {
        this.#launch(connection, to, outgoing, 'bulk', frame);
      }
      outgoing.bytes = 0;
    }
  }

  queuedBytes(to: NodeId): number {
    return this.#outgoing.get(to)?.bytes ?? 0;
  }

  async sendSnapshot(
    to: NodeId,
    snapshot: SnapshotHeader,
    chunks: AsyncIterable<Buffer>,
    onAnswer: (bytes: Buffer) => void = () => undefined,
  ): Promise<void> {
    const connection = this.#connections.get(to);
    if (connection === undefined) {
      throw new DynakvError('Unavailable', `Cannot send a snapshot: node ${to} is not connected`);
    }
    const receiver = connection.first === this ? connection.second : connection.first;
    const stream = new SimSnapshotStream({
      sender: this.timers,
      receiver: receiver.timers,
      drawDelayMs: () => this.#fabric.drawDelayMs(),
      fault: (chunk) => this.#fabric.snapshotFault(chunk),
      isCut: () => this.#fabric.isCut(this.nodeId, to) || this.#fabric.isCut(to, this.nodeId),
    });
    this.#snapshots.set(stream, connection);
    receiver.#snapshots.set(stream, connection);
    try {
      const receive: Parameters<typeof stream.run>[1] = async (received, answer) => {
        const handler = receiver.#snapshotHandler;
        if (handler === undefined) {
          throw new DynakvError('Unavailable', 'Cannot take a snapshot: no handler is set');
        }
        const header = Buffer.from(snapshot.header);
        await handler(this.nodeId, { groupId: snapshot.groupId, header }, received, answer);
      };
      await stream.run(chunks, receive, onAnswer);
    } finally {
      this.#snapshots.delete(stream);
      receiver.#snapshots.delete(stream);
    }
  }

  setPeers(peers: readonly PeerAddress[], removed: ReadonlySet<NodeId> = new Set()): void {
    this.#removed = removed;
    this.#peers = new Set(peers.map((peer) => peer.nodeId).filter((id) => id !== this.nodeId));
    for (const [nodeId, connection] of this.#connections) {
      if (!this.#peers.has(nodeId)) {
        this.#fabric.breakConnection(connection);
      }
    }
    this.#fabric.reconnect();
  }

  onFrame(handler: (from: NodeId, kind: FrameKind, payload: Buffer) => void): void {
    this.#frameHandler = handler;
  }

  onPeer(handler: (event: PeerEvent) => void): void {
    this.#peerHandler = handler;
  }

  onSnapshot(handler: SnapshotHandler): void {
    this.#snapshotHandler = handler;
  }

  onStranger(handler: (stranger: PeerAddress) => void): void {
    this.#strangerHandler = handler;
  }

  hasPeer(nodeId: NodeId): boolean {
    return this.#peers.has(nodeId);
  }

  /** For the fabric. */
  die(): void {
    this.#alive = false;
    this.#outgoing.clear();
    this.#connections.clear();
    for (const stream of this.#snapshots.keys()) {
      stream.die(this.timers);
    }
  }

  /** For the fabric. */
  strangerCalled(nodeId: NodeId): void {
    if (!this.#removed.has(nodeId)) {
      this.timers.after(0, () => {
        if (this.#alive && !this.hasPeer(nodeId)) {
          this.#strangerHandler({ nodeId, address: `n${nodeId}:7000` });
        }
      });
    }
  }

  /** For the fabric. */
  connected(connection: Connection, peer: SimNode): void {
    this.timers.after(0, () => {
      if (!this.#alive || connection.broken) {
        return;
      }
      const older = this.#connections.get(peer.nodeId);
      if (older !== undefined) {
        this.#drop(older, peer.nodeId);
      }
      this.#connections.set(peer.nodeId, connection);
      this.#outgoing.set(peer.nodeId, {
        urgent: [],
        bulk: [],
        bytes: 0,
        urgentArrivesAtMs: 0,
        bulkArrivesAtMs: 0,
      });
      this.#peerHandler({ kind: 'up', nodeId: peer.nodeId, bootId: peer.bootId });
    });
  }

  /** For the fabric: the stream ended. */
  disconnected(connection: Connection, peerId: NodeId): void {
    this.timers.after(this.#fabric.drawDelayMs(), () => {
      if (this.#connections.get(peerId) === connection) {
        this.#drop(connection, peerId);
      }
    });
  }

  /** For the fabric: connecting again finds nobody there. */
  refusedSoon(peerId: NodeId, delayMs: number): void {
    this.timers.after(this.#fabric.drawDelayMs() + delayMs, () => {
      if (this.#alive && this.#peers.has(peerId) && !this.#connections.has(peerId)) {
        this.#peerHandler({ kind: 'down', nodeId: peerId, refused: true });
      }
    });
  }

  #drop(connection: Connection, peerId: NodeId): void {
    this.#connections.delete(peerId);
    this.#outgoing.delete(peerId);
    this.#abortSnapshots(connection);
    if (this.#alive) {
      this.#peerHandler({ kind: 'down', nodeId: peerId, refused: false });
    }
  }

  #abortSnapshots(broken: Connection): void {
    for (const [stream, connection] of this.#snapshots) {
      if (connection === broken) {
        stream.abort('the connection broke');
      }
    }
  }

  #launch(
    connection: Connection,
    to: NodeId,
    outgoing: Outgoing,
    lane: Lane,
    frame: QueuedFrame,
  ): void {
    const { random, options } = this.#fabric;
    this.#fabric.onLaunch?.(this.nodeId, frame.kind, frame.bytes);
    if (this.#fabric.isCut(this.nodeId, to) || random.chance(options.dropChance)) {
      return;
    }
    const receiver = connection.first === this ? connection.second : connection.first;
    const nowMs = this.#fabric.nowMs();
    let arrivesAtMs = nowMs + this.#fabric.drawDelayMs();
    if (random.chance(options.reorderChance)) {
      arrivesAtMs += random.below(Math.max(1, options.reorderMaxMs));
    } else if (lane === 'urgent') {
      arrivesAtMs = Math.max(arrivesAtMs, outgoing.urgentArrivesAtMs);
      outgoing.urgentArrivesAtMs = arrivesAtMs;
    } else {
      arrivesAtMs = Math.max(arrivesAtMs, outgoing.bulkArrivesAtMs);
      outgoing.bulkArrivesAtMs = arrivesAtMs;
    }
    receiver.#arrive(connection, this.nodeId, frame, arrivesAtMs - nowMs);
    if (mayRepeat(frame.kind) && random.chance(options.duplicateChance)) {
      const laterMs = arrivesAtMs - nowMs + this.#fabric.drawDelayMs();
      receiver.#arrive(connection, this.nodeId, frame, laterMs);
    }
  }

  #arrive(connection: Connection, from: NodeId, frame: QueuedFrame, delayMs: number): void {
    this.timers.after(delayMs, () => {
      // What a crashed sender had put on the wire still arrives, until the break is noticed.
      const current = this.#connections.get(from) === connection;
      if (this.#alive && current && !this.#fabric.isCut(from, this.nodeId)) {
        this.#frameHandler(from, frame.kind, Buffer.from(frame.bytes));
      }
    });
  }
}
