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
  /** Refusals so far by limit. */
  readonly refused = new Map<string, number>();

  constructor(options: AdmissionOptions, layerFull: () => boolean, diskFull: () => boolean) {
    this.#options = options;
    this.#layerFull = layerFull;
    this.#diskFull = diskFull;
  }

  get writes(): number {
    return this.#writes;
  }

  #refuse(limit: string, text: string): DynakvError {
    this.refused.set(limit, (this.refused.get(limit) ?? 0) + 1);
    return new DynakvError('Throttled', text, { limit });
  }

  /** Undefined = admitted: call `release` with the same size once settled. */
  admit(bytes: number): DynakvError | undefined {
    const { writesMax, writeBytesMax } = this.#options;
    if (this.#diskFull()) {
      this.refused.set('disk-space', (this.refused.get('disk-space') ?? 0) + 1);
      return new DynakvError('NoSpace', 'Cannot write: no space is left on the device');
    }
    if (this.#writes >= writesMax) {
      return this.#refuse('writes', `Cannot take another write: ${writesMax} are under way`);
    }
    if (this.#bytes + bytes > writeBytesMax && this.#writes > 0) {
      return this.#refuse('write-bytes', `Cannot take ${bytes} more bytes: ${this.#bytes} wait`);
    }
    if (this.#layerFull()) {
      return this.#refuse('committed-layer', 'Cannot take another write: the engine is behind');
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
