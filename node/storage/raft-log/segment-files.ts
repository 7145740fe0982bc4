/**
 * Makes, reserves, recycles and removes segment files. The next segment is prepared ahead of need,
 * so that a full disk shows while there is still room, and an append hardly ever waits for one.
 *
 * A file is built as `spare.log` (allocated, header written, synced) and renamed, and the folder
 * synced, before it counts: a name never stands for less than a whole segment. Segments are removed
 * oldest first with a folder sync after each, so what a crash leaves is always a gapless suffix.
 * One job at a time runs on the files. No space is `NoSpace` and leaves everything as it was.
 */
import { DynakvError, messageOf } from '../../lib/errors.ts';
import type { Disk, DiskFile } from '../../sys/disk.ts';
import type { Logger } from '../../sys/log.ts';
import { alignUp } from './layout.ts';
import { encodeSegmentHeader, segmentName, spareName } from './segment.ts';

export interface OpenSegment {
  readonly sequence: number;
  readonly sizeBytes: number;
  readonly file: DiskFile;
}

export interface SegmentFilesOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly storeId: string;
  /** Size of an ordinary segment; one for a larger batch is larger. */
  readonly segmentBytes: number;
  readonly logger: Logger;
  readonly nextSequence: number;
}

/** True for the errors that more room would mend. */
export function isNoSpace(error: unknown): boolean {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'NoSpace';
}

export class SegmentFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #storeId: string;
  readonly #segmentBytes: number;
  readonly #logger: Logger;
  readonly #sparePath: string;
  #nextSequence: number;
  #reserve: OpenSegment | undefined;
  #spaceLow = false;
  #jobs: Promise<unknown> = Promise.resolve();

  constructor(options: SegmentFilesOptions) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#storeId = options.storeId;
    this.#segmentBytes = alignUp(options.segmentBytes);
    this.#logger = options.logger;
    this.#sparePath = `${options.directory}/${spareName}`;
    this.#nextSequence = options.nextSequence;
  }

  /** The last attempt to prepare a segment found no room. */
  get spaceLow(): boolean {
    return this.#spaceLow;
  }

  get hasReserve(): boolean {
    return this.#reserve !== undefined;
  }

  path(sequence: number): string {
    return `${this.#directory}/${segmentName(sequence)}`;
  }

  /** Makes sure that a segment is in reserve. */
  prepare(): Promise<void> {
    return this.#run(() => this.#prepare(0));
  }

  /** Hands over a segment of at least `bytesMin` bytes, with a durable name and header. */
  take(bytesMin: number): Promise<OpenSegment> {
    return this.#run(async () => {
      await this.#prepare(bytesMin);
      const segment = this.#reserve as OpenSegment;
      this.#reserve = undefined;
      return segment;
    });
  }

  /** Gives back segments that hold nothing needed, oldest first; one may become the spare. */
  free(
    segments: readonly { readonly sequence: number; readonly sizeBytes: number }[],
  ): Promise<void> {
    return this.#run(async () => {
      for (const { sequence, sizeBytes } of segments) {
        const path = this.path(sequence);
        const recycle =
          sizeBytes === this.#segmentBytes &&
          this.#reserve === undefined &&
          !(await this.#disk.exists(this.#sparePath));
        if (recycle) {
          await this.#disk.rename(path, this.#sparePath);
        } else {
          await this.#disk.remove(path);
        }
        await this.#disk.syncDirectory(this.#directory);
      }
    });
  }

  /** Resolves when no job is under way. */
  async settle(): Promise<void> {
    await this.#jobs;
  }

  async close(): Promise<void> {
    await this.#run(async () => {
      await this.#reserve?.file.close();
      this.#reserve = undefined;
    });
  }

  #run<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#jobs.then(job);
    this.#jobs = result.catch(() => undefined);
    return result;
  }

  async #prepare(bytesMin: number): Promise<void> {
    const sizeBytes = Math.max(this.#segmentBytes, alignUp(bytesMin));
    if (this.#reserve !== undefined && this.#reserve.sizeBytes < sizeBytes) {
      const small = this.#reserve;
      this.#reserve = undefined;
      await small.file.close();
      await this.#disk.rename(this.path(small.sequence), this.#sparePath);
      await this.#disk.syncDirectory(this.#directory);
    }
    if (this.#reserve === undefined) {
      try {
        this.#reserve = await this.#create(sizeBytes);
        this.#spaceLow = false;
      } catch (error) {
        throw await this.#refusal(error, sizeBytes);
      }
    }
  }

  async #create(sizeBytes: number): Promise<OpenSegment> {
    const sequence = this.#nextSequence;
    const mode = (await this.#disk.exists(this.#sparePath)) ? 'write' : 'create';
    const file = await this.#disk.open(this.#sparePath, mode);
    try {
      await file.allocate(sizeBytes);
      const header = { sequence, sizeBytes, storeId: this.#storeId };
      await file.write(encodeSegmentHeader(header), 0);
      await file.datasync();
      await this.#disk.rename(this.#sparePath, this.path(sequence));
      this.#nextSequence += 1;
      await this.#disk.syncDirectory(this.#directory);
      return { sequence, sizeBytes, file };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** No space: the half-made file goes, so that it does not hold the room it has got. */
  async #refusal(error: unknown, sizeBytes: number): Promise<unknown> {
    if (!isNoSpace(error)) {
      return error;
    }
    if (!this.#spaceLow) {
      this.#logger.warn('Raft log: no space for the next segment', {
        directory: this.#directory,
        sizeBytes,
        error: messageOf(error),
      });
    }
    this.#spaceLow = true;
    await this.#disk.remove(this.#sparePath);
    return new DynakvError(
      'NoSpace',
      `Cannot create a segment of ${sizeBytes} bytes in "${this.#directory}": ${messageOf(error)}`,
      { directory: this.#directory, sizeBytes },
      error,
    );
  }
}
