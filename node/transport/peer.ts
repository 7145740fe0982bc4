/**
 * The connection of this node with one peer: our stream to it, its stream to us, the queue.
 *
 * Each side opens one stream and sends its frames on that one only. The peer is *up* while our
 * stream was accepted by, and we accepted a stream of, the same life (boot id) of the peer.
 *
 *   connecting --(our stream accepted, its stream accepted, same boot)--> up
 *   up --(either stream ends, or it opens a new one)--> connecting; both streams are dropped
 *
 * Frames of its stream are left unread until up, so between `up` and `down` and never outside.
 * After a break we connect again at once, and so learn within milliseconds whether anybody still
 * listens there (`down` with `refused`, once an outage); later attempts back off. A hello of the
 * peer ends the wait.
 *
 * Invariant: a stream that is not the current one has no effect any more.
 */
import { status as grpcStatus, type Client, type StatusObject } from '@grpc/grpc-js';

import { backoffMs, type BackoffOptions } from '../lib/backoff.ts';
import { messageOf } from '../lib/errors.ts';
import { kibibyte, mebibyte } from '../lib/units.ts';
import type { Timer, Timers } from '../sys/clock.ts';
import type { Logger } from '../sys/log.ts';
import type { FrameKind, Lane, NodeId, PeerAddress, PeerEvent } from '../sys/network.ts';
import type { Random } from '../sys/random.ts';
import { FrameDecoder, LaneQueue } from './frames.ts';
import {
  framesPath,
  openByteStream,
  openClient,
  type ByteStream,
  type ChannelCredentialsSource,
} from './grpc-channel.ts';
import { fromGrpcFailure, isConnectionRefused } from './grpc-status.ts';
import type { InboundStream } from './inbound-stream.ts';

/** Bytes handed to gRPC and not yet written: what an urgent frame can wait behind. */
const unwrittenBytesMax = 256 * kibibyte;
/** Bytes of the urgent lane waiting; the bulk limit is an option. */
const urgentQueueBytesMax = 8 * mebibyte;
/**
 * From dialling to the reply to our hello: a second for the first attempt, so that a name that
 * moved away from a dead address is resolved again, then twice as long each time.
 */
const connectTimeoutMinMs = 1_000;
const connectTimeoutMaxMs = 8_000;
/** Never above a second, for the same reason. */
const reconnectBackoff: BackoffOptions = { baseMs: 50, maxMs: 1_000 };

export interface PeerOptions {
  readonly address: PeerAddress;
  readonly channels: ChannelCredentialsSource;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** Bytes of the bulk lane waiting before `send` refuses. */
  readonly queueBytesMax: number;
  /** Our hello as of now, or undefined while this node belongs to no cluster. */
  hello(): Buffer | undefined;
  /** Judges the reply; resolves to the peer's boot id, or throws why it is refused. */
  admit(reply: Buffer): Promise<string>;
  onFrame(from: NodeId, kind: FrameKind, payload: Buffer): void;
  onPeer(event: PeerEvent): void;
}

export interface PeerState {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly up: boolean;
  readonly bootId: string | undefined;
  /** Why the last attempt to connect failed. */
  readonly failure: string | undefined;
}

interface Outbound {
  readonly client: Client;
  readonly stream: ByteStream;
  timeout: Timer | undefined;
  /** Set when both hellos were accepted. */
  bootId: string | undefined;
}

export class Peer {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly #options: PeerOptions;
  readonly #log: Logger;
  readonly #urgent = new LaneQueue('urgent');
  readonly #bulk = new LaneQueue('bulk');
  #outbound: Outbound | undefined;
  #inbound: InboundStream | undefined;
  #upBootId: string | undefined;
  #unwrittenBytes = 0;
  #attempt = 0;
  #retry: Timer | undefined;
  #refusedReported = false;
  #failure: string | undefined;
  #closed = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.nodeId = options.address.nodeId;
    this.address = options.address.address;
    this.#log = options.log.child({ peer: this.nodeId });
    this.#dial();
  }

  get isUp(): boolean {
    return this.#upBootId !== undefined;
  }

  get bootId(): string | undefined {
    return this.#upBootId;
  }

  get queuedBytes(): number {
    return this.#urgent.bytes + this.#bulk.bytes;
  }

  state(): PeerState {
    return {
      nodeId: this.nodeId,
      address: this.address,
      up: this.isUp,
      bootId: this.#upBootId,
      failure: this.#failure,
    };
  }

  send(lane: Lane, kind: FrameKind, payload: Uint8Array): boolean {
    if (this.#upBootId === undefined) {
      return false;
    }
    const queue = lane === 'urgent' ? this.#urgent : this.#bulk;
    const bytesMax = lane === 'urgent' ? urgentQueueBytesMax : this.#options.queueBytesMax;
    if (queue.bytes > 0 && queue.bytes + payload.length > bytesMax) {
      return false;
    }
    queue.append(kind, payload);
    return true;
  }

  /** Writes what is queued, urgent first, as far as the connection takes it. */
  flush(): void {
    const outbound = this.#outbound;
    if (outbound === undefined || this.#upBootId === undefined) {
      return;
    }
    while (this.#unwrittenBytes < unwrittenBytesMax) {
      const message = this.#urgent.take() ?? this.#bulk.take();
      if (message === undefined) {
        return;
      }
      this.#unwrittenBytes += message.length;
      outbound.stream.write(message, () => {
        if (this.#outbound === outbound) {
          this.#written(message.length);
        }
      });
    }
  }

  /** A stream of the peer whose hello was accepted. It replaces an older one. */
  acceptInbound(inbound: InboundStream): void {
    if (this.#closed) {
      inbound.refuse('UnknownNode', 'the node is being disconnected');
      return;
    }
    const older = this.#inbound;
    this.#inbound = inbound;
    older?.refuse('Replaced', 'a newer stream was opened');
    if (this.#upBootId !== undefined) {
      this.#goDown('the peer opened a new stream');
    } else if (this.#retry !== undefined) {
      this.#attempt = 0;
      this.#dial();
    }
    this.#goUpIfReady();
  }

  /** The peer's stream ended. */
  inboundEnded(inbound: InboundStream): void {
    if (this.#inbound === inbound) {
      this.#inbound = undefined;
      if (this.#upBootId !== undefined) {
        this.#goDown('its stream ended');
      }
    }
  }

  /** Drops the connection and does not make another; reports nothing. */
  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#upBootId = undefined;
    this.#clearQueues();
    this.#dropOutbound();
    const inbound = this.#inbound;
    this.#inbound = undefined;
    inbound?.refuse('UnknownNode', 'the node is no longer a peer, or is stopping');
  }

  #written(bytes: number): void {
    const wasFull = this.#unwrittenBytes >= unwrittenBytesMax;
    this.#unwrittenBytes -= bytes;
    if (wasFull) {
      this.flush();
    }
  }

  #dial(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#dropOutbound();
    const hello = this.#options.hello();
    if (hello === undefined) {
      this.#retryLater('this node belongs to no cluster yet');
      return;
    }
    let outbound: Outbound;
    try {
      const client = openClient(this.address, this.#options.channels);
      const stream = openByteStream(client, framesPath);
      outbound = { client, stream, timeout: undefined, bootId: undefined };
    } catch (error) {
      this.#retryLater(messageOf(error));
      return;
    }
    this.#outbound = outbound;
    const timeoutMs = Math.min(connectTimeoutMaxMs, connectTimeoutMinMs * 2 ** this.#attempt);
    outbound.timeout = this.#options.timers.after(timeoutMs, () => {
      this.#outboundFailed(outbound, `no answer within ${timeoutMs} ms`);
    });
    const { stream } = outbound;
    stream.on('error', () => undefined); // Told by 'status' as well.
    stream.on('status', (ended: StatusObject) => {
      const { reason } = fromGrpcFailure(ended).facts;
      const details = ended.code === grpcStatus.OK ? 'its side closed' : ended.details;
      this.#outboundFailed(
        outbound,
        reason === undefined ? details : `${String(reason)}: ${details}`,
      );
    });
    stream.once('data', (reply: Buffer) => {
      this.#replied(outbound, reply);
    });
    stream.write(hello);
  }

  #replied(outbound: Outbound, reply: Buffer): void {
    if (this.#outbound !== outbound) {
      return;
    }
    this.#options.admit(reply).then(
      (bootId) => {
        if (this.#outbound === outbound) {
          outbound.timeout?.cancel();
          outbound.bootId = bootId;
          // A reply is all that comes on this stream; reading on notices its end.
          outbound.stream.resume();
          this.#goUpIfReady();
        }
      },
      (error: unknown) => {
        this.#outboundFailed(outbound, messageOf(error));
      },
    );
  }

  #outboundFailed(outbound: Outbound, failure: string): void {
    if (this.#outbound !== outbound) {
      return;
    }
    const wasAccepted = outbound.bootId !== undefined;
    this.#dropOutbound();
    if (this.#upBootId !== undefined) {
      this.#goDown(failure);
      return;
    }
    if (isConnectionRefused(failure) && !this.#refusedReported) {
      this.#refusedReported = true;
      this.#options.onPeer({ kind: 'down', nodeId: this.nodeId, refused: true });
    }
    if (this.#closed) {
      return; // By the handler.
    }
    if (wasAccepted) {
      this.#dial();
    } else {
      this.#retryLater(failure);
    }
  }

  #retryLater(failure: string): void {
    if (failure !== this.#failure) {
      this.#failure = failure;
      this.#log.info('Cannot connect to a peer', { address: this.address, failure });
    }
    const unit = this.#options.random.uint32() / 2 ** 32;
    const waitMs = backoffMs(reconnectBackoff, this.#attempt, unit);
    this.#attempt += 1;
    this.#retry = this.#options.timers.after(waitMs, () => {
      this.#dial();
    });
  }

  #goUpIfReady(): void {
    const outbound = this.#outbound;
    const inbound = this.#inbound;
    if (
      this.#upBootId !== undefined ||
      outbound?.bootId === undefined ||
      inbound?.bootId !== outbound.bootId
    ) {
      return;
    }
    this.#upBootId = outbound.bootId;
    this.#unwrittenBytes = 0;
    this.#attempt = 0;
    this.#refusedReported = false;
    this.#failure = undefined;
    this.#log.info('Peer is up', { address: this.address, bootId: this.#upBootId });
    this.#options.onPeer({ kind: 'up', nodeId: this.nodeId, bootId: this.#upBootId });
    const decoder = new FrameDecoder((kind, payload) => {
      if (this.#inbound === inbound) {
        this.#options.onFrame(this.nodeId, kind, payload);
      }
    });
    inbound.read((message) => {
      decoder.decode(message);
    });
  }

  /** A current inbound stream that is newer than the break stays; the others are dropped. */
  #goDown(failure: string): void {
    const bootId = this.#upBootId;
    this.#upBootId = undefined;
    this.#failure = failure;
    this.#clearQueues();
    this.#dropOutbound();
    const inbound = this.#inbound;
    if (inbound?.isReading === true) {
      this.#inbound = undefined;
      inbound.refuse('Replaced', 'the other stream of the connection ended');
    }
    this.#log.info('Peer is down', { address: this.address, bootId, failure });
    this.#options.onPeer({ kind: 'down', nodeId: this.nodeId, refused: false });
    // A handler may have removed this peer.
    if (!this.#closed) {
      this.#dial();
    }
  }

  #dropOutbound(): void {
    const outbound = this.#outbound;
    this.#outbound = undefined;
    outbound?.timeout?.cancel();
    outbound?.stream.cancel();
    outbound?.client.close();
  }

  #clearQueues(): void {
    this.#urgent.clear();
    this.#bulk.clear();
    this.#unwrittenBytes = 0;
  }
}
