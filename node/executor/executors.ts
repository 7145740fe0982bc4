/**
 * The executors of a node: one per group that this node leads and that is open, by term. Follows
 * the groups (`GroupListener`); the system group has its own evaluator (`manager/`).
 */
import { DynakvError } from '../lib/errors.ts';
import type { Group, GroupListener } from '../host/group.ts';
import type { RowWrite } from '../items/batch.ts';
import type { GetCommand, ItemCommand } from '../items/command.ts';
import type { SchemaRow } from '../items/schema-row.ts';
import { decodeSchemaRow, schemaRowKey, schemaTableOf } from '../items/schema-row.ts';
import type { Admission } from './admission.ts';
import { Executor } from './executor.ts';
import type { Done } from './executor.ts';
import { rowAnswer, unreadable } from './row-answer.ts';

/** Fetches of an eventual read before it gives up. */
const fetchesMax = 8;

function readSchema(value: Buffer): SchemaRow | DynakvError {
  try {
    return decodeSchemaRow(value);
  } catch (error) {
    return unreadable(error);
  }
}

/** The replica knows that what the command asks of is gone, or is a later version. */
function isOver(schema: SchemaRow, version: number): boolean {
  return schema.state === 'dropped' || schema.version > version;
}

/** A command for a shard: of an item, or of its schema. */
export type ShardCommand = ItemCommand | { readonly kind: 'schema'; readonly row: SchemaRow };

export interface ExecutorEvents {
  /** The end of a table was applied: its rows may be freed. */
  tableDropped(group: Group, tableId: number): void;
  /** A snapshot replaced a shard's rows: ends of tables may be among them. */
  installed(group: Group): void;
}

export class Executors implements GroupListener {
  readonly #admission: Admission;
  readonly #executors = new Map<Group, Executor>();
  /** Tables' schemas as applied here, for eventual reads; bounded by the number of tables. */
  readonly #schemas = new Map<Group, Map<number, SchemaRow>>();
  readonly #events: ExecutorEvents;

  constructor(admission: Admission, events: ExecutorEvents) {
    this.#admission = admission;
    this.#events = events;
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
        this.#schemas.get(group)?.delete(tableId);
        if (decodeSchemaRow(write.value).state === 'dropped') {
          this.#events.tableDropped(group, tableId);
        }
      }
    }
  }

  installed(group: Group): void {
    this.#schemas.delete(group);
    this.#events.installed(group);
  }

  /** The replica left this node. */
  forget(group: Group): void {
    this.closed(group);
    this.#schemas.delete(group);
  }

  /** Runs a command on this node's replica of the group. */
  run(group: Group, command: ShardCommand, done: Done): void {
    if (group.stoppedBecause !== undefined) {
      done(new DynakvError('Unavailable', `Group stopped: ${group.stoppedBecause}`), undefined);
      return;
    }
    if (command.kind === 'get' && !command.consistent) {
      if (!group.isMember) {
        // Nothing was received yet, or nothing more comes.
        const message = `This node's replica of group ${group.groupId} is no member`;
        done(new DynakvError('NoReplica', message), undefined);
        return;
      }
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
    const schema = this.#localSchema(group, command.tableId);
    if (schema instanceof DynakvError) {
      done(schema, undefined);
      return;
    }
    if (schema === 'miss') {
      this.#fetchLocal(group, schemaRowKey(command.tableId), command, done, fetches);
      return;
    }
    if (schema !== undefined && isOver(schema, command.schemaVersion)) {
      done(
        new DynakvError('SchemaMismatch', `Table ${command.tableId} is another one by now`, {
          tableId: command.tableId,
        }),
        undefined,
      );
      return;
    }
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
    this.#fetchLocal(group, command.rowKey, command, done, fetches);
  }

  /** The table as this replica knows it; undefined if it has not heard of it yet. */
  #localSchema(group: Group, tableId: number): SchemaRow | undefined | 'miss' | DynakvError {
    const known = this.#schemas.get(group)?.get(tableId);
    if (known !== undefined) {
      return known;
    }
    const value = group.replica.read(schemaRowKey(tableId).toString('latin1'));
    if (value === undefined) {
      return 'miss';
    }
    if (value === null) {
      return undefined; // Behind: nothing of the table is here, which is what it then reads.
    }
    const schema = readSchema(value);
    if (schema instanceof DynakvError) {
      return schema;
    }
    const schemas = this.#schemas.get(group) ?? new Map<number, SchemaRow>();
    schemas.set(tableId, schema);
    this.#schemas.set(group, schemas);
    return schema;
  }

  #fetchLocal(group: Group, key: Buffer, command: GetCommand, done: Done, fetches: number): void {
    if (fetches >= fetchesMax) {
      done(new DynakvError('NotOpen', 'The row is written too often to be read'), undefined);
      return;
    }
    group.replica.fetch(key, key.toString('latin1'), (error) => {
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
