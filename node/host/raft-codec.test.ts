/** Raft frames: what is written is read; any other bytes are a `BadFrame` and nothing else. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteWriter } from '../lib/bytes.ts';
import { isDynakvError } from '../lib/errors.ts';
import { EntryType, MessageType } from '../raft/messages.ts';
import type { Message } from '../raft/messages.ts';
import { readMessages, writeMessage } from './raft-codec.ts';

const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const data = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const types = Object.values(MessageType).filter((type) => type !== MessageType.snap);

const message: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom(...types),
    to: whole,
    from: whole,
    term: whole,
    logTerm: whole,
    index: fc.nat({ max: 1_000_000 }),
    commit: whole,
    rejectHint: whole,
    reject: fc.boolean(),
    context: fc.option(data, { nil: undefined }),
    entries: fc.array(
      fc.record({ index: whole, term: whole, type: fc.constantFrom(0, 1, 2), data }),
      { maxLength: 5 },
    ),
  })
  .map((fields) => ({
    ...fields,
    vote: 0,
    snapshot: undefined,
    responses: [],
    entries: fields.entries.map((entry, i) => ({
      ...entry,
      index: fields.type === MessageType.app ? fields.index + 1 + i : entry.index,
    })),
  }));

function readAll(frame: Buffer): [number, Message][] {
  const found: [number, Message][] = [];
  readMessages(frame, (groupId, read) => found.push([groupId, read]));
  return found;
}

describe('raft-codec', () => {
  test('a frame of any messages reads as it was written', () => {
    const sent = fc.array(fc.tuple(fc.nat({ max: 70_000 }), message), { maxLength: 6 });
    fc.assert(
      fc.property(sent, (messages) => {
        const writer = new ByteWriter();
        for (const [groupId, one] of messages) {
          writeMessage(writer, groupId, one);
        }
        expect(readAll(Buffer.from(writer.finish()))).toEqual(messages);
      }),
    );
  });

  test('random bytes, and damaged frames, give BadFrame only', () => {
    const damaged = fc.tuple(message, fc.nat(), fc.nat({ max: 255 })).map(([one, at, value]) => {
      const writer = new ByteWriter();
      writeMessage(writer, 7, one);
      const frame = Buffer.from(writer.finish());
      frame[at % frame.length] = value;
      return frame.subarray(0, value % 2 === 0 ? frame.length : at % frame.length);
    });
    const random = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, random), (frame) => {
        try {
          readAll(frame);
        } catch (error) {
          expect(isDynakvError(error, 'BadFrame')).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('a snapshot message neither is written nor read', () => {
    const one = fc.sample(message, 1)[0] as Message;
    expect(() => {
      writeMessage(new ByteWriter(), 1, { ...one, type: MessageType.snap });
    }).toThrow('snapshot');
    const writer = new ByteWriter();
    writeMessage(writer, 1, { ...one, type: MessageType.app, entries: [] });
    const frame = Buffer.from(writer.finish());
    frame[1] = MessageType.snap;
    expect(() => readAll(frame)).toThrow('type 7');
  });

  test('an entry of an unknown type is refused', () => {
    const writer = new ByteWriter();
    writer.varint(1).u8(MessageType.app).u8(0);
    for (let i = 0; i < 7; i++) {
      writer.varint(1);
    }
    writer
      .varint(1)
      .varint(1)
      .u8(EntryType.confChangeV2 + 1)
      .bytes(Buffer.alloc(0));
    expect(() => readAll(Buffer.from(writer.finish()))).toThrow('entry of type');
  });
});
