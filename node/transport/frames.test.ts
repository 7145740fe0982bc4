/**
 * Frames through the queue and the decoder. Method: a property over random frames and sizes around
 * the limits; damaged messages never do more than throw `BadFrame`.
 */
import { crc32 } from 'node:zlib';

import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';

import { isDynakvError } from '../lib/errors.ts';
import { Prng } from '../lib/prng.ts';
import { FrameKind, type Lane } from '../sys/network.ts';
import { chunkBytes, FrameDecoder, frameBytesMax, LaneQueue, pieceBytes } from './frames.ts';

interface Frame {
  readonly kind: FrameKind;
  readonly payload: Buffer;
}

const kindArbitrary = fc.constantFrom<FrameKind>(...Object.values(FrameKind));
const sizeArbitrary = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: pieceBytes - 6, max: pieceBytes + 6 }),
  fc.integer({ min: 2 * pieceBytes - 6, max: 4 * pieceBytes }),
);
const frameArbitrary = fc
  .record({ kind: kindArbitrary, size: sizeArbitrary, seed: fc.nat() })
  .map(({ kind, size, seed }): Frame => ({ kind, payload: Buffer.alloc(size, `${seed},`) }));

function queueOf(lane: Lane, frames: readonly Frame[]): LaneQueue {
  const queue = new LaneQueue(lane);
  for (const { kind, payload } of frames) {
    queue.append(kind, payload);
  }
  return queue;
}

function messagesOf(queue: LaneQueue): Buffer[] {
  const messages: Buffer[] = [];
  for (let message = queue.take(); message !== undefined; message = queue.take()) {
    messages.push(message);
  }
  return messages;
}

describe('LaneQueue and FrameDecoder', () => {
  test('carry any frames, both lanes interleaved by message, each in order', () => {
    fc.assert(
      fc.property(
        fc.array(frameArbitrary, { maxLength: 12 }),
        fc.array(frameArbitrary, { maxLength: 12 }),
        fc.nat(),
        (urgent, bulk, seed) => {
          const lanes = [messagesOf(queueOf('urgent', urgent)), messagesOf(queueOf('bulk', bulk))];
          const random = new Prng(seed);
          const seen: Frame[] = [];
          const decoder = new FrameDecoder((kind, payload) => seen.push({ kind, payload }));
          while (lanes.some((lane) => lane.length > 0)) {
            const message = random.pick(lanes.filter((lane) => lane.length > 0)).shift();
            expect(message?.length).toBeLessThanOrEqual(chunkBytes);
            decoder.decode(message ?? Buffer.alloc(0));
          }
          const textOf = (frame: Frame): string =>
            `${frame.kind} ${frame.payload.length} ${crc32(frame.payload)}`;
          const sorted = (frames: readonly Frame[]): string[] => frames.map(textOf).sort();
          expect(sorted(seen)).toEqual(sorted([...urgent, ...bulk]));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('keep the order within a lane', () => {
    const frames = Array.from({ length: 5000 }, (_, i): Frame => {
      return { kind: FrameKind.raft, payload: Buffer.from(`${i}`) };
    });
    const seen: string[] = [];
    const decoder = new FrameDecoder((_kind, payload) => seen.push(payload.toString()));
    for (const message of messagesOf(queueOf('bulk', frames))) {
      decoder.decode(message);
    }
    expect(seen).toEqual(frames.map(({ payload }) => payload.toString()));
  });

  test('count the bytes that wait, and never write memory that was handed out', () => {
    const queue = new LaneQueue('bulk');
    queue.append(FrameKind.raft, Buffer.from('first'));
    expect(queue.bytes).toBe(10);
    const message = queue.take();
    expect(queue.bytes).toBe(0);
    const copy = Buffer.from(message ?? '');
    for (let i = 0; i < 100; i++) {
      queue.append(FrameKind.reply, Buffer.alloc(5000, 'z'));
    }
    expect(message?.equals(copy)).toBe(true);
    queue.clear();
    expect(queue.bytes).toBe(0);
    expect(queue.take()).toBeUndefined();
  });

  test('refuse a frame above the limit at the source', () => {
    expect(() => {
      new LaneQueue('bulk').append(FrameKind.raft, { length: frameBytesMax + 1 } as Uint8Array);
    }).toThrow(/must not exceed/);
  });
});

describe('FrameDecoder', () => {
  test.each<[string, string]>([
    ['a header cut short', '010300'],
    ['a payload cut short', '0103000000aabb'],
    ['an unknown kind', '0900000000'],
    ['kind 0', '0000000000'],
    ['a piece of no frame', '8001000000aa'],
    ['a first piece without its header', 'c001000000aa'],
    ['a frame that claims too much', 'c00500000001ffffffff'],
    ['a piece of an unknown kind', 'c0060000000905000000aa'],
    ['a frame begun inside another', 'c0060000000105000000aac0060000000105000000aa'],
    ['more pieces than the frame holds', 'c0060000000102000000aa8002000000bbcc'],
  ])('refuses %s', (_name, hex) => {
    const decoder = new FrameDecoder(() => undefined);
    expect(() => {
      decoder.decode(Buffer.from(hex, 'hex'));
    }).toThrow(/Cannot read a message of frames/);
  });

  test('throws nothing but BadFrame for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          new FrameDecoder(() => undefined).decode(Buffer.from(bytes));
        } catch (error) {
          expect(isDynakvError(error, 'BadFrame')).toBe(true);
        }
      }),
    );
  });
});
