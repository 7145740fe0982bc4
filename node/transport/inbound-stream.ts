/**
 * A stream that another node opened: its hello comes in, our reply and frames go out, and nothing
 * else comes in. What cannot get past this: a message that is no hello, a hello that does not come
 * in time, a second message. Each ends the stream with a named reason.
 */
import type { ServerDuplexStream, ServerErrorResponse } from '@grpc/grpc-js';

import type { DynakvError } from '../lib/errors.ts';
import type { Timers } from '../sys/clock.ts';
import type { NodeId } from '../sys/network.ts';
import { refusalOf, toGrpcFailure, type GrpcFailure } from './grpc-status.ts';
import { helloRefusals, type HelloRefusal } from './hello.ts';

/** From the opening of a stream to its hello. */
const helloTimeoutMs = 5_000;

export type ServerByteStream = ServerDuplexStream<Buffer, Buffer>;

/** Ends a call with a status. */
export function failCall(call: ServerByteStream, failure: GrpcFailure): void {
  if (!call.destroyed && !call.cancelled) {
    const error: ServerErrorResponse = Object.assign(new Error(failure.details), failure);
    call.emit('error', error);
  }
}

export class InboundStream {
  readonly #call: ServerByteStream;
  readonly #onEnd: (stream: InboundStream) => void;
  #nodeId: NodeId = 0;
  #bootId = '';
  #ended = false;
  #refused = false;

  /** Waits for the hello and hands it to `onHello`, once. */
  constructor(
    call: ServerByteStream,
    timers: Timers,
    handlers: {
      readonly onHello: (stream: InboundStream, hello: Buffer) => void;
      readonly onEnd: (stream: InboundStream) => void;
    },
  ) {
    this.#call = call;
    this.#onEnd = handlers.onEnd;
    const timeout = timers.after(helloTimeoutMs, () => {
      this.refuse('Malformed', `no hello within ${helloTimeoutMs} ms`);
    });
    call.once('data', (hello: Buffer) => {
      timeout.cancel();
      // Reading on also notices the end.
      call.on('data', () => {
        this.refuse('Malformed', 'a message followed it');
      });
      handlers.onHello(this, hello);
    });
    const end = (): void => {
      timeout.cancel();
      this.#end();
    };
    call.on('cancelled', end);
    call.on('error', end);
    call.on('close', end);
    call.on('end', () => {
      end();
      if (!call.destroyed) {
        call.end();
      }
    });
  }

  /** 0 before `accept`. */
  get nodeId(): NodeId {
    return this.#nodeId;
  }

  /** Empty before `accept`. */
  get bootId(): string {
    return this.#bootId;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Answers the hello. */
  accept(options: {
    readonly nodeId: NodeId;
    readonly bootId: string;
    readonly reply: Buffer;
  }): void {
    this.#nodeId = options.nodeId;
    this.#bootId = options.bootId;
    this.#call.write(options.reply);
  }

  /** Sends a message; `onWritten` is called when the connection took it. */
  write(message: Buffer, onWritten: () => void): void {
    this.#call.write(message, onWritten);
  }

  refuse(reason: HelloRefusal, facts: string): void {
    if (this.#refused) {
      return;
    }
    this.#refused = true;
    const message = `Cannot go on with the stream as ${helloRefusals[reason]}: ${facts}`;
    failCall(this.#call, refusalOf(reason, message));
  }

  /** Ends the stream for an error thrown while judging the hello. */
  fail(error: DynakvError): void {
    this.#refused = true;
    failCall(this.#call, toGrpcFailure(error));
  }

  #end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#onEnd(this);
    }
  }
}
