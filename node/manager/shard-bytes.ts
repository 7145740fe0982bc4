/**
 * About how many bytes the rows of each shard take, for plans and for people. The engine does not
 * say it by range, and counting every write would cost a read of the old row; so a sample is taken:
 * rows lie in hash order, hashes are even, and the first few hundred of a table tell the rest.
 *
 * An estimate: exact for small tables, within some ten percent for large ones, and off for a table
 * with a few giant item collections. Nothing that must be right depends on it.
 */
import { messageOf } from '../lib/errors.ts';
import { mebibyte } from '../lib/units.ts';
import type { Group } from '../host/group.ts';
import { rowKey, stripGeneration } from '../storage/generation-rows.ts';
import { shardOfGroup, systemGroupId } from '../shards/groups.ts';
import { ShardMap } from '../shards/shard-map.ts';
import type { HashRange } from '../shards/shard-map.ts';
import type { Engine, EngineRow } from '../sys/engine.ts';
import type { Logger } from '../sys/log.ts';

/** One sample: one short read, and several rows however large they are. */
const sampleLimits = { rowsMax: 400, bytesMax: 2 * mebibyte };
/**
 * A sample of a few giant item collections tells nonsense, which must not look like a full disk: no
 * shard is taken for more than so many times what the whole engine says it holds, compressed …
 */
const engineTimesMax = 4;
/** … and what may be in its write buffers. */
const bufferedBytesMax = 256 * mebibyte;
/** Tables looked at in one shard; what is beyond counts as much as those before, each. */
const tablesMax = 200;
/** A shard that changed is measured again after so many looks, however little was written … */
const looksMax = 60;
/** … and sooner, but not before so many, … */
const looksMin = 10;
/** … once this many bytes were, or this share of what it had. */
const writtenBytesMin = mebibyte;
const writtenShare = 1 / 16;

interface Measured {
  readonly bytes: number;
  /** Another one came with a snapshot: all rows are others. */
  readonly generation: number;
  /** Applied index, and bytes that the log had taken. */
  readonly index: number;
  readonly logMark: number;
  looks: number;
}

/** Whether the size of a shard is worth another sample. */
export function isDue(
  known: Pick<Measured, 'bytes' | 'looks'>,
  since: { readonly entries: number; readonly bytes: number },
): boolean {
  if (since.entries === 0 || known.looks < looksMin) {
    return false;
  }
  return isMuch(known.bytes, since.bytes) || known.looks >= looksMax;
}

function isMuch(bytes: number, written: number): boolean {
  return written >= Math.max(writtenBytesMin, bytes * writtenShare);
}

export interface ShardBytesParts {
  readonly engine: Engine;
  readonly logger: Logger;
  readonly groups: ReadonlyMap<number, Group>;
  /** 0: the catalog is not loaded yet. */
  shardCount(): number;
  failed(error: unknown): void;
}

export class ShardBytes {
  readonly #parts: ShardBytesParts;
  readonly #measured = new Map<Group, Measured>();
  #busy = false;

  constructor(parts: ShardBytesParts) {
    this.#parts = parts;
  }

  /** 0: not known yet. */
  of(group: Group): number {
    return this.#measured.get(group)?.bytes ?? 0;
  }

  /**
   * As it is now, for whoever is about to send it: who has just become leader has never looked, or
   * long ago. 0: the system group, an empty shard, or it cannot be told.
   */
  async current(group: Group): Promise<number> {
    const known = this.#measured.get(group);
    const isKnown =
      known?.generation === group.replica.generation &&
      !isMuch(known.bytes, group.storage.appendedBytes - known.logMark);
    if (!isKnown && group.groupId !== systemGroupId && this.#parts.shardCount() > 0) {
      await this.#take(group);
    }
    return this.of(group);
  }

  forget(group: Group): void {
    this.#measured.delete(group);
  }

  /** Looks at one shard that is due; called about once a second. */
  look(): void {
    const group = this.#busy ? undefined : this.#due();
    if (group === undefined) {
      return;
    }
    this.#busy = true;
    void this.#take(group).finally(() => {
      this.#busy = false;
    });
  }

  /** Measures one shard, and says when it cannot. */
  async #take(group: Group): Promise<void> {
    const { generation, applied } = group.replica;
    const { index } = applied;
    const logMark = group.storage.appendedBytes;
    try {
      const bytes = await this.#measure(group);
      const held = this.#parts.engine.health().liveDataBytes;
      const bytesMax = held * engineTimesMax + bufferedBytesMax;
      if (this.#parts.groups.get(group.groupId) === group) {
        const measured = { bytes: Math.min(bytes, bytesMax), generation, index, logMark, looks: 0 };
        this.#measured.set(group, measured);
      }
    } catch (error) {
      this.#parts.logger.debug('Shard not measured', { error: messageOf(error) });
      this.#parts.failed(error);
    }
  }

  /** Those that this node leads: their leaders tell. */
  #due(): Group | undefined {
    let due: Group | undefined;
    for (const group of this.#parts.groups.values()) {
      const known = this.#measured.get(group);
      if (known !== undefined) {
        known.looks += 1;
      }
      const isShard = group.groupId !== systemGroupId && group.stoppedBecause === undefined;
      if (!isShard || group.openTerm === 0) {
        continue;
      }
      if (known?.generation !== group.replica.generation) {
        return group;
      }
      const since = {
        entries: group.replica.applied.index - known.index,
        bytes: group.storage.appendedBytes - known.logMark,
      };
      due ??= isDue(known, since) ? group : undefined;
    }
    return this.#parts.shardCount() === 0 ? undefined : due;
  }

  async #measure(group: Group): Promise<number> {
    const count = this.#parts.shardCount();
    if (count === 0) {
      return 0;
    }
    const range = new ShardMap(count).rangeOf(shardOfGroup(group.groupId));
    const { generation } = group.replica;
    let bytes = 0;
    let tableId = 1;
    let tables = 0;
    while (tables < tablesMax) {
      const sample = await this.#sample(generation, tableId, range);
      if (sample === undefined) {
        return bytes;
      }
      tables += 1;
      bytes += sample.bytes;
      tableId = sample.tableId + 1;
    }
    return bytes;
  }

  /** The first table from `tableId` on, and about how many bytes its rows take in the shard. */
  async #sample(
    generation: number,
    tableId: number,
    range: HashRange,
  ): Promise<{ readonly tableId: number; readonly bytes: number } | undefined> {
    const iterator = this.#parts.engine.iterate({
      column: 'data',
      from: rowKey(generation, tablePrefix(tableId)),
      // Below the applied row, which is behind all rows.
      to: rowKey(generation, tablePrefix(0xffff_ffff)),
    });
    const { rowsMax, bytesMax } = sampleLimits;
    const rows = await iterator.next(rowsMax, bytesMax).finally(() => iterator.close());
    const first = rows[0];
    if (first === undefined) {
      return undefined;
    }
    const found = stripGeneration(first[0]).readUInt32BE(0);
    return { tableId: found, bytes: estimateTableBytes(rows, range, sampleLimits) };
  }
}

/**
 * About how many bytes the rows of the first row's table take in a range of hashes, by its first rows
 * as the engine stores them. They are all of them if another table follows, or if they fill neither
 * limit; else the rest of the range is taken to be as full as what they cover.
 */
export function estimateTableBytes(
  rows: readonly EngineRow[],
  range: HashRange,
  limits: { readonly rowsMax: number; readonly bytesMax: number },
): number {
  const [first] = rows;
  if (first === undefined) {
    return 0;
  }
  const tableId = stripGeneration(first[0]).readUInt32BE(0);
  let [bytes, storedBytes] = [0, 0];
  let lastHash = range.from;
  for (const [stored, value] of rows) {
    const key = stripGeneration(stored);
    if (key.readUInt32BE(0) !== tableId) {
      return bytes;
    }
    bytes += key.length + value.length;
    // The limit counts keys with their generation.
    storedBytes += stored.length + value.length;
    lastHash = key.readUInt32BE(4);
  }
  if (rows.length < limits.rowsMax && storedBytes < limits.bytesMax) {
    return bytes;
  }
  // Of n rows, n-1 gaps lie before the last one.
  const gaps = Math.max(1, rows.length - 1);
  const share = (lastHash - range.from + 1) / (range.to - range.from);
  return Math.round(((bytes / rows.length) * gaps) / share);
}

function tablePrefix(tableId: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(tableId, 0);
  return prefix;
}
