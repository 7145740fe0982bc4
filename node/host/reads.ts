/**
 * The ReadIndex rounds of one group (Raft thesis §6.4): every read queued meanwhile is served by
 * the next single round. A read resolves with true once the state applied here is at least as new
 * as the leader's commit index at some moment after the read was asked for; with false when
 * leadership or term changed, or the round found no answer: nothing was read, ask anew.
 *
 * Rules (etcd#20418): every round, retried ones too, uses a fresh id; an answer to a round that
 * is not the current one is dropped; a change of leader or term drops all.
 */

/** A round without an answer is asked again after this many ticks. */
const retryTicks = 5;

export type ReadDone = (confirmed: boolean) => void;

interface Waiting {
  readonly index: number;
  readonly done: ReadDone;
}

export class Reads {
  readonly #freshId: () => Buffer;
  #queued: ReadDone[] = [];
  /** Reads of the round under way. */
  #round: ReadDone[] = [];
  #roundId: Buffer | undefined;
  #roundTicks = 0;
  /** Confirmed, waiting for the applied index; indexes never fall within a term. */
  #waiting: Waiting[] = [];
  /** Rounds since the start, for `/metrics`. */
  readonly rounds = { confirmed: 0, retried: 0, dropped: 0 };

  constructor(freshId: () => Buffer) {
    this.#freshId = freshId;
  }

  get idle(): boolean {
    return this.#queued.length + this.#round.length + this.#waiting.length === 0;
  }

  get count(): number {
    return this.#queued.length + this.#round.length + this.#waiting.length;
  }

  add(done: ReadDone): void {
    this.#queued.push(done);
  }

  /** A context to start a round with, if one is due; the caller passes it to the core. */
  startRound(): Buffer | undefined {
    if (this.#roundId !== undefined || this.#queued.length === 0) {
      return undefined;
    }
    this.#round = this.#queued;
    this.#queued = [];
    this.#roundTicks = 0;
    this.#roundId = this.#freshId();
    return this.#roundId;
  }

  /** The round's answer from the core. */
  confirmed(context: Buffer, index: number, appliedIndex: number): void {
    if (this.#roundId === undefined || !this.#roundId.equals(context)) {
      return;
    }
    this.rounds.confirmed += 1;
    const round = this.#round;
    this.#round = [];
    this.#roundId = undefined;
    if (index <= appliedIndex) {
      for (const done of round) {
        done(true);
      }
      return;
    }
    for (const done of round) {
      this.#waiting.push({ index, done });
    }
  }

  applied(appliedIndex: number): void {
    if (this.#waiting.length === 0) {
      return;
    }
    const ready = this.#waiting.filter((waiting) => waiting.index <= appliedIndex);
    if (ready.length > 0) {
      this.#waiting = this.#waiting.filter((waiting) => waiting.index > appliedIndex);
      for (const waiting of ready) {
        waiting.done(true);
      }
    }
  }

  /** One tick: a round that got no answer is given up and its reads queued again, first. */
  tick(): void {
    if (this.#roundId === undefined) {
      return;
    }
    this.#roundTicks += 1;
    if (this.#roundTicks >= retryTicks) {
      this.rounds.retried += 1;
      this.#queued = [...this.#round, ...this.#queued];
      this.#round = [];
      this.#roundId = undefined;
    }
  }

  /** Leader or term changed, or the replica stops. */
  dropAll(): void {
    this.rounds.dropped += this.#roundId === undefined ? 0 : 1;
    const dropped = [
      ...this.#waiting.map((waiting) => waiting.done),
      ...this.#round,
      ...this.#queued,
    ];
    this.#waiting = [];
    this.#round = [];
    this.#queued = [];
    this.#roundId = undefined;
    for (const done of dropped) {
      done(false);
    }
  }
}
