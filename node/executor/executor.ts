/**
 * Evaluates the commands of one shard while this replica leads it in one term (design §3.3).
 *
 * The rules that keep it right:
 * - look up overlay and applied row, decide, propose, record in the overlay: one synchronous
 *   step. A missing row is fetched first, then everything starts anew (protocols.md P1).
 * - it lives for (group, term) only; every step checks that the term is still open (P2).
 * - an answer that changes nothing is released when everything logged at evaluation is applied
 *   and a read round begun after it confirmed leadership in the same term (P4).
 * - a proposal is answered by what was applied at its index (P3, `host/settlement.ts`).
 */
import { assert } from '../lib/assert.ts';
import { DynakvError } from '../lib/errors.ts';
import type { Group } from '../host/group.ts';
import { encodeBatch } from '../items/batch.ts';
import type { RowWrite } from '../items/batch.ts';
import type { GetCommand, ItemReply } from '../items/command.ts';
import { encodeRow, versionText } from '../items/row.ts';
import {
  decodeSchemaRow,
  encodeSchemaRow,
  schemaRowKey,
  schemaTableOf,
} from '../items/schema-row.ts';
import type { SchemaRow } from '../items/schema-row.ts';
import type { Admission } from './admission.ts';
import { decide, needsRow, writtenReply } from './evaluate.ts';
import type { Decision, WriteCommand } from './evaluate.ts';
import { Overlay } from './overlay.ts';
import { rowAnswer, unreadable } from './row-answer.ts';

/** Exactly one of the two is given. */
export type Done = (error: DynakvError | undefined, reply: ItemReply | undefined) => void;

/** Fetches of one command before it gives up; each fails only if a write voids its ticket. */
const fetchesMax = 8;
/** Counted per write besides key and item. */
const writeOverheadBytes = 256;

/** A place among the node's writes under way. */
interface Slot {
  readonly bytes: number;
}

interface Waiter {
  readonly index: number;
  readonly release: (error: DynakvError | undefined) => void;
}

export class Executor {
  readonly #group: Group;
  readonly #term: number;
  readonly #admission: Admission;
  readonly #overlay = new Overlay();
  readonly #schemas = new Map<number, SchemaRow>();
  /** Confirmed refusals that wait for their index to be applied. */
  #waiters: Waiter[] = [];
  /** Admitted commands that have not ended. */
  readonly #slots = new Set<Slot>();
  #closed = false;

  constructor(group: Group, term: number, admission: Admission) {
    assert(group.openTerm === term, 'An executor opens with its term');
    this.#group = group;
    this.#term = term;
    this.#admission = admission;
  }

  get overlaySize(): number {
    return this.#overlay.size;
  }

  #notLeader(): DynakvError {
    return new DynakvError('NotLeader', `Cannot serve group ${this.#group.groupId} here`, {
      group: this.#group.groupId,
    });
  }

  #isOpen(): boolean {
    return !this.#closed && this.#group.openTerm === this.#term;
  }

  /** A strongly consistent read. */
  get(command: GetCommand, done: Done): void {
    if (!this.#isOpen()) {
      done(this.#notLeader(), undefined);
      return;
    }
    this.#group.readBarrier((confirmed) => {
      if (confirmed && this.#isOpen()) {
        this.#readApplied(command, done, 0);
      } else {
        done(this.#notLeader(), undefined);
      }
    });
  }

  #readApplied(command: GetCommand, done: Done, fetches: number): void {
    if (!this.#isOpen()) {
      done(this.#notLeader(), undefined); // Deposed during a fetch: the schema seen may be void.
      return;
    }
    const problem = this.#schemaProblem(command.tableId, command.schemaVersion);
    if (problem === 'miss') {
      this.#fetch(schemaRowKey(command.tableId), done, fetches, () => {
        this.#readApplied(command, done, fetches + 1);
      });
      return;
    }
    if (problem !== undefined) {
      done(problem, undefined);
      return;
    }
    const row = this.#group.replica.read(command.rowKey.toString('latin1'));
    if (row === undefined) {
      this.#fetch(command.rowKey, done, fetches, () => {
        this.#readApplied(command, done, fetches + 1);
      });
      return;
    }
    const answer = rowAnswer(row);
    if (answer instanceof DynakvError) {
      done(answer, undefined);
    } else {
      done(undefined, answer);
    }
  }

  /** A put or delete. */
  write(command: WriteCommand, done: Done): void {
    const bytes =
      command.rowKey.length +
      (command.kind === 'put' ? command.item.length : 0) +
      writeOverheadBytes;
    const refusal = this.#admission.admit(bytes);
    if (refusal !== undefined) {
      done(refusal, undefined);
      return;
    }
    // Released when the command ends, or when this executor closes: a shard without a quorum
    // must not hold the slots of the node's other shards.
    const slot: Slot = { bytes };
    this.#slots.add(slot);
    this.#attempt(command, 0, (error, reply) => {
      this.#release(slot);
      done(error, reply);
    });
  }

  #release(slot: Slot): void {
    if (this.#slots.delete(slot)) {
      this.#admission.release(slot.bytes);
    }
  }

  #attempt(command: WriteCommand, fetches: number, done: Done): void {
    if (!this.#isOpen()) {
      done(this.#notLeader(), undefined);
      return;
    }
    if (this.#group.transferring) {
      done(
        new DynakvError('NotOpen', `Group ${this.#group.groupId} hands over its leadership`),
        undefined,
      );
      return;
    }
    const problem = this.#schemaProblem(command.tableId, command.schemaVersion);
    if (problem === 'miss') {
      this.#fetch(schemaRowKey(command.tableId), done, fetches, () => {
        this.#attempt(command, fetches + 1, done);
      });
      return;
    }
    if (problem !== undefined) {
      done(problem, undefined);
      return;
    }
    const name = command.rowKey.toString('latin1');
    const row = needsRow(command) ? this.#lookup(name) : null;
    if (row === undefined) {
      this.#fetch(command.rowKey, done, fetches, () => {
        this.#attempt(command, fetches + 1, done);
      });
      return;
    }
    let decision: Decision;
    try {
      decision = decide(command, row);
    } catch (error) {
      done(unreadable(error), undefined);
      return;
    }
    if (decision.kind === 'unchanged') {
      this.#releaseLater(decision.reply, done);
      return;
    }
    const index = this.#group.lastIndex + 1;
    const { incarnation } = this.#group.replica.configuration;
    const stamp = { incarnation, index, ordinal: 0 };
    const isPut = command.kind === 'put';
    const value = isPut ? encodeRow(stamp, command.itemSize, command.item) : undefined;
    const reply = writtenReply(command, decision.old, isPut ? versionText(stamp) : undefined);
    this.#propose([{ key: command.rowKey, value }], index, done, reply);
  }

  /**
   * Records a table's schema, or its end, in the shard's own log; entries not above what the
   * shard has are no-ops (P18).
   */
  schema(row: SchemaRow, done: Done): void {
    this.#attemptSchema(row, 0, done);
  }

  #attemptSchema(row: SchemaRow, fetches: number, done: Done): void {
    if (!this.#isOpen() || this.#group.transferring) {
      done(this.#notLeader(), undefined);
      return;
    }
    const key = schemaRowKey(row.tableId);
    const known = this.#schema(row.tableId);
    if (known === 'miss') {
      this.#fetch(key, done, fetches, () => {
        this.#attemptSchema(row, fetches + 1, done);
      });
      return;
    }
    const reply: ItemReply = {
      kind: 'written',
      version: undefined,
      existed: undefined,
      old: undefined,
    };
    if (known !== undefined && known.version >= row.version) {
      this.#releaseLater(reply, done);
      return;
    }
    const index = this.#group.lastIndex + 1;
    this.#propose([{ key, value: encodeSchemaRow(row) }], index, done, reply);
  }

  #propose(writes: readonly RowWrite[], index: number, done: Done, reply: ItemReply): void {
    try {
      const proposed = this.#group.propose(encodeBatch(writes), this.#term, (outcome) => {
        if (outcome === 'done') {
          done(undefined, reply);
        } else if (outcome === 'notDone') {
          done(new DynakvError('SurelyNotDone', 'Another entry was committed instead'), undefined);
        } else {
          done(new DynakvError('OutcomeUnknown', 'The outcome of the write is unknown'), undefined);
        }
      });
      assert(proposed === index, 'The row was stamped with its index');
    } catch (error) {
      if (error instanceof DynakvError) {
        done(error, undefined);
        return;
      }
      throw error;
    }
    for (const write of writes) {
      this.#overlay.put(write.key.toString('latin1'), index, write.value);
      const tableId = schemaTableOf(write.key);
      if (tableId !== undefined) {
        this.#schemas.delete(tableId);
      }
    }
  }

  /** The row as it will be: bytes, null if absent, undefined if it must be fetched. */
  #lookup(name: string): Buffer | null | undefined {
    const pending = this.#overlay.get(name);
    return pending !== undefined ? pending : this.#group.replica.read(name);
  }

  #schema(tableId: number): SchemaRow | undefined | 'miss' {
    const known = this.#schemas.get(tableId);
    if (known !== undefined) {
      return known;
    }
    const value = this.#lookup(schemaRowKey(tableId).toString('latin1'));
    if (value === undefined) {
      return 'miss';
    }
    if (value === null) {
      return undefined;
    }
    const row = decodeSchemaRow(value);
    this.#schemas.set(tableId, row);
    return row;
  }

  #schemaProblem(tableId: number, version: number): DynakvError | undefined | 'miss' {
    const row = this.#schema(tableId);
    if (row === 'miss') {
      return 'miss';
    }
    if (row?.state === 'live' && row.version === version) {
      return undefined;
    }
    return new DynakvError('SchemaMismatch', `The shard knows table ${tableId} otherwise`, {
      tableId,
      asked: version,
      known: row?.version,
      state: row?.state,
    });
  }

  #fetch(key: Buffer, done: Done, fetches: number, again: () => void): void {
    if (fetches >= fetchesMax) {
      done(new DynakvError('NotOpen', 'The row is written too often to be read'), undefined);
      return;
    }
    this.#group.replica.fetch(key, key.toString('latin1'), (error) => {
      if (error === undefined) {
        again();
      } else if (error instanceof DynakvError) {
        done(error, undefined);
      } else {
        done(new DynakvError('StoreFailed', 'Cannot read the row', {}, error), undefined);
      }
    });
  }

  #releaseLater(reply: ItemReply, done: Done): void {
    const evaluatedIndex = this.#group.lastIndex;
    this.#group.readBarrier((confirmed) => {
      if (!confirmed || !this.#isOpen()) {
        done(this.#notLeader(), undefined);
      } else if (this.#group.replica.applied.index >= evaluatedIndex) {
        done(undefined, reply);
      } else {
        this.#waiters.push({
          index: evaluatedIndex,
          release: (error) => {
            done(error, error === undefined ? reply : undefined);
          },
        });
      }
    });
  }

  /** An entry was applied: pending rows are visible below now. */
  applied(index: number, writes: readonly RowWrite[]): void {
    this.#overlay.applied(index, writes);
    if (this.#waiters.length > 0) {
      const ready = this.#waiters.filter((waiter) => waiter.index <= index);
      this.#waiters = this.#waiters.filter((waiter) => waiter.index > index);
      for (const waiter of ready) {
        waiter.release(undefined);
      }
    }
  }

  /** The term ended here: nothing more is evaluated; logged proposals settle by themselves. */
  close(): void {
    this.#closed = true;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      waiter.release(this.#notLeader());
    }
    for (const slot of this.#slots) {
      this.#release(slot);
    }
  }
}
