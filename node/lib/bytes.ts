/**
 * A growing writer and a bounds-checked reader for the binary formats (frames, rows, log
 * records). Little-endian; integers up to 2^53 travel as unsigned LEB128 varints or u64.
 * A reader never reads past its end: bad bytes are a `BadFrame` error, not a crash.
 */
import { assert } from './assert.ts';
import { DynakvError } from './errors.ts';

const initialCapacityBytes = 256;

/**
 * A copy with memory of its own: for what is kept long. `Buffer.from` takes small copies out of a
 * shared slab, which one of them that stays alive would keep whole.
 */
export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacityBytes = initialCapacityBytes) {
    this.#buffer = Buffer.allocUnsafeSlow(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** Makes room for `count` bytes and returns their offset. */
  #grow(count: number): number {
    const offset = this.#length;
    const needed = offset + count;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, offset);
      this.#buffer = larger;
    }
    this.#length = needed;
    return offset;
  }

  u8(value: number): this {
    const offset = this.#grow(1);
    this.#buffer[offset] = value;
    return this;
  }

  u32(value: number): this {
    const offset = this.#grow(4);
    this.#buffer.writeUInt32LE(value, offset);
    return this;
  }

  /** An integer of 0 … 2^53−1 in eight bytes. */
  u64(value: number): this {
    const offset = this.#grow(8);
    this.#buffer.writeUInt32LE(value % 0x1_0000_0000, offset);
    this.#buffer.writeUInt32LE(Math.floor(value / 0x1_0000_0000), offset + 4);
    return this;
  }

  /** An integer of 0 … 2^53−1, one byte below 128. */
  varint(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, 'A varint must be a safe integer');
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }

  raw(bytes: Uint8Array): this {
    const offset = this.#grow(bytes.length);
    this.#buffer.set(bytes, offset);
    return this;
  }

  /** Bytes behind their length. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** UTF-8 text behind its length. */
  text(text: string): this {
    return this.bytes(Buffer.from(text, 'utf8'));
  }

  zeros(count: number): this {
    const offset = this.#grow(count);
    this.#buffer.fill(0, offset, offset + count);
    return this;
  }

  /** Overwrites four bytes written before. */
  patchU32(offset: number, value: number): void {
    assert(offset + 4 <= this.#length);
    this.#buffer.writeUInt32LE(value, offset);
  }

  /** What was written so far, as a view: good until the next write or `clear`. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Forgets what was written and keeps the memory, unless it is above `capacityBytesMax`. */
  clear(capacityBytesMax = Infinity): void {
    this.#length = 0;
    if (this.#buffer.length > capacityBytesMax) {
      this.#buffer = Buffer.allocUnsafeSlow(initialCapacityBytes);
    }
  }

  /** What was written. The writer must not be used afterwards: the memory is handed over. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

export class ByteReader {
  readonly #buffer: Buffer;
  #offset: number;
  readonly #end: number;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = 0;
    this.#end = this.#buffer.length;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  get offset(): number {
    return this.#offset;
  }

  #take(count: number): number {
    const offset = this.#offset;
    if (count > this.#end - offset) {
      throw new DynakvError(
        'BadFrame',
        `Cannot read ${count} bytes at offset ${offset}: ${this.#end - offset} bytes are left`,
      );
    }
    this.#offset = offset + count;
    return offset;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  u32(): number {
    return this.#buffer.readUInt32LE(this.#take(4));
  }

  u64(): number {
    const offset = this.#take(8);
    const high = this.#buffer.readUInt32LE(offset + 4);
    if (high > 0x1f_ffff) {
      throw new DynakvError('BadFrame', `Cannot read a number above 2^53 at offset ${offset}`);
    }
    return high * 0x1_0000_0000 + this.#buffer.readUInt32LE(offset);
  }

  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) {
          break;
        }
        return value;
      }
      scale *= 0x80;
    }
    throw new DynakvError('BadFrame', `Cannot read a varint above 2^53 at ${this.#offset}`);
  }

  /** A view of the next `count` bytes (not a copy). */
  raw(count: number): Buffer {
    const offset = this.#take(count);
    return this.#buffer.subarray(offset, offset + count);
  }

  /** A view of bytes behind their length (not a copy). */
  bytes(): Buffer {
    return this.raw(this.varint());
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  /** All that is left. */
  rest(): Buffer {
    return this.raw(this.remaining);
  }

  expectEnd(): void {
    if (this.remaining !== 0) {
      throw new DynakvError('BadFrame', `Expected the end: ${this.remaining} bytes are left`);
    }
  }
}
