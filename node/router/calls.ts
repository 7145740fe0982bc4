/**
 * Calls to other nodes over frames: ids, replies, deadlines, lost peers. A call ends exactly
 * once: by its reply; by its deadline or the loss of the peer, and then a command that may have
 * been done is reported as unknown (design §3.3), a read as not done.
 *
 * Invariant: no reply to a process that ran here before ends a call of this one. A peer answers on
 * its own stream to the node, whichever process listens there by then, so the ids of each process
 * begin somewhere else.
 */
import { crc32 } from '../lib/crc32.ts';
import { DynakvError } from '../lib/errors.ts';
import { hashKey } from '../shards/hash.ts';
import type { Clock } from '../sys/clock.ts';
import { FrameKind } from '../sys/network.ts';
import type { Network, NodeId } from '../sys/network.ts';
import { decodeReply, encodeRequest, mayHaveEffect } from './command-codec.ts';
import type { AnyCommand, AnyReply } from './command-codec.ts';

/** Calls under way from this node; more are refused. */
const callsMax = 50_000;

/** Where a process's ids begin: anywhere below 2^48, as its boot's nonce says. Ids end at 2^53. */
function firstCallId(bootNonce: string): number {
  const bytes = Buffer.from(bootNonce);
  return hashKey(bytes) * 2 ** 16 + (crc32(bytes) % 2 ** 16) + 1;
}

export type CallDone = (error: DynakvError | undefined, reply: AnyReply | undefined) => void;

interface PendingCall {
  readonly to: NodeId;
  readonly mayBeDone: boolean;
  readonly deadlineMs: number;
  readonly done: CallDone;
}

export interface CallsParts {
  readonly network: Network;
  readonly clock: Clock;
  /** Of this process alone, among all that ever ran on the node. */
  readonly bootNonce: string;
  /** Frames wait for a turn. */
  readonly turnSoon: () => void;
}

export class Calls {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #pending = new Map<number, PendingCall>();
  #nextId: number;
  readonly #turnSoon: () => void;

  constructor({ network, clock, bootNonce, turnSoon }: CallsParts) {
    this.#network = network;
    this.#clock = clock;
    this.#nextId = firstCallId(bootNonce);
    this.#turnSoon = turnSoon;
  }

  get underWay(): number {
    return this.#pending.size;
  }

  send(to: NodeId, groupId: number, command: AnyCommand, deadlineMs: number, done: CallDone): void {
    if (this.#pending.size >= callsMax) {
      done(
        new DynakvError('Throttled', `Cannot call node ${to}: ${callsMax} calls are under way`, {
          limit: 'peer-calls',
        }),
        undefined,
      );
      return;
    }
    const id = this.#nextId;
    this.#nextId = id + 1;
    const deadlineLeftMs = deadlineMs - this.#clock.monotonicMs();
    const frame = encodeRequest({ id, deadlineLeftMs, groupId, command });
    if (!this.#network.send(to, 'bulk', FrameKind.request, frame)) {
      done(new DynakvError('Unavailable', `Cannot reach node ${to}`, { node: to }), undefined);
      return;
    }
    const mayBeDone = mayHaveEffect(command);
    this.#pending.set(id, { to, mayBeDone, deadlineMs, done });
    this.#turnSoon();
  }

  onReply(from: NodeId, payload: Buffer): void {
    const { id, error, reply } = decodeReply(payload);
    const call = this.#pending.get(id);
    if (call !== undefined && call.to === from) {
      this.#pending.delete(id);
      call.done(error, reply);
    }
  }

  #fail(id: number, call: PendingCall, why: string): void {
    this.#pending.delete(id);
    call.done(
      call.mayBeDone
        ? new DynakvError('OutcomeUnknown', `Node ${call.to} ${why} before it answered`)
        : new DynakvError('Unavailable', `Node ${call.to} ${why} before it answered`),
      undefined,
    );
  }

  /** The connection to a peer broke: its answers will not come. */
  peerDown(nodeId: NodeId): void {
    for (const [id, call] of this.#pending) {
      if (call.to === nodeId) {
        this.#fail(id, call, 'was lost');
      }
    }
  }

  /** Ends calls whose deadline has passed; called every tick. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, call] of this.#pending) {
      if (call.deadlineMs <= nowMs) {
        this.#fail(id, call, 'did not answer in time');
      }
    }
  }

  close(): void {
    for (const [id, call] of this.#pending) {
      this.#fail(id, call, 'was given up');
    }
  }
}
