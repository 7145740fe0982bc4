/**
 * Reads the whole body of a request under two limits: bytes of one body, and bytes of all bodies
 * held at once (`BodyBudget`). Not a parser, and no timer: slow senders are the server's business.
 *
 * A body over its limit is not kept but read to its end, up to `discardBytesMax`, so that an
 * ordinary client sees the refusal rather than a reset connection. The callback is called at
 * most once; never if the sender went away.
 */

/** The part of `http.IncomingMessage` that is needed. */
export interface BodySource {
  readonly headers: { readonly 'content-length'?: string | undefined };
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end' | 'close', listener: () => void): unknown;
  pause(): unknown;
}

/** How many bytes of bodies are held at this moment, and how many may be. */
export class BodyBudget {
  readonly bytesMax: number;
  #bytesHeld = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytesHeld(): number {
    return this.#bytesHeld;
  }

  take(bytes: number): boolean {
    if (this.#bytesHeld + bytes > this.bytesMax) {
      return false;
    }
    this.#bytesHeld += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytesHeld -= bytes;
  }
}

/**
 * - a Buffer: the body;
 * - `tooLarge`: over `bodyBytesMax`;
 * - `busy`: the budget of all bodies is spent;
 * - `endless`: over `discardBytesMax` and still coming, reading has stopped: close the connection.
 */
export type BodyOutcome = Buffer | 'tooLarge' | 'busy' | 'endless';

export interface BodyLimits {
  readonly bodyBytesMax: number;
  /** Bytes of an oversized body that are read and dropped before the connection is given up. */
  readonly discardBytesMax: number;
  readonly budget: BodyBudget;
}

const emptyBody = Buffer.alloc(0);

class BodyReader {
  readonly #source: BodySource;
  readonly #limits: BodyLimits;
  readonly #done: (outcome: BodyOutcome) => void;
  #first: Buffer | undefined;
  #chunks: Buffer[] | undefined;
  #bytesRead = 0;
  #bytesTaken = 0;
  #refusal: 'tooLarge' | 'busy' | undefined;
  #finished = false;

  constructor(source: BodySource, limits: BodyLimits, done: (outcome: BodyOutcome) => void) {
    this.#source = source;
    this.#limits = limits;
    this.#done = done;
  }

  onData(chunk: Buffer): void {
    if (this.#finished) {
      return;
    }
    this.#bytesRead += chunk.length;
    if (this.#refusal === undefined) {
      if (this.#bytesRead > this.#limits.bodyBytesMax) {
        this.#refuse('tooLarge');
      } else if (this.#limits.budget.take(chunk.length)) {
        this.#bytesTaken += chunk.length;
        this.#keep(chunk);
      } else {
        this.#refuse('busy');
      }
    }
    if (this.#bytesRead > this.#limits.discardBytesMax) {
      this.#source.pause();
      this.#finish('endless');
    }
  }

  onEnd(): void {
    if (!this.#finished) {
      this.#finish(this.#refusal ?? this.#body());
    }
  }

  /** The request was closed: whatever was kept is given back. */
  onClose(): void {
    this.#finished = true;
    this.#release();
  }

  #keep(chunk: Buffer): void {
    if (this.#first === undefined) {
      this.#first = chunk;
    } else if (this.#chunks === undefined) {
      this.#chunks = [this.#first, chunk];
    } else {
      this.#chunks.push(chunk);
    }
  }

  #body(): Buffer {
    return this.#chunks === undefined
      ? (this.#first ?? emptyBody)
      : Buffer.concat(this.#chunks, this.#bytesTaken);
  }

  #refuse(refusal: 'tooLarge' | 'busy'): void {
    this.#refusal = refusal;
    this.#first = undefined;
    this.#chunks = undefined;
    this.#release();
  }

  #release(): void {
    this.#limits.budget.giveBack(this.#bytesTaken);
    this.#bytesTaken = 0;
  }

  #finish(outcome: BodyOutcome): void {
    this.#finished = true;
    this.#release();
    this.#done(outcome);
  }
}

/** Starts reading; `done` is called with the outcome unless the sender goes away first. */
export function readBody(
  source: BodySource,
  limits: BodyLimits,
  done: (outcome: BodyOutcome) => void,
): void {
  const reader = new BodyReader(source, limits, done);
  source.on('data', (chunk) => {
    reader.onData(chunk);
  });
  source.on('end', () => {
    reader.onEnd();
  });
  source.on('close', () => {
    reader.onClose();
  });
}
