/**
 * One simulated snapshot transfer: chunks cross one at a time (so the receiver holds back the
 * sender), answers cross the other way in order, errors travel both ways, and the sender's promise
 * resolves when the handler returned.
 *
 * Invariant: after `abort`, both living sides end with an error within one crossing. The code of a
 * side that died never goes on: its promises stay pending.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { Timers } from '../sys/clock.ts';

/** How often a transfer looks whether the cut that stalls it has healed, ms. */
const stallPollMs = 20;

/** What happens to one chunk under way. */
export type SimSnapshotFault = 'break' | 'damage' | undefined;

export interface SimSnapshotLink {
  readonly sender: Timers;
  readonly receiver: Timers;
  drawDelayMs(): number;
  /** Asked per chunk, which are counted from 1. */
  fault(chunk: number): SimSnapshotFault;
  isCut(): boolean;
}

type Receive = (chunks: AsyncIterable<Buffer>, answer: (bytes: Buffer) => void) => Promise<void>;

export class SimSnapshotStream {
  readonly #link: SimSnapshotLink;
  readonly #aborted: Promise<never>;
  #abort: (error: DynakvError) => void = () => undefined;
  #isAborted = false;
  #senderDied = false;
  #receiverDied = false;
  /** The last answer under way. */
  #answered: Promise<unknown> = Promise.resolve();

  constructor(link: SimSnapshotLink) {
    this.#link = link;
    this.#aborted = new Promise<never>((_resolve, reject) => {
      this.#abort = reject;
    });
    this.#aborted.catch(() => undefined);
  }

  abort(reason: string): void {
    this.#isAborted = true;
    this.#abort(new DynakvError('Unavailable', `Cannot finish the snapshot: ${reason}`));
  }

  /** The process with these timers is gone; the other side is told when it notices. */
  die(timers: Timers): void {
    this.#senderDied ||= timers === this.#link.sender;
    this.#receiverDied ||= timers === this.#link.receiver;
  }

  /** Sends `chunks` and runs `receive` at the other side; resolves when `receive` returned. */
  async run(
    chunks: AsyncIterable<Buffer>,
    receive: Receive,
    onAnswer: (bytes: Buffer) => void,
  ): Promise<void> {
    try {
      await this.#run(chunks, receive, onAnswer);
    } finally {
      if (this.#senderDied) {
        await new Promise<never>(() => undefined);
      }
    }
  }

  async #run(
    chunks: AsyncIterable<Buffer>,
    receive: Receive,
    onAnswer: (bytes: Buffer) => void,
  ): Promise<void> {
    const handed = new HandOver();
    this.#aborted.catch((error: unknown) => {
      if (!this.#receiverDied) {
        handed.fail(error);
      }
    });
    const received = this.#cross(this.#link.receiver).then(async () => {
      await receive(handed, (bytes) => {
        this.#answer(Buffer.from(bytes), onAnswer);
      });
      if (!handed.wasReadToEnd) {
        throw new DynakvError('Refused', 'Cannot confirm a snapshot that was not read to its end', {
          reason: 'SnapshotNotRead',
        });
      }
    });
    const outcome = Promise.race([received, this.#aborted]);
    outcome.catch(() => undefined);
    await Promise.race([outcome, this.#pump(chunks, handed)]);
    await outcome;
    await Promise.race([this.#cross(this.#link.sender), this.#aborted]);
  }

  /** Answers keep their order and are lost with the stream. */
  #answer(bytes: Buffer, onAnswer: (bytes: Buffer) => void): void {
    const crossed = this.#cross(this.#link.sender);
    this.#answered = Promise.all([this.#answered, crossed]).then(() => {
      if (!this.#isAborted && !this.#senderDied) {
        onAnswer(bytes);
      }
    });
  }

  async #pump(chunks: AsyncIterable<Buffer>, handed: HandOver): Promise<void> {
    const source = chunks[Symbol.asyncIterator]();
    try {
      for (let count = 1; ; count++) {
        // A source may wait for an answer, so the end of the stream must end the waiting.
        const next = await Promise.race([source.next(), this.#aborted]);
        if (next.done === true) {
          break;
        }
        const copy = Buffer.from(next.value);
        await Promise.race([this.#cross(this.#link.receiver), this.#aborted]);
        const fault = this.#link.fault(count);
        if (fault === 'break') {
          this.abort('the stream was reset');
        } else if (fault === 'damage') {
          const at = copy.length >> 1;
          copy[at] = (copy[at] ?? 0) ^ 1;
        }
        await Promise.race([handed.put(copy), this.#aborted]);
      }
      await Promise.race([this.#cross(this.#link.receiver), this.#aborted]);
      handed.end();
    } catch (error) {
      this.abort(messageOf(error));
      throw error;
    } finally {
      source.return?.().catch(() => undefined);
    }
  }

  /** One crossing, as long as it takes while the link is cut; runs on the arriving side. */
  async #cross(arrival: Timers): Promise<void> {
    await new Promise<void>((resolve) => {
      const arrive = (): void => {
        if (this.#link.isCut() && !this.#isAborted) {
          arrival.after(stallPollMs, arrive);
        } else {
          resolve();
        }
      };
      arrival.after(this.#link.drawDelayMs(), arrive);
    });
  }
}

/** A queue of one chunk: `put` resolves when the reader took it. */
class HandOver implements AsyncIterable<Buffer> {
  #waitingChunk: Buffer | undefined;
  wasReadToEnd = false;
  #ended = false;
  #closed = false;
  #failure: { readonly error: unknown } | undefined;
  #wakeReader: () => void = () => undefined;
  #wakeWriter: () => void = () => undefined;

  async put(chunk: Buffer): Promise<void> {
    assert(this.#waitingChunk === undefined);
    this.#waitingChunk = chunk;
    const taken = new Promise<void>((resolve) => {
      this.#wakeWriter = resolve;
    });
    this.#wakeReader();
    if (!this.#closed) {
      await taken;
    }
  }

  end(): void {
    this.#ended = true;
    this.#wakeReader();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#wakeReader();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    try {
      for (;;) {
        if (this.#failure !== undefined) {
          throw this.#failure.error;
        }
        const chunk = this.#waitingChunk;
        if (chunk !== undefined) {
          this.#waitingChunk = undefined;
          this.#wakeWriter();
          yield chunk;
        } else if (this.#ended) {
          this.wasReadToEnd = true;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wakeReader = resolve;
          });
        }
      }
    } finally {
      this.#closed = true;
      this.#wakeWriter();
    }
  }
}
