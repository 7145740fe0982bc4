/**
 * The hello: what two nodes tell each other before frames flow, and the judgement on it.
 *
 * `judgeHello` is pure; both sides call it, the one that was called on the hello and the caller on
 * the reply. It refuses another cluster, a node that is not the one meant, a disk that was
 * replaced, rolled back or cloned, and a version that cannot be spoken.
 *
 * Rolled-back disks: each boot of a store makes a random nonce, durable before its first hello,
 * and the hello carries their history. Whoever saw nonce n last accepts only a history that holds
 * n: a disk restored to an earlier state, or a copy of it, has forgotten n. The durable log
 * position must not be behind the highest reported. A disk rolled back to a moment within its
 * current boot, after a full restart, can be caught by the position only (best effort).
 *
 * Invariant: what was accepted is in `PeerMemory`, durably, before frames flow.
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';

import {
  HelloReplySchema,
  HelloSchema,
  type Hello as HelloMessage,
} from '../contract/gen/peer_pb.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { NodeId } from '../sys/network.ts';

/** The protocol versions this program speaks, inclusive. */
export const protocolVersionMin = 1;
export const protocolVersionMax = 1;
/** Boots a history may name: beyond it the oldest are forgotten by the store's owner. */
export const bootNoncesMax = 1024;
/** Text fields of a hello, characters. */
const helloTextMax = 256;

/** What a node says of itself; `bootNonces` oldest first, its last names this boot. */
export interface LocalIdentity {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly storeId: string;
  readonly bootNonces: readonly string[];
  /** Only grows while the store lives; everything below it is durable in the log. ≤ 2^53−1. */
  readonly logPosition: number;
  /** Where it wants to be reached from now on, `host:port`; absent: as known. */
  readonly address?: string | undefined;
}

export interface Hello extends LocalIdentity {
  /** Whom the speaker means to have reached. */
  readonly toNodeId: NodeId;
  readonly protocolVersionMin: number;
  readonly protocolVersionMax: number;
}

/** What was last accepted of a peer. */
export interface PeerRecord {
  readonly storeId: string;
  readonly bootNonce: string;
  /** The highest position it ever reported. */
  readonly logPosition: number;
  /** The peer said that this store failed, and why: it is never let in again (design §4). */
  readonly quarantined?: string | undefined;
}

/** What this node saw of its peers; kept durably by the caller. */
export interface PeerMemory {
  get(nodeId: NodeId): PeerRecord | undefined;
  /** Resolves when the record is durable. */
  put(nodeId: NodeId, record: PeerRecord): Promise<void>;
}

/** Why a hello is refused: stable names, in the `reason` metadata. */
export const helloRefusals = {
  Malformed: 'the hello cannot be understood',
  NotInitialized: 'this node belongs to no cluster yet',
  WrongCluster: 'the nodes belong to different clusters',
  WrongNode: 'the node reached is not the one meant',
  UnknownNode: 'the node is not a peer of this one',
  OtherStore: 'the node came back with another disk',
  Removed: 'the node was removed from the cluster',
  BootUnknown:
    'the node does not know its last boot that was seen: its disk was rolled back or cloned',
  LogBehind: 'the log of the node ends before a position that it had reported as durable',
  Quarantined: 'its store failed and may have forgotten what it acknowledged',
  IncompatibleVersion: 'the nodes have no protocol version in common',
  Replaced: 'a newer connection of the same node took its place',
  MemoryFailed: 'what was seen of the node could not be noted durably',
} as const;
export type HelloRefusal = keyof typeof helloRefusals;

export type HelloVerdict =
  | {
      readonly accepted: true;
      readonly bootId: string;
      readonly protocolVersion: number;
      /** What to remember of the peer from now on. */
      readonly record: PeerRecord;
    }
  | { readonly accepted: false; readonly reason: HelloRefusal; readonly message: string };

function refuse(reason: HelloRefusal, facts: string): HelloVerdict {
  return {
    accepted: false,
    reason,
    message: `Cannot accept the peer as ${helloRefusals[reason]}: ${facts}`,
  };
}

/** Judges what a peer says. `ours` is what it is (or was) told, `seen` what was accepted last. */
export function judgeHello(ours: Hello, theirs: Hello, seen: PeerRecord | undefined): HelloVerdict {
  if (theirs.clusterId !== ours.clusterId) {
    return refuse('WrongCluster', `"${theirs.clusterId}" instead of "${ours.clusterId}"`);
  }
  if (theirs.nodeId !== ours.toNodeId || theirs.nodeId === ours.nodeId) {
    return refuse('WrongNode', `node ${theirs.nodeId} answered for node ${ours.toNodeId}`);
  }
  if (theirs.toNodeId !== ours.nodeId) {
    return refuse('WrongNode', `it wanted node ${theirs.toNodeId}, this is node ${ours.nodeId}`);
  }
  const version = Math.min(theirs.protocolVersionMax, ours.protocolVersionMax);
  if (version < theirs.protocolVersionMin || version < ours.protocolVersionMin) {
    return refuse(
      'IncompatibleVersion',
      `it speaks ${theirs.protocolVersionMin} to ${theirs.protocolVersionMax}, ` +
        `this node ${ours.protocolVersionMin} to ${ours.protocolVersionMax}`,
    );
  }
  const bootNonce = theirs.bootNonces.at(-1);
  if (bootNonce === undefined || theirs.bootNonces.length > bootNoncesMax) {
    return refuse('Malformed', `${theirs.bootNonces.length} boots in its history`);
  }
  if (seen !== undefined) {
    if (theirs.storeId !== seen.storeId) {
      return refuse('OtherStore', `store "${theirs.storeId}" instead of "${seen.storeId}"`);
    }
    if (seen.quarantined !== undefined) {
      return refuse('Quarantined', seen.quarantined);
    }
    if (!theirs.bootNonces.includes(seen.bootNonce)) {
      return refuse('BootUnknown', `boot "${seen.bootNonce}" is not in its history`);
    }
    if (theirs.logPosition < seen.logPosition) {
      return refuse('LogBehind', `position ${theirs.logPosition} is below ${seen.logPosition}`);
    }
  }
  return {
    accepted: true,
    bootId: bootNonce,
    protocolVersion: version,
    record: { storeId: theirs.storeId, bootNonce, logPosition: theirs.logPosition },
  };
}

/** This node's hello to `toNodeId`. */
export function helloTo(toNodeId: NodeId, identity: LocalIdentity): Hello {
  return { ...identity, toNodeId, protocolVersionMin, protocolVersionMax };
}

/** True if remembering `record` over `seen` changes anything. */
export function isNewRecord(record: PeerRecord, seen: PeerRecord | undefined): boolean {
  return (
    seen?.storeId !== record.storeId ||
    seen.bootNonce !== record.bootNonce ||
    seen.logPosition !== record.logPosition
  );
}

export function encodeHello(hello: Hello): Buffer {
  return Buffer.from(toBinary(HelloSchema, toMessage(hello)));
}

export function encodeHelloReply(hello: Hello): Buffer {
  return Buffer.from(
    toBinary(HelloReplySchema, create(HelloReplySchema, { hello: toMessage(hello) })),
  );
}

/** Throws `BadFrame` for anything that is not a hello. */
export function decodeHello(bytes: Uint8Array): Hello {
  return checked(() => fromBinary(HelloSchema, bytes));
}

export function decodeHelloReply(bytes: Uint8Array): Hello {
  return checked(() => fromBinary(HelloReplySchema, bytes).hello);
}

function toMessage(hello: Hello): HelloMessage {
  const { address = '', ...rest } = hello;
  return create(HelloSchema, { ...rest, address, bootNonces: [...hello.bootNonces] });
}

function checked(decode: () => HelloMessage | undefined): Hello {
  let message: HelloMessage | undefined;
  try {
    message = decode();
  } catch (error) {
    throw new DynakvError('BadFrame', `Cannot read a hello: ${messageOf(error)}`, {}, error);
  }
  const texts = [message?.clusterId, message?.storeId, ...(message?.bootNonces ?? [])];
  if (
    message === undefined ||
    texts.some((text) => text === undefined || text === '' || text.length > helloTextMax) ||
    message.nodeId === 0 ||
    message.bootNonces.length === 0 ||
    message.bootNonces.length > bootNoncesMax ||
    message.address.length > helloTextMax ||
    !Number.isSafeInteger(message.logPosition) ||
    message.logPosition < 0
  ) {
    throw new DynakvError('BadFrame', 'Cannot read a hello: a field is missing or out of range');
  }
  return {
    clusterId: message.clusterId,
    nodeId: message.nodeId,
    toNodeId: message.toNodeId,
    storeId: message.storeId,
    bootNonces: message.bootNonces,
    logPosition: message.logPosition,
    ...(message.address === '' ? {} : { address: message.address }),
    protocolVersionMin: message.protocolVersionMin,
    protocolVersionMax: message.protocolVersionMax,
  };
}
