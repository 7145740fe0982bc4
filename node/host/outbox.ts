/**
 * Raft messages of one turn, gathered into one frame per peer and lane. Appends go by the bulk
 * lane, everything else by the urgent one: votes, heartbeats and ReadIndex never wait behind
 * data (design §3.4).
 */
import { ByteWriter } from '../lib/bytes.ts';
import { MessageType } from '../raft/messages.ts';
import type { Message } from '../raft/messages.ts';
import { FrameKind } from '../sys/network.ts';
import type { Lane, Network, NodeId } from '../sys/network.ts';
import { writeMessage } from './raft-codec.ts';

/** A frame is closed beyond this size; a single message may be larger. */
const frameBytesSoftMax = 256 * 1024;

interface Frames {
  urgent: ByteWriter | undefined;
  bulk: ByteWriter | undefined;
}

export class Outbox {
  readonly #network: Network;
  readonly #frames = new Map<NodeId, Frames>();
  /** Messages that the network would not take. */
  dropped = 0;

  constructor(network: Network) {
    this.#network = network;
  }

  add(to: NodeId, groupId: number, message: Message): void {
    let frames = this.#frames.get(to);
    if (frames === undefined) {
      frames = { urgent: undefined, bulk: undefined };
      this.#frames.set(to, frames);
    }
    const lane: Lane = message.type === MessageType.app ? 'bulk' : 'urgent';
    const writer = (frames[lane] ??= new ByteWriter(1024));
    writeMessage(writer, groupId, message);
    if (writer.length >= frameBytesSoftMax) {
      this.#send(to, frames, lane);
    }
  }

  #send(to: NodeId, frames: Frames, lane: Lane): void {
    const writer = frames[lane];
    if (writer !== undefined) {
      frames[lane] = undefined;
      if (!this.#network.send(to, lane, FrameKind.raft, writer.finish())) {
        this.dropped += 1;
      }
    }
  }

  flush(): void {
    for (const [to, frames] of this.#frames) {
      this.#send(to, frames, 'urgent');
      this.#send(to, frames, 'bulk');
    }
  }
}
