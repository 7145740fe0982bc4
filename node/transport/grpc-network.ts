/**
 * The `Network` port over gRPC: one `Peer` for each other node, the hello's judgement, and the
 * handlers that `GrpcServer` mounts for incoming streams (`peerService`).
 *
 * What a peer's connection does is in `peer.ts`; frames in `frames.ts`; snapshots, each on a
 * connection of its own, in `snapshot-stream.ts`.
 *
 * Invariant: no frame, and no snapshot, is taken from a node whose hello was not accepted.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import { mebibyte } from '../lib/units.ts';
import type { Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type {
  FrameKind,
  Lane,
  Network,
  NodeId,
  PeerAddress,
  PeerEvent,
  SnapshotHandler,
  SnapshotHeader,
} from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import {
  openByteStream,
  openClient,
  snapshotPath,
  type ByteStream,
  type ChannelCredentialsSource,
} from './grpc-channel.ts';
import {
  decodeHello,
  decodeHelloReply,
  encodeHello,
  encodeHelloReply,
  helloRefusals,
  helloTo,
  isNewRecord,
  judgeHello,
  type Hello,
  type HelloRefusal,
  type LocalIdentity,
  type PeerMemory,
} from './hello.ts';
import { InboundStream, type ServerByteStream } from './inbound-stream.ts';
import { Peer, type PeerState } from './peer.ts';
import {
  receiveSnapshotStream,
  sendSnapshotStream,
  type SnapshotStart,
} from './snapshot-stream.ts';

/** Bytes waiting for one peer in the bulk lane before `send` refuses. */
const queueBytesMaxDefault = 32 * mebibyte;

export interface GrpcNetworkOptions {
  /** This node as of now; asked at every connection. Undefined before it belongs to a cluster. */
  identity(): LocalIdentity | undefined;
  readonly memory: PeerMemory;
  readonly channels: ChannelCredentialsSource;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** An accepted peer says that it is reached elsewhere from now on (design §5). */
  readonly onAddress?: (nodeId: NodeId, address: string) => void;
  /** A peer says that the cluster removed this node. */
  readonly onRemoved?: (by: NodeId) => void;
  /** A peer refuses this node's store as failed. */
  readonly onQuarantined?: (by: NodeId, failure: string) => void;
  /** Default 32 MiB. */
  readonly queueBytesMax?: number;
}

const noNodes: ReadonlySet<NodeId> = new Set();

/** Handlers of the incoming peer streams. */
export interface PeerService {
  frames(call: ServerByteStream): void;
  snapshot(call: ServerByteStream): void;
}

export class GrpcNetwork implements Network {
  /** For `GrpcServer`. */
  readonly peerService: PeerService;
  readonly #options: GrpcNetworkOptions;
  readonly #log: Logger;
  readonly #peers = new Map<NodeId, Peer>();
  /** The last admission under way, by node. */
  readonly #admissions = new Map<NodeId, Promise<void>>();
  readonly #snapshotStreams = new Set<ByteStream>();
  #frameHandler: (from: NodeId, kind: FrameKind, payload: Buffer) => void = () => undefined;
  #peerHandler: (event: PeerEvent) => void = () => undefined;
  #snapshotHandler: SnapshotHandler | undefined;
  #strangerHandler: (stranger: PeerAddress) => void = () => undefined;
  /** Frames handed to peers and taken from them since the start, for `/metrics`. */
  readonly traffic = { sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0 };
  /** Frames not sent, by peer: it was away, or its queue was full. */
  readonly dropped = new Map<NodeId, number>();
  #removed: ReadonlySet<NodeId> = noNodes;
  /** The store that speaks for a node, by the catalog. */
  readonly #storeIds = new Map<NodeId, string>();
  #closed = false;

  constructor(options: GrpcNetworkOptions) {
    this.#options = options;
    this.#log = options.log;
    this.peerService = {
      frames: (call) => {
        this.#openInbound(call);
      },
      snapshot: (call) => {
        void receiveSnapshotStream(call, async (start, chunks, answer) => {
          await this.#receiveSnapshot(start, chunks, answer);
        });
      },
    };
  }

  send(to: NodeId, lane: Lane, kind: FrameKind, payload: Uint8Array): boolean {
    const isSent = this.#peers.get(to)?.send(lane, kind, payload) ?? false;
    if (isSent) {
      this.traffic.sentFrames += 1;
      this.traffic.sentBytes += payload.length;
    } else {
      this.dropped.set(to, (this.dropped.get(to) ?? 0) + 1);
    }
    return isSent;
  }

  flush(): void {
    for (const peer of this.#peers.values()) {
      peer.flush();
    }
  }

  queuedBytes(to: NodeId): number {
    return this.#peers.get(to)?.queuedBytes ?? 0;
  }

  async sendSnapshot(
    to: NodeId,
    snapshot: SnapshotHeader,
    chunks: AsyncIterable<Buffer>,
    onAnswer: (bytes: Buffer) => void = () => undefined,
  ): Promise<void> {
    const peer = this.#peers.get(to);
    const identity = this.#options.identity();
    if (peer?.isUp !== true || identity === undefined) {
      throw new DynakvError('Unavailable', `Cannot send a snapshot: node ${to} is not connected`);
    }
    const { clusterId, nodeId, bootNonces } = identity;
    const start: SnapshotStart = {
      clusterId,
      nodeId,
      toNodeId: to,
      bootId: bootNonces.at(-1) ?? '',
      snapshot,
    };
    const client = openClient(peer.address, this.#options.channels);
    const stream = openByteStream(client, snapshotPath);
    this.#snapshotStreams.add(stream);
    try {
      const { timers } = this.#options;
      await sendSnapshotStream(stream, start, chunks, { timers, onAnswer });
    } finally {
      this.#snapshotStreams.delete(stream);
      client.close();
    }
  }

  setPeers(peers: readonly PeerAddress[], removed: ReadonlySet<NodeId> = noNodes): void {
    assert(!this.#closed, 'The network is closed');
    this.#removed = removed;
    const ownId = this.#options.identity()?.nodeId;
    const wanted = new Map<NodeId, PeerAddress>();
    this.#storeIds.clear();
    for (const address of peers) {
      if (address.nodeId !== ownId) {
        wanted.set(address.nodeId, address);
        if (address.storeId !== undefined) {
          this.#storeIds.set(address.nodeId, address.storeId);
        }
      }
    }
    for (const [nodeId, peer] of this.#peers) {
      if (wanted.get(nodeId)?.address !== peer.address) {
        this.#peers.delete(nodeId);
        const wasUp = peer.isUp;
        peer.close();
        if (wasUp) {
          this.#peerHandler({ kind: 'down', nodeId, refused: false });
        }
      }
    }
    for (const [nodeId, address] of wanted) {
      if (!this.#peers.has(nodeId)) {
        this.#peers.set(nodeId, this.#openPeer(address));
      }
    }
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

  /** The connections as they are, for people. */
  states(): PeerState[] {
    return [...this.#peers.values()].map((peer) => peer.state());
  }

  /** Drops every connection; nothing is reported any more. Queued frames are lost. */
  close(): void {
    this.#closed = true;
    for (const peer of this.#peers.values()) {
      peer.close();
    }
    this.#peers.clear();
    for (const stream of this.#snapshotStreams) {
      stream.cancel();
    }
  }

  #openPeer(address: PeerAddress): Peer {
    return new Peer({
      address,
      channels: this.#options.channels,
      timers: this.#options.timers,
      random: this.#options.random,
      log: this.#log,
      queueBytesMax: this.#options.queueBytesMax ?? queueBytesMaxDefault,
      hello: () => {
        const identity = this.#options.identity();
        return identity && encodeHello(helloTo(address.nodeId, identity));
      },
      admit: async (reply) => {
        return await this.#admit(decodeHelloReply(reply), address.nodeId);
      },
      onFailure: (failure) => {
        if (failure.startsWith('Removed:')) {
          this.#options.onRemoved?.(address.nodeId);
        }
        if (failure.startsWith('Quarantined:')) {
          this.#options.onQuarantined?.(address.nodeId, failure);
        }
      },
      onFrame: (from, kind, payload) => {
        this.traffic.receivedFrames += 1;
        this.traffic.receivedBytes += payload.length;
        this.#frameHandler(from, kind, payload);
      },
      onPeer: (event) => {
        if (!this.#closed) {
          this.#peerHandler(event);
        }
      },
    });
  }

  #openInbound(call: ServerByteStream): void {
    new InboundStream(call, this.#options.timers, {
      onHello: (stream, hello) => {
        this.#admitInbound(stream, hello).catch((error: unknown) => {
          if (!isDynakvError(error)) {
            throw error;
          }
          this.#log.debug('Refused a stream', { failure: error.message, ...error.facts });
          stream.fail(error);
        });
      },
      onEnd: (stream) => {
        this.#peers.get(stream.nodeId)?.acceptedEnded(stream);
      },
    });
  }

  async #admitInbound(stream: InboundStream, bytes: Buffer): Promise<void> {
    const hello = decodeHello(bytes);
    this.#noteStranger(hello);
    const bootId = await this.#admit(hello, hello.nodeId);
    const identity = this.#options.identity();
    const peer = this.#peers.get(hello.nodeId);
    if (stream.hasEnded || identity === undefined || peer === undefined) {
      throw refusal('UnknownNode', `node ${hello.nodeId} was removed meanwhile`);
    }
    if (hello.address !== undefined && hello.address !== peer.address) {
      this.#options.onAddress?.(hello.nodeId, hello.address);
    }
    const reply = encodeHelloReply(helloTo(hello.nodeId, identity));
    stream.accept({ nodeId: hello.nodeId, bootId, reply });
    peer.accept(stream);
  }

  #noteStranger({ clusterId, nodeId, storeId, address = '', toNodeId }: Hello): void {
    const identity = this.#options.identity();
    const isMeant = identity?.clusterId === clusterId && identity.nodeId === toNodeId;
    if (isMeant && !this.#peers.has(nodeId) && !this.#removed.has(nodeId)) {
      this.#strangerHandler({ nodeId, address, storeId });
    }
  }

  /**
   * Judges a hello, notes what was seen, and returns the boot id; throws the refusal. One at a
   * time for a node: a hello is judged only when what the one before it left is noted.
   */
  async #admit(theirs: Hello, expectedId: NodeId): Promise<string> {
    return await this.#inTurn(expectedId, async () => await this.#admitNext(theirs, expectedId));
  }

  /** Notes durably that a peer's store failed: it is not let in again. */
  async noteQuarantined(nodeId: NodeId, reason: string): Promise<void> {
    await this.#inTurn(nodeId, async () => {
      const { memory } = this.#options;
      const seen = memory.get(nodeId);
      if (seen !== undefined && seen.quarantined === undefined) {
        await memory.put(nodeId, { ...seen, quarantined: reason });
      }
    });
  }

  async #inTurn<T>(expectedId: NodeId, job: () => Promise<T>): Promise<T> {
    const before = this.#admissions.get(expectedId) ?? Promise.resolve();
    const admitted = before.then(job);
    const settled = admitted.then(
      () => undefined,
      () => undefined,
    );
    this.#admissions.set(expectedId, settled);
    try {
      return await admitted;
    } finally {
      if (this.#admissions.get(expectedId) === settled) {
        this.#admissions.delete(expectedId);
      }
    }
  }

  async #admitNext(theirs: Hello, expectedId: NodeId): Promise<string> {
    const identity = this.#options.identity();
    if (identity === undefined) {
      throw refusal('NotInitialized', `node ${theirs.nodeId} must wait`);
    }
    if (theirs.clusterId === identity.clusterId && this.#removed.has(theirs.nodeId)) {
      throw refusal('Removed', `node ${theirs.nodeId}`);
    }
    if (theirs.clusterId === identity.clusterId && !this.#peers.has(theirs.nodeId)) {
      throw refusal('UnknownNode', `node ${theirs.nodeId}`);
    }
    const seen = this.#options.memory.get(expectedId);
    const verdict = judgeHello(helloTo(expectedId, identity), theirs, seen);
    if (!verdict.accepted) {
      throw new DynakvError('Refused', verdict.message, { reason: verdict.reason });
    }
    const expected = this.#storeIds.get(expectedId) ?? theirs.storeId;
    if (theirs.storeId !== expected) {
      throw refusal('OtherStore', `store "${theirs.storeId}" instead of "${expected}"`);
    }
    if (isNewRecord(verdict.record, seen)) {
      try {
        await this.#options.memory.put(expectedId, verdict.record);
      } catch (error) {
        throw refusal('MemoryFailed', messageOf(error));
      }
    }
    return verdict.bootId;
  }

  async #receiveSnapshot(
    start: SnapshotStart,
    chunks: AsyncIterable<Buffer>,
    answer: (bytes: Buffer) => void,
  ): Promise<void> {
    const identity = this.#options.identity();
    const peer = this.#peers.get(start.nodeId);
    if (
      identity?.clusterId !== start.clusterId ||
      identity.nodeId !== start.toNodeId ||
      peer?.bootId !== start.bootId
    ) {
      throw refusal('UnknownNode', `node ${start.nodeId} has no accepted connection of this boot`);
    }
    if (this.#snapshotHandler === undefined) {
      throw new DynakvError('NotOpen', 'Cannot take a snapshot: the node is starting');
    }
    await this.#snapshotHandler(start.nodeId, start.snapshot, chunks, answer);
  }
}

function refusal(reason: HelloRefusal, facts: string): DynakvError {
  return new DynakvError(
    'Refused',
    `Cannot accept the peer as ${helloRefusals[reason]}: ${facts}`,
    {
      reason,
    },
  );
}
