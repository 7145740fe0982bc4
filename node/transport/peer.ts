/**
 * The connection of this node with one peer: the stream we opened, the stream it opened, the queue.
 *
 * Each side opens one stream and *receives* the other's frames on it: the library lets the side
 * that opened a connection choose its flow-control window, and fixes the other's at 64 KiB, less
 * than one batch under load. The peer is *up* while our stream was accepted by, and we accepted a
 * stream of, the same life (boot id) of the peer.
 *
 *   connecting --(our stream accepted, its stream accepted, same boot)--> up
 *   up --(either stream ends, or it opens a new one)--> connecting; both streams are dropped
 *
 * Frames are left unread until up, so they come between `up` and `down` and never outside. After a
 * break we connect again at once, and so learn within milliseconds whether anybody still listens
 * there (`down` with `refused`, once an outage); later attempts back off. A hello of the peer ends
 * the wait.
 *
 * Invariant: a stream that is not the current one has no effect any more.
 */
import { status as grpcStatus, type Client, type StatusObject } from '@grpc/grpc-js';

import { backoffMs, type BackoffOptions } from '../lib/backoff.ts';
import { isDynakvError, messageOf } from '../lib/errors.ts';
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
/** Failed attempts in a row that are not worth a line for people. */
const quietAttempts = 4;
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
  /** An attempt to connect failed; a refused hello starts with the reason's name and a colon. */
  onFailure(failure: string): void;
}

export interface PeerState {
  readonly nodeId: NodeId;
  readonly address: string;
  readonly up: boolean;
  readonly bootId: string | undefined;
  /** Why the last attempt to connect failed. */
  readonly failure: string | undefined;
}

/** The stream that we opened: hello out, reply and frames in. */
interface Dialled {
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
  #dialled: Dialled | undefined;
  #accepted: InboundStream | undefined;
  /** The stream that frames are written to, while up: one of the peer's. */
  #up: InboundStream | undefined;
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
    return this.#up !== undefined;
  }

  get bootId(): string | undefined {
    return this.#up?.bootId;
  }

  get queuedBytes(): number {
    return this.#urgent.bytes + this.#bulk.bytes;
  }

  state(): PeerState {
    return {
      nodeId: this.nodeId,
      address: this.address,
      up: this.isUp,
      bootId: this.bootId,
      failure: this.#failure,
    };
  }

  send(lane: Lane, kind: FrameKind, payload: Uint8Array): boolean {
    if (this.#up === undefined) {
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
    const up = this.#up;
    if (up === undefined) {
      return;
    }
    while (this.#unwrittenBytes < unwrittenBytesMax) {
      const message = this.#urgent.take() ?? this.#bulk.take();
      if (message === undefined) {
        return;
      }
      this.#unwrittenBytes += message.length;
      up.write(message, () => {
        if (this.#up === up) {
          this.#written(message.length);
        }
      });
    }
  }

  /** A stream of the peer whose hello was accepted. It replaces an older one. */
  accept(stream: InboundStream): void {
    if (this.#closed) {
      stream.refuse('UnknownNode', 'the node is being disconnected');
      return;
    }
    const older = this.#accepted;
    this.#accepted = stream;
    older?.refuse('Replaced', 'a newer stream was opened');
    if (this.#up !== undefined) {
      this.#goDown('the peer opened a new stream');
    } else if (this.#retry !== undefined) {
      this.#attempt = 0;
      this.#dial();
    }
    this.#goUpIfReady();
  }

  /** A stream of the peer ended. */
  acceptedEnded(stream: InboundStream): void {
    if (this.#accepted === stream) {
      this.#accepted = undefined;
      if (this.#up !== undefined) {
        this.#goDown('its stream ended');
      }
    }
  }

  /** Drops the connection and does not make another; reports nothing. */
  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#up = undefined;
    this.#clearQueues();
    this.#dropDialled();
    const accepted = this.#accepted;
    this.#accepted = undefined;
    accepted?.refuse('UnknownNode', 'the node is no longer a peer, or is stopping');
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
    this.#dropDialled();
    const hello = this.#options.hello();
    if (hello === undefined) {
      this.#retryLater('this node belongs to no cluster yet');
      return;
    }
    if (this.address === '') {
      this.#failure = 'its address is not known: it must come by itself';
      return;
    }
    let dialled: Dialled;
    try {
      const client = openClient(this.address, this.#options.channels);
      const stream = openByteStream(client, framesPath);
      dialled = { client, stream, timeout: undefined, bootId: undefined };
    } catch (error) {
      this.#retryLater(messageOf(error));
      return;
    }
    this.#dialled = dialled;
    const timeoutMs = Math.min(connectTimeoutMaxMs, connectTimeoutMinMs * 2 ** this.#attempt);
    dialled.timeout = this.#options.timers.after(timeoutMs, () => {
      this.#dialledFailed(dialled, `no answer within ${timeoutMs} ms`);
    });
    const { stream } = dialled;
    stream.on('error', () => undefined); // Told by 'status' as well.
    stream.on('status', (ended: StatusObject) => {
      const { reason } = fromGrpcFailure(ended).facts;
      const details = ended.code === grpcStatus.OK ? 'its side closed' : ended.details;
      this.#dialledFailed(
        dialled,
        reason === undefined ? details : `${String(reason)}: ${details}`,
      );
    });
    stream.once('data', (reply: Buffer) => {
      stream.pause();
      this.#replied(dialled, reply);
    });
    stream.write(hello);
  }

  #replied(dialled: Dialled, reply: Buffer): void {
    if (this.#dialled !== dialled) {
      return;
    }
    this.#options.admit(reply).then(
      (bootId) => {
        if (this.#dialled === dialled) {
          dialled.timeout?.cancel();
          dialled.bootId = bootId;
          this.#goUpIfReady();
        }
      },
      (error: unknown) => {
        this.#dialledFailed(dialled, messageOf(error));
      },
    );
  }

  #dialledFailed(dialled: Dialled, failure: string): void {
    if (this.#dialled !== dialled) {
      return;
    }
    const wasAccepted = dialled.bootId !== undefined;
    this.#dropDialled();
    if (this.#up !== undefined) {
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
    this.#options.onFailure(failure);
    // In the first moments of a cluster nobody knows anybody: worth a line only if it lasts.
    const isNews = failure !== this.#failure && this.#attempt > quietAttempts;
    if (isNews || this.#attempt === quietAttempts) {
      this.#log.info('Cannot connect to a peer', { address: this.address, failure });
    }
    this.#failure = failure;
    const unit = this.#options.random.uint32() / 2 ** 32;
    const waitMs = backoffMs(reconnectBackoff, this.#attempt, unit);
    this.#attempt += 1;
    this.#retry = this.#options.timers.after(waitMs, () => {
      this.#dial();
    });
  }

  #goUpIfReady(): void {
    const dialled = this.#dialled;
    const accepted = this.#accepted;
    if (
      this.#up !== undefined ||
      dialled?.bootId === undefined ||
      accepted?.bootId !== dialled.bootId
    ) {
      return;
    }
    this.#up = accepted;
    this.#unwrittenBytes = 0;
    this.#attempt = 0;
    this.#refusedReported = false;
    this.#failure = undefined;
    const { bootId } = accepted;
    this.#log.info('Peer is up', { address: this.address, bootId });
    this.#options.onPeer({ kind: 'up', nodeId: this.nodeId, bootId });
    this.#receive(dialled);
  }

  #receive(dialled: Dialled): void {
    const decoder = new FrameDecoder((kind, payload) => {
      if (this.#dialled === dialled) {
        this.#options.onFrame(this.nodeId, kind, payload);
      }
    });
    dialled.stream.on('data', (message: Buffer) => {
      try {
        decoder.decode(message);
      } catch (error) {
        if (!isDynakvError(error, 'BadFrame')) {
          throw error;
        }
        this.#dialledFailed(dialled, error.message);
      }
    });
    dialled.stream.resume();
  }

  /** An accepted stream that is newer than the connection that broke stays. */
  #goDown(failure: string): void {
    const up = this.#up;
    this.#up = undefined;
    this.#failure = failure;
    this.#clearQueues();
    this.#dropDialled();
    if (up !== undefined && this.#accepted === up) {
      this.#accepted = undefined;
      up.refuse('Replaced', 'the other stream of the connection ended');
    }
    this.#log.info('Peer is down', { address: this.address, bootId: up?.bootId, failure });
    this.#options.onPeer({ kind: 'down', nodeId: this.nodeId, refused: false });
    // A handler may have removed this peer.
    if (!this.#closed) {
      this.#dial();
    }
  }

  #dropDialled(): void {
    const dialled = this.#dialled;
    this.#dialled = undefined;
    dialled?.timeout?.cancel();
    dialled?.stream.cancel();
    dialled?.client.close();
  }

  #clearQueues(): void {
    this.#urgent.clear();
    this.#bulk.clear();
    this.#unwrittenBytes = 0;
  }
}
