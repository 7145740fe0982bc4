/**
 * Goal: the host takes a Raft message only from the node where its sender lives, for the replica
 * that is here. Method: a simulated cluster at rest, forged frames handed to one host.
 */
import { describe, expect, test } from '@jest/globals';
import { must } from '../lib/assert.ts';
import { ByteWriter } from '../lib/bytes.ts';
import { MessageType } from '../raft/messages.ts';
import type { Message } from '../raft/messages.ts';
import { newMessage } from '../raft/new-message.ts';
import { SimCluster } from '../sim/cluster.ts';
import { writeMessage } from './raft-codec.ts';

function frame(groupId: number, message: Message): Buffer {
  const writer = new ByteWriter();
  writeMessage(writer, groupId, message);
  return writer.finish();
}

describe('Host.onRaftFrame()', () => {
  test('drops what is for another replica, or from a node that does not hold the sender', async () => {
    const cluster = new SimCluster({ seed: 5, nodes: 3, shards: 1 });
    await cluster.start();
    await cluster.scheduler.runFor(500);
    const { host } = must(cluster.core(1));
    const group = must(host.groups.get(1));
    const [sender, senderNode] = must([...group.nodes].find(([id]) => id !== group.replicaId));
    const otherNode = must([2, 3].find((nodeId) => nodeId !== senderNode));
    const { term } = group;
    const higher = (to: number): Message => {
      const message = newMessage(MessageType.appResp, to);
      message.from = sender;
      message.term = term + 5;
      return message;
    };
    host.onRaftFrame(senderNode, frame(1, higher(group.replicaId + 40)));
    host.onRaftFrame(otherNode, frame(1, higher(group.replicaId)));
    host.onRaftFrame(9, frame(1, higher(group.replicaId)));
    host.onRaftFrame(senderNode, frame(77, higher(group.replicaId)));
    expect(group.term).toBe(term);
    host.onRaftFrame(senderNode, frame(1, higher(group.replicaId)));
    expect(group.term).toBe(term + 5);
  });
});
