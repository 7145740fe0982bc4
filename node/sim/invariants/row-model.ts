/**
 * A second, dumb state machine of one group: applies each committed entry once, in order, and
 * keeps a hash of all rows after each index. A replica whose engine holds other rows at an index
 * has lost, doubled or mixed up something, however it came by them: by entries or by a snapshot.
 *
 * The hash is a sum over rows, so an entry costs what it changes. Rows of a dropped table count
 * no more: every node frees them when it likes.
 */
import { decodeBatch } from '../../items/batch.ts';
import { decodeSchemaRow, schemaTableOf } from '../../items/schema-row.ts';
import { crc32 } from '../../lib/crc32.ts';
import { systemGroupId } from '../../shards/groups.ts';
import { generationRange, stripGeneration } from '../../storage/generation-rows.ts';
import { treeCeiling } from '../../storage/ordered-tree.ts';
import type { Tree } from '../../storage/ordered-tree.ts';

/** The replica's own bookkeeping row (`generation-rows.ts`). */
const ownTableId = 0xffff_ffff;

/** A row's share of the hash of all rows. */
export function rowHash(key: Buffer, value: Buffer): number {
  return crc32(value, crc32(key));
}

function tableIdOf(key: Buffer): number {
  return key.length >= 4 ? key.readUInt32BE(0) : 0;
}

function isDropped(value: Buffer): boolean {
  return decodeSchemaRow(value).state === 'dropped';
}

interface ModelRow {
  readonly hash: number;
  readonly tableId: number;
}

export class RowModel {
  readonly #isSystem: boolean;
  readonly #rows = new Map<string, ModelRow>();
  /** Names of all rows there ever were, by table. */
  readonly #names = new Map<string, number>();
  readonly #dropped = new Set<number>();
  /** Log index → the sum after it. */
  readonly #sums: number[] = [];
  #sum = 0;

  constructor(groupId: number) {
    this.#isSystem = groupId === systemGroupId;
  }

  /** Rows that were there before the first entry, from a replica that has just been born. */
  begin(index: number, tree: Tree, generation: number): void {
    for (const [key, value] of rowsOf(tree, generation)) {
      this.#set(key, value);
    }
    this.#sums[index] = this.#sum;
  }

  /** The entry at `index`; empty data changes nothing. */
  apply(index: number, data: Buffer): void {
    for (const { key, value } of data.length === 0 ? [] : decodeBatch(data)) {
      this.#set(key, value);
    }
    this.#sums[index] = this.#sum;
  }

  /** The hash of all rows after `index`; undefined: nobody applied it yet. */
  at(index: number): number | undefined {
    return this.#sums[index];
  }

  /** Names (keys as latin1) of all rows that there ever were, but those of dropped tables. */
  *names(): Generator<string> {
    for (const [name, tableId] of this.#names) {
      if (!this.#dropped.has(tableId)) {
        yield name;
      }
    }
  }

  /** The index after which the rows are as they are now; −1 before the first. */
  get newest(): number {
    return this.#sums.length - 1;
  }

  /** The hash of one row as it is now; undefined: there is none. */
  hashOfRow(name: string): number | undefined {
    return this.#rows.get(name)?.hash;
  }

  /** The same hash of what an engine holds. */
  hashOf(tree: Tree, generation: number): number {
    const rows = [...rowsOf(tree, generation)];
    const gone = new Set<number>();
    if (!this.#isSystem) {
      for (const [key, value] of rows) {
        const tableId = schemaTableOf(key);
        if (tableId !== undefined && isDropped(value)) {
          gone.add(tableId);
        }
      }
    }
    let sum = 0;
    for (const [key, value] of rows) {
      if (this.#isSystem || !gone.has(tableIdOf(key))) {
        sum = (sum + rowHash(key, value)) >>> 0;
      }
    }
    return sum;
  }

  #set(key: Buffer, value: Buffer | undefined): void {
    const name = key.toString('latin1');
    const tableId = this.#isSystem ? 0 : tableIdOf(key);
    this.#remove(name);
    this.#names.set(name, tableId);
    if (value === undefined || this.#dropped.has(tableId)) {
      return;
    }
    const hash = rowHash(key, value);
    this.#rows.set(name, { hash, tableId });
    this.#sum = (this.#sum + hash) >>> 0;
    const schemaOf = this.#isSystem ? undefined : schemaTableOf(key);
    if (schemaOf !== undefined && isDropped(value)) {
      this.#drop(schemaOf);
    }
  }

  #remove(name: string): void {
    const known = this.#rows.get(name);
    if (known !== undefined) {
      this.#rows.delete(name);
      this.#sum = (this.#sum - known.hash) >>> 0;
    }
  }

  #drop(tableId: number): void {
    this.#dropped.add(tableId);
    for (const [name, row] of [...this.#rows]) {
      if (row.tableId === tableId) {
        this.#remove(name);
      }
    }
  }
}

/** A replica's rows, its own bookkeeping left out. */
export function* rowsOf(tree: Tree, generation: number): Generator<readonly [Buffer, Buffer]> {
  const { from, to } = generationRange(generation);
  let node = treeCeiling(tree, from, false);
  while (node !== undefined && Buffer.compare(node.key, to) < 0) {
    const key = stripGeneration(node.key);
    if (tableIdOf(key) !== ownTableId) {
      yield [key, node.value];
    }
    node = treeCeiling(tree, node.key, true);
  }
}
