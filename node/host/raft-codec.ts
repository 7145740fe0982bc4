/**
 * Raft messages as bytes: what a frame of kind `raft` holds, any number of messages of any
 * groups. Entry data is a view of the frame: frames are never reused memory.
 *
 * Layout per message: group varint | type(1) | flags(1) | to | from | term | logTerm | index |
 * commit | rejectHint | [context bytes] | entry count | (term | type(1) | data bytes)… — integers
 * as varints; entry indexes follow from the message (`index` + 1 …).
 */
import { assert } from '../lib/assert.ts';
import type { ByteWriter } from '../lib/bytes.ts';
import { ByteReader, ownCopy } from '../lib/bytes.ts';
import { DynakvError } from '../lib/errors.ts';
import { EntryType, MessageType } from '../raft/messages.ts';
import type { Entry, Message } from '../raft/messages.ts';

const flagReject = 1;
const flagContext = 2;
const typeMax = Math.max(...Object.values(MessageType));
const entriesPerMessageMax = 1 << 20;
/** An entry that is a smaller part of its frame is copied out of it. */
const pinFactorMax = 4;

/** Appends one message. Snapshots never travel in frames (`snapshotter.ts`). */
export function writeMessage(writer: ByteWriter, groupId: number, message: Message): void {
  assert(message.type !== MessageType.snap, 'A snapshot does not travel in a frame');
  const flags =
    (message.reject ? flagReject : 0) | (message.context === undefined ? 0 : flagContext);
  writer
    .varint(groupId)
    .u8(message.type)
    .u8(flags)
    .varint(message.to)
    .varint(message.from)
    .varint(message.term)
    .varint(message.logTerm)
    .varint(message.index)
    .varint(message.commit)
    .varint(message.rejectHint);
  if (message.context !== undefined) {
    writer.bytes(message.context);
  }
  writer.varint(message.entries.length);
  for (const entry of message.entries) {
    if (message.type !== MessageType.app) {
      writer.varint(entry.index);
    }
    writer.varint(entry.term).u8(entry.type).bytes(entry.data);
  }
}

function readEntries(reader: ByteReader, type: MessageType, index: number): Entry[] {
  const frameBytes = reader.offset + reader.remaining;
  const count = reader.varint();
  if (count > entriesPerMessageMax) {
    throw new DynakvError('BadFrame', `Cannot read ${count} entries in one message`);
  }
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const entryIndex = type === MessageType.app ? index + 1 + i : reader.varint();
    const term = reader.varint();
    const entryType = reader.u8();
    if (entryType > EntryType.confChangeV2) {
      throw new DynakvError('BadFrame', `Cannot read an entry of type ${entryType}`);
    }
    const view = reader.bytes();
    // Kept until compaction: a small entry must not keep a large frame in memory.
    const data = view.length * pinFactorMax < frameBytes ? ownCopy(view) : view;
    entries.push({ index: entryIndex, term, type: entryType as EntryType, data });
  }
  return entries;
}

/** Reads every message of a frame and hands it to `deliver`. */
export function readMessages(
  frame: Buffer,
  deliver: (groupId: number, message: Message) => void,
): void {
  const reader = new ByteReader(frame);
  while (reader.remaining > 0) {
    const groupId = reader.varint();
    const type = reader.u8();
    if (type > typeMax || type === MessageType.snap) {
      throw new DynakvError('BadFrame', `Cannot read a raft message of type ${type}`);
    }
    const flags = reader.u8();
    const to = reader.varint();
    const from = reader.varint();
    const term = reader.varint();
    const logTerm = reader.varint();
    const index = reader.varint();
    const commit = reader.varint();
    const rejectHint = reader.varint();
    const context = (flags & flagContext) === 0 ? undefined : Buffer.from(reader.bytes());
    const entries = readEntries(reader, type as MessageType, index);
    deliver(groupId, {
      type: type as MessageType,
      to,
      from,
      term,
      logTerm,
      index,
      entries,
      commit,
      vote: 0,
      snapshot: undefined,
      reject: (flags & flagReject) !== 0,
      rejectHint,
      context,
      responses: [],
    });
  }
}
