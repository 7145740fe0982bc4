/**
 * One input in memory that two threads share, with a count that moves when the input changes: how
 * the watching thread sees that the working one goes on, and what it stopped at.
 */
import { inputBytesMax } from './fuzz-target.ts';

/** Three words: changes so far, bytes of the input, inputs so far. */
const headBytes = 12;
const changeAt = 0;
const lengthAt = 1;
const runAt = 2;
const noInput = -1;

export class SharedInput {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory = new SharedArrayBuffer(headBytes + inputBytesMax)) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, headBytes / 4);
    this.#bytes = new Uint8Array(memory, headBytes);
  }

  /** `run` counts inputs; the same run may put several, while it makes one smaller. */
  put(input: Buffer, run: number): void {
    this.#bytes.set(input.subarray(0, inputBytesMax));
    Atomics.store(this.#words, lengthAt, Math.min(input.length, inputBytesMax));
    Atomics.store(this.#words, runAt, run);
    Atomics.add(this.#words, changeAt, 1);
  }

  /** Nothing runs: the thread may take its time. */
  idle(): void {
    Atomics.store(this.#words, lengthAt, noInput);
  }

  get changes(): number {
    return Atomics.load(this.#words, changeAt);
  }

  get runs(): number {
    return Atomics.load(this.#words, runAt);
  }

  /** The input that runs, or ran last; undefined while none does. */
  get input(): Buffer | undefined {
    const length = Atomics.load(this.#words, lengthAt);
    return this.changes === 0 || length === noInput
      ? undefined
      : Buffer.from(this.#bytes.slice(0, length));
  }
}
