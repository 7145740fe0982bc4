/**
 * The executors of a node: one per group that this node leads and that is open, by term. Follows
 * the groups (`GroupListener`); the system group has its own evaluator (`manager/`).
 */
import { DynakvError } from '../lib/errors.ts';
import type { Group, GroupListener } from '../host/group.ts';
import type { RowWrite } from '../items/batch.ts';
import type { GetCommand, ItemCommand } from '../items/command.ts';
import type { SchemaRow } from '../items/schema-row.ts';
import { decodeSchemaRow, schemaTableOf } from '../items/schema-row.ts';
import type { Admission } from './admission.ts';
import { Executor } from './executor.ts';
import type { Done } from './executor.ts';
import { rowAnswer } from './row-answer.ts';

/** Fetches of an eventual read before it gives up. */
const fetchesMax = 8;

/** A command for a shard: of an item, or of its schema. */
export type ShardCommand = ItemCommand | { readonly kind: 'schema'; readonly row: SchemaRow };

export class Executors implements GroupListener {
  readonly #admission: Admission;
  readonly #executors = new Map<Group, Executor>();
  readonly #tableDropped: (group: Group, tableId: number) => void;

  /** `tableDropped` hears of every applied end of a table, to free its rows. */
  constructor(admission: Admission, tableDropped: (group: Group, tableId: number) => void) {
    this.#admission = admission;
    this.#tableDropped = tableDropped;
  }

  get openCount(): number {
    return this.#executors.size;
  }

  opened(group: Group, term: number): void {
    this.#executors.get(group)?.close();
    this.#executors.set(group, new Executor(group, term, this.#admission));
  }

  closed(group: Group): void {
    this.#executors.get(group)?.close();
    this.#executors.delete(group);
  }

  applied(group: Group, index: number, _term: number, writes: readonly RowWrite[]): void {
    this.#executors.get(group)?.applied(index, writes);
    for (const write of writes) {
      const tableId = schemaTableOf(write.key);
      if (tableId !== undefined && write.value !== undefined) {
        if (decodeSchemaRow(write.value).state === 'dropped') {
          this.#tableDropped(group, tableId);
        }
      }
    }
  }

  installed(): void {
    // Nothing here outlives a term: a replica that installs a snapshot does not lead.
  }

  /** Runs a command on this node's replica of the group. */
  run(group: Group, command: ShardCommand, done: Done): void {
    if (group.stoppedBecause !== undefined) {
      done(new DynakvError('Unavailable', `Group stopped: ${group.stoppedBecause}`), undefined);
      return;
    }
    if (command.kind === 'get' && !command.consistent) {
      this.#readLocal(group, command, done, 0);
      return;
    }
    const executor = this.#executors.get(group);
    if (executor === undefined) {
      const leaderNode = group.isLeader ? undefined : group.leaderNode;
      const code = group.isLeader ? 'NotOpen' : 'NotLeader';
      done(
        new DynakvError(code, `This node does not serve group ${group.groupId}`, {
          group: group.groupId,
          leaderNode,
        }),
        undefined,
      );
    } else if (command.kind === 'get') {
      executor.get(command, done);
    } else if (command.kind === 'schema') {
      executor.schema(command.row, done);
    } else {
      executor.write(command, done);
    }
  }

  /** An eventually consistent read: whatever this replica has applied. */
  #readLocal(group: Group, command: GetCommand, done: Done, fetches: number): void {
    const name = command.rowKey.toString('latin1');
    const row = group.replica.read(name);
    if (row !== undefined) {
      const answer = rowAnswer(row);
      if (answer instanceof DynakvError) {
        done(answer, undefined);
      } else {
        done(undefined, answer);
      }
      return;
    }
    if (fetches >= fetchesMax) {
      done(new DynakvError('NotOpen', 'The row is written too often to be read'), undefined);
      return;
    }
    group.replica.fetch(command.rowKey, name, (error) => {
      if (error === undefined) {
        this.#readLocal(group, command, done, fetches + 1);
      } else if (error instanceof DynakvError) {
        done(error, undefined);
      } else {
        done(new DynakvError('StoreFailed', 'Cannot read the row', {}, error), undefined);
      }
    });
  }
}
