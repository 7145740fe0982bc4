/**
 * ReadIndex requests of a leader (Raft thesis §6.4). Each gets the commit index of its arrival and
 * a position in one queue. A heartbeat carries the position of the newest request; an answer
 * acknowledges all up to it, so one quorum round serves every read that waited for it.
 *
 * Invariant: a request is confirmed only by a round that began after its arrival. Everything is
 * dropped with the term: positions start anew, and an answer never outlives the leadership.
 */
import { jointCommittedIndex } from './joint-quorum.ts';
import type { JointVoters } from './joint-quorum.ts';
import type { ReplicaId } from './messages.ts';
import type { AckedIndexer } from './quorum.ts';

export interface ReadRequest {
  /** The replica that asked; 0 for the local one. */
  readonly from: ReplicaId;
  /** The asker's id of the request: fresh for each attempt. */
  readonly context: Buffer;
  /** Commit index at arrival. */
  readonly index: number;
}

/** An answer: reads are linearizable once `index` is applied. */
export interface ReadState {
  readonly index: number;
  readonly context: Buffer;
}

const contextBytes = 8;
const noRequests: readonly ReadRequest[] = [];

export class ReadOnlyQueue implements AckedIndexer {
  #unconfirmed: ReadRequest[] = [];
  /** Position of the last confirmed request; positions start at 1. */
  #confirmed = 0;
  readonly #acks = new Map<ReplicaId, number>();

  get length(): number {
    return this.#unconfirmed.length;
  }

  reset(): void {
    this.#unconfirmed = [];
    this.#confirmed = 0;
    this.#acks.clear();
  }

  add(request: ReadRequest): void {
    this.#unconfirmed.push(request);
  }

  /** What a heartbeat carries now; undefined if no read waits. */
  heartbeatContext(): Buffer | undefined {
    if (this.#unconfirmed.length === 0) {
      return undefined;
    }
    const position = this.#confirmed + this.#unconfirmed.length;
    const context = Buffer.allocUnsafe(contextBytes);
    context.writeUInt32LE(position % 0x1_0000_0000, 0);
    context.writeUInt32LE(Math.floor(position / 0x1_0000_0000), 4);
    return context;
  }

  /** `from` answered a heartbeat that carried `context`. */
  receiveAck(from: ReplicaId, context: Buffer | undefined): void {
    if (context === undefined || context.length !== contextBytes) {
      return;
    }
    const position = context.readUInt32LE(0) + context.readUInt32LE(4) * 0x1_0000_0000;
    if (position > (this.#acks.get(from) ?? 0)) {
      this.#acks.set(from, position);
    }
  }

  /** `id` acknowledges every request so far (the leader itself). */
  acknowledgeAll(id: ReplicaId): void {
    this.#acks.set(id, this.#confirmed + this.#unconfirmed.length);
  }

  ackedIndex(id: ReplicaId): number | undefined {
    return this.#acks.get(id);
  }

  /** Takes out the requests that a quorum has confirmed. */
  takeConfirmed(voters: JointVoters): readonly ReadRequest[] {
    const position = jointCommittedIndex(voters, this);
    // Acknowledgements beyond the queue cannot come from this leadership: take what there is.
    const count = Math.min(position - this.#confirmed, this.#unconfirmed.length);
    if (count <= 0) {
      return noRequests;
    }
    this.#confirmed += count;
    return this.#unconfirmed.splice(0, count);
  }
}
