/**
 * Raft messages of peers into a live replica. An input is a frame of kind `raft`, delivered to a
 * replica of three, which then does its storage work; the first byte says whether it leads.
 * Messages come from replica 2 or 3, as the node checks that before (`host.ts`, `onRaftFrame`).
 *
 * Promise: whatever peers say, the replica takes it, drops it, or stops by itself; nothing is
 * thrown at the node. Its term and commit index never fall, it commits nothing that it lacks, and
 * it answers with a bounded number of messages.
 */
import { readMessages, writeMessage } from '../../../host/raft-codec.ts';
import { assert } from '../../../lib/assert.ts';
import { ByteWriter } from '../../../lib/bytes.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { Prng } from '../../../lib/prng.ts';
import { MessageType } from '../../../raft/messages.ts';
import type { Message } from '../../../raft/messages.ts';
import { newMessage } from '../../../raft/new-message.ts';
import { LoneGroup } from '../../../sim/lone-group.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { refusalOf, shapeOf } from '../fuzz-target.ts';

const messagesMax = 64;
/** Answers to one message: an append to each peer, heartbeats, and what its storage work says. */
const sentPerMessageMax = 64;

function takeMessages(frame: Buffer): readonly Message[] {
  const messages: Message[] = [];
  readMessages(frame, (_groupId, message) => {
    const from = 2 + (message.from % 2);
    messages.push({ ...message, from, to: 1 });
  });
  return messages.slice(0, messagesMax);
}

function run(input: Buffer): string {
  let messages: readonly Message[];
  try {
    messages = takeMessages(input.subarray(1));
  } catch (error) {
    return refusalOf(error, ['BadFrame']);
  }
  const lone = new LoneGroup();
  if (((input[0] ?? 0) & 1) === 1) {
    lone.lead();
  }
  const { group } = lone;
  const outcomes = new Set<string>();
  for (const message of messages) {
    const { term, commitIndex: commit } = group;
    group.step(message);
    lone.sync();
    const sent = lone.takeSent().length;
    if (lone.stoppedBy !== undefined) {
      return `stopped: ${shapeOf(messageOf(lone.stoppedBy))}`;
    }
    assert(group.term >= term, 'A term never falls');
    assert(group.commitIndex >= commit, 'A commit index never falls');
    assert(group.commitIndex <= group.lastIndex, 'Nothing is committed that is not there');
    assert(sent <= sentPerMessageMax, `One message is answered by ${sent}`);
    outcomes.add(
      `${message.type}${group.term > term ? 'T' : ''}${group.commitIndex > commit ? 'C' : ''}`,
    );
  }
  return [...outcomes].sort().slice(0, 3).join(' ');
}

const types = Object.values(MessageType).filter((type) => type !== MessageType.snap);

function generate(prng: Prng): Buffer {
  const writer = new ByteWriter().u8(prng.below(2));
  for (let left = 1 + prng.below(6); left > 0; left--) {
    const index = prng.below(4);
    const entries = Array.from({ length: prng.below(3) }, (_, at) => ({
      index: index + 1 + at,
      term: 1 + prng.below(3),
      type: prng.pick([0, 0, 0, 1, 2] as const),
      data: prng.chance(0.5) ? Buffer.from('0100', 'hex') : prng.bytes(prng.below(20)),
    }));
    const message = Object.assign(newMessage(prng.pick(types), 1), {
      from: 2 + prng.below(2),
      term: prng.below(5),
      logTerm: prng.below(3),
      index,
      commit: prng.below(5),
      entries,
      reject: prng.chance(0.2),
      rejectHint: prng.below(5),
      context: prng.chance(0.2) ? prng.bytes(8) : undefined,
    });
    writeMessage(writer, 1, message);
  }
  return writer.finish();
}

export function raftMessages(): FuzzTarget {
  return {
    generate,
    dictionary: ['\x01\x03\0\x01\x02', '\x01\x04\0', '\x01\x08\0', '\x01\x0f\x02'],
    run,
  };
}
