/**
 * Frames into messages and back (node/docs/wire-format.md): the two-lane queue of one peer and the
 * decoder of its other end. No gRPC here.
 *
 * A message is a run of frames, each `type(1) length(4) payload`. A frame above `pieceBytes`
 * travels as pieces of its lane, so that an urgent frame never waits behind the whole of it.
 *
 * Invariant: memory handed out by `take` is never written again; a chunk's unused tail only
 * serves later messages. No object is made per frame.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import { kibibyte, mebibyte } from '../lib/units.ts';
import { FrameKind, type Lane } from '../sys/network.ts';

/** Payload bytes of the largest frame. */
export const frameBytesMax = 32 * mebibyte;
/** Payload bytes above which a frame is cut into pieces, and of the largest piece. */
export const pieceBytes = 64 * kibibyte;
/** Memory allocated at a time; also the largest message. */
export const chunkBytes = 128 * kibibyte;

const headerBytes = 5;
/** Before the payload of the first piece: the frame's kind and whole length. */
const beginBytes = 5;

/** Types above the frame kinds: piece | first of its frame | of the urgent lane. */
const pieceFlag = 0x80;
const beginFlag = 0x40;
const urgentFlag = 0x20;

const frameKinds: ReadonlySet<number> = new Set(Object.values(FrameKind));

/** One lane's queue: appends into bump-allocated memory, hands out messages. */
export class LaneQueue {
  readonly #laneFlag: number;
  #chunk: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #sealed: Buffer[] = [];
  #bytes = 0;

  constructor(lane: Lane) {
    this.#laneFlag = lane === 'urgent' ? urgentFlag : 0;
  }

  /** Bytes waiting, headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies a frame in. */
  append(kind: FrameKind, payload: Uint8Array): void {
    const length = payload.length;
    assert(length <= frameBytesMax, `A frame must not exceed ${frameBytesMax} bytes: ${length}`);
    if (length <= pieceBytes) {
      this.#copy(this.#header(kind, length), payload, 0, length);
      return;
    }
    let from = Math.min(length, pieceBytes - beginBytes);
    const offset = this.#header(pieceFlag | beginFlag | this.#laneFlag, beginBytes + from);
    this.#chunk[offset] = kind;
    this.#chunk.writeUInt32LE(length, offset + 1);
    this.#copy(offset + beginBytes, payload, 0, from);
    while (from < length) {
      const to = Math.min(length, from + pieceBytes);
      this.#copy(this.#header(pieceFlag | this.#laneFlag, to - from), payload, from, to);
      from = to;
    }
  }

  /** The next message, or undefined. */
  take(): Buffer | undefined {
    if (this.#sealed.length === 0) {
      this.#seal();
    }
    const message = this.#sealed.shift();
    this.#bytes -= message?.length ?? 0;
    return message;
  }

  clear(): void {
    this.#sealed = [];
    this.#start = this.#end;
    this.#bytes = 0;
  }

  /** Makes room, writes a frame header, and returns where the payload goes. */
  #header(type: number, length: number): number {
    const needed = headerBytes + length;
    if (this.#end + needed > this.#chunk.length) {
      this.#seal();
      this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
      this.#start = 0;
      this.#end = 0;
    }
    const offset = this.#end;
    this.#chunk[offset] = type;
    this.#chunk.writeUInt32LE(length, offset + 1);
    this.#end = offset + needed;
    this.#bytes += needed;
    return offset + headerBytes;
  }

  #copy(offset: number, payload: Uint8Array, from: number, to: number): void {
    const whole = from === 0 && to === payload.length;
    this.#chunk.set(whole ? payload : payload.subarray(from, to), offset);
  }

  #seal(): void {
    if (this.#end > this.#start) {
      this.#sealed.push(this.#chunk.subarray(this.#start, this.#end));
      this.#start = this.#end;
    }
  }
}

interface Assembly {
  readonly kind: FrameKind;
  readonly bytes: Buffer;
  filled: number;
}

/** Takes messages apart. One per incoming stream. */
export class FrameDecoder {
  readonly #deliver: (kind: FrameKind, payload: Buffer) => void;
  #urgent: Assembly | undefined;
  #bulk: Assembly | undefined;

  /** `payload` is a view of its message (whose memory is never written again). */
  constructor(deliver: (kind: FrameKind, payload: Buffer) => void) {
    this.#deliver = deliver;
  }

  /** Delivers the frames that `message` completes. Throws `BadFrame`; the stream is then void. */
  decode(message: Buffer): void {
    let offset = 0;
    while (offset < message.length) {
      if (message.length - offset < headerBytes) {
        throw badFrame(`${message.length - offset} bytes are left for a header`);
      }
      const type = message.readUInt8(offset);
      const length = message.readUInt32LE(offset + 1);
      const from = offset + headerBytes;
      const to = from + length;
      if (to > message.length) {
        throw badFrame(`a frame of ${length} bytes has ${message.length - from}`);
      }
      offset = to;
      if (type >= pieceFlag) {
        this.#piece(type, message.subarray(from, to));
      } else {
        this.#deliver(kindOf(type), message.subarray(from, to));
      }
    }
  }

  #piece(type: number, payload: Buffer): void {
    const isUrgent = (type & urgentFlag) !== 0;
    let assembly = isUrgent ? this.#urgent : this.#bulk;
    let bytes = payload;
    if ((type & beginFlag) !== 0) {
      if (assembly !== undefined || payload.length < beginBytes) {
        throw badFrame('a piece begins a frame inside another');
      }
      const total = payload.readUInt32LE(1);
      if (total > frameBytesMax) {
        throw badFrame(`a frame of ${total} bytes exceeds ${frameBytesMax}`);
      }
      assembly = {
        kind: kindOf(payload.readUInt8(0)),
        bytes: Buffer.allocUnsafeSlow(total),
        filled: 0,
      };
      bytes = payload.subarray(beginBytes);
    }
    if (assembly === undefined || assembly.filled + bytes.length > assembly.bytes.length) {
      throw badFrame('a piece fits no frame');
    }
    assembly.bytes.set(bytes, assembly.filled);
    assembly.filled += bytes.length;
    const done = assembly.filled === assembly.bytes.length;
    if (isUrgent) {
      this.#urgent = done ? undefined : assembly;
    } else {
      this.#bulk = done ? undefined : assembly;
    }
    if (done) {
      this.#deliver(assembly.kind, assembly.bytes);
    }
  }
}

function kindOf(type: number): FrameKind {
  if (!frameKinds.has(type)) {
    throw badFrame(`kind ${type} is unknown`);
  }
  return type as FrameKind;
}

function badFrame(what: string): DynakvError {
  return new DynakvError('BadFrame', `Cannot read a message of frames: ${what}`);
}
