/**
 * One simulated snapshot transfer: chunks cross one at a time (so the receiver holds back the
 * sender), errors travel both ways, and the sender's promise resolves when the handler returned.
 *
 * Invariant: after `abort`, both living sides end with an error within one crossing. The code of a
 * side that died never goes on: its promises stay pending.
 */
import { assert } from '../lib/assert.ts';
import { DynakvError, messageOf } from '../lib/errors.ts';
import type { Timers } from '../sys/clock.ts';

/** How often a transfer looks whether the cut that stalls it has healed, ms. */
const stallPollMs = 20;

export interface SimSnapshotLink {
  readonly sender: Timers;
  readonly receiver: Timers;
  drawDelayMs(): number;
  /** Drawn per chunk: the transfer breaks off here. */
  breaks(): boolean;
  isCut(): boolean;
}

export class SimSnapshotStream {
  readonly #link: SimSnapshotLink;
  readonly #aborted: Promise<never>;
  #abort: (error: DynakvError) => void = () => undefined;
  #isAborted = false;
  #senderDied = false;
  #receiverDied = false;

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
    receive: (chunks: AsyncIterable<Buffer>) => Promise<void>,
  ): Promise<void> {
    try {
      await this.#run(chunks, receive);
    } finally {
      if (this.#senderDied) {
        await new Promise<never>(() => undefined);
      }
    }
  }

  async #run(
    chunks: AsyncIterable<Buffer>,
    receive: (chunks: AsyncIterable<Buffer>) => Promise<void>,
  ): Promise<void> {
    const handed = new HandOver();
    this.#aborted.catch((error: unknown) => {
      if (!this.#receiverDied) {
        handed.fail(error);
      }
    });
    const received = this.#cross(this.#link.receiver).then(async () => {
      await receive(handed);
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

  async #pump(chunks: AsyncIterable<Buffer>, handed: HandOver): Promise<void> {
    try {
      for await (const chunk of chunks) {
        const copy = Buffer.from(chunk);
        await Promise.race([this.#cross(this.#link.receiver), this.#aborted]);
        if (this.#link.breaks()) {
          this.abort('the stream was reset');
        }
        await Promise.race([handed.put(copy), this.#aborted]);
      }
      await Promise.race([this.#cross(this.#link.receiver), this.#aborted]);
      handed.end();
    } catch (error) {
      this.abort(messageOf(error));
      throw error;
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
