/** The three requests of the `/key` door as commands on the table `kv`. */
import type { DeleteCommand, GetCommand, Precondition, PutCommand } from '../items/command.ts';
import type { RowTarget } from '../items/command.ts';
import type { TableRecord } from '../items/table.ts';
import type { CommandSource } from '../router/execute-on-table.ts';
import { itemText } from '../values/canonical-json.ts';
import { itemSize } from '../values/item-size.ts';
import { isKvTable, kvItem } from './kv-table.ts';
import { Problem } from './problem.ts';
import { rowTarget } from '../items/row-target.ts';

function targetOf(id: string, table: TableRecord): RowTarget {
  if (!isKvTable(table)) {
    throw new Problem(
      'table-missing',
      `The table ${table.name} has another key: it must have the partition key id (S) and no sort key`,
    );
  }
  return rowTarget(table, id);
}

export class GetKey implements CommandSource {
  readonly #id: string;
  readonly #consistent: boolean;

  constructor(id: string, consistent: boolean) {
    this.#id = id;
    this.#consistent = consistent;
  }

  commandFor(table: TableRecord): GetCommand {
    return { kind: 'get', ...targetOf(this.#id, table), consistent: this.#consistent };
  }
}

export class PutKey implements CommandSource {
  /** DynamoDB's size: id, attribute names and text. */
  readonly itemSize: number;
  readonly #id: string;
  readonly #item: Buffer;
  readonly #precondition: Precondition | undefined;

  constructor(id: string, json: string, precondition: Precondition | undefined) {
    const item = kvItem(id, json);
    this.itemSize = itemSize(item);
    this.#id = id;
    this.#item = itemText(item);
    this.#precondition = precondition;
  }

  commandFor(table: TableRecord): PutCommand {
    return {
      kind: 'put',
      ...targetOf(this.#id, table),
      item: this.#item,
      itemSize: this.itemSize,
      precondition: this.#precondition,
      returns: 'existence',
      returnOldOnFailure: false,
    };
  }
}

export class DeleteKey implements CommandSource {
  readonly #id: string;
  readonly #precondition: Precondition | undefined;

  constructor(id: string, precondition: Precondition | undefined) {
    this.#id = id;
    this.#precondition = precondition;
  }

  commandFor(table: TableRecord): DeleteCommand {
    return {
      kind: 'delete',
      ...targetOf(this.#id, table),
      precondition: this.#precondition,
      returns: 'nothing',
      returnOldOnFailure: false,
    };
  }
}
