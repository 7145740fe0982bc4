/**
 * One snapshot over its own gRPC stream, both ends (node/docs/wire-format.md).
 *
 * The sender writes one message at a time and waits until the connection took it, so a slow
 * receiver holds it back; it resolves when the receiver's handler has returned. The handler may
 * answer all the while. Errors go both ways with their text: a source that fails tells the
 * receiver, a handler that fails the sender.
 *
 * Invariant: the handler sees the end of `chunks` only if every chunk arrived. What is in a chunk,
 * and whether it came undamaged, is the host's to judge (`host/snapshot-codec.ts`).
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status as grpcStatus, type StatusObject } from '@grpc/grpc-js';

import { SnapshotStartSchema } from '../contract/gen/peer_pb.ts';
import { ByteReader, ByteWriter } from '../lib/bytes.ts';
import { DynakvError, isDynakvError, messageOf } from '../lib/errors.ts';
import { Interrupt } from '../lib/interrupt.ts';
import { mebibyte } from '../lib/units.ts';
import type { Timers } from '../sys/clock.ts';
import { snapshotChunkBytesMax } from '../sys/network.ts';
import type { NodeId, SnapshotHeader } from '../sys/network.ts';
import type { ByteStream } from './grpc-channel.ts';
import { fromGrpcFailure, toGrpcFailure } from './grpc-status.ts';
import { failCall, type ServerByteStream } from './inbound-stream.ts';

export const snapshotHeaderBytesMax = 4 * mebibyte;
/** How long a receiver may take to end a call whose source failed, ms. */
const failureToldMs = 5_000;

const MessageKind = { chunk: 1, end: 2, failed: 3 } as const;
/** What the receiver says. */
const AnswerKind = { answer: 1, received: 2 } as const;
const received = Buffer.from([AnswerKind.received]);

/** Who sends to whom; checked against the frame streams of the same lives. */
export interface SnapshotStart {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly toNodeId: NodeId;
  readonly bootId: string;
  readonly snapshot: SnapshotHeader;
}

function encodeStart(start: SnapshotStart): Buffer {
  const { groupId, header } = start.snapshot;
  if (header.length > snapshotHeaderBytesMax) {
    throw new DynakvError(
      'Refused',
      `Cannot send a snapshot header above ${snapshotHeaderBytesMax} bytes: ${header.length}`,
      { reason: 'HeaderTooLarge' },
    );
  }
  const { clusterId, nodeId, toNodeId, bootId } = start;
  const message = create(SnapshotStartSchema, {
    clusterId,
    nodeId,
    toNodeId,
    bootId,
    groupId,
    header: new Uint8Array(header),
  });
  return Buffer.from(toBinary(SnapshotStartSchema, message));
}

function decodeStart(bytes: Buffer): SnapshotStart {
  try {
    const { clusterId, nodeId, toNodeId, bootId, groupId, header } = fromBinary(
      SnapshotStartSchema,
      bytes,
    );
    return {
      clusterId,
      nodeId,
      toNodeId,
      bootId,
      snapshot: { groupId, header: Buffer.from(header) },
    };
  } catch (error) {
    throw new DynakvError('BadFrame', `Cannot read a snapshot's start: ${messageOf(error)}`);
  }
}

/** The sending end. Resolves when the peer confirmed, rejects with why it did not. */
export async function sendSnapshotStream(
  stream: ByteStream,
  start: SnapshotStart,
  chunks: AsyncIterable<Buffer>,
  parts: { readonly timers: Timers; readonly onAnswer: (bytes: Buffer) => void },
): Promise<void> {
  const ended = new Interrupt();
  const confirmed = confirmation(stream, parts.onAnswer);
  confirmed.then(
    () => {
      ended.end(new DynakvError('BadFrame', 'Cannot go on with the snapshot: confirmed too early'));
    },
    (error: unknown) => {
      ended.end(error);
    },
  );
  const write = (message: Buffer): Promise<void> =>
    ended.wait(
      new Promise<void>((resolve) => {
        stream.write(message, () => {
          resolve();
        });
      }),
    );
  const source = chunks[Symbol.asyncIterator]();
  try {
    await write(encodeStart(start));
    let bytes = 0;
    let count = 0;
    for (;;) {
      // A source may wait for an answer, so the end of the stream must end the waiting.
      const next = await ended.wait(source.next());
      if (next.done === true) {
        break;
      }
      await write(encodeChunk(next.value));
      bytes += next.value.length;
      count += 1;
    }
    stream.write(new ByteWriter().u8(MessageKind.end).u64(bytes).u64(count).finish());
    stream.end();
    await confirmed;
  } catch (error) {
    // If the stream is alive, this is our source's error: the receiver is told, and ends the call.
    stream.write(new ByteWriter().u8(MessageKind.failed).text(messageOf(error)).finish());
    stream.end();
    const timer = parts.timers.after(failureToldMs, () => {
      stream.cancel();
    });
    await confirmed.catch(() => undefined);
    timer.cancel();
    throw error;
  } finally {
    // Not waited for: a source that waits itself ends when it hears of the failure.
    source.return?.().catch(() => undefined);
  }
}

/** Settles with the end of the call. Reads on: the receiver may end it at any time. */
async function confirmation(stream: ByteStream, onAnswer: (bytes: Buffer) => void): Promise<void> {
  let isConfirmed = false;
  await new Promise<void>((resolve, reject) => {
    stream.on('error', () => undefined); // Told by 'status' as well.
    stream.on('data', (message: Buffer) => {
      if (message[0] === AnswerKind.answer) {
        onAnswer(message.subarray(1));
      } else {
        isConfirmed ||= message[0] === AnswerKind.received;
      }
    });
    stream.on('status', (ended: StatusObject) => {
      if (ended.code !== grpcStatus.OK) {
        reject(fromGrpcFailure(ended));
      } else if (!isConfirmed) {
        reject(new DynakvError('Unavailable', 'Cannot finish the snapshot: it was not confirmed'));
      } else {
        resolve();
      }
    });
  });
}

function encodeChunk(bytes: Buffer): Buffer {
  if (bytes.length > snapshotChunkBytesMax) {
    throw new DynakvError(
      'Refused',
      `Cannot send a snapshot chunk above ${snapshotChunkBytesMax} bytes: ${bytes.length}`,
      { reason: 'ChunkTooLarge' },
    );
  }
  return new ByteWriter(1 + bytes.length).u8(MessageKind.chunk).raw(bytes).finish();
}

/** The receiving end: runs `receive`, which throws to refuse, and answers the call. */
export async function receiveSnapshotStream(
  call: ServerByteStream,
  receive: (
    start: SnapshotStart,
    chunks: AsyncIterable<Buffer>,
    answer: (bytes: Buffer) => void,
  ) => Promise<void>,
): Promise<void> {
  call.on('error', () => undefined); // Seen by the iterator.
  const answer = (bytes: Buffer): void => {
    if (!call.destroyed && !call.cancelled) {
      call.write(new ByteWriter(1 + bytes.length).u8(AnswerKind.answer).raw(bytes).finish());
    }
  };
  try {
    const messages = call[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const first = await messages.next();
    if (first.done === true) {
      throw new DynakvError('BadFrame', 'Cannot read a snapshot: the stream is empty');
    }
    const incoming = new IncomingChunks(messages);
    await receive(decodeStart(first.value), incoming.read(), answer);
    if (!incoming.isComplete) {
      throw new DynakvError('Refused', 'Cannot confirm a snapshot that was not read to its end', {
        reason: 'SnapshotNotRead',
      });
    }
    call.write(received);
    call.end();
  } catch (error) {
    failCall(call, toGrpcFailure(error));
  }
}

class IncomingChunks {
  readonly #messages: AsyncIterator<Buffer>;
  #bytes = 0;
  #count = 0;
  isComplete = false;

  constructor(messages: AsyncIterator<Buffer>) {
    this.#messages = messages;
  }

  async *read(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const message = await this.#next();
      const reader = new ByteReader(message);
      const kind = reader.u8();
      if (kind === MessageKind.chunk) {
        const bytes = reader.rest();
        this.#bytes += bytes.length;
        this.#count += 1;
        yield bytes;
      } else if (kind === MessageKind.end) {
        this.#checkEnd(reader);
        this.isComplete = true;
        return;
      } else if (kind === MessageKind.failed) {
        throw new DynakvError('Unavailable', `Cannot finish the snapshot: ${reader.text()}`);
      } else {
        throw new DynakvError('BadFrame', `Cannot read a snapshot message of kind ${kind}`);
      }
    }
  }

  async #next(): Promise<Buffer> {
    try {
      const next = await this.#messages.next();
      if (next.done !== true) {
        return next.value;
      }
    } catch (error) {
      if (isDynakvError(error)) {
        throw error;
      }
      throw brokenOff(messageOf(error), error);
    }
    throw brokenOff('the stream ended early');
  }

  #checkEnd(reader: ByteReader): void {
    const bytes = reader.u64();
    const count = reader.u64();
    if (bytes !== this.#bytes || count !== this.#count) {
      throw new DynakvError(
        'BadFrame',
        `Cannot take a snapshot of ${bytes} bytes: ${this.#bytes} bytes arrived`,
      );
    }
  }
}

function brokenOff(reason: string, cause?: unknown): DynakvError {
  return new DynakvError('Unavailable', `Cannot finish the snapshot: ${reason}`, {}, cause);
}
