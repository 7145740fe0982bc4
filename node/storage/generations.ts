/**
 * Which generation of rows belongs to which replica (design §4, rules P13 and P14).
 *
 * A generation is a node-local number before every key of a replica's rows: one replica is one
 * contiguous range, a snapshot installs beside the live rows, and one pointer switches. Numbers
 * come from a counter that is durable before their first row and are never reused. A half-written
 * generation is found again only by the one staging row that says exactly how far it goes
 * (`staging-rows.ts`); without one nothing points to it after a restart.
 *
 * Invariants: every generation with rows has a marker until its rows are gone; a group's pointer
 * names a marked generation; only generations neither pointed to nor claimed (being filled) are
 * deleted. Key and row formats are in `generation-rows.ts`.
 */
import { assert, must } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import type { Engine, EngineWrite } from '../sys/engine.ts';
import {
  appliedKey,
  counterKey,
  decodeApplied,
  decodeCounter,
  decodeGroupRow,
  encodeApplied,
  encodeCounter,
  encodeGroupRow,
  generationLimit,
  generationOf,
  generationRange,
  groupKey,
  groupRange,
  markerKey,
  markerRange,
  numberOfKey,
} from './generation-rows.ts';
import type { Applied, GroupPointer } from './generation-rows.ts';
import { decodeStaging, groupOfStagingKey, stagingRange } from './staging-rows.ts';
import type { Staging, StagingOwner } from './staging-rows.ts';
import { Stagings } from './stagings.ts';

/** Rows deleted one by one; a larger generation goes by one range delete, which slows reads. */
const pointDeletesMax = 100;
/** Bookkeeping rows read at a time at start. */
const startRowsMax = 1000;
const readBytesMax = 1 << 20;

export class Generations {
  readonly #engine: Engine;
  readonly #pointers: Map<number, GroupPointer>;
  /** Generations whose rows may exist. */
  readonly #marked: Set<number>;
  /** Generations being filled. */
  readonly #claimed = new Set<number>();
  readonly stagings: Stagings;
  #next: number;

  private constructor(
    engine: Engine,
    next: number,
    pointers: Map<number, GroupPointer>,
    marked: Set<number>,
  ) {
    this.#engine = engine;
    this.#next = next;
    this.#pointers = pointers;
    this.#marked = marked;
    this.stagings = new Stagings(engine);
  }

  /**
   * Reads the bookkeeping. Refuses a store in which a group points to a generation without a
   * marker, or in which rows carry a number that the counter has not given out: then synced
   * bookkeeping was lost, and the caller quarantines.
   */
  static async open(engine: Engine): Promise<Generations> {
    const counter = engine.get('default', counterKey);
    const next = counter === undefined ? 1 : decodeCounter(counter);
    const pointers = new Map<number, GroupPointer>();
    for (const [key, value] of await readAll(engine, groupRange)) {
      const groupId = numberOfKey(key);
      pointers.set(groupId, decodeGroupRow(groupId, value));
    }
    const marked = new Set<number>();
    for (const [key] of await readAll(engine, markerRange)) {
      marked.add(numberOfKey(key));
    }
    for (const { groupId, generation } of pointers.values()) {
      if (!marked.has(generation)) {
        throw lostRows(`group ${groupId} points to generation ${generation}, which has no marker`);
      }
    }
    for (const generation of await generationsWithRows(engine)) {
      if (generation >= next) {
        throw lostRows(`rows of generation ${generation} exist: the next one is ${next}`);
      }
      marked.add(generation);
    }
    const generations = new Generations(engine, next, pointers, marked);
    for (const [key, value] of await readAll(engine, stagingRange)) {
      generations.#findStaging(decodeStaging(groupOfStagingKey(key), value));
    }
    return generations;
  }

  /** One that cannot be used is as good as none: its generation is deleted, its row replaced. */
  #findStaging(staging: Staging | undefined): void {
    const isPointedTo = [...this.#pointers.values()].some(
      ({ generation }) => generation === staging?.generation,
    );
    if (staging !== undefined && this.#marked.has(staging.generation) && !isPointedTo) {
      this.stagings.found(staging);
      this.#claimed.add(staging.generation);
    }
  }

  /** All recorded pointers, by group id. */
  groups(): GroupPointer[] {
    return [...this.#pointers.values()].sort((a, b) => a.groupId - b.groupId);
  }

  pointer(groupId: number): GroupPointer | undefined {
    return this.#pointers.get(groupId);
  }

  /**
   * True while `generation` is the one of that replica. To be asked before a deferred batch is
   * written and after an asynchronous read completes.
   */
  isCurrent(groupId: number, replicaId: number, generation: number): boolean {
    const pointer = this.#pointers.get(groupId);
    return pointer?.replicaId === replicaId && pointer.generation === generation;
  }

  /**
   * A number never given out before, durable when it resolves. The caller may write rows under
   * it, then either `flip`s a group to it or `abandon`s it.
   */
  async allocate(): Promise<number> {
    const generation = this.#next;
    if (generation >= generationLimit) {
      throw new DynakvError('Refused', `Cannot allocate a generation: ${generation} is the limit`);
    }
    this.#next = generation + 1;
    this.#claimed.add(generation);
    this.#marked.add(generation);
    this.#engine.write([
      { column: 'default', key: counterKey, value: encodeCounter(this.#next) },
      { column: 'default', key: markerKey(generation), value: Buffer.alloc(0) },
    ]);
    await this.#engine.syncWal();
    return generation;
  }

  /** Gives a claimed generation up: its rows are deleted like any unreferenced one's. */
  abandon(generation: number): void {
    this.#claimed.delete(generation);
  }

  /** Begins to receive a snapshot for a group, under a new generation. */
  async beginStaging(owner: StagingOwner): Promise<Staging> {
    return this.stagings.begin(owner, await this.allocate());
  }

  /** Gives up what was received; returns its generation, to be deleted. */
  abandonStaging(groupId: number): number | undefined {
    const generation = this.stagings.abandon(groupId);
    if (generation !== undefined) {
      this.abandon(generation);
    }
    return generation;
  }

  /**
   * The writes that make `generation` the group's, with its applied row. To be written as one
   * batch; `flip` does it. Refused: an install that does not advance the replica (P14), a
   * replica other than the recorded one (remove that first), a generation not claimed.
   */
  flipWrites(pointer: GroupPointer, applied: Applied): EngineWrite[] {
    const { groupId, replicaId, generation } = pointer;
    const current = this.#pointers.get(groupId);
    if (!this.#claimed.has(generation)) {
      throw refusedFlip(pointer, 'it was not allocated, or is in use');
    }
    if (current !== undefined && current.replicaId !== replicaId) {
      throw refusedFlip(pointer, `the node holds replica ${current.replicaId}`);
    }
    if (current !== undefined) {
      const before = this.readApplied(current.generation);
      if (before !== undefined && applied.index <= before.index) {
        const problem = `snapshot index ${applied.index} is not above applied ${before.index}`;
        throw refusedFlip(pointer, problem);
      }
    }
    return [
      this.appliedRow(generation, applied),
      { column: 'default', key: groupKey(groupId), value: encodeGroupRow(pointer) },
      ...this.stagings.installWrites(groupId, generation),
    ];
  }

  #flipped(pointer: GroupPointer): void {
    this.#claimed.delete(pointer.generation);
    this.#pointers.set(pointer.groupId, { ...pointer });
    this.stagings.installed(pointer.groupId, pointer.generation);
  }

  /**
   * Switches a group to a claimed generation, whose rows must be synced by then; also creates a
   * group. Visible when the call returns to the loop, durable when it resolves.
   */
  async flip(pointer: GroupPointer, applied: Applied): Promise<void> {
    this.#engine.write(this.flipWrites(pointer, applied));
    this.#flipped(pointer);
    await this.#engine.syncWal();
  }

  /** As `flip`, but durable when it returns: an install must not let the loop turn in between. */
  flipNow(pointer: GroupPointer, applied: Applied): void {
    this.#engine.write(this.flipWrites(pointer, applied), { sync: true });
    this.#flipped(pointer);
  }

  /**
   * Gives a group's rows to another replica of it, with further writes to them; durable and whole
   * when it resolves. For a recovery alone: the rows go on under an id that promised nothing.
   */
  async adopt(
    { groupId, replicaId }: { readonly groupId: number; readonly replicaId: number },
    applied: Applied,
    writes: readonly EngineWrite[],
  ): Promise<void> {
    const current = must(this.#pointers.get(groupId), `Group ${groupId} is not here`);
    const pointer: GroupPointer = { ...current, replicaId };
    this.#engine.write([
      ...writes,
      this.appliedRow(current.generation, applied),
      { column: 'default', key: groupKey(groupId), value: encodeGroupRow(pointer) },
    ]);
    this.#pointers.set(groupId, pointer);
    await this.#engine.syncWal();
  }

  /** Forgets a removed replica: its rows become unreferenced. Nothing happens if it is unknown. */
  async remove(groupId: number, replicaId: number): Promise<void> {
    if (this.#pointers.get(groupId)?.replicaId !== replicaId) {
      return;
    }
    this.abandonStaging(groupId);
    this.#engine.write([{ column: 'default', key: groupKey(groupId), value: undefined }]);
    this.#pointers.delete(groupId);
    await this.#engine.syncWal();
  }

  /** How far the rows of a generation go; to be put into the batch that takes them there. */
  appliedRow(generation: number, applied: Applied): EngineWrite {
    return { column: 'data', key: appliedKey(generation), value: encodeApplied(applied) };
  }

  readApplied(generation: number): Applied | undefined {
    const value = this.#engine.get('data', appliedKey(generation));
    return value === undefined ? undefined : decodeApplied(value);
  }

  /** Generations that may be deleted, oldest first. */
  unreferenced(): number[] {
    const used = new Set(this.#claimed);
    for (const { generation } of this.#pointers.values()) {
      used.add(generation);
    }
    return [...this.#marked].filter((number) => !used.has(number)).sort((a, b) => a - b);
  }

  /**
   * Deletes an unreferenced generation's rows, then its marker. Needs no sync: a crash loses a
   * suffix of the writes, so never the rows' deletes without the marker's.
   */
  async deleteGeneration(generation: number): Promise<void> {
    assert(this.unreferenced().includes(generation), 'Only unreferenced generations are deleted');
    const range = { column: 'data', ...generationRange(generation) } as const;
    const iterator = this.#engine.iterate(range);
    const rows = await iterator
      .next(pointDeletesMax + 1, readBytesMax)
      .finally(() => iterator.close());
    const whole = rows.length <= pointDeletesMax && !reached(rows, readBytesMax);
    if (whole) {
      this.#engine.write(rows.map(([key]) => ({ column: 'data', key, value: undefined })));
    } else {
      this.#engine.deleteRange(range);
    }
    this.#engine.write([{ column: 'default', key: markerKey(generation), value: undefined }]);
    this.#marked.delete(generation);
  }
}

function reached(rows: readonly (readonly [Buffer, Buffer])[], bytesMax: number): boolean {
  return rows.reduce((sum, [key, value]) => sum + key.length + value.length, 0) >= bytesMax;
}

async function readAll(
  engine: Engine,
  range: { readonly from: Buffer; readonly to: Buffer },
): Promise<(readonly [Buffer, Buffer])[]> {
  const iterator = engine.iterate({ column: 'default', ...range });
  const all: (readonly [Buffer, Buffer])[] = [];
  try {
    for (;;) {
      const rows = await iterator.next(startRowsMax, readBytesMax);
      if (rows.length === 0) {
        return all;
      }
      all.push(...rows);
    }
  } finally {
    await iterator.close();
  }
}

/** Skips from one generation to the next: one short read each. */
async function generationsWithRows(engine: Engine): Promise<number[]> {
  const found: number[] = [];
  let from = Buffer.alloc(0);
  const to = Buffer.alloc(64, 0xff);
  for (;;) {
    const iterator = engine.iterate({ column: 'data', from, to });
    const [row] = await iterator.next(1, 1).finally(() => iterator.close());
    if (row === undefined) {
      return found;
    }
    const generation = generationOf(row[0]);
    found.push(generation);
    from = Buffer.from(generationRange(generation).to);
  }
}

function refusedFlip({ groupId, generation }: GroupPointer, problem: string): DynakvError {
  const message = `Cannot switch group ${groupId} to generation ${generation}: ${problem}`;
  return new DynakvError('Refused', message, { groupId, generation });
}

function lostRows(problem: string): DynakvError {
  return new DynakvError('StoreFailed', `Cannot read generations: ${problem}`);
}
