/**
 * Messages of the peer stream, taken apart as a node does it: frames, then the raft messages,
 * liveness frames, requests and replies in them. An input is a run of messages, each behind its
 * length in two bytes; the first byte says whether the run is one lane's or whole payloads.
 *
 * Promise: every message is understood or refused as `BadFrame`; what was understood, written
 * again, is understood the same.
 */
import { deepStrictEqual } from 'node:assert';
import { readLivenessFrame, writeLivenessFrame } from '../../../host/liveness-frames.ts';
import { readMessages, writeMessage } from '../../../host/raft-codec.ts';
import { ByteWriter } from '../../../lib/bytes.ts';
import type { Prng } from '../../../lib/prng.ts';
import type { Message } from '../../../raft/messages.ts';
import { MessageType } from '../../../raft/messages.ts';
import { newMessage } from '../../../raft/new-message.ts';
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
} from '../../../router/command-codec.ts';
import type { AnyCommand, AnyReply } from '../../../router/command-codec.ts';
import { FrameKind } from '../../../sys/network.ts';
import { FrameDecoder, LaneQueue } from '../../../transport/frames.ts';
import { DynakvError } from '../../../lib/errors.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { refusalOf } from '../fuzz-target.ts';

const lengthBytes = 2;
const messageBytesMax = 0xffff;

/** The payload of one frame; returns a word on what it was. */
function readPayload(kind: FrameKind, payload: Buffer): string {
  switch (kind) {
    case FrameKind.raft: {
      const types = new Set<number>();
      const writer = new ByteWriter();
      const seen: (readonly [number, Message])[] = [];
      readMessages(payload, (groupId, message) => {
        types.add(message.type);
        seen.push([groupId, message]);
        writeMessage(writer, groupId, message);
      });
      const again: (readonly [number, Message])[] = [];
      readMessages(writer.finish(), (groupId, message) => again.push([groupId, message]));
      deepStrictEqual(again, seen);
      return `raft ${[...types].sort((a, b) => a - b).join(' ')}`;
    }
    case FrameKind.liveness: {
      const frame = readLivenessFrame(payload);
      // A longer reason is cut when it is written.
      if (frame.kind !== 'quarantined') {
        deepStrictEqual(readLivenessFrame(writeLivenessFrame(frame)), frame);
      }
      return frame.kind;
    }
    case FrameKind.request: {
      const request = decodeRequest(payload);
      deepStrictEqual(decodeRequest(encodeRequest(request)), request);
      return `request ${request.command.kind}`;
    }
    case FrameKind.reply: {
      const { id, error, reply } = decodeReply(payload);
      const again = decodeReply(encodeReply(id, error, reply));
      deepStrictEqual([again.id, again.error?.code, again.reply], [id, error?.code, reply]);
      return `reply ${error?.code ?? reply?.kind ?? ''}`;
    }
  }
}

function splitMessages(input: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + lengthBytes <= input.length;) {
    const from = at + lengthBytes;
    at = from + input.readUInt16LE(at);
    messages.push(input.subarray(from, at));
  }
  return messages;
}

function joinMessages(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt16LE(Math.min(messageBytesMax, message.length));
      return [length, message.subarray(0, messageBytesMax)];
    }),
  );
}

function run(input: Buffer): string {
  const words: string[] = [];
  const decoder = new FrameDecoder((kind, payload) => {
    // As the node does: one bad payload does not end the stream.
    try {
      words.push(readPayload(kind, payload));
    } catch (error) {
      words.push(refusalOf(error, ['BadFrame']));
    }
  });
  try {
    for (const message of splitMessages(input)) {
      decoder.decode(message);
    }
  } catch (error) {
    words.push(refusalOf(error, ['BadFrame']));
  }
  return words.slice(0, 4).join(', ');
}

function drawRaftMessage(prng: Prng): Buffer {
  const writer = new ByteWriter();
  for (let left = 1 + prng.below(3); left > 0; left--) {
    const type = prng.pick(Object.values(MessageType).filter((each) => each !== MessageType.snap));
    const index = prng.below(100);
    const entries = Array.from({ length: prng.below(3) }, (_, at) => ({
      index: index + 1 + at,
      term: 1 + prng.below(5),
      type: prng.pick([0, 1, 2] as const),
      data: prng.bytes(prng.below(40)),
    }));
    const message = Object.assign(newMessage(type, prng.below(5)), {
      from: prng.below(5),
      term: prng.below(9),
      logTerm: prng.below(9),
      index,
      commit: prng.below(100),
      entries,
      reject: prng.chance(0.2),
      rejectHint: prng.below(50),
      context: prng.chance(0.2) ? prng.bytes(8) : undefined,
    });
    writeMessage(writer, 1 + prng.below(9), message);
  }
  return writer.finish();
}

const commands: readonly AnyCommand[] = [
  {
    kind: 'get',
    tableId: 1,
    schemaVersion: 1,
    hash: 7,
    rowKey: Buffer.from('00000001000000076100', 'hex'),
    consistent: true,
  },
  {
    kind: 'put',
    tableId: 1,
    schemaVersion: 1,
    hash: 7,
    rowKey: Buffer.from('k'),
    item: Buffer.from('{"id":{"S":"a"}}'),
    itemSize: 3,
    returns: 'old',
    returnOldOnFailure: true,
    condition: undefined,
    precondition: { match: ['1-2-0'], noneMatch: undefined },
  },
  {
    kind: 'delete',
    tableId: 1,
    schemaVersion: 1,
    hash: 7,
    rowKey: Buffer.from('k'),
    returns: 'nothing',
    returnOldOnFailure: false,
    condition: { kind: 'exists', path: ['id'], negated: false } as never,
    precondition: undefined,
  },
  { kind: 'schema', row: { tableId: 4, version: 1, state: 'live' } },
  { kind: 'system', body: { kind: 'listTables', after: 'a', limit: 3 }, reads: true },
  { kind: 'describe', confirmed: true },
  { kind: 'transfer', to: 2 },
  { kind: 'survey', after: 0 },
  { kind: 'whereabouts' },
];

const replies: readonly AnyReply[] = [
  { kind: 'got', found: { version: '1-5-0', itemSize: 3, item: Buffer.from('{}') } },
  { kind: 'got', found: undefined },
  { kind: 'written', version: '1-6-0', existed: true, old: undefined },
  { kind: 'conditionFailed', old: undefined },
  { kind: 'preconditionFailed', version: '1-6-0' },
  { kind: 'system', body: { kind: 'done' } },
  {
    kind: 'found',
    index: 7,
    members: [{ nodeId: 1, address: 'n1:7000', storeId: 'a' }],
    systemReplicas: [{ replicaId: 1, nodeId: 1 }],
  },
];

function drawPayload(prng: Prng): readonly [FrameKind, Buffer] {
  switch (prng.below(4)) {
    case 0:
      return [FrameKind.raft, drawRaftMessage(prng)];
    case 1: {
      const terms = { groupId: prng.below(99), term: prng.below(9), commit: prng.below(999) };
      const facts = {
        ...{ featureVersionMax: 1, freeBytes: 5, usedBytes: 6, snapshotBytesSent: 7 },
        stopping: prng.chance(0.5),
      };
      const frame = prng.pick([
        { kind: 'beat', wallMs: 1_700_000_000_000 + prng.below(1000), facts },
        { kind: 'sleep', terms },
        { kind: 'agree', terms },
        { kind: 'quarantined', reason: 'the disk failed' },
      ] as const);
      return [FrameKind.liveness, writeLivenessFrame(frame)];
    }
    case 2: {
      const head = { id: prng.below(999), deadlineLeftMs: 5_000, groupId: prng.below(9) };
      return [FrameKind.request, encodeRequest({ ...head, command: prng.pick(commands) })];
    }
    default: {
      const error = new DynakvError('NotLeader', 'Not the leader', { leader: 2 });
      return [
        FrameKind.reply,
        prng.chance(0.3)
          ? encodeReply(prng.below(99), error, undefined)
          : encodeReply(prng.below(99), undefined, prng.pick(replies)),
      ];
    }
  }
}

function generate(prng: Prng): Buffer {
  const queue = new LaneQueue(prng.chance(0.5) ? 'urgent' : 'bulk');
  for (let left = 1 + prng.below(4); left > 0; left--) {
    const [kind, payload] = drawPayload(prng);
    queue.append(kind, payload);
  }
  const messages: Buffer[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) {
    messages.push(next);
  }
  return joinMessages(messages);
}

const dictionary = [
  ...['\x01', '\x02', '\x03', '\x04', '\x80', '\xc0', '\xe0', '\xa0', '\xc0\x06\x00\x00\x00\x01'],
  ...['"kind":"get"', '"kind":"put"', '"kind":"schema"', '"kind":"configure"', '"changes":[]'],
  ...['"row":{}', '"state":"live"', '"to":1', '"after":0', '"condition":{}', 'null', '{}', '[]'],
  ...['"kind":"found"', '"members":[{}]', '"kind":"whereabouts"', '"systemReplicas":[]'],
  ...['__proto__', '"kind":"surveyed"', '"groups":[null]', '"kind":"described"', '"facts":{}'],
];

export function peerFrames(): FuzzTarget {
  return { generate, dictionary, run };
}
