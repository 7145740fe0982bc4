/**
 * The node's bounds on writes under way, each a typed throttle (design §1.4, style §6). One
 * object for all shards of a node.
 */
import { DynakvError } from '../lib/errors.ts';

export interface AdmissionOptions {
  /** Writes proposed and not settled, all shards. Bounds futures and overlays. */
  readonly writesMax: number;
  /** Bytes of those writes. Bounds log buffers and queues to peers. */
  readonly writeBytesMax: number;
}

export const admissionDefaults: AdmissionOptions = {
  writesMax: 20_000,
  writeBytesMax: 128 * 1024 * 1024,
};

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #layerFull: () => boolean;
  readonly #diskFull: () => boolean;
  #writes = 0;
  #bytes = 0;

  constructor(options: AdmissionOptions, layerFull: () => boolean, diskFull: () => boolean) {
    this.#options = options;
    this.#layerFull = layerFull;
    this.#diskFull = diskFull;
  }

  get writes(): number {
    return this.#writes;
  }

  /** Undefined = admitted: call `release` with the same size once settled. */
  admit(bytes: number): DynakvError | undefined {
    const { writesMax, writeBytesMax } = this.#options;
    if (this.#diskFull()) {
      return new DynakvError('NoSpace', 'Cannot write: no space is left on the device');
    }
    if (this.#writes >= writesMax) {
      return throttle('writes', `Cannot take another write: ${writesMax} are under way`);
    }
    if (this.#bytes + bytes > writeBytesMax && this.#writes > 0) {
      return throttle('write-bytes', `Cannot take ${bytes} more bytes: ${this.#bytes} wait`);
    }
    if (this.#layerFull()) {
      return throttle('committed-layer', 'Cannot take another write: the engine is behind');
    }
    this.#writes += 1;
    this.#bytes += bytes;
    return undefined;
  }

  release(bytes: number): void {
    this.#writes -= 1;
    this.#bytes -= bytes;
  }
}

function throttle(limit: string, text: string): DynakvError {
  return new DynakvError('Throttled', text, { limit });
}
